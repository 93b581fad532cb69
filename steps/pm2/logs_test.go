package pm2

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/stepstest"
)

func TestLogs(t *testing.T) {
	h := withPM2(t)
	h.write("loud.js", `console.log("\x1b[32mready\x1b[0m"); console.error("listen EADDRINUSE :::80"); console.error("bye"); setInterval(() => {}, 1000)`+"\n")
	h.pm2("start", filepath.Join(h.dir, "loud.js"), "--name", "loud")
	in := values{"name": "loud", "signatures": values{"port_taken": "EADDRINUSE", "colour": "\x1b", "killed": "SIGKILL"}}
	h.until("it has spoken", func() bool { return h.do("pm2.logs", in)["read"] == 3 })
	out, err := h.path("logs/loud-out.log"), h.path("logs/loud-error.log")
	want := values{
		"lines": []values{{"stream": "out", "text": "ready"}, {"stream": "err", "text": "listen EADDRINUSE :::80"}, {"stream": "err", "text": "bye"}},
		"found": values{"port_taken": true, "colour": false, "killed": false}, "counts": values{"port_taken": 1, "colour": 0, "killed": 0},
		"examples": values{"port_taken": "listen EADDRINUSE :::80", "colour": "", "killed": ""},
		"files":    []string{out, err}, "truncated": false,
	}
	h.want(h.do("pm2.logs", in), want)
	h.want(h.do("pm2.logs", values{"name": "loud", "lines": 1}), values{
		"lines": []values{{"stream": "out", "text": "ready"}, {"stream": "err", "text": "bye"}}, "truncated": true,
	})

	// A daemon that hangs, a dead one whose list was saved, and one that saved nothing: the files are there all the same.
	if err := unix.Kill(h.daemon(), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	h.want(h.do("pm2.logs", in), want)
	h.fail("pm2.logs", values{"name": "lou"}, engine.Unreachable) // it may have a process of that name
	if err := unix.Kill(h.daemon(), unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	h.pm2("save")
	h.pm2("kill")
	h.untouched(func() { h.want(h.do("pm2.logs", in), want) })
	if err := os.Remove(h.path("dump.pm2")); err != nil {
		t.Fatal(err)
	}
	h.want(h.do("pm2.logs", in), want)
	h.fail("pm2.logs", values{"name": "lou"}, engine.Missing)
}

func TestLogsThatAreNotThere(t *testing.T) {
	h := newHome(t)
	h.write(".pm2/dump.pm2", fmt.Sprintf(`[{"name": "quiet", "pm_out_log_path": "/dev/null", "pm_err_log_path": "%s/none"}]`, h.dir))
	h.want(h.do("pm2.logs", values{"name": "quiet"}), values{"files": []any{}, "lines": []any{}, "read": 0, "modified": ""})
}

// A saved list names as many files as its user likes, each of which may be a link to the same large one.
func TestTheLogsOfAGreatMany(t *testing.T) {
	h := newHome(t)
	h.write("large.log", strings.Repeat(strings.Repeat("x", 99)+"\n", 20_000))
	var list []string
	for i := range 100 {
		for _, stream := range []string{"out", "err"} {
			if err := os.Symlink("large.log", filepath.Join(h.dir, fmt.Sprint(stream, i))); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, fmt.Sprintf(`{"name": "api", "pm_out_log_path": "%[1]s/out%[2]d", "pm_err_log_path": "%[1]s/err%[2]d"}`, h.dir, i))
	}
	h.write(".pm2/dump.pm2", "["+strings.Join(list, ",")+"]")
	out := h.do("pm2.logs", values{"name": "api", "lines": 10000, "signatures": values{"x": "^x+$"}})
	if files, read := out["files"].([]any), out["read"].(int); len(files) != 64 || files[63] != filepath.Join(h.dir, "err31") || read*100 > 8<<20 || read*100 < 7<<20 {
		t.Errorf("%d lines of %v", read, files)
	}
	h.want(out, values{"truncated": true, "counts": values{"x": out["read"]}})
}

func TestLongLogsAreReadFromTheirEnd(t *testing.T) {
	h := newHome(t)
	var text strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&text, "line %d of a long log of a program that talks\n", i)
	}
	h.write(".pm2/logs/my-app-out-3.log", text.String())
	h.write(".pm2/logs/my-app-error.log", strings.Repeat("\x01<&>", 100_000))
	task, evidence := stepstest.Task()
	out, err := h.kind("pm2.logs").Do(t.Context(), h.inputs(values{"name": "my app", "lines": 10000, "signatures": values{"last": "line 59999", "first": "line 0 "}}), task)
	if err != nil {
		t.Fatal(err)
	}
	h.want(out, values{"read": 10001, "truncated": true, "found": values{"last": true, "first": false}})
	lines := out["lines"].([]any)
	h.want(lines[len(lines)-2].(values), values{"text": "line 59999 of a long log of a program that talks"})
	if raw := fmt.Sprint(lines); len(raw) > 20<<10 {
		t.Errorf("the lines have %d bytes", len(raw))
	}
	h.contains(evidence.Text("logs"), "line 50001 of", "my-app-out-3.log")
	for _, in := range []values{{"lines": 0}, {"lines": 10001}, {"signatures": values{"X": "a"}}, {"signatures": values{"x": "("}}} {
		in["name"] = "my app"
		if err := h.kind("pm2.logs").Check(h.inputs(in)); err == nil {
			t.Errorf("%v is taken", in)
		}
	}
}
