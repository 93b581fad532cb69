//go:build lab

package systemd

import (
	"context"
	"strings"
	"time"

	"runbook/engine"
)

func changeStories() []story {
	return []story{
		{"start, restart, stop", func(h *realHost) {
			h.service("t-run.service", "[Service]\nExecStart=/bin/sleep 600\n")
			out := h.do("systemd.start", values{"unit": "t-run.service"})
			h.want(out, values{
				"unit": "t-run.service", "job": "done", "changed": true, "state": "active", "active": "active", "sub": "running", "via": "bus",
				"main_pid": h.sh("systemctl show -P MainPID t-run"), "invocation": h.sh("systemctl show -P InvocationID t-run"),
			})
			h.want(h.do("systemd.start", values{"unit": "t-run.service"}), values{"job": "done", "changed": false, "state": "active"})
			again := h.do("systemd.restart", values{"unit": "t-run.service"})
			h.want(again, values{"job": "done", "changed": true, "state": "active"})
			if again["main_pid"] == out["main_pid"] {
				h.Errorf("the main process is %v before and after a restart", again["main_pid"])
			}
			h.want(h.do("systemd.stop", values{"unit": "t-run.service"}), values{"job": "done", "changed": true, "state": "inactive", "main_pid": 0})
			h.want(h.do("systemd.stop", values{"unit": "t-run.service"}), values{"job": "done", "changed": false})
			h.want(h.do("systemd.stop", values{"unit": "t-never.service"}), values{"job": "none", "changed": false, "state": "absent"})
			h.want(h.do("systemd.restart", values{"unit": "t-run.service"}), values{"job": "done", "changed": true, "state": "active"})
		}},
		{"a change ends when the job does", func(h *realHost) {
			h.service("t-slow.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 1.5\n")
			out := h.do("systemd.start", values{"unit": "t-slow.service"})
			h.want(out, values{"job": "done", "state": "active", "sub": "exited"})
			if ms, _ := out["took_ms"].(int); ms < 1400 {
				h.Errorf("it took %v ms: it was not waited for", out["took_ms"])
			}
		}},
		{"a start that fails says why", func(h *realHost) {
			h.service("t-fail.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo the disk is made of cheese >&2; exit 3'\n")
			out, why := h.fail(h.Context(), "systemd.start", values{"unit": "t-fail.service"}, engine.Exit)
			h.want(out, values{"job": "failed", "state": "failed", "result": "exit-code"})
			h.contains(why, "start t-fail.service: the job failed", "status=3", "the disk is made of cheese")

			h.service("t-hang.service", "[Service]\nType=notify\nTimeoutStartSec=300ms\nExecStart=/bin/sleep 600\n")
			out, why = h.fail(h.Context(), "systemd.restart", values{"unit": "t-hang.service"}, engine.Exit)
			h.want(out, values{"job": "failed", "state": "failed", "result": "timeout"})
			h.contains(why, "failed (timeout)")

			h.service("t-jobtimeout.service", "[Unit]\nJobTimeoutSec=300ms\n[Service]\nType=oneshot\nExecStart=/bin/sleep 5\n")
			out, why = h.fail(h.Context(), "systemd.start", values{"unit": "t-jobtimeout.service"}, engine.Timeout)
			h.want(out, values{"job": "timeout"})
			h.contains(why, "longer than systemd allows")

			h.service("t-needy.service", "[Unit]\nRequires=t-fail.service\nAfter=t-fail.service\n[Service]\nExecStart=/bin/sleep 600\n")
			out, why = h.fail(h.Context(), "systemd.start", values{"unit": "t-needy.service"}, engine.Exit)
			h.want(out, values{"job": "dependency", "state": "inactive"})
			h.contains(why, "a unit that it needs failed")

			h.service("t-cond.service", "[Unit]\nConditionPathExists=/nonexistent\n[Service]\nExecStart=/bin/sleep 600\n")
			out, why = h.fail(h.Context(), "systemd.start", values{"unit": "t-cond.service"}, engine.Exit)
			h.want(out, values{"job": "done", "state": "inactive"})
			h.contains(why, "ConditionPathExists=/nonexistent does not hold")

			h.service("t-assert.service", "[Unit]\nAssertPathExists=/nonexistent\n[Service]\nExecStart=/bin/sleep 600\n")
			_, why = h.fail(h.Context(), "systemd.start", values{"unit": "t-assert.service"}, engine.Exit)
			h.contains(why, "an Assert…= of the unit does not hold")
		}},
		{"what can't be started", func(h *realHost) {
			_, why := h.fail(h.Context(), "systemd.start", values{"unit": "t-never.service"}, engine.Missing)
			h.contains(why, "start t-never.service: Unit t-never.service not found")
			h.sh("systemctl mask --runtime t-masked.service")
			h.after("systemctl unmask --runtime t-masked.service")
			_, why = h.fail(h.Context(), "systemd.start", values{"unit": "t-masked.service"}, engine.Denied)
			h.contains(why, "is masked")
			h.service("t-run.service", "[Service]\nExecStart=/bin/sleep 600\n")
			_, why = h.fail(h.Context(), "systemd.reload", values{"unit": "t-run.service"}, engine.Exit)
			h.contains(why, "reload t-run.service: ")
			h.sh("systemctl start t-run")
			_, why = h.fail(h.Context(), "systemd.reload", values{"unit": "t-run.service"}, engine.Exit)
			h.contains(why, "not applicable")
			_, why = h.fail(h.Context(), "systemd.restart", values{"unit": "getty@.service"}, engine.Invalid)
			h.contains(why, "template")
		}},
		{"reload", func(h *realHost) {
			h.service("t-reload.service", "[Service]\nExecStart=/bin/bash -c 'trap \"echo again\" HUP; while :; do sleep 0.1; done'\nExecReload=/bin/kill -HUP $MAINPID\n")
			h.sh("systemctl start t-reload")
			pid := h.sh("systemctl show -P MainPID t-reload")
			h.want(h.do("systemd.reload", values{"unit": "t-reload.service"}), values{"job": "done", "changed": true, "state": "active", "main_pid": pid})
			h.until("journalctl -u t-reload | grep -q again")
		}},
		{"an exited launcher is restarted, not started", func(h *realHost) {
			h.transient("t-prod")
			h.service("t-launcher.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/systemd-run --unit=t-prod /bin/sleep 600\nExecStop=/usr/bin/systemctl stop t-prod\n")
			h.do("systemd.start", values{"unit": "t-launcher.service"})
			h.sh("systemctl kill -s KILL t-prod")
			h.until("systemctl is-failed -q t-prod")
			d := h.describe("systemd.start", values{"unit": "t-launcher.service"})
			h.contains(d.Summary, "start t-launcher.service (it is active (exited): starting it does nothing, restarting it would)")
			h.want(h.do("systemd.start", values{"unit": "t-launcher.service"}), values{"changed": false})
			// The failed transient unit holds the name.
			out, why := h.fail(h.Context(), "systemd.restart", values{"unit": "t-launcher.service"}, engine.Exit)
			h.want(out, values{"state": "failed"})
			h.contains(why, "was already loaded or has a fragment file")
			if err := h.kind("systemd.reset-failed").Before(h.Context(), values{"unit": "t-prod.service"}, h.task()); err != nil {
				h.Error(err)
			}
			h.contains(h.kept["unit"], "ActiveState=failed", "Transient=yes", "ExecMainStatus=9")
			h.contains(h.kept["journal"], "Main process exited, code=killed")
			h.want(h.do("systemd.reset-failed", values{"unit": "t-prod.service"}), values{"was": "failed", "state": "absent", "changed": true, "freed": true})
			h.want(h.do("systemd.restart", values{"unit": "t-launcher.service"}), values{"job": "done", "state": "active"})
			h.want(h.do("systemd.unit", values{"unit": "t-prod.service"}), values{"state": "active", "transient": true})
		}},
		{"reset-failed of what did not fail", func(h *realHost) {
			h.want(h.do("systemd.reset-failed", values{"unit": "t-never.service"}), values{"was": "absent", "state": "absent", "changed": false, "freed": false})
			h.service("t-fail.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
			h.sh("systemctl start t-fail || true")
			h.want(h.do("systemd.reset-failed", values{"unit": "t-fail.service"}), values{"was": "failed", "state": "inactive", "changed": true, "freed": false})
		}},
		{"evidence is kept before", func(h *realHost) {
			h.service("t-say.service", "[Service]\nExecStart=/bin/bash -c 'echo I am here; sleep 600'\nEnvironment=TOKEN=xyz\n")
			h.sh("systemctl start t-say")
			h.until("journalctl -u t-say | grep -q 'I am here'")
			for _, kind := range []string{"systemd.start", "systemd.stop", "systemd.restart", "systemd.reload", "systemd.reset-failed"} {
				h.kept = nil
				if err := h.kind(kind).Before(h.Context(), values{"unit": "t-say.service"}, h.task()); err != nil {
					h.Errorf("%s: %v", kind, err)
				}
				h.contains(h.kept["unit"], "t-say.service: active (running)", "ActiveState=active", "Environment=TOKEN=***", "InvocationID="+h.sh("systemctl show -P InvocationID t-say"))
				h.contains(h.kept["journal"], "I am here")
				if strings.Contains(h.kept["unit"].String(), "xyz") {
					h.Errorf("the evidence holds a secret: %s", h.kept["unit"])
				}
			}
		}},
		{"nobody waits any longer", func(h *realHost) {
			h.service("t-slow.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep 600\n")
			ctx, cancel := context.WithTimeout(h.Context(), 500*time.Millisecond)
			defer cancel()
			out, why := h.fail(ctx, "systemd.start", values{"unit": "t-slow.service"}, engine.Timeout)
			h.want(out, values{"job": "unseen"})
			h.contains(why, "systemd goes on with it")
			h.until("test $(systemctl show -P ActiveState t-slow) = activating")

			// A job that waits for another one has not begun.
			h.service("t-next.service", "[Unit]\nAfter=t-slow.service\n[Service]\nExecStart=/bin/sleep 600\n")
			ctx, stop := context.WithCancel(h.Context())
			time.AfterFunc(500*time.Millisecond, stop)
			_, why = h.fail(ctx, "systemd.start", values{"unit": "t-next.service"}, engine.Cancelled)
			h.contains(why, "it had not begun, and was taken back")
			if jobs := h.sh("systemctl list-jobs --no-legend"); strings.Contains(jobs, "t-next") {
				h.Errorf("the job is still there: %s", jobs)
			}
			if state := h.sh("systemctl show -P ActiveState t-next"); state != "inactive" {
				h.Errorf("it is %s", state)
			}
		}},
		{"cancelled at once", func(h *realHost) {
			ctx, cancel := context.WithCancel(h.Context())
			cancel()
			for _, kind := range []string{"systemd.unit", "systemd.journal", "systemd.restart", "systemd.reset-failed"} {
				_, err := h.kind(kind).Do(ctx, values{"unit": "dbus.service"}, h.task())
				h.failure(err, engine.Cancelled)
			}
		}},
		{"run", func(h *realHost) {
			h.transient("t-new")
			in := values{
				"unit": "t-new.service", "argv": []any{"/bin/bash", "-c", `printf '<%s>' "$@"; echo; id -un; pwd; echo $COLOUR; exec sleep 600`, "x", "$HOME", "%n", "a b", "$$"},
				"dir": "/tmp", "env": values{"COLOUR": "50% $HOME"}, "run_as": "nobody", "description": "a new one",
			}
			d := h.describe("systemd.run", in)
			h.contains(d.Exact, `StartTransientUnit("t-new.service", "replace", properties, [])`, "User=nobody", "WorkingDirectory=/tmp", "systemd-run --unit=t-new.service")
			if h.sh("systemctl show -P LoadState t-new") != "not-found" {
				h.Error("describing it made it")
			}
			out := h.do("systemd.run", in)
			h.want(out, values{"unit": "t-new.service", "job": "done", "state": "active", "changed": true, "main_pid": h.sh("systemctl show -P MainPID t-new")})
			h.until("journalctl -u t-new | grep -q '50%'")
			h.contains(h.sh("journalctl -u t-new -o cat"), "<$HOME><%n><a b><$$>", "nobody", "/tmp", "50% $HOME")
			h.want(h.do("systemd.unit", values{"unit": "t-new.service"}), values{"transient": true, "description": "a new one", "runs_as": "nobody"})

			_, why := h.fail(h.Context(), "systemd.run", in, engine.Exit)
			h.contains(why, "the name is taken: a transient unit holds it")
			h.sh("systemctl kill -s KILL t-new")
			h.until("systemctl is-failed -q t-new")
			_, why = h.fail(h.Context(), "systemd.run", in, engine.Exit)
			h.contains(why, "a failed transient unit holds it, which systemd.reset-failed would unload")
			_, why = h.fail(h.Context(), "systemd.run", values{"unit": "dbus.service", "argv": []any{"/bin/true"}}, engine.Exit)
			h.contains(why, "there is a unit file of that name")
		}},
		{"run what can't be run, what ends at once", func(h *realHost) {
			h.transient("t-bad")
			out, why := h.fail(h.Context(), "systemd.run", values{"unit": "t-bad.service", "argv": []any{"/nonexistent"}}, engine.Exit)
			h.want(out, values{"job": "failed", "state": "failed"})
			h.contains(why, "203/EXEC")
			h.transient("t-short")
			out = h.do("systemd.run", values{"unit": "t-short.service", "argv": []any{"/bin/true"}, "type": "oneshot"})
			h.want(out, values{"job": "done", "changed": true, "result": "success"})
			h.until("test $(systemctl show -P LoadState t-short) = not-found")
			out = h.do("systemd.run", values{"unit": "t-short.service", "argv": []any{"/bin/true"}, "type": "oneshot", "remain_after_exit": true})
			h.want(out, values{"job": "done", "state": "active", "sub": "exited"})
			h.transient("t-collect")
			h.fail(h.Context(), "systemd.run", values{"unit": "t-collect.service", "argv": []any{"/bin/false"}, "type": "oneshot", "collect": true}, engine.Exit)
			h.until("test $(systemctl show -P LoadState t-collect) = not-found")
		}},
		{"descriptions touch nothing", func(h *realHost) {
			h.service("t-run.service", "[Service]\nExecStart=/bin/sleep 600\n")
			h.sh("systemctl start t-run")
			before := h.sh("systemctl show t-run | sort")
			for kind, want := range map[string]string{
				"systemd.start":        `org.freedesktop.systemd1.Manager.StartUnit("t-run.service", "replace") systemctl start t-run.service`,
				"systemd.stop":         `org.freedesktop.systemd1.Manager.StopUnit("t-run.service", "replace") systemctl stop t-run.service`,
				"systemd.restart":      `org.freedesktop.systemd1.Manager.RestartUnit("t-run.service", "replace") systemctl restart t-run.service`,
				"systemd.reload":       `org.freedesktop.systemd1.Manager.ReloadUnit("t-run.service", "replace") systemctl reload t-run.service`,
				"systemd.reset-failed": `org.freedesktop.systemd1.Manager.ResetFailedUnit("t-run.service") systemctl reset-failed t-run.service`,
			} {
				d := h.describe(kind, values{"unit": "t-run.service"})
				if got := strings.Join(d.Exact, " "); got != want || d.Target != "t-run.service" {
					h.Errorf("%s describes itself as %+v, want %s", kind, d, want)
				}
			}
			if after := h.sh("systemctl show t-run | sort"); stable(after) != stable(before) {
				h.Errorf("the unit was\n%s\nand is\n%s", before, after)
			}
			if d := h.describe("systemd.stop", values{"unit": "t-run.service"}); d.Undo != "systemctl start t-run.service" {
				h.Errorf("stop is undone by %q", d.Undo)
			}
		}},
	}
}

func (h *realHost) describe(kind string, in values) engine.Description {
	h.Helper()
	d, err := h.kind(kind).Describe(h.Context(), in, h.task())
	if err != nil {
		h.Fatal(err)
	}
	return d
}

// stable leaves out what changes by itself.
func stable(show string) string {
	var out []string
	for line := range strings.Lines(show) {
		if !strings.HasPrefix(line, "Memory") && !strings.HasPrefix(line, "CPUUsage") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}
