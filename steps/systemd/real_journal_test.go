//go:build lab

package systemd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"runbook/engine"
)

func journalStories() []story {
	return []story{
		{"signatures", func(h *realHost) {
			h.transient("t-talk")
			h.sh(`systemd-run -q --unit=t-talk -p Type=exec -- /bin/bash -c '
				echo "Error: listen EADDRINUSE: address already in use :::3000"; echo fine; printf "\e[31mred\e[0m \a bell\n"
				printf "bin \xff\xfe end\n"; head -c 9000 /dev/zero | tr "\0" a; echo; echo "<3>severe" >&2; exit 4'`)
			h.until("systemctl is-failed -q t-talk")
			h.until("journalctl -u t-talk | grep -q 'Failed with result'")
			out := h.do("systemd.journal", values{"unit": "t-talk.service", "signatures": values{
				"port_taken": "EADDRINUSE", "no_build": "Could not find a production build", "red": "^red ",
			}})
			h.want(out, values{
				"found": "map[no_build:false port_taken:true red:true]", "counts": "map[no_build:0 port_taken:1 red:1]", "suppressed": 0, "truncated": false,
				"boot": h.sh("tr -d - < /proc/sys/kernel/random/boot_id"), "cursor": h.sh("journalctl -u t-talk -n1 --show-cursor | sed -n 's/-- cursor: //p'"),
			})
			h.contains(out["examples"], "port_taken:Error: listen EADDRINUSE: address already in use :::3000", "red:red \uFFFD bell")
			lines := out["lines"].([]any)
			if out["count"] != out["read"] || len(lines) != out["read"] {
				h.Errorf("count %v, read %v, lines %d", out["count"], out["read"], len(lines))
			}
			text := fmt.Sprint(lines)
			h.contains(text, "bin \uFFFD end", "t-talk.service: Main process exited, code=exited, status=4")
			for _, l := range lines {
				line := l.(values)
				if n := len(line["message"].(string)); n > 1024 {
					h.Errorf("a message has %d bytes", n)
				}
				if line["message"] == "severe" && line["priority"] != 3 {
					h.Errorf("severe has priority %v", line["priority"])
				}
				if at, err := time.Parse(time.RFC3339, line["at"].(string)); err != nil || time.Since(at) > time.Hour {
					h.Errorf("at is %v", line["at"])
				}
			}
			h.contains(h.kept["journal"], strings.Repeat("a", 9000), "EADDRINUSE")
			if strings.ContainsRune(h.kept["journal"].String(), '\x1b') {
				h.Error("the evidence holds an escape sequence")
			}
			out = h.do("systemd.journal", values{"unit": "t-talk.service", "match": "EADDR", "lines": 100})
			h.want(out, values{"count": 1})
			h.contains(out["matched"], "EADDRINUSE")
			out = h.do("systemd.journal", values{"unit": "t-talk.service", "priority": "err"})
			h.want(out, values{"read": 1})
			out = h.do("systemd.journal", values{"unit": "t-talk.service", "lines": 2})
			h.want(out, values{"read": 2, "truncated": true})
			h.contains(out["lines"], "Failed with result")
		}},
		{"one run and no other", func(h *realHost) {
			h.service("t-twice.service", "[Service]\nType=oneshot\nExecStart=/bin/bash -c 'echo run $(cat /run/t-twice)'\n")
			h.sh("echo one > /run/t-twice; systemctl start t-twice; echo two > /run/t-twice; systemctl start t-twice; rm /run/t-twice")
			h.until("journalctl -u t-twice | grep -q 'run two'")
			signatures := values{"one": "run one", "two": "run two"}
			h.want(h.do("systemd.journal", values{"unit": "t-twice.service", "signatures": signatures}), values{"found": "map[one:true two:true]"})
			out := h.do("systemd.journal", values{"unit": "t-twice.service", "signatures": signatures, "invocation": "latest"})
			h.want(out, values{"found": "map[one:false two:true]"})
			h.want(h.do("systemd.journal", values{"unit": "t-twice.service", "signatures": signatures, "invocation": out["invocation"]}), values{"found": "map[one:false two:true]"})
			h.contains(out["lines"], "Finished", "run two")
			h.want(h.do("systemd.journal", values{"unit": "t-never.service", "invocation": "latest", "signatures": signatures}), values{"read": 0, "invocation": "", "found": "map[one:false two:false]"})
		}},
		{"a window of time", func(h *realHost) {
			h.transient("t-window")
			h.sh(`systemd-run -q --unit=t-window -p Type=exec -- /bin/bash -c 'echo early; sleep 1; echo late; sleep 600'`)
			h.until("journalctl -o cat -u t-window | grep -qx late")
			lines := h.do("systemd.journal", values{"unit": "t-window.service", "match": "^(early|late)$"})["matched"].([]any)
			at := lines[len(lines)-1].(values)["at"]
			h.want(h.do("systemd.journal", values{"unit": "t-window.service", "since": at, "match": "^(early|late)$"}), values{"count": 1})
			h.want(h.do("systemd.journal", values{"unit": "t-window.service", "until": lines[len(lines)-2].(values)["at"], "match": "^(early|late)$"}), values{"count": 1})
			h.want(h.do("systemd.journal", values{"unit": "t-window.service", "since": "1h", "match": "^(early|late)$"}), values{"count": 2})
			h.want(h.do("systemd.journal", values{"unit": "t-window.service", "since": "boot", "match": "^(early|late)$"}), values{"count": 2})
			h.want(h.do("systemd.journal", values{"unit": "t-window.service", "until": "1h"}), values{"read": 0, "lines": "[]"})
		}},
		{"a service that says too much", func(h *realHost) {
			h.transient("t-flood")
			h.sh(`systemd-run -q --unit=t-flood -p LogRateLimitIntervalSec=1s -p LogRateLimitBurst=5 -- /bin/bash -c 'for i in $(seq 200); do echo line $i; done; sleep 1.5; echo after; sleep 600'`)
			h.until("journalctl -o cat -u t-flood | grep -qx after")
			out := h.do("systemd.journal", values{"unit": "t-flood.service"})
			if n, _ := out["suppressed"].(int); n < 100 {
				h.Errorf("suppressed is %v", out["suppressed"])
			}
			h.want(h.do("systemd.journal", values{"unit": "t-flood.service", "invocation": "latest"}), values{"suppressed": out["suppressed"]})
		}},
		{"more than fits", func(h *realHost) {
			h.transient("t-big")
			h.sh(`systemd-run -q --unit=t-big -p LogRateLimitIntervalSec=0 -- /bin/bash -c 'for i in $(seq 500); do echo "$i $(head -c 200 /dev/zero | tr "\0" "<")"; done; sleep 600'`)
			h.until("journalctl -u t-big | grep -q ' 500 '")
			out := h.do("systemd.journal", values{"unit": "t-big.service", "lines": 400, "match": "<"})
			h.want(out, values{"read": 400, "count": 400, "truncated": true})
			if n := size(out); n > 32<<10 {
				h.Errorf("the output has %d bytes", n)
			}
			h.contains(out["lines"], "500 ")
		}},
		{"the kernel, everybody, nobody", func(h *realHost) {
			h.do("systemd.journal", values{"kernel": true})
			if n := h.do("systemd.journal", values{"lines": 5})["read"]; n != 5 {
				h.Errorf("read %v", n)
			}
			h.want(h.do("systemd.journal", values{"unit": "t-never.service"}), values{"read": 0, "count": 0, "lines": "[]", "truncated": false, "cursor": ""})
		}},
		{"inside the read sandbox", func(h *realHost) {
			h.sh("systemd-run -q --unit=t-boxed --wait /bin/echo hello from inside")
			h.until("journalctl -o cat -u t-boxed | grep -qx 'hello from inside'")
			task := h.task()
			task.Reads, task.Sandboxed = true, true
			out, err := h.kind("systemd.journal").Do(h.Context(), values{"unit": "t-boxed.service", "match": "^hello"}, task)
			if err != nil {
				h.Fatal(err)
			}
			h.want(out, values{"count": 1})
			out, err = h.kind("systemd.unit").Do(h.Context(), values{"unit": "t-boxed.service"}, task)
			if err != nil {
				h.Fatal(err)
			}
			h.want(out, values{"state": "absent", "gone": true})
		}},
		{"a look that takes for ever", func(h *realHost) {
			// A journal on a disk that does not answer: the file is a pipe that nobody writes to.
			h.sh("mount -t tmpfs none /var/log/journal; mount -t tmpfs none /run/log/journal; d=/run/log/journal/$(cat /etc/machine-id); mkdir -p $d; mkfifo $d/system.journal")
			h.after("umount -l /var/log/journal; umount -l /run/log/journal")
			ctx, cancel := context.WithTimeout(h.Context(), 2*time.Second)
			defer cancel()
			start := time.Now()
			_, err := h.kind("systemd.journal").Do(ctx, values{"unit": "dbus.service"}, h.task())
			if err == nil {
				h.Error("it read a journal that says nothing")
			}
			if took := time.Since(start); took > 20*time.Second {
				h.Errorf("it took %s", took)
			}
			h.Log(err)
			h.want(h.do("systemd.unit", values{"unit": "t-never.service"}), values{"state": "absent", "gone": nil})
		}},
		{"no journal", func(h *realHost) {
			h.sh("mount -t tmpfs none /var/log/journal; mount -t tmpfs none /run/log/journal")
			h.after("umount /var/log/journal; umount /run/log/journal")
			_, why := h.fail(h.Context(), "systemd.journal", values{"unit": "dbus.service"}, engine.Missing)
			h.contains(why, "this host keeps none")
			h.want(h.do("systemd.unit", values{"unit": "t-never.service"}), values{"state": "absent", "gone": nil})
		}},
	}
}
