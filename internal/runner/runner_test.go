package runner_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/internal/host"
	"runbook/internal/run"
	"runbook/internal/runner"
	"runbook/internal/supervisor"
	"runbook/steps"
)

// The test binary is also the supervisor, and an engine that can be killed.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 3 && os.Args[1] == supervisor.Name:
		if err := supervise(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case os.Getenv("RUNBOOK_TEST_ENGINE") != "":
		if err := victim(os.Getenv("RUNBOOK_TEST_ENGINE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

func supervise(store, id string) error {
	kinds, err := steps.All()
	if err != nil {
		return err
	}
	run, err := journal.Store{Dir: store, UID: os.Getuid()}.Open(id)
	if err != nil {
		return err
	}
	world := func(output func(step, line string)) engine.Performer {
		return &host.Host{Kinds: kinds, Output: output, Keep: func(step string) (host.File, error) { return run.Evidence(step) }}
	}
	return supervisor.Supervise(context.Background(), run, world, os.Stdin, os.Stdout)
}

// victim runs the runbook in a folder until somebody kills it. It says when a change has started.
func victim(dir string) error {
	o, err := options(dir)
	if err != nil {
		return err
	}
	o.Watch = func(e engine.Stamped, _ *engine.State) {
		fmt.Println(engine.TypeOf(e.Event))
	}
	_, err = runner.Run(context.Background(), o)
	return err
}

// options loads the runbook of a folder, whose state is kept there too. Every question is answered with yes.
func options(dir string) (runner.Options, error) {
	kinds, err := steps.All()
	if err != nil {
		return runner.Options{}, err
	}
	source, err := os.ReadFile(filepath.Join(dir, "book.yaml"))
	if err != nil {
		return runner.Options{}, err
	}
	plan, diags := engine.Load("book.yaml", source, kinds, func(name string) (string, []byte, error) {
		return "", nil, fmt.Errorf("there is no runbook %s", name)
	})
	if len(diags) > 0 {
		return runner.Options{}, fmt.Errorf("%s", engine.RenderAll(diags, source))
	}
	params, err := engine.ResolveParams(plan.Runbook, nil)
	return runner.Options{
		Plan: plan, Kinds: kinds, Store: journal.Store{Dir: filepath.Join(dir, "state"), UID: os.Getuid()},
		Params: params, Mode: engine.Live, Who: engine.Who{UID: os.Getuid(), User: "anna"},
		Secrets: host.Secrets{Getenv: os.Getenv, Dir: dir},
		Ask: engine.PerformerFunc(func(_ context.Context, c engine.Call) engine.Result {
			answer := engine.Answer{Value: engine.Yes, By: "anna", Via: "test"}
			if c.Question.Kind == engine.AskDoubt {
				answer.Value = engine.NotMade
				_ = os.Remove(filepath.Join(dir, "hold")) // not before: what a dead supervisor left behind would go on
			}
			return engine.Result{Answer: &answer}
		}),
	}, err
}

// book writes the runbook of the flag into a folder of its own; DIR in it stands for that folder.
func book(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := strings.ReplaceAll(flag, "DIR", dir)
	if err := os.WriteFile(filepath.Join(dir, "book.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

const flag = `runbook: book
title: A flag
goal: [flag]
steps:
  - id: flag
    uses: file.stat
    with: {path: DIR/flag}
    expect: exists
  - id: raise
    when: not steps.flag.healthy
    uses: script
    with:
      text: |
        echo begun >> DIR/log
        echo "raising it"
        while [ -e DIR/hold ]; do sleep 0.05; done
        touch DIR/flag
        echo done >> DIR/log
    verify: [flag]
`

func TestRunFixes(t *testing.T) {
	dir := book(t)
	o, err := options(dir)
	if err != nil {
		t.Fatal(err)
	}
	out, err := runner.Run(t.Context(), o)
	if err != nil || out.Verdict != engine.VerdictFixed {
		t.Fatalf("run: %+v, %v", out, err)
	}
	run, err := o.Store.Open(out.Run)
	if err != nil {
		t.Fatal(err)
	}
	h, err := runner.Read(run, o.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	var ended *engine.ChangeEnded
	for _, e := range h.Events {
		if c, ok := e.Event.(engine.ChangeEnded); ok {
			ended = &c
		}
	}
	if ended == nil || len(ended.Evidence) == 0 {
		t.Fatalf("the change left no evidence: %+v", ended)
	}
	file, err := run.ReadEvidence(ended.Evidence[0].File)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil || string(text) != "raising it\n" {
		t.Errorf("evidence %q, %v", text, err)
	}
}

// A change outlives the engine that was killed in the middle of it, and the engine that resumes the run takes its result
// instead of making it again.
func TestKilledDuringChange(t *testing.T) {
	dir := book(t)
	hold := filepath.Join(dir, "hold")
	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, dir, func() bool { return lines(t, filepath.Join(dir, "log")) == 1 })
	if err := os.Remove(hold); err != nil {
		t.Fatal(err)
	}
	out := resume(t, dir)
	if out.Verdict != engine.VerdictFixed {
		t.Errorf("resumed: %+v", out)
	}
	if n := lines(t, filepath.Join(dir, "log")); n != 2 {
		t.Errorf("the log has %d lines: the change was not made exactly once", n)
	}
}

// When the supervisor dies too, nobody knows: the checks are made, and then a person is asked.
func TestKilledWithItsSupervisor(t *testing.T) {
	dir := book(t)
	hold := filepath.Join(dir, "hold")
	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, dir, func() bool { return lines(t, filepath.Join(dir, "log")) == 1 })
	killSupervisors(t, dir)
	killChange(t, dir)
	out := resume(t, dir)
	if out.Verdict != engine.VerdictFixed {
		t.Errorf("resumed: %+v", out)
	}
	o, err := options(dir)
	if err != nil {
		t.Fatal(err)
	}
	run, err := o.Store.Open(out.Run)
	if err != nil {
		t.Fatal(err)
	}
	h, err := runner.Read(run, o.Kinds)
	if err != nil {
		t.Fatal(err)
	}
	var story []string
	for _, e := range h.Events {
		switch ev := e.Event.(type) {
		case engine.ChangeLost:
			story = append(story, "lost")
		case engine.Answered:
			story = append(story, string(ev.Kind)+" "+ev.Answer.Value)
		case engine.ChangeStarted:
			story = append(story, "started")
		}
	}
	want := "fix yes, started, lost, doubt not-made, fix yes, started"
	if got := strings.Join(story, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What a dead supervisor left behind is waited for: nobody is asked whether to make a change again that still goes on.
func TestChangeOutlivesItsSupervisor(t *testing.T) {
	dir := book(t)
	hold := filepath.Join(dir, "hold")
	if err := os.WriteFile(hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, dir, func() bool { return lines(t, filepath.Join(dir, "log")) == 1 })
	killSupervisors(t, dir)
	time.AfterFunc(500*time.Millisecond, func() { _ = os.Remove(hold) })
	if out := resume(t, dir); out.Verdict != engine.VerdictFixed {
		t.Errorf("resumed: %+v", out)
	}
	if n := lines(t, filepath.Join(dir, "log")); n != 2 {
		t.Errorf("the log has %d lines: the change was not made exactly once", n)
	}
}

// A second Ctrl-C stops a change also when the engine that began it is dead.
func TestChangeOfADeadEngineIsStopped(t *testing.T) {
	dir := book(t)
	if err := os.WriteFile(filepath.Join(dir, "hold"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, dir, func() bool { return lines(t, filepath.Join(dir, "log")) == 1 })
	o, err := options(dir)
	if err != nil {
		t.Fatal(err)
	}
	signals := make(chan os.Signal, 2)
	o.Signals = signals
	var failure *engine.Failure
	o.Watch = func(e engine.Stamped, _ *engine.State) {
		switch ev := e.Event.(type) {
		case engine.RunResumed:
			signals <- syscall.SIGINT
			signals <- syscall.SIGINT
		case engine.ChangeEnded:
			failure = ev.Failure
		}
	}
	id, err := o.Store.Resolve("last")
	if err != nil {
		t.Fatal(err)
	}
	out, err := runner.Resume(t.Context(), id, o)
	if err != nil || out.Verdict != engine.VerdictInterrupted {
		t.Fatalf("resumed: %+v, %v", out, err)
	}
	if failure == nil || failure.Kind != engine.Cancelled {
		t.Errorf("the change ended with %+v", failure)
	}
	if n := lines(t, filepath.Join(dir, "log")); n != 1 {
		t.Errorf("the log has %d lines: the change was not stopped", n)
	}
}

// kill starts an engine of its own, and kills it once the condition holds.
func kill(t *testing.T, dir string, when func() bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "RUNBOOK_TEST_ENGINE="+dir)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(stdout); s.Scan(); {
		if s.Text() == engine.TypeOf(engine.ChangeStarted{}) {
			break
		}
	}
	for !when() {
		select {
		case <-t.Context().Done():
			t.Fatal("the change did not begin")
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

func killSupervisors(t *testing.T, dir string) {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, f := range folders {
		line, err := os.ReadFile(filepath.Join(f, "cmdline"))
		if err != nil || !strings.Contains(string(line), supervisor.Name) || !strings.Contains(string(line), dir) {
			continue
		}
		var pid int
		if _, err := fmt.Sscan(filepath.Base(f), &pid); err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	if killed != 1 {
		t.Fatalf("killed %d supervisors, there should be one", killed)
	}
}

// killChange kills the processes that a change has started.
func killChange(t *testing.T, dir string) {
	t.Helper()
	ids, err := filepath.Glob(filepath.Join(dir, "state", "runs", "*"))
	if err != nil || len(ids) != 1 {
		t.Fatalf("%d runs, %v", len(ids), err)
	}
	left, err := run.Survivors(filepath.Base(ids[0]) + "/raise/1")
	if err != nil || len(left) == 0 {
		t.Fatalf("%d processes of the change, %v", len(left), err)
	}
	for _, p := range left {
		p.Kill()
	}
}

func resume(t *testing.T, dir string) runner.Outcome {
	t.Helper()
	o, err := options(dir)
	if err != nil {
		t.Fatal(err)
	}
	id, err := o.Store.Resolve("last")
	if err != nil {
		t.Fatal(err)
	}
	out, err := runner.Resume(t.Context(), id, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func lines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	return strings.Count(string(text), "\n")
}
