package process_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/engine"
	"runbook/steps/process"
	"runbook/steps/stepstest"
)

func TestListFindsByCommandLine(t *testing.T) {
	mark := marker(t)
	first, second := start(t, mark, ""), start(t, mark, "")
	start(t, "something else", "")
	out := list(t, map[string]any{"match": mark + "$"})
	found := processes(t, out)
	if out["count"] != 2 || len(found) != 2 {
		t.Fatalf("have %v", out)
	}
	for i, cmd := range []*exec.Cmd{first, second} {
		p := found[i]
		if p["pid"] != cmd.Process.Pid || p["parent"] != os.Getpid() || p["process"] != "sh" ||
			!strings.HasSuffix(p["command"].(string), mark) || p["unit"] == nil {
			t.Errorf("have %v", p)
		}
	}
}

// `sudo runbook run frontend-not-starting` must not be found by a check that looks for frontend.
func TestListLeavesTheToolOut(t *testing.T) {
	const inside = "PROCESS_TEST_INSIDE"
	self := filepath.Base(os.Args[0])
	if os.Getenv(inside) != "" {
		found := map[any]bool{}
		for _, p := range processes(t, list(t, map[string]any{"match": self})) {
			found[p["pid"]] = true
		}
		outer, err := strconv.Atoi(os.Getenv(inside))
		if err != nil {
			t.Fatal(err)
		}
		if found[os.Getpid()] || found[os.Getppid()] || !found[outer] {
			t.Errorf("found %v: want neither this tool (%d) nor the shell that started it (%d), but the test (%d), which does something else",
				found, os.Getpid(), os.Getppid(), outer)
		}
		return
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", os.Args[0]+" -test.run=^TestListLeavesTheToolOut$ -test.count=1; exit $?")
	cmd.Env = append(os.Environ(), inside+"="+strconv.Itoa(os.Getpid()))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestListByUser(t *testing.T) {
	stepstest.Root(t)
	mark := marker(t)
	start(t, mark, "")
	theirs := start(t, mark, "nobody")
	out := list(t, map[string]any{"match": mark, "user": "nobody"})
	if found := processes(t, out); len(found) != 1 || found[0]["pid"] != theirs.Process.Pid || found[0]["user"] != "nobody" {
		t.Errorf("have %v", out)
	}
}

func TestListOfManyStaysSmall(t *testing.T) {
	mark := marker(t)
	for range 55 {
		start(t, mark+strings.Repeat("<", 500), "")
	}
	out := list(t, map[string]any{"match": mark})
	if out["count"] != 55 || len(processes(t, out)) < 10 || len(processes(t, out)) > 50 {
		t.Errorf("have %v, and %d in the list", out["count"], len(processes(t, out)))
	}
}

func TestSignalEndsAProcess(t *testing.T) {
	cmd := start(t, marker(t), "")
	with := signalTo(t, cmd)
	task, evidence := stepstest.Task()
	d, err := kind(t, "process.signal").Describe(t.Context(), with, task)
	if err != nil || d.Target != "sh" || !strings.HasPrefix(d.Summary, fmt.Sprintf("send TERM to process %d (sh of ", cmd.Process.Pid)) {
		t.Errorf("have %+v, %v", d, err)
	}
	if err := kind(t, "process.signal").Before(t.Context(), with, task); err != nil || !strings.Contains(evidence.Text("process"), "State:") {
		t.Errorf("have %q, %v", evidence.Text("process"), err)
	}
	if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Fatalf("describing it ended it: %v", err)
	}
	if out := send(t, with); out["sent"] != true || out["gone"] != true {
		t.Errorf("have %v", out)
	}
	if ended(t, cmd) != syscall.SIGTERM {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
	if out := send(t, with); out["sent"] != false || out["gone"] != true {
		t.Errorf("a second time there is nobody to send it to: have %v", out)
	}
	d, err = kind(t, "process.signal").Describe(t.Context(), with, task)
	if err != nil || !strings.HasPrefix(d.Summary, "send nothing") {
		t.Errorf("have %+v, %v", d, err)
	}
}

func TestSignalThatIsIgnored(t *testing.T) {
	cmd := start(t, marker(t), "", "trap '' TERM")
	with := signalTo(t, cmd)
	with["wait"] = "50ms"
	if out := send(t, with); out["sent"] != true || out["gone"] != false {
		t.Errorf("have %v", out)
	}
	with["signal"], with["wait"] = "KILL", "1m"
	if out := send(t, with); out["sent"] != true || out["gone"] != true {
		t.Errorf("have %v", out)
	}
	if ended(t, cmd) != syscall.SIGKILL {
		t.Errorf("ended with %v", cmd.ProcessState)
	}
}

func TestSignalThatEndsNothing(t *testing.T) {
	cmd := start(t, marker(t), "", "trap 'echo again' HUP")
	with := signalTo(t, cmd)
	with["signal"], with["wait"] = "HUP", "1h"
	if out := send(t, with); out["sent"] != true || out["gone"] != false {
		t.Errorf("have %v", out)
	}
}

func TestSignalToAPidThatSomebodyElseHas(t *testing.T) {
	cmd := start(t, marker(t), "")
	with := signalTo(t, cmd)
	ticks, boot, _ := strings.Cut(with["start_time"].(string), "@")
	for _, other := range []string{"1@" + boot, ticks + "@00000000"} {
		with["start_time"] = other
		task, _ := stepstest.Task()
		out, err := kind(t, "process.signal").Do(t.Context(), with, task)
		if f := engine.FailureOf(err); f == nil || f.Kind != engine.Missing || !strings.Contains(f.Message, "another process") || out["sent"] != false {
			t.Errorf("have %v, %v", out, err)
		}
		if _, err := kind(t, "process.signal").Describe(t.Context(), with, task); engine.FailureOf(err) == nil {
			t.Error("it can't be described either")
		}
	}
	if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the other process is gone: %v", err)
	}
}

func TestSignalNeverToItselfNorToItsParents(t *testing.T) {
	for _, pid := range []int{os.Getpid(), os.Getppid()} {
		task, _ := stepstest.Task()
		_, err := kind(t, "process.signal").Do(t.Context(), map[string]any{"pid": pid, "start_time": startOf(t, pid), "signal": "CONT"}, task)
		if f := engine.FailureOf(err); f == nil || f.Kind != engine.Invalid || !strings.Contains(f.Message, "this tool") {
			t.Errorf("%d: have %v", pid, err)
		}
	}
	for _, with := range []map[string]any{
		{"pid": 1, "start_time": "1@00000000"},
		{"pid": 0, "start_time": "1@00000000"},
		{"pid": -5, "start_time": "1@00000000"},
		{"pid": 4711},
		{"pid": 4711, "start_time": "yesterday"},
		{"pid": 4711, "start_time": "1@00000000", "signal": "SEGV"},
		{"pid": 4711, "start_time": "1@00000000", "wait": "-1s"},
	} {
		if f := engine.FailureOf(kind(t, "process.signal").Check(with)); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%v: have %v", with, f)
		}
	}
}

func TestSignalWithoutTheRightTo(t *testing.T) {
	stepstest.Root(t)
	cmd := start(t, marker(t), "")
	task, _ := stepstest.Task()
	task.As = "nobody"
	_, err := kind(t, "process.signal").Do(t.Context(), signalTo(t, cmd), task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Denied {
		t.Errorf("have %v", err)
	}
}

func TestSignalStopsWaitingWhenItIsCancelled(t *testing.T) {
	cmd := start(t, marker(t), "", "trap 'echo told' TERM")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if line, err := cmd.Stdout.(*pipe).next(); err == nil && line == "told\n" {
			cancel()
		}
	}()
	with := signalTo(t, cmd)
	with["wait"] = "1h"
	task, _ := stepstest.Task()
	out, err := kind(t, "process.signal").Do(ctx, with, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled || out["sent"] != true || out["gone"] != false {
		t.Errorf("have %v, %v", out, err)
	}
}

func kind(t *testing.T, name string) engine.Kind {
	t.Helper()
	return stepstest.Kind(t, process.Kinds, name)
}

func list(t *testing.T, with map[string]any) map[string]any {
	t.Helper()
	return stepstest.Look(t, kind(t, "process.list"), with)
}

func processes(t *testing.T, out map[string]any) []map[string]any {
	t.Helper()
	items, ok := out["processes"].([]any)
	if !ok {
		t.Fatalf("have %v", out)
	}
	var all []map[string]any
	for _, item := range items {
		all = append(all, item.(map[string]any))
	}
	return all
}

func send(t *testing.T, with map[string]any) map[string]any {
	t.Helper()
	task, _ := stepstest.Task()
	out, err := kind(t, "process.signal").Do(t.Context(), with, task)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// signalTo is what a runbook does: it takes pid and start time from one look.
func signalTo(t *testing.T, cmd *exec.Cmd) map[string]any {
	t.Helper()
	return map[string]any{"pid": cmd.Process.Pid, "start_time": startOf(t, cmd.Process.Pid)}
}

func startOf(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+2:]))
	return fields[19] + "@" + string(boot[:8])
}

// marker is a text that no other process has in its command line.
func marker(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("marker-%s-%d-%d", t.Name(), os.Getpid(), time.Now().UnixNano())
}

// pipe is a process's output, line by line.
type pipe struct {
	io.Writer
	lines *bufio.Reader
}

func (p *pipe) next() (string, error) { return p.lines.ReadString('\n') }

// start runs a shell that waits for ever, with a text as its last argument. It is ready when start returns.
func start(t *testing.T, mark, as string, before ...string) *exec.Cmd {
	t.Helper()
	script := strings.Join(append(before, "echo ready", "while :; do read x || :; done"), "\n")
	cmd := exec.CommandContext(context.Background(), "sh", "-c", script, "sh", mark)
	if as == "nobody" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out := &pipe{Writer: w, lines: bufio.NewReader(r)}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	cmd.Stdout = out
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = stdin.Close(); _ = r.Close() })
	if line, err := out.next(); err != nil || line != "ready\n" {
		t.Fatalf("have %q, %v", line, err)
	}
	return cmd
}

// ended is the signal that ended a process.
func ended(t *testing.T, cmd *exec.Cmd) syscall.Signal {
	t.Helper()
	state, err := cmd.Process.Wait()
	if err != nil {
		t.Fatal(err)
	}
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		t.Fatalf("it was not ended by a signal: %v", state)
	}
	return status.Signal()
}
