//go:build lab

package systemd

import "runbook/engine"

func enableStories() []story {
	return []story{
		{"enable, and not start", func(h *realHost) {
			h.service("t-app.service", "[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\nAlias=t-alias.service\nAlso=t-also.socket\n")
			h.service("t-also.socket", "[Socket]\nListenStream=/run/t-also\n[Install]\nWantedBy=sockets.target\n")
			h.after("systemctl disable t-app.service t-also.socket")
			in := values{"unit": "t-app.service"}
			const wants = "/etc/systemd/system/multi-user.target.wants/t-app.service"
			d := h.describe("systemd.enable", in)
			h.contains(d.Summary, "enable t-app.service, so that it is started at boot")
			h.contains(d.Exact, "EnableUnitFiles([\"t-app.service\"], false, false)", "systemctl enable t-app.service",
				"ln -s /etc/systemd/system/t-app.service "+wants, "ln -s /etc/systemd/system/t-app.service /etc/systemd/system/t-alias.service", "and the links of t-also.socket")
			h.contains(d.Undo, "systemctl disable t-app.service")
			if h.exists(wants) {
				h.Error("describing it made the link")
			}

			out := h.do("systemd.enable", in)
			h.want(out, values{"unit": "t-app.service", "changed": true, "was": "disabled", "enabled": "enabled", "via": "bus"})
			h.contains(out["links"], "path:"+wants+" target:/etc/systemd/system/t-app.service", "path:/etc/systemd/system/t-alias.service", "path:/etc/systemd/system/sockets.target.wants/t-also.socket")
			if got := h.sh("systemctl is-enabled t-app.service; readlink " + wants); got != "enabled\n/etc/systemd/system/t-app.service" {
				h.Errorf("have %s", got)
			}
			h.want(h.do("systemd.unit", in), values{"state": "inactive", "enabled": "enabled", "need_reload": false})
			h.contains(h.sh("systemctl show -P Wants multi-user.target"), "t-app.service") // systemd has read it

			d = h.describe("systemd.enable", in)
			h.contains(d.Summary, "(it is already)")
			h.want(values{"undo": d.Undo}, values{"undo": ""})
			h.want(h.do("systemd.enable", in), values{"changed": false, "was": "enabled", "enabled": "enabled", "links": "[]"})
			h.sh("systemctl disable t-app.service")
			h.want(h.do("systemd.unit", in), values{"enabled": "disabled"})
		}},
		{"an instance, and a unit that is enabled until the next boot only", func(h *realHost) {
			h.service("t-many@.service", "[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\n")
			h.after("systemctl disable t-many@one.service")
			h.want(h.do("systemd.enable", values{"unit": "t-many@one.service"}), values{
				"changed": true, "enabled": "enabled",
				"links": "[map[path:/etc/systemd/system/multi-user.target.wants/t-many@one.service target:/etc/systemd/system/t-many@.service]]",
			})
			h.service("t-app.service", "[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\n")
			h.after("systemctl disable t-app.service; systemctl disable --runtime t-app.service")
			h.sh("systemctl enable --runtime t-app.service")
			h.want(h.do("systemd.enable", values{"unit": "t-app.service"}), values{"changed": true, "was": "enabled-runtime", "enabled": "enabled"})
		}},
		{"what can't be enabled", func(h *realHost) {
			h.service("t-static.service", "[Service]\nExecStart=/bin/sleep 600\n")
			h.service("t-broken.service", "[Service\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\n")
			h.sh("systemctl mask --runtime t-masked.service; systemd-run -q --unit=t-tran /bin/sleep 600")
			h.after("systemctl unmask --runtime t-masked.service")
			h.transient("t-tran")
			for unit, want := range map[string]struct {
				kind engine.FailureKind
				says string
			}{
				"t-static.service": {engine.Exit, "no [Install] section"},
				"t-broken.service": {engine.Exit, "its file makes no sense"},
				"t-masked.service": {engine.Denied, "it is masked"},
				"t-tran.service":   {engine.Exit, "it is transient"},
				"t-never.service":  {engine.Missing, "there is no such unit"},
			} {
				in := values{"unit": unit}
				out, why := h.fail(h.Context(), "systemd.enable", in, want.kind)
				h.contains(why, "enable "+unit+": ", want.says)
				h.want(out, values{"changed": false})
				h.contains(h.describe("systemd.enable", in).Summary, "it will be refused, because ", want.says)
			}
			// What systemd itself refuses is said in its words.
			h.service("t-app.service", "[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\nAlias=t-alias.service\n")
			h.sh("systemctl enable t-app.service")
			h.after("systemctl disable t-app.service")
			_, why := h.fail(h.Context(), "systemd.enable", values{"unit": "t-alias.service"}, engine.Exit)
			h.contains(why, "alias")
			task := h.task()
			task.As = "nobody"
			h.sh("systemctl disable t-app.service")
			_, err := h.kind("systemd.enable").Do(h.Context(), values{"unit": "t-app.service"}, task)
			h.failure(err, engine.Denied)
			h.want(h.do("systemd.unit", values{"unit": "t-app.service"}), values{"enabled": "disabled"})
		}},
		{"enable on a dead bus", func(h *realHost) {
			h.service("t-app.service", "[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\n")
			h.after("systemctl disable t-app.service")
			h.sh("systemctl stop dbus.socket dbus.service")
			h.after("systemctl start dbus.socket dbus.service systemd-logind.service")
			h.want(h.do("systemd.enable", values{"unit": "t-app.service"}), values{"changed": true, "enabled": "enabled", "via": "private socket"})
		}},
		{"enable in a user's own systemd", func(h *realHost) {
			h.sh("id t-own >/dev/null 2>&1 || useradd -m t-own")
			h.sh(`mkdir -p /run/systemd/system/user@.service.d; printf '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' > /run/systemd/system/user@.service.d/test.conf
				dir=/home/t-own/.config/systemd/user; mkdir -p $dir; printf '[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=default.target\n' > $dir/t-app.service; chown -R t-own /home/t-own/.config
				systemctl daemon-reload; systemctl start user@$(id -u t-own).service`)
			h.after("systemctl stop user@$(id -u t-own).service; userdel -rf t-own; rm -r /run/systemd/system/user@.service.d; systemctl daemon-reload")
			h.until("test -S /run/user/$(id -u t-own)/systemd/private")
			in := values{"unit": "t-app.service", "user": "t-own"}
			h.contains(h.describe("systemd.enable", in).Exact, "ln -s /home/t-own/.config/systemd/user/t-app.service ~t-own/.config/systemd/user/default.target.wants/t-app.service")
			h.want(h.do("systemd.enable", in), values{
				"changed": true, "enabled": "enabled", "via": "private socket",
				"links": "[map[path:/home/t-own/.config/systemd/user/default.target.wants/t-app.service target:/home/t-own/.config/systemd/user/t-app.service]]",
			})
			h.fail(h.Context(), "systemd.enable", values{"unit": "t-app.service"}, engine.Missing) // the host's systemd has no such unit
		}},
	}
}
