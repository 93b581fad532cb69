//go:build lab

package pm2

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/steps/stepstest"
)

// TestOnARealHost boots a host and runs this very test program inside it, where it performs the stories below on a pm2
// that systemd has started.
func TestOnARealHost(t *testing.T) {
	if stepstest.Inside() != "" {
		t.Chdir("/root") // where deploy can't be
		for _, s := range stories() {
			t.Run(s.name, func(t *testing.T) {
				h := &realHost{t}
				t.Cleanup(h.heal)
				s.run(h)
			})
		}
		return
	}
	_, tell := stepstest.Lab(t)
	tell("the stories")
}

// realHost is the host that the test program runs in: the pm2 of deploy has dixis-backend, and pm2-deploy.service brings
// it back.
type realHost struct{ *testing.T }

const (
	bootUnitName = "pm2-deploy.service"
	session      = "session-99.scope"
	// inASession makes a command one that somebody has typed who is logged in.
	inASession = "systemd-run --quiet --scope --slice=user.slice --unit=" + session + " sudo -u deploy env -C /tmp "
)

type story struct {
	name string
	run  func(h *realHost)
}

func stories() []story {
	backend := values{"user": "deploy", "name": "dixis-backend"}
	deploy := values{"user": "deploy"}
	const kill = "sudo -u deploy pm2 kill; "
	// The unit is stopped then, by another pm2 kill that starts a daemon first.
	const dead = kill + "until test $(systemctl show -P ActiveState " + bootUnitName + ") = inactive; do sleep 0.05; done"
	return []story{
		{"a healthy backend", func(h *realHost) {
			out := h.do("pm2.list", deploy)
			h.want(out, values{
				"daemon": true, "daemon_unit": bootUnitName, "boot_unit": bootUnitName, "boot_unit_exists": true,
				"boot_unit_enabled": true, "online": []string{"dixis-backend"}, "missing_in_dump": []string{}, "missing_now": []string{},
			})
			h.want(h.do("pm2.resurrect", deploy), values{"changed": false, "daemon_unit": bootUnitName})
			h.do("pm2.logs", backend)
		}},
		{"a dead daemon comes back in the boot unit", func(h *realHost) {
			h.sh(dead)
			h.want(h.do("pm2.list", deploy), values{"daemon": false, "missing_now": []string{"dixis-backend"}})
			h.contains(h.describe("pm2.resurrect", deploy), "systemctl restart "+bootUnitName)
			h.fail("pm2.restart", backend, engine.Missing)
			h.fail("pm2.save", deploy, engine.Missing)
			h.noDaemon()
			h.want(h.do("pm2.resurrect", deploy), values{
				"changed": true, "through": "boot unit", "daemon_unit": bootUnitName, "online": []string{"dixis-backend"},
			})
			h.sh("systemctl is-active " + bootUnitName)
			h.untilItAnswers()
		}},
		{"a daemon that has just been killed comes back too", func(h *realHost) {
			for range 3 {
				h.sh(kill)
				h.want(h.do("pm2.resurrect", deploy), values{"daemon_unit": bootUnitName, "online": []string{"dixis-backend"}})
				h.untilItAnswers()
			}
		}},
		{"an empty daemon in a session makes room for the boot unit", func(h *realHost) {
			h.sh(dead)
			h.sh(inASession + "pm2 ls")
			h.want(h.do("pm2.list", deploy), values{"daemon": true, "daemon_unit": session, "missing_now": []string{"dixis-backend"}})
			// The unit has failed already: a daemon that is not its own keeps it from starting.
			h.sh("! systemctl start " + bootUnitName + "; sudo -u deploy pm2 delete dixis-backend")
			h.contains(h.describe("pm2.resurrect", deploy), "pm2 kill", session, "systemctl restart "+bootUnitName)
			h.want(h.do("pm2.resurrect", deploy), values{"through": "boot unit", "daemon_unit": bootUnitName, "online": []string{"dixis-backend"}})
			h.sh("systemctl is-active " + bootUnitName)
			h.untilItAnswers()
		}},
		{"a daemon in a session that has processes is kept", func(h *realHost) {
			h.sh(dead)
			h.sh(inASession + "pm2 start sleep --name stray -- 86000")
			pid := h.do("pm2.list", deploy)["daemon_pid"]
			h.contains(h.describe("pm2.resurrect", deploy), "pm2 resurrect", session, "stays outside "+bootUnitName, "stray")
			h.want(h.do("pm2.resurrect", deploy), values{"through": "pm2", "daemon_unit": session, "online": []string{"stray", "dixis-backend"}})
			h.want(h.do("pm2.list", deploy), values{"daemon_pid": pid, "daemon_unit": session, "missing_in_dump": []string{"stray"}})
			h.untilItAnswers()
		}},
		{"nothing is brought back from no list, or a broken one", func(h *realHost) {
			h.sh(dead)
			h.sh("mv /home/deploy/.pm2/dump.pm2 /root/dump.pm2")
			h.fail("pm2.resurrect", deploy, engine.Missing)
			h.noDaemon()
			h.sh("echo '[{' > /home/deploy/.pm2/dump.pm2")
			h.fail("pm2.resurrect", deploy, engine.Invalid)
			h.noDaemon()
			h.sh("test -s /home/deploy/.pm2/dump.pm2; ! systemctl is-active " + bootUnitName)
			h.sh("mv /root/dump.pm2 /home/deploy/.pm2/dump.pm2")
		}},
		{"only root starts the boot unit", func(h *realHost) {
			h.sh(dead)
			task, _ := stepstest.Task()
			task.As = "deploy"
			_, err := h.kind("pm2.resurrect").Do(h.Context(), deploy, task)
			h.failure(err, engine.Denied)
			h.noDaemon()
		}},
		{"without a boot unit the daemon is started in the user's home", func(h *realHost) {
			h.sh(dead)
			h.sh("mv /etc/systemd/system/" + bootUnitName + " /root/; systemctl daemon-reload")
			h.Cleanup(func() { h.sh("mv /root/" + bootUnitName + " /etc/systemd/system/; systemctl daemon-reload") })
			h.contains(h.describe("pm2.resurrect", deploy), "pm2 ping as deploy in /home/deploy")
			h.want(h.do("pm2.resurrect", deploy), values{"through": "pm2", "online": []string{"dixis-backend"}, "daemon_unit": ""})
			h.sh("test $(readlink /proc/$(cat /home/deploy/.pm2/pm2.pid)/cwd) = /home/deploy")
			h.untilItAnswers()
			h.sh(kill)
		}},
		{"systemd is reached without D-Bus", func(h *realHost) {
			h.Cleanup(func() { h.sh("systemctl unmask --runtime dbus.socket dbus.service; systemctl start dbus.socket") })
			h.sh(dead)
			h.sh("systemctl mask --runtime dbus.socket dbus.service; systemctl stop dbus.socket dbus.service; rm -f /run/dbus/system_bus_socket")
			h.want(h.do("pm2.resurrect", deploy), values{"through": "boot unit", "daemon_unit": bootUnitName})
		}},
		{"a restart of the backend", func(h *realHost) {
			old := h.pid()
			h.want(h.do("pm2.restart", backend), values{"changed": true, "daemon_unit": bootUnitName})
			if h.pid() == old {
				h.Error("it is the same process")
			}
			h.sh("sudo -u deploy pm2 stop dixis-backend")
			h.want(h.do("pm2.list", deploy), values{"online": []string{}})
			h.fail("pm2.save", deploy, engine.Missing) // it would not be started after a reboot
			h.do("pm2.start", backend)
			h.untilItAnswers()
		}},
		{"a restart of a hung backend leaves its server behind", func(h *realHost) {
			h.sh("pkill -STOP -u deploy php8.2")
			h.contains(h.describe("pm2.restart", backend), "keeps its port")
			out := h.do("pm2.restart", backend)
			h.contains(out["survivors"], "-S 127.0.0.1:8001")
			h.sh("systemctl restart " + bootUnitName) // ends it all
			h.untilItAnswers()
		}},
		{"a user of two names", func(h *realHost) {
			h.sh("useradd -o -u $(id -u deploy) -d /home/deploy again; mv /home/deploy/.pm2/rpc.sock /home/deploy/.pm2/aside")
			h.Cleanup(func() { h.sh("sed -i /^again:/d /etc/passwd; mv /home/deploy/.pm2/aside /home/deploy/.pm2/rpc.sock") })
			h.fail("pm2.list", values{"user": "again"}, engine.Unreachable)
		}},
		{"a list saved by root stays deploy's", func(h *realHost) {
			h.sh("chown root /home/deploy/.pm2/dump.pm2") // as after a sudo pm2 save with deploy's HOME
			h.fail("pm2.save", deploy, engine.Denied)
			h.sh("test -s /home/deploy/.pm2/dump.pm2; chown deploy /home/deploy/.pm2/dump.pm2")
			h.want(h.do("pm2.save", deploy), values{"changed": true, "saved": []string{"dixis-backend"}, "dropped": []string{}})
			h.sh("test $(stat -c %U /home/deploy/.pm2/dump.pm2) = deploy; rm /home/deploy/.pm2/dump.pm2.bak")
		}},
	}
}

// heal makes the host what it was before a story.
func (h *realHost) heal() {
	h.sh("systemctl stop " + bootUnitName + "; systemctl reset-failed " + bootUnitName + " || true")
	h.sh("pkill -KILL -u deploy || true; while pgrep -u deploy; do sleep 0.02; done; systemctl start " + bootUnitName)
	h.untilItAnswers()
}

// sh judges and breaks the host, without the kinds that are under test.
func (h *realHost) sh(script string) string {
	h.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(context.Background(), "/bin/bash", "-ec", script) // also when the test has ended
	cmd.Dir, cmd.Stderr = "/tmp", &stderr
	out, err := cmd.Output()
	if err != nil {
		h.Fatalf("%s: %v: %s", script, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// untilItAnswers waits for the backend.
func (h *realHost) untilItAnswers() {
	h.Helper()
	h.sh("timeout 30 sh -c 'until curl -sf -o /dev/null http://127.0.0.1:8001/api/healthz; do sleep 0.05; done'")
}

func (h *realHost) noDaemon() {
	h.Helper()
	h.sh("! pgrep -u deploy")
}

func (h *realHost) pid() string { return h.sh("pgrep -u deploy -f 'artisan serve'") }

func (h *realHost) kind(name string) engine.Kind {
	h.Helper()
	return stepstest.Kind(h.T, Kinds, name)
}

func (h *realHost) do(kind string, in values) values {
	h.Helper()
	task, _ := stepstest.Task()
	out, err := h.kind(kind).Do(h.Context(), in, task)
	if err != nil {
		h.Fatalf("%s %v: %v", kind, in, err)
	}
	return out
}

func (h *realHost) fail(kind string, in values, how engine.FailureKind) {
	h.Helper()
	task, _ := stepstest.Task()
	_, err := h.kind(kind).Do(h.Context(), in, task)
	h.failure(err, how)
}

func (h *realHost) failure(err error, how engine.FailureKind) {
	h.Helper()
	if f := engine.FailureOf(err); f == nil || f.Kind != how {
		h.Fatalf("it failed with %+v, want a failure of kind %s", f, how)
	}
}

func (h *realHost) describe(kind string, in values) string {
	h.Helper()
	task, _ := stepstest.Task()
	d, err := h.kind(kind).Describe(h.Context(), in, task)
	if err != nil {
		h.Fatalf("describe %s: %v", kind, err)
	}
	return strings.Join(slices.Concat([]string{d.Summary}, d.Exact), "\n")
}

func (h *realHost) want(out, want values) {
	h.Helper()
	for name, w := range want {
		if have := fmt.Sprint(out[name]); have != fmt.Sprint(w) {
			h.Errorf("%s is %s, want %v", name, have, w)
		}
	}
}

func (h *realHost) contains(text any, parts ...string) {
	h.Helper()
	for _, p := range parts {
		if !strings.Contains(fmt.Sprint(text), p) {
			h.Errorf("%q does not contain %q", text, p)
		}
	}
}
