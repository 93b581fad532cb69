//go:build lab

package systemd

import (
	"runbook/engine"
)

func fileStories() []story {
	return []story{
		{"a drop-in, and back", func(h *realHost) {
			h.service("t-app.service", "[Service]\nExecStart=/bin/sleep 600\nEnvironment=A=1\n")
			h.sh("systemctl start t-app")
			in := values{"unit": "t-app.service", "name": "50-ipv4", "sections": values{
				"Unit":    []any{"Description=changed"},
				"Service": []any{"Environment=HOSTNAME=127.0.0.1", "ExecStart=", "ExecStart=/bin/sleep 601"},
			}}
			const path = "/etc/systemd/system/t-app.service.d/50-ipv4.conf"
			d := h.describe("systemd.dropin", in)
			h.contains(d.Summary, "write "+path)
			h.contains(d.Exact, "--- /dev/null", "+++ "+path, "+ExecStart=/bin/sleep 601", "systemctl daemon-reload")
			if h.exists(path) {
				h.Error("describing it wrote it")
			}
			out := h.do("systemd.dropin", in)
			h.want(out, values{"unit": "t-app.service", "path": path, "changed": true, "reloaded": true, "need_reload": false, "restart": true, "via": "bus"})
			if mode := h.sh("stat -c '%a %U %F' " + path); mode != "644 root regular file" {
				h.Errorf("the file is %s", mode)
			}
			h.contains(h.sh("systemctl cat t-app"), "# "+path, "[Service]\nEnvironment=HOSTNAME=127.0.0.1\nExecStart=\nExecStart=/bin/sleep 601")
			unit := h.do("systemd.unit", values{"unit": "t-app.service"})
			h.want(unit, values{"dropins": "[" + path + "]", "command": "[/bin/sleep 601]", "description": "changed", "env": "map[A:1 HOSTNAME:127.0.0.1]"})

			h.want(h.do("systemd.dropin", in), values{"changed": false, "reloaded": false, "diff": "", "restart": false})
			h.contains(h.describe("systemd.dropin", in).Summary, "leave "+path+" as it is")

			// Written by somebody, but not yet read by systemd.
			h.sh("touch -d '+10 seconds' " + path)
			h.want(h.do("systemd.dropin", in), values{"changed": false, "reloaded": true})

			in["sections"] = values{"Service": []any{"Nice=5"}}
			if err := h.kind("systemd.dropin").Before(h.Context(), in, h.task()); err != nil {
				h.Error(err)
			}
			h.contains(h.kept["previous"], "ExecStart=/bin/sleep 601")
			h.contains(h.do("systemd.dropin", in)["diff"], "-ExecStart=/bin/sleep 601", "+Nice=5")

			undo := values{"unit": "t-app.service", "name": "50-ipv4", "remove": true}
			h.contains(h.describe("systemd.dropin", undo).Summary, "delete "+path)
			h.want(h.do("systemd.dropin", undo), values{"changed": true, "reloaded": true})
			if h.exists("/etc/systemd/system/t-app.service.d") {
				h.Error("the empty folder is still there")
			}
			h.want(h.do("systemd.unit", values{"unit": "t-app.service"}), values{"dropins": "[]", "command": "[/bin/sleep 600]", "need_reload": false})
			h.want(h.do("systemd.dropin", undo), values{"changed": false, "reloaded": false})
		}},
		{"a drop-in for all instances of a template", func(h *realHost) {
			h.service("t-many@.service", "[Service]\nExecStart=/bin/sleep 600\n")
			h.after("rm -rf /etc/systemd/system/t-many@.service.d")
			h.want(h.do("systemd.dropin", values{"unit": "t-many@.service", "name": "x", "sections": values{"Service": []any{"Nice=5"}}}), values{"changed": true, "reloaded": true})
			h.contains(h.do("systemd.unit", values{"unit": "t-many@a.service"})["dropins"], "/etc/systemd/system/t-many@.service.d/x.conf")
		}},
		{"a full disk leaves nothing behind", func(h *realHost) {
			h.service("t-app.service", "[Service]\nExecStart=/bin/sleep 600\n")
			h.sh("mkdir /etc/systemd/system/t-app.service.d; mount -t tmpfs -o size=4k,mode=755 none /etc/systemd/system/t-app.service.d; head -c 4096 /dev/zero > /etc/systemd/system/t-app.service.d/filler")
			h.after("umount -l /etc/systemd/system/t-app.service.d")
			_, err := h.kind("systemd.dropin").Do(h.Context(), values{"unit": "t-app.service", "name": "x", "sections": values{"Service": []any{"Nice=5"}}}, h.task())
			h.contains(err, "write /etc/systemd/system/t-app.service.d/x.conf", "no space left on device")
			if left := h.sh("ls -A /etc/systemd/system/t-app.service.d"); left != "filler" {
				h.Errorf("left behind: %s", left)
			}
		}},
		{"files that are not ours to change", func(h *realHost) {
			h.service("t-app.service", "[Service]\nExecStart=/bin/sleep 600\n")
			h.sh("mkdir /etc/systemd/system/t-app.service.d; ln -s /dev/null /etc/systemd/system/t-app.service.d/x.conf; touch /root/t-victim; ln -s /root /etc/systemd/system/t-link.service.d")
			h.after("rm -rf /etc/systemd/system/t-link.service.d /root/t-victim /root/x.conf")
			in := values{"unit": "t-app.service", "name": "x", "sections": values{"Service": []any{"Nice=5"}}}
			_, why := h.fail(h.Context(), "systemd.dropin", in, engine.Invalid)
			h.contains(why, "not a plain file")
			in["unit"] = "t-link.service"
			if out, err := h.kind("systemd.dropin").Do(h.Context(), in, h.task()); err == nil {
				h.Errorf("it followed a link out of its folder: %v", out)
			}
			if h.exists("/root/x.conf") {
				h.Error("it wrote through a link")
			}
		}},
		{"daemon-reload", func(h *realHost) {
			h.service("t-app.service", "[Service]\nExecStart=/bin/sleep 600\n")
			h.sh("systemctl start t-app; touch -d '+10 seconds' /etc/systemd/system/t-app.service")
			h.want(h.do("systemd.unit", values{"unit": "t-app.service"}), values{"need_reload": true})
			h.want(h.do("systemd.daemon-reload", values{}), values{"via": "bus"})
			h.want(h.do("systemd.unit", values{"unit": "t-app.service"}), values{"need_reload": false, "state": "active"})
		}},
	}
}
