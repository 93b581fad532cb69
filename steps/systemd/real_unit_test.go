//go:build lab

package systemd

func unitStories() []story {
	return []story{
		{"a running service", func(h *realHost) {
			h.service("t-run.service", "[Unit]\nDescription=a test\n[Service]\nExecStart=/bin/sleep 600\nEnvironment=PORT=3000 DB_PASSWORD=hunter2\nUser=nobody\nWorkingDirectory=/tmp\nMemoryMax=64M\n")
			h.sh("systemctl start t-run")
			h.until("test $(systemctl show -P MemoryCurrent t-run) -gt 0")
			out := h.do("systemd.unit", values{"unit": "t-run.service"})
			h.want(out, values{
				"unit": "t-run.service", "id": "t-run.service", "state": "active", "load": "loaded", "active": "active", "sub": "running",
				"result": "success", "exists": true, "transient": false, "gone": false, "enabled": "static", "need_reload": false,
				"fragment": "/etc/systemd/system/t-run.service", "description": "a test", "type": "simple", "runs_as": "nobody", "dir": "/tmp",
				"command": "[/bin/sleep 600]", "command_line": "/bin/sleep 600", "environment": "[PORT=3000 DB_PASSWORD=***]",
				"main_pid": h.sh("systemctl show -P MainPID t-run"), "restarts": 0, "exit_code": "", "exit_status": 0,
				"invocation": h.sh("systemctl show -P InvocationID t-run"), "memory_limit": 64 << 20, "via": "bus", "job": 0,
			})
			if m, ok := out["memory"].(int); !ok || m <= 0 {
				h.Errorf("memory is %v", out["memory"])
			}
			if age, ok := out["age_seconds"].(int); !ok || age < 0 || age > 120 {
				h.Errorf("age_seconds is %v", out["age_seconds"])
			}
			h.contains(out["text"], "active (running) since 20", "main process ")
		}},
		{"a unit that is not there, and one that was", func(h *realHost) {
			out := h.do("systemd.unit", values{"unit": "t-never.service"})
			h.want(out, values{"state": "absent", "exists": false, "gone": false, "load": "not-found", "active": "inactive", "since": "", "memory": nil, "enabled": ""})
			h.sh("systemd-run -q --unit=t-gone --wait /bin/true")
			h.until("test $(systemctl show -P LoadState t-gone) = not-found")
			out = h.do("systemd.unit", values{"unit": "t-gone.service"})
			h.want(out, values{"state": "absent", "exists": false, "gone": true, "load": "not-found"})
			h.contains(out["text"], "it ran since boot", "t-gone.service: ")
		}},
		{"inactive, failed, masked, broken", func(h *realHost) {
			h.service("t-idle.service", "[Service]\nExecStart=/bin/true\n")
			h.want(h.do("systemd.unit", values{"unit": "t-idle.service"}), values{"state": "inactive", "exists": true, "load": "loaded", "sub": "dead", "exit_code": ""})
			h.service("t-fail.service", "[Service]\nExecStart=/bin/sh -c 'exit 7'\nType=oneshot\n")
			h.sh("systemctl start t-fail || true")
			out := h.do("systemd.unit", values{"unit": "t-fail.service"})
			h.want(out, values{"state": "failed", "transient": false, "result": "exit-code", "exit_code": "exited", "exit_status": 7, "exit_text": "status=7"})
			h.contains(out["text"], "failed (exit-code) since ", "main process exited, status=7")
			h.sh("systemctl mask --runtime t-masked.service")
			h.after("systemctl unmask --runtime t-masked.service")
			h.want(h.do("systemd.unit", values{"unit": "t-masked.service"}), values{"state": "masked", "exists": true, "load": "masked", "transient": false, "enabled": "masked-runtime"})
			h.service("t-broken.service", "[Service]\nType=oneshot\nRemainAfterExit=perhaps\nRestart=always\n")
			out = h.do("systemd.unit", values{"unit": "t-broken.service"})
			h.want(out, values{"state": "broken", "exists": true, "load": "bad-setting"})
			h.contains(out["load_error"], "bad unit file setting")
		}},
		{"a program that can't be run, one that is killed", func(h *realHost) {
			h.service("t-noexec.service", "[Service]\nExecStart=/nonexistent\n")
			h.sh("systemctl start t-noexec || true; sleep 0.2")
			h.until("systemctl is-failed -q t-noexec")
			h.want(h.do("systemd.unit", values{"unit": "t-noexec.service"}), values{"state": "failed", "exit_status": 203, "exit_text": "status=203/EXEC"})
			h.service("t-kill.service", "[Service]\nExecStart=/bin/sleep 600\n")
			h.sh("systemctl start t-kill; systemctl kill -s KILL t-kill")
			h.until("systemctl is-failed -q t-kill")
			h.want(h.do("systemd.unit", values{"unit": "t-kill.service"}), values{"state": "failed", "result": "signal", "exit_code": "killed", "exit_status": 9, "exit_text": "signal=SIGKILL"})
		}},
		{"the launcher and its transient unit", func(h *realHost) {
			// What production has: the launcher is active (exited), whatever becomes of what it began.
			h.transient("t-prod")
			h.service("t-launcher.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/systemd-run --unit=t-prod --setenv=HOSTNAME=127.0.0.1 --setenv=API_TOKEN=abc /bin/sleep 600 -H 127.0.0.1\nExecStop=/usr/bin/systemctl stop t-prod\n")
			h.sh("systemctl start t-launcher")
			out := h.do("systemd.unit", values{"unit": "t-launcher.service"})
			h.want(out, values{"state": "active", "sub": "exited", "remain_after_exit": true, "type": "oneshot"})
			h.contains(out["command_line"], "/usr/bin/systemd-run --unit=t-prod", "--setenv=HOSTNAME=127.0.0.1", "-H 127.0.0.1", "--setenv=API_TOKEN=***")
			h.contains(out["command"], "-H")
			// sleep refuses -H: the transient unit has failed, and its name is taken.
			h.until("systemctl is-failed -q t-prod")
			h.want(h.do("systemd.unit", values{"unit": "t-prod.service"}), values{
				"state": "failed", "transient": true, "enabled": "transient", "exists": true, "exit_status": 1,
				"fragment": "/run/systemd/transient/t-prod.service",
			})
		}},
		{"a condition that does not hold, a file that changed", func(h *realHost) {
			h.service("t-cond.service", "[Unit]\nConditionPathExists=/nonexistent\n[Service]\nExecStart=/bin/sleep 600\n")
			// systemd forgets what no other unit refers to.
			h.service("t-holder.service", "[Unit]\nWants=t-cond.service\n[Service]\nExecStart=/bin/sleep 600\n")
			h.sh("systemctl start t-holder t-cond")
			h.want(h.do("systemd.unit", values{"unit": "t-cond.service"}), values{"state": "inactive", "condition": "ConditionPathExists=/nonexistent"})
			h.want(h.do("systemd.unit", values{"unit": "t-holder.service"}), values{"state": "active", "condition": "", "need_reload": false})
			h.sh("touch -d '+10 seconds' /etc/systemd/system/t-holder.service")
			out := h.do("systemd.unit", values{"unit": "t-holder.service"})
			h.want(out, values{"state": "active", "need_reload": true})
			h.contains(out["text"], "its file was changed since systemd read it")
		}},
		{"a service that is restarted over and over", func(h *realHost) {
			h.service("t-loop.service", "[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=50ms\n")
			h.sh("systemctl start t-loop || true")
			h.until("test $(systemctl show -P NRestarts t-loop) -ge 3")
			out := h.do("systemd.unit", values{"unit": "t-loop.service"})
			if n, _ := out["restarts"].(int); n < 3 {
				h.Errorf("restarts is %v", out["restarts"])
			}
			h.contains(out["text"], "restarted ")
		}},
		{"other types of units, aliases", func(h *realHost) {
			h.want(h.do("systemd.unit", values{"unit": "dbus.socket"}), values{"state": "active", "sub": "running", "command": "[]", "main_pid": 0})
			h.want(h.do("systemd.unit", values{"unit": "-.mount"}), values{"state": "active", "sub": "mounted"})
			h.want(h.do("systemd.unit", values{"unit": "dbus-org.freedesktop.login1.service"}), values{"id": "systemd-logind.service", "state": "active"})
		}},
	}
}
