package run_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/internal/run"
)

// sh runs a shell script to its end, and returns what it printed.
func sh(t *testing.T, text string, change func(*run.Spec)) (string, run.Exit) {
	t.Helper()
	var out bytes.Buffer
	spec := run.Spec{Argv: []string{"sh", "-c", text}, Stdout: &out, Stderr: &out}
	if change != nil {
		change(&spec)
	}
	exit, err := run.Run(t.Context(), spec)
	must(t, err)
	return out.String(), exit
}

func TestExit(t *testing.T) {
	for text, want := range map[string]run.Exit{
		"exit 0":          {Code: 0},
		"exit 3":          {Code: 3},
		"kill -KILL $$":   {Code: 137, Signal: "KILL"},
		"kill -TERM $$":   {Code: 143, Signal: "TERM"},
		"sleep 0; exit 0": {Code: 0},
	} {
		_, exit := sh(t, text, nil)
		if exit.Code != want.Code || exit.Signal != want.Signal || exit.PID == 0 || exit.Duration <= 0 || exit.OutputOpen {
			t.Errorf("%s: %+v", text, exit)
		}
	}
}

func TestEnvironmentIsSmall(t *testing.T) {
	t.Setenv("FROM_OUTSIDE", "leaked")
	u, err := run.CurrentUser()
	must(t, err)
	out, _ := sh(t, "exec env", func(s *run.Spec) { s.Env = []string{"A=1", "B=two words", "A=3", "LANG=en_GB.UTF-8"} })
	got := strings.Split(strings.TrimSpace(out), "\n")
	got = slices.DeleteFunc(got, func(v string) bool { return strings.HasPrefix(v, "PWD=") }) // the shell's own
	slices.Sort(got)
	if n := len(got); n == 0 || !strings.HasPrefix(got[n-2], "RUNBOOK_PROCESS=") {
		t.Fatalf("no mark in %q", got)
	}
	want := []string{
		"A=3", "B=two words", "HOME=" + u.Home, "LANG=en_GB.UTF-8", "LOGNAME=" + u.Name, "PATH=" + run.DefaultPath, got[len(got)-2], "USER=" + u.Name,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProgramsAreFoundInTheProcessesOwnPath(t *testing.T) {
	dir := filepath.Dir(script(t, "#!/bin/sh\necho found\n"))
	t.Setenv("PATH", "/nowhere")
	for name, spec := range map[string]run.Spec{
		"by PATH":          {Argv: []string{"script"}, Env: []string{"PATH=/nowhere:" + dir}},
		"by absolute path": {Argv: []string{dir + "/script"}},
		"by relative path": {Argv: []string{"./script"}, Dir: dir},
	} {
		var out bytes.Buffer
		spec.Stdout = &out
		if _, err := run.Run(t.Context(), spec); err != nil || out.String() != "found\n" {
			t.Errorf("%s: %v, %q", name, err, &out)
		}
	}
}

func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	u, err := run.CurrentUser()
	must(t, err)
	if out, _ := sh(t, "pwd", func(s *run.Spec) { s.Dir = dir }); strings.TrimSpace(out) != dir {
		t.Errorf("in %s: %q", dir, out)
	}
	if _, err := os.Stat(u.Home); err != nil {
		t.Logf("no home %s to begin in", u.Home)
	} else if out, _ := sh(t, "pwd", nil); strings.TrimSpace(out) != u.Home {
		t.Errorf("by default: %q, want %s", out, u.Home)
	}
	u.Home = "/nowhere/at/all"
	if out, _ := sh(t, "pwd", func(s *run.Spec) { s.User = &u }); strings.TrimSpace(out) != "/" {
		t.Errorf("without a home: %q", out)
	}
}

func TestInput(t *testing.T) {
	if out, _ := sh(t, "cat", func(s *run.Spec) { s.Stdin = strings.NewReader("hello") }); out != "hello" {
		t.Errorf("%q", out)
	}
	if out, _ := sh(t, "cat; echo end", nil); out != "end\n" {
		t.Errorf("nothing to read: %q", out)
	}
	// A process need not read what it is given.
	big := strings.NewReader(strings.Repeat("x", 1<<20))
	if out, _ := sh(t, "echo no thanks", func(s *run.Spec) { s.Stdin = big }); out != "no thanks\n" {
		t.Errorf("%q", out)
	}
}

func TestOutputs(t *testing.T) {
	if out, _ := sh(t, "for i in 1 2 3; do echo out $i; echo err $i >&2; done", nil); out != "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n" {
		t.Errorf("together: %q", out)
	}
	var stderr bytes.Buffer
	if out, _ := sh(t, "echo out; echo err >&2", func(s *run.Spec) { s.Stderr = &stderr }); out != "out\n" || stderr.String() != "err\n" {
		t.Errorf("apart: %q, %q", out, &stderr)
	}
	if _, exit := sh(t, "head -c 1M /dev/zero", func(s *run.Spec) { s.Stdout, s.Stderr = nil, nil }); exit.Code != 0 {
		t.Errorf("thrown away: %+v", exit)
	}
	if out, _ := sh(t, "echo again > /dev/stderr", nil); out != "again\n" {
		t.Errorf("opened by name: %q", out)
	}
}

type failing struct{}

var errFailing = errors.New("no room")

func (failing) Write([]byte) (int, error) { return 0, errFailing }

// What a process has begun must not die of our disk being full.
func TestAFailingWriterDoesNotStopTheProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	exit, err := run.Run(t.Context(), run.Spec{
		Argv: []string{"sh", "-c", `head -c 1M /dev/zero && echo done > "$FILE"`}, Env: []string{"FILE=" + file}, Stdout: failing{},
	})
	if !errors.Is(err, errFailing) || exit.Code != 0 {
		t.Errorf("%+v, %v", exit, err)
	}
	if _, ours := errors.AsType[*run.Error](err); ours {
		t.Errorf("%v is called a failure of the process", err)
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "done\n" {
		t.Errorf("%q, %v", content, err)
	}
}

func TestTheProcessHasNoTerminal(t *testing.T) {
	out, _ := sh(t, `(: < /dev/tty) && echo opened; echo; ps -o pid=,sid=,pgid= -p $$`, nil)
	said, numbers, _ := strings.Cut(out, "\n\n")
	if f := strings.Fields(numbers); len(f) != 3 || f[0] != f[1] || f[0] != f[2] {
		t.Errorf("it leads no session: %q", out)
	}
	if strings.Contains(said, "opened") || !strings.Contains(said, "/dev/tty") {
		t.Errorf("it has a terminal: %q", out)
	}
}

func TestKindsOfFailure(t *testing.T) {
	dir := publicDir(t)
	file := write(t, filepath.Join(dir, "file"), "text", 0o644)
	for _, c := range []struct {
		name string
		spec run.Spec
		kind run.Kind
		is   error
		says string
	}{
		{"no program named", run.Spec{}, run.Invalid, nil, "no program is named"},
		{"not in PATH", run.Spec{Argv: []string{"no-such-program"}}, run.Missing, fs.ErrNotExist, "start no-such-program: not found in PATH, which is /usr/local/sbin"},
		{"no such file", run.Spec{Argv: []string{"/nowhere/program"}}, run.Missing, fs.ErrNotExist, "/nowhere/program is not there"},
		{"no such directory", run.Spec{Argv: []string{"true"}, Dir: "/nowhere"}, run.Missing, fs.ErrNotExist, "directory /nowhere is not there"},
		{"not a directory", run.Spec{Argv: []string{"true"}, Dir: file}, run.Invalid, nil, file + " is not a directory"},
		{"below a file", run.Spec{Argv: []string{"true"}, Dir: file + "/sub"}, run.Invalid, nil, file + "/sub is not a directory"},
		{"not executable", run.Spec{Argv: []string{file}}, run.Denied, fs.ErrPermission, "may not execute " + file},
		{"no interpreter", run.Spec{Argv: []string{script(t, "#!/nowhere/node\n")}}, run.Missing, fs.ErrNotExist, "wants the interpreter /nowhere/node, which is not there"},
		{"no program at all", run.Spec{Argv: []string{script(t, "gibberish")}}, run.Invalid, nil, "is no program"},
		{"too long", run.Spec{Argv: []string{"true", strings.Repeat("x", 1<<20)}}, run.Invalid, nil, "too long"},
		{"a NUL", run.Spec{Argv: []string{"true", "a\x00b"}}, run.Invalid, nil, "start true"},
		{"a bad variable", run.Spec{Argv: []string{"true"}, Env: []string{"secret"}}, run.Invalid, nil, "NAME=value"},
	} {
		for _, sandbox := range []bool{false, true} {
			c.spec.Sandbox = sandbox
			_, err := run.Run(t.Context(), c.spec)
			failure, ok := errors.AsType[*run.Error](err)
			if !ok || failure.Kind != c.kind || !strings.Contains(err.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%s, sandbox %v: %v (%+v), want %s and %q", c.name, sandbox, err, failure, c.kind, c.says)
			}
		}
	}
}

func TestUsers(t *testing.T) {
	if _, err := run.LookupUser("no-such-user"); err == nil || !strings.Contains(err.Error(), "there is no such user") {
		t.Error(err)
	} else if failure, ok := errors.AsType[*run.Error](err); !ok || failure.Kind != run.Missing || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%+v", failure)
	}
	nobody, err := run.LookupUser("nobody")
	must(t, err)
	if same, err := run.UserNamed("nobody"); err != nil || same.UID != nobody.UID {
		t.Errorf("%v, %v", same, err)
	}
	if us, err := run.UserNamed(""); err != nil || us != nil {
		t.Errorf("%v, %v", us, err)
	}
	if byNumber, err := run.LookupUser("65534"); err != nil || byNumber.Name != "nobody" {
		t.Errorf("%v, %v", byNumber, err)
	}
	if os.Getuid() != 0 {
		root, err := run.LookupUser("root")
		must(t, err)
		_, err = run.Run(t.Context(), run.Spec{Argv: []string{"true"}, User: &root})
		if failure, ok := errors.AsType[*run.Error](err); !ok || failure.Kind != run.Denied || !strings.Contains(err.Error(), "become user root") {
			t.Error(err)
		}
		return
	}
	for _, sandbox := range []bool{false, true} {
		as := func(s *run.Spec) { s.User, s.Sandbox = &nobody, sandbox }
		if out, _ := sh(t, "id -un; id -G; echo $HOME $USER", as); out != "nobody\n65534\n"+nobody.Home+" nobody\n" {
			t.Errorf("sandbox %v: %q", sandbox, out)
		}
		if out, _ := sh(t, "echo by name > /dev/stderr; cat /dev/stdin", func(s *run.Spec) { as(s); s.Stdin = strings.NewReader("in") }); out != "by name\nin" {
			t.Errorf("sandbox %v: %q", sandbox, out)
		}
		private := t.TempDir()
		must(t, os.Chmod(private, 0o700))
		_, err := run.Run(t.Context(), run.Spec{Argv: []string{"true"}, User: &nobody, Dir: private, Sandbox: sandbox})
		if failure, ok := errors.AsType[*run.Error](err); !ok || failure.Kind != run.Denied || !strings.Contains(err.Error(), "user nobody may not enter /") {
			t.Errorf("sandbox %v: %v", sandbox, err)
		}
	}
}

func TestSandboxed(t *testing.T) {
	file := filepath.Join(publicDir(t), "file")
	if out, exit := sh(t, `echo x > "$FILE"; cat /etc/hostname /etc/passwd | grep root`, func(s *run.Spec) {
		s.Sandbox, s.Env = true, []string{"FILE=" + file}
	}); exit.Code != 0 || !strings.Contains(out, "root:") || !strings.Contains(out, "ermi") {
		t.Errorf("%+v: %s", exit, out)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a read wrote a file")
	}
}

func TestCancelledBeforeTheStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := run.Run(ctx, run.Spec{Argv: []string{"touch", file}})
	if failure, ok := errors.AsType[*run.Error](err); !ok || failure.Kind != run.Cancelled || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it was started all the same")
	}
}

func TestStoppedByTheContext(t *testing.T) {
	errWhy := errors.New("step check took more than 5s")
	for _, c := range []struct {
		name string
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		kind run.Kind
		is   error
		says string
	}{
		{"timeout", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 10*time.Millisecond)
		}, run.Timeout, context.DeadlineExceeded, "run sleep: stopped, the time was over"},
		{"timeout with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, 10*time.Millisecond, errWhy)
		}, run.Timeout, errWhy, "step check took more than 5s"},
		{"cancelled", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(10*time.Millisecond, cancel)
			return ctx, cancel
		}, run.Cancelled, context.Canceled, "run sleep: stopped: context canceled"},
	} {
		ctx, cancel := c.ctx(t.Context())
		begun := time.Now()
		exit, err := run.Run(ctx, run.Spec{Argv: []string{"sleep", "1000"}})
		cancel()
		failure, ok := errors.AsType[*run.Error](err)
		if !ok || failure.Kind != c.kind || !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v (%+v)", c.name, err, failure)
		}
		if exit.Signal != "TERM" || exit.Code != 143 || !gone(exit.PID) {
			t.Errorf("%s: %+v", c.name, exit)
		}
		if took := time.Since(begun); took > run.DefaultGrace {
			t.Errorf("%s: hung for %s", c.name, took)
		}
	}
}
