//go:build lab

package nginx_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/steps/nginx"
	"runbook/steps/stepstest"
)

// TestOnARealHost boots a host and runs this very test program inside it, where systemd runs nginx.
func TestOnARealHost(t *testing.T) {
	if stepstest.Inside() != "" {
		for _, story := range stories() {
			t.Run(story.name, func(t *testing.T) { story.run(&realHost{t}) })
		}
		return
	}
	_, tell := stepstest.Lab(t)
	tell("the stories")
}

// realHost is the host that the test program runs in. Each story leaves it as it was.
type realHost struct{ *testing.T }

type values = map[string]any

const (
	systemctlReload = "systemctl --no-ask-password reload nginx.service"
	theSite         = "/etc/nginx/conf.d/t.conf"
)

type story struct {
	name string
	run  func(h *realHost)
}

func stories() []story {
	return []story{
		{"the test of the host's own configuration", func(h *realHost) {
			h.sh("systemctl stop nginx.service; rm -f /run/nginx.pid; mv /var/log/nginx /var/log/nginx.aside; mkdir /var/log/nginx")
			h.after("rm -r /var/log/nginx; mv /var/log/nginx.aside /var/log/nginx; systemctl reset-failed nginx.service; systemctl start nginx.service")
			out := h.test("", "")
			h.want(out, values{"ok": true, "errors": "[]", "version": "nginx/1.22.1"})
			h.contains(out["untested"], "the read sandbox kept it from trying, at open() \"/run/nginx.pid\"")
			if left := h.sh("ls /var/log/nginx /run/nginx.pid 2>/dev/null || true"); left != "/var/log/nginx:" {
				h.Errorf("it wrote %s", left)
			}
			// Its key is for root alone.
			_, err := h.do("nginx.test", values{}, func(task *engine.Task) { task.Reads, task.Sandboxed, task.As = true, true, "nobody" })
			wantFailure(h.T, err, engine.Denied, "a right that nobody lacks")
		}},
		{"the test of a broken site", func(h *realHost) {
			h.site("server {\n  proxy_pas http://127.0.0.1:3000;\n}\n")
			out := h.test("", "")
			h.want(out, values{"ok": false, "untested": "", "text": `unknown directive "proxy_pas" in ` + theSite + ":2"})
			h.contains(out["errors"], "file:"+theSite, "level:emerg", "line:2")
		}},
		{"a reload", func(h *realHost) {
			before := h.workers()
			task, _ := stepstest.Task()
			d, err := stepstest.Kind(h.T, nginx.Kinds, "nginx.reload").Describe(h.Context(), values{"unit": "nginx.service"}, task)
			if err != nil || d.Target != "nginx.service" || strings.Join(d.Exact, "\n") != "nginx -v -t\n"+systemctlReload {
				h.Errorf("have %+v, %v", d, err)
			}
			h.site("server { listen 127.0.0.1:18080; return 200 new; }\n")
			out := h.reload()
			h.want(out, values{"changed": true, "through": systemctlReload, "workers": len(before), "master": h.sh("systemctl show -P MainPID nginx.service")})
			if after := h.workers(); strings.Join(after, " ") == strings.Join(before, " ") {
				h.Errorf("the workers are %v before and after", after)
			}
			if got := h.sh("curl -s http://127.0.0.1:18080/"); got != "new" {
				h.Errorf("it answers %q", got)
			}
		}},
		{"a reload on a dead bus", func(h *realHost) {
			h.sh("systemctl stop dbus.socket dbus.service")
			h.after("systemctl start dbus.socket dbus.service systemd-logind.service")
			h.want(h.reload(), values{"changed": true, "through": systemctlReload})
		}},
		{"no reload of a broken site", func(h *realHost) {
			before := h.workers()
			h.site("server {\n  proxy_pas http://127.0.0.1:3000;\n}\n")
			_, err := h.do("nginx.reload", values{}, nil)
			wantFailure(h.T, err, engine.Exit, "not done, because the configuration is wrong", theSite+":2")
			if after := h.workers(); strings.Join(after, " ") != strings.Join(before, " ") {
				h.Errorf("the workers were %v and are %v", before, after)
			}
		}},
		{"a reload that fails without a word", func(h *realHost) {
			before := h.workers()
			h.site("server { listen 127.0.0.1:3000; }\n") // the frontend's
			out, err := h.do("nginx.reload", values{}, nil)
			wantFailure(h.T, err, engine.Exit, "goes on as before", "its error log: bind() to 127.0.0.1:3000 failed (98: Address already in use)")
			h.want(out, values{"changed": false, "through": systemctlReload})
			if after := h.workers(); strings.Join(after, " ") != strings.Join(before, " ") {
				h.Errorf("the workers were %v and are %v", before, after)
			}
		}},
		{"a pid file that says nothing", func(h *realHost) {
			// What nginx -t leaves behind when it finds none.
			h.sh("cp /run/nginx.pid /run/nginx.pid.aside; : > /run/nginx.pid")
			h.after("mv /run/nginx.pid.aside /run/nginx.pid; systemctl reload nginx.service")
			out, err := h.do("nginx.reload", values{}, nil)
			wantFailure(h.T, err, engine.Exit, "systemctl ended with code 1")
			h.want(out, values{"changed": false, "through": ""})
		}},
		{"nginx that is stopped, and one that was started by hand", func(h *realHost) {
			h.sh("systemctl stop nginx.service")
			h.after("nginx -s stop; while pgrep -x nginx; do sleep 0.02; done; systemctl reset-failed nginx.service; systemctl start nginx.service")
			_, err := h.do("nginx.reload", values{}, nil)
			wantFailure(h.T, err, engine.Missing, "nginx is not running")
			h.sh("nginx")
			h.until("test -s /run/nginx.pid && pgrep -P $(cat /run/nginx.pid)")
			pid := h.sh("cat /run/nginx.pid")
			h.sh("rm /run/nginx.pid; touch /run/nginx.pid") // nobody needs it
			h.after("echo " + pid + " > /run/nginx.pid")
			h.want(h.reload(), values{"changed": true, "master": pid, "through": "kill -HUP " + pid})
		}},
	}
}

func (h *realHost) do(kind string, in values, with func(task *engine.Task)) (values, error) {
	h.Helper()
	task, _ := stepstest.Task()
	if with != nil {
		with(&task)
	}
	return stepstest.Kind(h.T, nginx.Kinds, kind).Do(h.Context(), in, task)
}

func (h *realHost) test(config, as string) values {
	h.Helper()
	out, err := look(h.T, as, config)
	if err != nil {
		h.Fatal(err)
	}
	return out
}

func (h *realHost) reload() values {
	h.Helper()
	out, err := h.do("nginx.reload", values{}, nil)
	if err != nil {
		h.Fatal(err)
	}
	return out
}

// site adds a file to nginx's configuration until the story ends, when nginx takes the old one again.
func (h *realHost) site(text string) {
	h.Helper()
	if err := os.WriteFile(theSite, []byte(text), 0o644); err != nil {
		h.Fatal(err)
	}
	h.after("rm " + theSite + "; systemctl reset-failed nginx.service; systemctl restart nginx.service")
}

// workers judges nginx without the kinds that are under test.
func (h *realHost) workers() []string {
	h.Helper()
	return strings.Fields(h.sh("pgrep -P $(systemctl show -P MainPID nginx.service)"))
}

func (h *realHost) sh(script string) string {
	h.Helper()
	out, err := exec.CommandContext(h.Context(), "/bin/bash", "-ec", script).CombinedOutput()
	if err != nil {
		h.Fatalf("%s: %v: %s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}

// after tidies up when the story ends. What is already tidy makes its commands fail.
func (h *realHost) after(script string) {
	h.Cleanup(func() { _ = exec.CommandContext(context.Background(), "/bin/bash", "-c", script).Run() })
}

func (h *realHost) until(condition string) {
	h.Helper()
	if out, err := exec.CommandContext(h.Context(), "timeout", "30", "/bin/bash", "-c", "until "+condition+"; do sleep 0.02; done").CombinedOutput(); err != nil {
		h.Fatalf("it never came true that %s: %s", condition, out)
	}
}

func (h *realHost) want(out, want values) {
	h.Helper()
	for name, w := range want {
		if got := fmt.Sprint(out[name]); got != fmt.Sprint(w) {
			h.Errorf("%s is %s, want %v", name, got, w)
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
