package command_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/command"
	"runbook/steps/stepstest"
)

func TestCommandGivesWhatItPrints(t *testing.T) {
	out, evidence, err := do(t, "command", map[string]any{
		"argv": []any{"sh", "-c", `read line; echo "$line $NAME $1"; echo oops >&2; pwd`, "sh", "$NAME; *"},
		"dir":  "/proc", "stdin": "hello\n", "env": map[string]any{"NAME": "$HOME"},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	delete(out, "duration_ms")
	want := map[string]any{
		"exit": 0, "signal": "", "stdout": "hello $HOME $NAME; *\n/proc\n", "stderr": "oops\n", "json": nil,
		"stdout_bytes": 27, "stderr_bytes": 5,
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	if evidence.Text("stdout") != want["stdout"] || evidence.Text("stderr") != "oops\n" || len(evidence.Open()) > 0 {
		t.Errorf("kept %q and %q", evidence.Text("stdout"), evidence.Text("stderr"))
	}
}

// What a fix ends with must be 0. What a check ends with is its answer.
func TestExitCodes(t *testing.T) {
	with := map[string]any{"argv": []any{"sh", "-c", "echo first >&2; echo last words >&2; exit 3"}}
	out, _, err := do(t, "command", with, false)
	f := engine.FailureOf(err)
	if f == nil || f.Kind != engine.Exit || f.Message != "sh ended with exit code 3: last words" || out["exit"] != 3 || out["stderr"] != "first\nlast words\n" {
		t.Errorf("a fix: have %v, %v", out, err)
	}
	out, _, err = do(t, "command", with, true)
	if err != nil || out["exit"] != 3 {
		t.Errorf("a check: have %v, %v", out, err)
	}
	with = map[string]any{"argv": []any{"sh", "-c", "kill -KILL $$"}}
	out, _, err = do(t, "command", with, false)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Exit || f.Message != "sh was ended by the signal KILL" || out["signal"] != "KILL" || out["exit"] != 137 {
		t.Errorf("a fix: have %v, %v", out, err)
	}
	if out, _, err = do(t, "command", with, true); err != nil || out["signal"] != "KILL" {
		t.Errorf("a check: have %v, %v", out, err)
	}
}

// An error is read aloud in a chat. It shows no value that a secret may have come in by.
func TestErrorsDoNotRepeatSecrets(t *testing.T) {
	_, _, err := do(t, "command", map[string]any{
		"argv": []any{"sh", "-c", `read pass; echo "wrong: $pass, $TOKEN" >&2; exit 1`}, "stdin": "hunter2\n", "env": map[string]any{"TOKEN": "s3cret"},
	}, false)
	if f := engine.FailureOf(err); f == nil || f.Message != "sh ended with exit code 1: wrong: [not shown], [not shown]" {
		t.Errorf("have %v", err)
	}
}

func TestWhatCanNotBeStarted(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for program, want := range map[string]engine.FailureKind{
		"no-such-program-here": engine.Missing, "/no/such/program": engine.Missing, plain: engine.Denied,
	} {
		for _, reads := range []bool{true, false} {
			_, _, err := do(t, "command", map[string]any{"argv": []any{program}}, reads)
			if f := engine.FailureOf(err); f == nil || f.Kind != want {
				t.Errorf("%s: have %v, want %s", program, err, want)
			}
		}
	}
}

func TestTimeIsUp(t *testing.T) {
	ready := make(chan string, 1)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		f, err := os.Open(fifo)
		if err != nil {
			return
		}
		line, _ := bufio.NewReader(f).ReadString('\n')
		ready <- strings.TrimSpace(line)
	}()
	out, _, err := do(t, "command", map[string]any{
		"argv": []any{"sh", "-c", `echo so far; sleep 3600 & echo $! > "$FIFO"; wait`}, "timeout": "300ms", "env": map[string]any{"FIFO": fifo},
	}, true)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Timeout || !strings.Contains(f.Message, "longer than 300ms") || out["stdout"] != "so far\n" {
		t.Errorf("have %v, %v", out, err)
	}
	pid, err := strconv.Atoi(<-ready)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, 0); err == nil && !zombie(pid) {
		t.Errorf("process %d is still there", pid)
	}
}

func TestJSON(t *testing.T) {
	for text, want := range map[string]any{
		`{"name": "x", "list": [1, 2.5, true, null]}`: map[string]any{"name": "x", "list": []any{1, 2.5, true, nil}},
		"[]":                                    []any{},
		"7\n":                                   7,
		`{"a": 1} {}`:                           nil,
		`{"a": 1`:                               nil,
		"":                                      nil,
		"active\n":                              nil,
		`{"a":1} rest`:                          nil,
		`["` + strings.Repeat("x", 9000) + `"]`: nil,
		`["` + strings.Repeat("<", 4000) + `"]`: nil,
	} {
		out, _, err := do(t, "command", map[string]any{"argv": []any{"cat"}, "stdin": text}, true)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out["json"]); diff != "" {
			t.Errorf("%.20q: %s", text, diff)
		}
	}
}

func TestManyBytesStayEvidence(t *testing.T) {
	out, evidence, err := do(t, "command", map[string]any{"argv": []any{"sh", "-c", "echo first; yes | head -c 3000000; echo last"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := out["stdout"].(string)
	if out["stdout_bytes"] != 3_000_011 || len(text) > 9<<10 || !strings.HasPrefix(text, "first\ny\n") || !strings.HasSuffix(text, "y\nlast\n") {
		t.Errorf("have %v bytes, shown %d", out["stdout_bytes"], len(text))
	}
	if got := len(evidence.Text("stdout")); got != 3_000_011 {
		t.Errorf("kept %d bytes", got)
	}
}

func TestAsAnotherUser(t *testing.T) {
	stepstest.Root(t)
	task, _ := stepstest.Task()
	task.As = "nobody"
	k := stepstest.Kind(t, command.Kinds, "command")
	with := map[string]any{"argv": []any{"id", "-un"}}
	out, err := k.Do(t.Context(), with, task)
	if err != nil || out["stdout"] != "nobody\n" {
		t.Errorf("have %v, %v", out, err)
	}
	d, err := k.Describe(t.Context(), with, task)
	if err != nil || !strings.Contains(strings.Join(d.Exact, "\n"), "as nobody") {
		t.Errorf("have %v, %v", d, err)
	}
}

func TestASandboxedReadCanNotChangeAnything(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "file")
	if err := os.WriteFile(victim, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	task, _ := stepstest.Task()
	task.Reads, task.Sandboxed = true, true
	for name, with := range map[string]map[string]any{
		"command": {"argv": []any{"sh", "-c", `rm -f "$F"; echo y > "$F"; touch "$F.new"; chmod 777 "$F"; cat "$F"`}, "env": map[string]any{"F": victim}},
		"script":  {"text": `rm -f "$F" || :; echo y > "$F" || :; touch "$F.new" || :; chmod 777 "$F" || :; cat "$F"`, "env": map[string]any{"F": victim}},
	} {
		out, err := stepstest.Kind(t, command.Kinds, name).Do(t.Context(), with, task)
		if err != nil || out["stdout"] != "x" {
			t.Errorf("%s: have %v, %v", name, out, err)
		}
		info, err := os.Stat(victim)
		entries, listErr := os.ReadDir(dir)
		if err != nil || listErr != nil || info.Mode().Perm() != 0o600 || len(entries) != 1 {
			t.Errorf("%s changed something: %v, %v", name, info, entries)
		}
	}
}

func TestScriptStopsAtTheFirstFailure(t *testing.T) {
	out, _, err := do(t, "script", map[string]any{"text": "echo one\nfalse\necho two"}, false)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Exit || out["stdout"] != "one\n" {
		t.Errorf("have %v, %v", out, err)
	}
	out, _, err = do(t, "script", map[string]any{"text": `echo "$A"`, "env": map[string]any{"A": "a b; $(id)"}}, false)
	if err != nil || out["stdout"] != "a b; $(id)\n" {
		t.Errorf("have %v, %v", out, err)
	}
	// Another language takes -c as well, but no -e.
	out, _, err = do(t, "script", map[string]any{"shell": "/usr/bin/python3", "text": "import os\nprint(os.environ['A'])", "env": map[string]any{"A": "x"}}, false)
	if engine.FailureOf(err) != nil && engine.FailureOf(err).Kind == engine.Missing {
		return // there is no Python here
	}
	if err != nil || out["stdout"] != "x\n" {
		t.Errorf("have %v, %v", out, err)
	}
}

func TestDescriptionsAreExact(t *testing.T) {
	task, _ := stepstest.Task()
	d, err := stepstest.Kind(t, command.Kinds, "command").Describe(t.Context(), map[string]any{
		"argv": []any{"/usr/bin/env", "A=b", "it's", "", "a\x1b[2Jb", "x y", "*"}, "dir": "/var/www", "stdin": "pass\n",
		"env": map[string]any{"TOKEN": "hunter2", "MODE": "production"},
	}, task)
	if err != nil {
		t.Fatal(err)
	}
	want := engine.Description{Summary: "run env", Target: "env", Exact: []string{
		`/usr/bin/env A=b 'it'\''s' '' "a\x1b[2Jb" 'x y' '*'`, "in /var/www",
		"with MODE, TOKEN in the environment (values not shown)", "with 5 bytes of standard input (not shown)",
	}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	d, err = stepstest.Kind(t, command.Kinds, "script").Describe(t.Context(), map[string]any{"text": "set -u\n\techo \x1b[2J\n"}, task)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/bin/sh -e -c the text", "| set -u", "| \techo ?[2J"}, d.Exact); diff != "" {
		t.Error(diff)
	}
}

func TestRefused(t *testing.T) {
	for name, all := range map[string][]map[string]any{
		"command": {
			{},
			{"argv": []any{}},
			{"argv": []any{""}},
			{"argv": "ls -l"},
			{"argv": []any{"ls", "a\x00b"}},
			{"argv": []any{"ls"}, "dir": "here"},
			{"argv": []any{"ls"}, "env": map[string]any{"A=B": "x"}},
			{"argv": []any{"ls"}, "env": map[string]any{"1A": "x"}},
			{"argv": []any{"ls"}, "timeout": "-1s"},
			{"argv": []any{"ls"}, "reads": true},
		},
		"script": {{}, {"text": " "}, {"text": "x", "shell": "bash"}, {"text": strings.Repeat("x", 64<<10+1)}, {"text": "a\x00"}},
	} {
		for _, with := range all {
			if f := engine.FailureOf(stepstest.Kind(t, command.Kinds, name).Check(with)); f == nil || f.Kind != engine.Invalid {
				t.Errorf("%s %v: have %v", name, with, f)
			}
		}
	}
}

func do(t *testing.T, name string, with map[string]any, reads bool) (map[string]any, *stepstest.Evidence, error) {
	t.Helper()
	task, evidence := stepstest.Task()
	task.Reads = reads
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := stepstest.Kind(t, command.Kinds, name).Do(ctx, with, task)
	return out, evidence, err
}

// zombie tells whether a process has ended and only waits to be collected.
func zombie(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return strings.HasPrefix(rest, "Z")
}
