//go:build lab

package systemd

import (
	"context"
	"time"

	"runbook/engine"
)

func busStories() []story {
	return []story{
		{"the bus is dead", func(h *realHost) {
			h.service("t-run.service", "[Service]\nExecStart=/bin/sleep 600\n")
			h.transient("t-new")
			h.sh("systemctl stop dbus.socket dbus.service")
			h.after("systemctl start dbus.socket dbus.service systemd-logind.service")
			h.want(h.do("systemd.unit", values{"unit": "t-run.service"}), values{"state": "inactive", "via": "private socket"})
			h.want(h.do("systemd.start", values{"unit": "t-run.service"}), values{"job": "done", "state": "active", "changed": true, "via": "private socket"})
			h.want(h.do("systemd.restart", values{"unit": "t-run.service"}), values{"job": "done", "changed": true})
			h.do("systemd.daemon-reload", values{})
			h.want(h.do("systemd.run", values{"unit": "t-new.service", "argv": []any{"/bin/sleep", "600"}}), values{"job": "done", "state": "active", "via": "private socket"})
			h.sh("systemctl kill -s KILL t-new")
			h.until("systemctl is-failed -q t-new")
			h.want(h.do("systemd.reset-failed", values{"unit": "t-new.service"}), values{"was": "failed", "state": "absent", "freed": true})
			h.want(h.do("systemd.stop", values{"unit": "t-run.service"}), values{"job": "done", "state": "inactive"})
		}},
		{"the bus takes connections and says nothing", func(h *realHost) {
			h.sh("systemctl kill -s STOP dbus.service")
			h.after("systemctl kill -s CONT dbus.service")
			ctx, cancel := context.WithTimeout(h.Context(), 3*time.Second)
			defer cancel()
			out, err := h.kind("systemd.unit").Do(ctx, values{"unit": "dbus.service"}, h.task())
			if err != nil {
				h.Fatal(err)
			}
			h.want(out, values{"state": "active", "via": "private socket"})
		}},
		{"the bus is what is restarted", func(h *realHost) {
			pid := h.sh("systemctl show -P MainPID dbus.service")
			ctx, cancel := context.WithTimeout(h.Context(), time.Minute)
			defer cancel()
			out, err := h.kind("systemd.restart").Do(ctx, values{"unit": "dbus.service"}, h.task())
			if err != nil {
				h.Fatal(err)
			}
			h.want(out, values{"state": "active", "changed": true})
			if out["main_pid"] == pid {
				h.Errorf("it is the same process, %s: %v", pid, out)
			}
			h.Log(out)
			h.until("busctl --timeout=5 status org.freedesktop.systemd1 >/dev/null")
		}},
		{"who may not", func(h *realHost) {
			h.service("t-run.service", "[Service]\nExecStart=/bin/sleep 600\n")
			h.service("t-fail.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
			h.sh("systemctl start t-fail || true")
			task := h.task()
			task.As = "nobody"
			out, err := h.kind("systemd.unit").Do(h.Context(), values{"unit": "t-run.service"}, task)
			if err != nil {
				h.Errorf("nobody may look, but: %v", err)
			}
			h.want(out, values{"state": "inactive", "via": "bus"})
			for kind, in := range map[string]values{
				"systemd.start":         {"unit": "t-run.service"},
				"systemd.reset-failed":  {"unit": "t-fail.service"},
				"systemd.daemon-reload": {},
				"systemd.run":           {"unit": "t-new.service", "argv": []any{"/bin/true"}},
				"systemd.dropin":        {"unit": "t-run.service", "name": "x", "sections": values{"Service": []any{"Nice=1"}}},
				"systemd.journal":       {"unit": "t-run.service"},
			} {
				_, err := h.kind(kind).Do(h.Context(), in, task)
				h.Log(h.failure(err, engine.Denied))
			}
			if h.exists("/etc/systemd/system/t-run.service.d") {
				h.Error("nobody made a folder in /etc")
			}
			h.sh("systemctl stop dbus.socket dbus.service")
			h.after("systemctl start dbus.socket dbus.service systemd-logind.service")
			_, err = h.kind("systemd.unit").Do(h.Context(), values{"unit": "t-run.service"}, task)
			h.contains(h.failure(err, engine.Unreachable), "the system bus", "connection refused", "systemd's own socket", "permission denied")
			task.As = "t-unknown"
			_, err = h.kind("systemd.unit").Do(h.Context(), values{"unit": "t-run.service"}, task)
			h.failure(err, engine.Missing)
		}},
	}
}

func userStories() []story {
	return []story{
		{"a user's own systemd", func(h *realHost) {
			const user = "t-user"
			// What pam_systemd does on a host that people log in to.
			h.sh(`mkdir -p /run/systemd/system/user@.service.d; printf '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' > /run/systemd/system/user@.service.d/test.conf
				systemctl daemon-reload; id t-user >/dev/null 2>&1 || useradd -m t-user; systemctl start user@$(id -u t-user).service`)
			h.after("systemctl stop user@$(id -u t-user).service; userdel -rf t-user; rm -r /run/systemd/system/user@.service.d; systemctl daemon-reload")
			h.until("test -S /run/user/$(id -u t-user)/systemd/private")
			h.sh(`dir=/home/t-user/.config/systemd/user; mkdir -p $dir
				printf '[Service]\nExecStart=/bin/bash -c "echo hello from a user; exec sleep 600"\n' > $dir/t-own.service
				chown -R t-user /home/t-user/.config`)
			h.want(h.do("systemd.unit", values{"unit": "t-own.service", "user": user}), values{"state": "inactive", "via": "private socket"})
			h.want(h.do("systemd.unit", values{"unit": "t-own.service"}), values{"state": "absent"})
			d := h.describe("systemd.start", values{"unit": "t-own.service", "user": user})
			h.contains(d.Summary, "start t-own.service of user t-user")
			h.contains(d.Exact, "systemctl --user --machine=t-user@.host start t-own.service")
			out := h.do("systemd.start", values{"unit": "t-own.service", "user": user})
			h.want(out, values{"job": "done", "state": "active", "changed": true})
			if owner := h.sh("ps -o user= -p " + h.sh("pgrep -u t-user -x sleep | head -1")); owner != user {
				h.Errorf("it runs as %q", owner)
			}
			task := h.task()
			task.As = user
			if out, err := h.kind("systemd.unit").Do(h.Context(), values{"unit": "t-own.service", "user": user}, task); err != nil || out["state"] != "active" {
				h.Errorf("the user sees %v, %v", out["state"], err)
			}
			task.As = "nobody"
			_, err := h.kind("systemd.unit").Do(h.Context(), values{"unit": "t-own.service", "user": user}, task)
			h.failure(err, engine.Denied)

			// What the service says and what its systemd says of it come into the journal one by one.
			h.soon("systemd.journal", values{"unit": "t-own.service", "user": user, "match": "hello"}, values{"count": 1})
			h.soon("systemd.journal", values{"unit": "t-own.service", "user": user, "invocation": "latest", "match": "hello"}, values{"count": 1})
			h.want(h.do("systemd.journal", values{"unit": "t-own.service", "match": "hello"}), values{"count": 0})

			h.do("systemd.daemon-reload", values{"user": user})
			h.want(h.do("systemd.run", values{"unit": "t-more.service", "user": user, "argv": []any{"/bin/sleep", "600"}}), values{"job": "done", "state": "active"})
			h.want(h.do("systemd.restart", values{"unit": "t-own.service", "user": user}), values{"job": "done", "changed": true})
			h.want(h.do("systemd.stop", values{"unit": "t-own.service", "user": user}), values{"job": "done", "state": "inactive"})
		}},
		{"a user without one", func(h *realHost) {
			_, why := h.fail(h.Context(), "systemd.unit", values{"unit": "t-own.service", "user": "nobody"}, engine.Missing)
			h.contains(why, "not logged in")
			_, why = h.fail(h.Context(), "systemd.unit", values{"unit": "t-own.service", "user": "t-unknown"}, engine.Missing)
			h.contains(why, "find user t-unknown")
		}},
	}
}
