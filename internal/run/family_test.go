package run_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/internal/run"
)

// Whoever a process leaves around it is gone once its context has ended. Each
// script prints "pid N" for all that must be, and then "ready".
func TestNobodyIsLeftBehind(t *testing.T) {
	for name, text := range map[string]string{
		"itself":              `echo pid $$; echo ready; sleep 1000`,
		"deaf to TERM":        `trap "" TERM; echo pid $$; echo ready; while :; do sleep 1000; done`,
		"a child":             `sleep 1000 & echo pid $!; echo ready; wait`,
		"a deaf child":        `sh -c 'trap "" TERM; echo pid $$; echo ready; while :; do sleep 1000; done' & wait`,
		"another group":       `set -m; sleep 1000 & echo pid $!; echo ready; wait`,
		"another session":     `setsid sh -c 'echo pid $$; echo ready; exec sleep 1000' & wait`,
		"a deaf session":      `setsid sh -c 'trap "" TERM; echo pid $$; echo ready; while :; do sleep 1000; done' & wait`,
		"an orphan":           `(setsid sh -c 'echo pid $$; echo ready; exec sleep 1000' &); sleep 1000`,
		"an orphan's orphan":  `(setsid sh -c '(setsid sh -c "echo pid \$\$; echo ready; exec sleep 1000" &) ; exit' &); sleep 1000`,
		"without environment": `env -i setsid sh -c 'echo pid $$; echo ready; exec sleep 1000' & wait`,
		"stopped":             `sleep 1000 & echo pid $!; kill -STOP $!; echo ready; wait`,
		"born of TERM":        `trap 'setsid sh -c "echo pid \$\$; exec sleep 1000" & exit' TERM; echo pid $$; echo ready; while :; do sleep 0.01; done`,
		"begetting":           `(while :; do setsid sleep 1000 & sleep 0.01; done) & echo pid $!; echo ready; wait`,
		"silent":              `setsid sh -c 'echo pid $$; echo ready; exec >/dev/null 2>&1; exec sleep 1000' & wait`,
		"holding the output":  `trap "" TERM; echo pid $$; sleep 1000 & sleep 1000 & echo ready; wait; wait`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, sandbox := range []bool{false, true} {
				ctx, cancel := context.WithCancel(t.Context())
				out := &lines{want: "ready", then: cancel}
				begun := time.Now()
				exit, err := run.Run(ctx, run.Spec{
					Argv: []string{"sh", "-c", text}, Stdout: out, Stderr: out, Grace: 100 * time.Millisecond, Sandbox: sandbox,
				})
				if failure, ok := errors.AsType[*run.Error](err); !ok || failure.Kind != run.Cancelled {
					t.Fatalf("%v: %s", err, out)
				}
				if took := time.Since(begun); took > 30*time.Second {
					t.Errorf("hung for %s", took)
				}
				pids := append(out.pids(), exit.PID)
				if len(pids) < 2 {
					t.Fatalf("nobody said who it is: %q", out)
				}
				for _, pid := range pids {
					if !gone(pid) {
						t.Errorf("sandbox %v: process %d is still there", sandbox, pid)
						_ = unix.Kill(pid, unix.SIGKILL)
					}
				}
				if left := withMark(t, exit.PID); len(left) > 0 {
					t.Errorf("sandbox %v: in its session are still %v", sandbox, left)
				}
			}
		})
	}
}

// withMark finds processes of the session.
func withMark(t *testing.T, session int) []string {
	t.Helper()
	out, _ := exec.CommandContext(t.Context(), "ps", "-o", "pid=,stat=,args=", "-s", strconv.Itoa(session)).Output()
	var left []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 1 && f[1][0] != 'Z' {
			left = append(left, line)
		}
	}
	return left
}

// One that is ended by KILL had its time before it.
func TestTermComesFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &lines{want: "ready", then: cancel}
	exit, err := run.Run(ctx, run.Spec{
		Argv:   []string{"sh", "-c", `trap 'echo cleaning up; exit 7' TERM; echo ready; while :; do sleep 0.01; done`},
		Stdout: out, Stderr: out, Grace: time.Minute,
	})
	if err == nil || exit.Code != 7 || !strings.Contains(out.String(), "cleaning up") {
		t.Errorf("%+v, %v: %s", exit, err, out)
	}
}

// A stopped process hears TERM too, and may clean up.
func TestTheStoppedMayCleanUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &lines{want: "ready", then: cancel}
	_, err := run.Run(ctx, run.Spec{
		Argv: []string{"sh", "-c", `
			sh -c 'trap "echo cleaning up; exit" TERM; kill -STOP $$; while :; do sleep 0.01; done' &
			until grep -q 'State:.*stopped' /proc/$!/status; do sleep 0.01; done
			echo ready; wait`},
		Stdout: out, Stderr: out, Grace: time.Minute,
	})
	if err == nil || !strings.Contains(out.String(), "cleaning up") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestOthersAreSpared(t *testing.T) {
	var all sync.WaitGroup
	inner, stop := context.WithCancel(t.Context())
	other := &lines{want: "ready", then: func() {}}
	ready := make(chan bool)
	var once sync.Once
	other.then = func() { once.Do(func() { close(ready) }) }
	var exit run.Exit
	var err error
	all.Go(func() {
		exit, err = run.Run(inner, run.Spec{Argv: []string{"sh", "-c", "setsid sleep 1000 & echo pid $!; echo ready; wait"}, Stdout: other})
	})
	<-ready
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, _ = run.Run(ctx, run.Spec{Argv: []string{"sleep", "1000"}})
		cancel()
	}
	for _, pid := range other.pids() {
		if gone(pid) {
			t.Errorf("ending one process ended another's child %d", pid)
		}
	}
	stop()
	all.Wait()
	if err == nil || !gone(exit.PID) {
		t.Errorf("%+v, %v", exit, err)
	}
}

// A daemon that a change starts is its purpose. One that a read starts is not.
func TestWhatIsLeftWhenAProcessEndsByItself(t *testing.T) {
	for _, c := range []struct {
		text string
		open bool
	}{
		{`setsid sh -c 'echo pid $$; exec sleep 1000' & while [ ! -e "$FILE" ] && ! ps -o args= -s "$!" | grep -q '^sleep 1000'; do sleep 0.01; done`, true},
		{`setsid sh -c 'echo pid $$; exec sleep 1000 >/dev/null 2>&1' & while [ ! -e "$FILE" ] && ! ps -o args= -s "$!" | grep -q '^sleep 1000'; do sleep 0.01; done`, false},
	} {
		for _, sandbox := range []bool{false, true} {
			var out lines
			out.want, out.then = "never", func() {}
			exit, err := run.Run(t.Context(), run.Spec{
				Argv: []string{"sh", "-c", c.text}, Stdout: &out, Stderr: &out, Sandbox: sandbox,
			})
			must(t, err)
			pids := out.pids()
			if exit.Code != 0 || len(pids) != 1 {
				t.Fatalf("%+v: %s", exit, &out)
			}
			if gone(pids[0]) != sandbox {
				t.Errorf("sandbox %v: gone is %v", sandbox, gone(pids[0]))
			}
			if exit.OutputOpen != (c.open && !sandbox) {
				t.Errorf("sandbox %v: %+v", sandbox, exit)
			}
			if !sandbox {
				must(t, unix.Kill(pids[0], unix.SIGKILL))
			}
		}
	}
}

// In a supervisor, which adopts orphans, nobody escapes and no zombie stays.
func TestAnAdopterLosesNobody(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = []string{roleVar + "=subreaper", "GORACE=atexit_sleep_ms=0"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	first, rest, _ := strings.Cut(string(out), "\n")
	var pid int
	if _, err := fmt.Sscanf(first, "[%d]", &pid); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !gone(pid) {
		t.Errorf("process %d is still there", pid)
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	if !strings.HasPrefix(rest, `children: "" <nil>`) {
		t.Errorf("it has still children: %s", rest)
	}
}

func TestAGigabyteCostsLittle(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	for _, sandbox := range []string{"", "yes"} {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = []string{roleVar + "=gigabyte", "GORACE=atexit_sleep_ms=0", "SANDBOX=" + sandbox}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		fields := strings.Fields(string(out)) // VmHWM: N kB
		i := slices.Index(fields, "VmHWM:")
		if i < 0 {
			t.Fatal(string(out))
		}
		peak, err := strconv.Atoi(fields[i+1])
		must(t, err)
		t.Logf("peak memory %d KiB", peak)
		if peak > 64<<10 {
			t.Errorf("peak memory is %d KiB", peak)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for _, sandbox := range []bool{false, true} {
		b.Run(fmt.Sprintf("sandbox=%v", sandbox), func(b *testing.B) {
			for b.Loop() {
				var out bytes.Buffer
				if _, err := run.Run(b.Context(), run.Spec{Argv: []string{"true"}, Stdout: &out, Stderr: &out, Sandbox: sandbox}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
