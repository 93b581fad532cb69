package run_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/internal/run"
	"runbook/internal/run/capture"
	"runbook/internal/run/redact"
)

// The test binary is also a process of its own for what concerns a whole
// process: its memory, and whether it adopts orphans.
const roleVar = "RUN_TEST_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(roleVar) {
	case "":
		os.Exit(m.Run())
	case "gigabyte":
		err = gigabyte()
	case "subreaper":
		err = adopter()
	default:
		err = fmt.Errorf("no such role")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// gigabyte runs a process that prints one, and prints its own peak of memory.
func gigabyte() error {
	secrets, err := redact.New(redact.Secret{Name: "token", Value: "hunter2-hunter2"})
	if err != nil {
		return err
	}
	kept := capture.New(0, io.Discard)
	clean := secrets.Writer(kept)
	exit, err := run.Run(context.Background(), run.Spec{
		Argv: []string{"head", "-c", "1G", "/dev/zero"}, Stdout: clean, Stderr: clean, Sandbox: os.Getenv("SANDBOX") != "",
	})
	if err != nil {
		return err
	}
	if err := clean.Close(); err != nil {
		return err
	}
	if s := kept.Summary(); exit.Code != 0 || s.Total != 1<<30 {
		return fmt.Errorf("exit %d after %d bytes", exit.Code, s.Total)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM:") {
			fmt.Print(line)
		}
	}
	return nil
}

// adopter is a subreaper whose change leaves a process behind that is in no
// group, session, family or environment of ours.
func adopter() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	out := &lines{want: "pid", then: cancel}
	_, err := run.Run(ctx, run.Spec{
		Argv:   []string{"sh", "-c", `(env -i setsid sh -c 'trap "" TERM; echo pid $$; exec sleep 1000' &); sleep 1000`},
		Stdout: out, Grace: 50 * time.Millisecond,
	})
	fmt.Println(out.pids(), err)
	children, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	fmt.Printf("children: %q %v\n", children, err)
	return nil
}

// lines is an output that calls then once it holds what is wanted.
type lines struct {
	want string
	then func()
	text bytes.Buffer // not embedded: io.Copy would go round Write
}

func (l *lines) Write(p []byte) (int, error) {
	n, err := l.text.Write(p)
	if strings.Contains(l.String(), l.want) {
		l.then()
	}
	return n, err
}

func (l *lines) String() string { return l.text.String() }

// pids are the numbers that were printed after "pid".
func (l *lines) pids() []int {
	var pids []int
	for line := range strings.Lines(l.String()) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "pid "); ok {
			pid, err := strconv.Atoi(rest)
			if err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// gone tells whether a process is dead. Its zombie may still be there.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	rest := string(stat[bytes.LastIndexByte(stat, ')')+1:])
	return strings.HasPrefix(rest, " Z") || strings.HasPrefix(rest, " X")
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// publicDir is a temporary directory that every user can get into.
func publicDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	return dir
}

func write(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), mode))
	must(t, os.Chmod(path, mode))
	return path
}

func script(t *testing.T, text string) string {
	t.Helper()
	return write(t, filepath.Join(publicDir(t), "script"), text, 0o755)
}
