package proc_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runbook/steps/internal/proc"
)

func TestAProcessIsWhatItIs(t *testing.T) {
	table := open(t)
	cmd := sleeper(t, "a\nb")
	p, err := table.Process(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if p.PID != cmd.Process.Pid || p.Parent != os.Getpid() || p.User != me.Username {
		t.Errorf("have %+v", p)
	}
	if p.Command == nil || !strings.Contains(*p.Command, "a?b") {
		t.Errorf("a control character must not get through: %v", p.Command)
	}
	if p.Unit == nil || p.AgeSeconds < 0 || p.AgeSeconds > 600 {
		t.Errorf("have %+v", p)
	}
	if own, err := table.Process(os.Getpid()); err != nil || own.Memory < 1<<20 {
		t.Errorf("this test does not fit into %d bytes: %v", own.Memory, err)
	}
	ancestors, err := table.Ancestors(cmd.Process.Pid)
	if err != nil || len(ancestors) == 0 || ancestors[0] != os.Getpid() {
		t.Errorf("have ancestors %v, %v", ancestors, err)
	}
}

func TestAProcessThatEndedIsNotThere(t *testing.T) {
	table := open(t)
	cmd := exec.CommandContext(t.Context(), "true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Process(cmd.Process.Pid); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("have %v", err)
	}
	if _, err := table.Start(cmd.Process.Pid); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("have %v", err)
	}
}

func TestStartTellsProcessesApart(t *testing.T) {
	table := open(t)
	own, err := table.Start(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	again, err := proc.ParseStart(own.String())
	if err != nil || again != own {
		t.Errorf("have %v, %v, want %v", again, err, own)
	}
	init, err := table.Start(1)
	if err != nil || init == own {
		t.Errorf("process 1 began when this test did: %v, %v", init, err)
	}
	for _, text := range []string{"", "1", "1@", "@3f2a9c1d", "-1@3f2a9c1d", "1@3F2A9C1D", "1@3f2a9c1d ", "99999999999999999999@3f2a9c1d"} {
		if s, err := proc.ParseStart(text); err == nil {
			t.Errorf("%q was read as %v", text, s)
		}
	}
}

func TestHoldersOfASocket(t *testing.T) {
	table := open(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		t.Fatal("not a TCP listener")
	}
	file, err := tcp.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		t.Fatal(err)
	}

	// A worker inherits the socket, as nginx's do. It is younger, so its parent is the owner.
	worker := exec.CommandContext(t.Context(), "sleep", "3600")
	worker.ExtraFiles = []*os.File{file}
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = worker.Process.Kill(); _ = worker.Wait() })

	holders, err := table.Holders(t.Context(), map[uint64]bool{st.Ino: true, 1: true})
	if err != nil {
		t.Fatal(err)
	}
	have := holders[st.Ino]
	if len(holders) != 1 || !slices.Contains(have, os.Getpid()) || !slices.Contains(have, worker.Process.Pid) {
		t.Errorf("have %v, want %d and %d", holders, os.Getpid(), worker.Process.Pid)
	}
	slices.Reverse(have)
	if owner, ok := table.Owner(have); !ok || owner.PID != os.Getpid() {
		t.Errorf("have owner %v, want %d", owner.PID, os.Getpid())
	}
	if owner, ok := table.Owner([]int{1, worker.Process.Pid}); !ok || owner.PID != worker.Process.Pid {
		t.Errorf("have owner %v: process 1 only holds what it hands to others", owner.PID)
	}
	if owner, ok := table.Owner(nil); ok {
		t.Errorf("nobody's socket belongs to %v", owner)
	}
}

func open(t *testing.T) *proc.Table {
	t.Helper()
	table, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// sleeper starts a process with an argument of choice.
func sleeper(t *testing.T, arg string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "read x", "sh", arg)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	return cmd
}
