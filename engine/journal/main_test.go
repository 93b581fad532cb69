package journal_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine/journal"
)

// The test binary is also the other process of these tests: one that appends until it is killed, answers questions, or
// holds what a supervisor holds.
func TestMain(m *testing.M) {
	if role := os.Getenv("JOURNAL_TEST_ROLE"); role != "" {
		if err := play(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(role string, args []string) error {
	s := store(args[0], args[1])
	if role == "create" {
		return playCreate(s, args[2])
	}
	run, err := s.Open(args[2])
	if err != nil {
		return err
	}
	switch role {
	case "append":
		return playAppend(run)
	case "decide":
		return playDecide(run, args[3])
	case "claim":
		return playClaim(run)
	case "lock":
		return playLock(s, run.ID)
	case "note":
		_, err := run.AddNote("note.added", json.RawMessage(`{"text":"from elsewhere"}`))
		return err
	}
	return errors.New("no such role: " + role)
}

// playCreate begins a run, uses it a little, and says where it lies.
func playCreate(s journal.Store, id string) error {
	w, err := s.Create(id, journal.Holder{})
	if err != nil {
		return err
	}
	run := w.Run()
	if _, err := w.Append(journal.Record{Type: "run.started"}, journal.Now); err != nil {
		return err
	}
	if err := run.Pose(journal.Question{Nonce: "q", Data: json.RawMessage(`{}`)}); err != nil {
		return err
	}
	if open, err := run.OpenQuestions(); err != nil || len(open) != 1 {
		return fmt.Errorf("open questions: %v, %w", open, err)
	}
	if won, _, err := run.Decide("q", json.RawMessage(`1`)); err != nil || !won {
		return fmt.Errorf("decide: %v, %w", won, err)
	}
	e, err := run.Evidence("x")
	if err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	dir, err := run.Path()
	if err != nil {
		return err
	}
	fmt.Println(dir)
	return w.Close()
}

// other is this binary as another process, which plays a role for a run.
type other struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startOther(t *testing.T, role string, s journal.Store, args ...string) *other {
	t.Helper()
	return startAs(t, os.Geteuid(), role, s, testID, args...)
}

// startAs is startOther as another user.
func startAs(t *testing.T, uid int, role string, s journal.Store, id string, args ...string) *other {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	fallback := ""
	if len(s.Fallbacks) > 0 {
		fallback = s.Fallbacks[0]
	}
	cmd := exec.CommandContext(t.Context(), exe, append([]string{s.Dir, fallback, id}, args...)...)
	cmd.Env = append(os.Environ(), "JOURNAL_TEST_ROLE="+role)
	cmd.Stderr = t.Output()
	if uid != os.Geteuid() {
		cmd.Path = copyOf(t, exe)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	o := &other{cmd: cmd}
	o.in, err = cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	o.out = bufio.NewReader(out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return o
}

// copyOf copies a program to where every user can start it.
func copyOf(t *testing.T, exe string) string {
	t.Helper()
	program, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(openDir(t), "program")
	if err := os.WriteFile(name, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// openDir is a directory that every user can enter.
func openDir(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	for dir := top; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return top
}

// line waits for the next line that the other process prints.
func (o *other) line(t *testing.T) string {
	t.Helper()
	text, err := o.out.ReadString('\n')
	if err != nil {
		t.Fatalf("other process said %q, then: %v", text, err)
	}
	return strings.TrimSuffix(text, "\n")
}

// kill kills the other process with a signal that it can't see, waits until it is gone, and returns the lines that it
// has said meanwhile.
func (o *other) kill(t *testing.T) []string {
	t.Helper()
	if err := o.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(o.out)
	if err != nil {
		t.Fatal(err)
	}
	err = o.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("other process was to die of SIGKILL: %v", err)
	}
	lines := strings.Split(string(rest), "\n")
	return lines[:len(lines)-1]
}

func (o *other) end(t *testing.T) {
	t.Helper()
	o.in.Close()
	if err := o.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func store(dir, fallback string) journal.Store {
	s := journal.Store{Dir: dir, UID: os.Getuid(), Retry: time.Nanosecond}
	if fallback != "" {
		s.Fallbacks = []string{fallback}
	}
	return s
}

func tempStore(t *testing.T) journal.Store {
	t.Helper()
	dir := t.TempDir()
	return store(filepath.Join(dir, "home"), filepath.Join(dir, "memory"))
}

const testID = "20261123T031045Z-k3f7"

func create(t *testing.T, s journal.Store) *journal.Writer {
	t.Helper()
	w, err := s.Create(testID, journal.Holder{By: "deploy"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func hold(t *testing.T, s journal.Store) *journal.Writer {
	t.Helper()
	run, err := s.Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Hold(journal.Holder{By: "deploy"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func closeWriter(t *testing.T, w *journal.Writer) {
	t.Helper()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func appendEvent(t *testing.T, w *journal.Writer, d journal.Durability, typ, format string, args ...any) journal.Record {
	t.Helper()
	rec, err := w.Append(journal.Record{Type: typ, Data: fmt.Appendf(nil, format, args...)}, d)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func records(t *testing.T, run *journal.Run) []journal.Record {
	t.Helper()
	var all []journal.Record
	for rec, err := range run.Records() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}

func journalPath(t *testing.T, run *journal.Run) string {
	t.Helper()
	dir, err := run.Path()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "journal.jsonl")
}

// ownMounts runs the calling test in a process with mounts of its own, so that it can have a disk that is full, and
// says whether this is that process. The mounts end with it. Without root it takes a user namespace.
func ownMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv("JOURNAL_TEST_MOUNTS") != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		return true
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), "JOURNAL_TEST_MOUNTS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) && os.Getenv("CI") == "" {
		t.Skip("this machine lets nobody but root have mounts of his own")
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Fatalf("in its own mounts: %v\n%s", err, out)
	}
	return false
}

// needRoot skips a test that only root can do. In CI it must not be skipped.
func needRoot(t *testing.T, why string) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// mountTmpfs mounts a file system in memory of that size.
func mountTmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk has no byte left, and returns its name.
func fill(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err == nil {
			continue
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		size /= 2
	}
	return name
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func writeFile(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// addTo adds bytes to the end of a file.
func addTo(t *testing.T, name, text string) {
	t.Helper()
	writeFile(t, name, append(readFile(t, name), text...))
}
