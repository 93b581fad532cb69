//go:build lab

package hostinfo

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"runbook/steps/stepstest"
)

// TestOnARealHost boots a host, breaks its bus, reboots it, and runs this very test program inside it each time.
func TestOnARealHost(t *testing.T) {
	switch stepstest.Inside() {
	case "logged-in":
		someoneIsLoggedIn(t)
		return
	case "no-bus":
		factsWithoutABus(t)
		return
	case "rebooted":
		rebootedAndChanged(t)
		return
	}
	h, tell := stepstest.Lab(t)
	tell("logged-in")
	must(t, h.Break(t.Context(), "dbus-dead"))
	tell("no-bus")
	must(t, h.Reboot(t.Context()))
	tell("rebooted")
}

// someoneIsLoggedIn has the real logind make a session, as sshd does.
func someoneIsLoggedIn(t *testing.T) {
	t.Helper()
	sleeper := exec.CommandContext(t.Context(), "sleep", "1000")
	must(t, sleeper.Start())
	t.Cleanup(func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() })
	bus, err := dbus.ConnectSystemBus()
	must(t, err)
	t.Cleanup(func() { _ = bus.Close() })
	type property struct {
		Name  string
		Value dbus.Variant
	}
	call := bus.Object("org.freedesktop.login1", "/org/freedesktop/login1").Call("org.freedesktop.login1.Manager.CreateSession", 0,
		uint32(1000), uint32(sleeper.Process.Pid), "sshd", "tty", "user", "", "", uint32(0), "pts/7", "", true, "", "192.0.2.7", []property{})
	must(t, call.Err)

	out := stepstest.Look(t, stepstest.Kind(t, Kinds, "host.facts"), nil)
	users, _ := out["users"].([]any)
	if len(users) != 1 || out["virtualization"] != "systemd-nspawn" || !strings.HasPrefix(out["os"].(string), "Debian GNU/Linux 12") {
		t.Fatalf("have %v", out)
	}
	user, _ := users[0].(map[string]any)
	if user["name"] != "deploy" || user["tty"] != "pts/7" || user["from"] != "192.0.2.7" {
		t.Errorf("have %v", user)
	}
	if up, ok := out["uptime_s"].(int); !ok || up > 300 {
		t.Errorf("the machine's uptime is not that of the host: %v", out["uptime_s"])
	}
}

func factsWithoutABus(t *testing.T) {
	t.Helper()
	out := stepstest.Look(t, stepstest.Kind(t, Kinds, "host.facts"), nil)
	if out["hostname"] != printed(t, "uname", "-n") || out["users"] == nil {
		t.Errorf("have %v", out)
	}
}

func rebootedAndChanged(t *testing.T) {
	t.Helper()
	printed(t, "systemctl", "disable", "dixis-frontend-launcher.service")
	facts := stepstest.Look(t, stepstest.Kind(t, Kinds, "host.facts"), nil)
	// As in a dry run: what journalctl may do is held to reading.
	task, _ := stepstest.Task()
	task.Reads, task.Sandboxed = true, true
	out, err := stepstest.Kind(t, Kinds, "host.changes").Do(t.Context(), map[string]any{"since": "1h", "paths": []any{"/etc/hostname"}}, task)
	must(t, err)
	boots, _ := out["boots"].([]any)
	if len(boots) != 2 {
		t.Fatalf("have boots %v", out["boots"])
	}
	newest, _ := boots[0].(map[string]any)
	before, _ := boots[1].(map[string]any)
	if newest["boot_id"] != facts["boot_id"] || before["boot_id"] == facts["boot_id"] || before["at"].(string) > newest["at"].(string) {
		t.Errorf("boot %v: have %v", facts["boot_id"], boots)
	}
	// The image has no log of dpkg, and nobody knows what it did.
	if out["packages"] != nil || out["truncated"] != true {
		t.Errorf("have packages %v, truncated %v", out["packages"], out["truncated"])
	}
	var changed []string
	for _, f := range out["files"].([]any) {
		changed = append(changed, f.(map[string]any)["path"].(string))
	}
	if !slices.Contains(changed, "/etc/systemd/system/multi-user.target.wants") {
		t.Errorf("a unit was disabled, and that is not seen: %v", changed)
	}
}
