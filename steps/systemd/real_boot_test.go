//go:build lab

package systemd

import (
	"fmt"
	"strings"

	"runbook/steps/internal/budget"
)

func bootStories() []story {
	return []story{
		{"the boot of a healthy host", func(h *realHost) {
			h.sh("systemctl reset-failed") // whatever other stories have left
			out := h.do("systemd.boot", values{})
			h.want(out, values{"state": h.sh("systemctl is-system-running"), "finished": true, "boot_id": h.sh("cat /proc/sys/kernel/random/boot_id"), "failed_units": "[]", "failed_count": 0, "via": "bus"})
			h.contains(out["enabled"], "dixis-frontend-launcher.service", "nginx.service", "getty@tty1.service")
			h.contains(out["transient"], "active:active command:/var/www/dixis/frontend/node_modules/.bin/next start -H 127.0.0.1 -p 3000 unit:dixis-frontend-prod.service")
			enabled := " " + strings.Trim(fmt.Sprint(out["enabled"]), "[]") + " "
			for name := range strings.FieldsSeq(h.sh("systemctl list-unit-files --no-legend --state=enabled | cut -d' ' -f1")) {
				h.contains(enabled, " "+name+" ")
			}
			if strings.Contains(enabled, " ssh.service ") || strings.Contains(enabled, " dbus.service ") {
				h.Errorf("enabled is %s", enabled)
			}
			// By systemd's own clock: a container begins with systemd.
			took := h.sh("echo $(( ($(systemctl show -P FinishTimestampMonotonic) - $(systemctl show -P UserspaceTimestampMonotonic)) / 1000 ))")
			h.want(out, values{"boot_ms": took})
			if s, ok := out["uptime_s"].(int); !ok || s < 0 || s > 24*3600 {
				h.Errorf("uptime_s is %v", out["uptime_s"])
			}
			// The launcher comes before what it launches, the journal before both.
			order := fmt.Sprint(out["order"])
			journal, launcher, app := strings.Index(order, "systemd-journald.service"), strings.Index(order, "dixis-frontend-launcher.service"), strings.Index(order, "dixis-frontend-prod.service")
			if journal < 0 || launcher < journal || app < launcher {
				h.Errorf("the order is %s", order)
			}
			if n := size(out); n > budget.Result {
				h.Errorf("it has %d bytes", n)
			}
		}},
		{"the boot of a host with failures", func(h *realHost) {
			h.sh("systemctl reset-failed")
			h.service("t-fail.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n[Install]\nWantedBy=multi-user.target\n")
			h.after("systemctl disable t-fail.service")
			h.sh("systemctl enable t-fail.service; systemctl start t-fail.service || true; systemd-run -q --unit=t-tran /bin/sleep 600; systemd-run -q --unit=t-kill /bin/sleep 600; systemctl kill -s KILL t-kill")
			h.transient("t-tran")
			h.transient("t-kill")
			h.until("systemctl is-failed -q t-kill")
			out := h.do("systemd.boot", values{})
			h.want(out, values{"state": "degraded", "finished": true, "failed_count": 2, "failed_units": "[map[result:exit-code unit:t-fail.service] map[result:signal unit:t-kill.service]]"})
			h.contains(out["transient"], "active:active command:/bin/sleep 600 unit:t-tran.service", "active:failed command:/bin/sleep 600 unit:t-kill.service")
			h.contains(out["enabled"], "t-fail.service")

			task := h.task()
			task.As = "nobody"
			seen, err := h.kind("systemd.boot").Do(h.Context(), values{}, task)
			if err != nil {
				h.Fatal(err)
			}
			h.want(seen, values{"state": "degraded", "failed_units": out["failed_units"], "enabled": out["enabled"]})

			h.sh("systemctl stop dbus.socket dbus.service")
			h.after("systemctl start dbus.socket dbus.service systemd-logind.service")
			out = h.do("systemd.boot", values{})
			h.want(out, values{"state": "degraded", "failed_count": 2, "via": "private socket"})
			h.contains(out["enabled"], "dixis-frontend-launcher.service")
		}},
	}
}
