package runner_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/internal/runner"
	"runbook/runbooks"
	"runbook/steps"
)

// A host that is nobody's: nothing of it could be found here, and what is waited for takes hours.
const harbour = `runbook: harbour
title: The light is out
goal: [light]
requires: {root: true, systemd: true, commands: [no-such-command-anywhere]}
steps:
  - id: light
    uses: file.stat
    with: {path: /no/such/light}
    expect: exists
    retry: {attempts: 3, every: 2h}
  - id: log
    uses: command
    reads: true
    with: {argv: [no-such-command-anywhere]}
  - id: relight
    when: steps.light.unhealthy and run.mode == "live" and run.host == "pier"
    uses: file.write
    with: {path: /no/such/light, text: on}
    settle: 20m
    within: 3h
    verify: [light]
limits: {time: 24h, cooldown: 1h}
`

const outages = `scenarios:
  out:
    title: The bulb is gone
    host: pier
    sees:
      light: {exists: false}
      log: {exit: 0}
    after:
      relight: {light: [{exists: false}, {exists: false}, {exists: true}]}
    answers: {relight: "yes"}
    expect: {verdict: fixed}
  stays_out:
    host: pier
    sees:
      light: {exists: false}
      log: {exit: 0}
    answers: {relight: "yes"}
    expect: {verdict: not-fixed}
`

// drill gives the options of a drill of the harbour, with a person who answers each question with yes.
func drill(t *testing.T, dir, name string) runner.Options {
	t.Helper()
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	plan, found := engine.Load("harbour.yaml", []byte(harbour), kinds, nil)
	if len(found) > 0 {
		t.Fatal(engine.RenderAll(found, []byte(harbour)))
	}
	file, found := scenario.Parse("harbour.scenarios.yaml", []byte(outages), plan)
	if len(found) > 0 {
		t.Fatal(engine.RenderAll(found, []byte(outages)))
	}
	for _, s := range file.Scenarios {
		if s.Name.Value == name {
			return runner.Options{
				Plan: plan, Kinds: kinds, Store: journal.Store{Dir: dir, UID: os.Getuid()}, Params: map[string]any{}, Mode: engine.Drill,
				Who: engine.Who{User: "anna"}, Stage: runner.NewStage(scenario.NewWorld(plan, s), s.Host, name),
				Ask: engine.PerformerFunc(func(context.Context, engine.Call) engine.Result {
					return engine.Result{Answer: &engine.Answer{Value: engine.Yes, By: "anna", Via: "test"}}
				}),
			}
		}
	}
	t.Fatalf("there is no scenario %s", name)
	return runner.Options{}
}

// A drill needs nothing of this host and leaves nothing on it but its record. Hours of waiting are on record, and nobody
// has waited for them.
func TestDrill(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]engine.Verdict{"out": engine.VerdictFixed, "stays_out": engine.VerdictNotFixed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := drill(t, dir, name)
			out, err := runner.Run(t.Context(), o)
			if err != nil || out.Verdict != want {
				t.Fatalf("drill: %+v, %v", out, err)
			}
			run, err := o.Store.Open(out.Run)
			if err != nil {
				t.Fatal(err)
			}
			h, err := runner.Read(run, o.Kinds)
			if err != nil {
				t.Fatal(err)
			}
			if h.Started.Mode != engine.Drill || h.Started.Host != "pier" || h.Started.Boot != "" || strings.Join(h.Started.Flags, " ") != "--scenario "+name {
				t.Errorf("it is recorded as %+v", h.Started)
			}
			last := h.Events[len(h.Events)-1]
			if least := 4*time.Hour + 20*time.Minute; last.Mono < least {
				t.Errorf("the record says that it took %s, and two retries and the settling are %s", last.Mono, least)
			}
			if ahead := time.Until(o.Stage.Now()); ahead < 4*time.Hour {
				t.Errorf("on the stage it is only %s later", ahead)
			}
			if _, err := os.Stat("/no/such/light"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the host was changed: %v", err)
			}
			if _, err := os.Stat(filepath.Join(dir, "locks")); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a lock was taken: %v", err)
			}
			// Nothing holds the next one back, a cooldown neither.
			if out, err := runner.Run(t.Context(), drill(t, dir, name)); err != nil || out.Verdict != want {
				t.Errorf("the next drill: %+v, %v", out, err)
			}
		})
	}
}

// The person's time is real: while a question is open, the clock of the stage goes as every clock does.
func TestDrillWaitsForPeople(t *testing.T) {
	t.Parallel()
	o := drill(t, t.TempDir(), "out")
	var before, after time.Duration
	said := o.Ask
	o.Ask = engine.PerformerFunc(func(ctx context.Context, c engine.Call) engine.Result {
		before = time.Until(o.Stage.Now())
		select { // as long as a wait is seen, and longer
		case <-time.After(600 * time.Millisecond):
		case <-ctx.Done():
		}
		after = time.Until(o.Stage.Now())
		return said.Perform(ctx, c)
	})
	out, err := runner.Run(t.Context(), o)
	if err != nil || out.Verdict != engine.VerdictFixed {
		t.Fatalf("drill: %+v, %v", out, err)
	}
	if jumped := (after - before).Abs(); jumped > time.Minute {
		t.Errorf("while the person thought, the clock of the stage jumped by %s", jumped)
	}
}

// A drill that was stopped is over: nothing goes on with it.
func TestDrillIsNotResumed(t *testing.T) {
	t.Parallel()
	o := drill(t, t.TempDir(), "out")
	stop := make(chan os.Signal, 1)
	o.Signals = stop
	o.Ask = engine.PerformerFunc(func(ctx context.Context, _ engine.Call) engine.Result {
		stop <- syscall.SIGINT
		<-ctx.Done()
		return engine.Result{Answer: &engine.Answer{Value: engine.Gone}}
	})
	out, err := runner.Run(t.Context(), o)
	if err != nil || out.Verdict != engine.VerdictInterrupted || out.Exit != 130 {
		t.Fatalf("drill: %+v, %v", out, err)
	}
	o.Signals = nil
	if out, err := runner.Resume(t.Context(), out.Run, o); err == nil || !strings.Contains(err.Error(), "was a drill") {
		t.Errorf("resume: %+v, %v", out, err)
	}
	o.Mode = engine.Live
	if out, err := runner.Run(t.Context(), o); err == nil {
		t.Errorf("a live run on a stage: %+v", out)
	}
}

// A drill that is answered as its scenario answers comes to what the scenario expects, with the loop and the journal of a
// run and not only in a rehearsal.
func TestDrillOfShippedRunbooks(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	find := func(name string) (string, []byte, error) {
		source, err := fs.ReadFile(runbooks.FS, name+".yaml")
		return name + ".yaml", source, err
	}
	files, err := fs.Glob(runbooks.FS, "*.scenarios.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scenarios: %v", err)
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, name := range files {
		book, source, err := find(strings.TrimSuffix(name, ".scenarios.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		plan, found := engine.Load(book, source, kinds, find)
		text, err := fs.ReadFile(runbooks.FS, name)
		if len(found) > 0 || err != nil {
			t.Fatal(engine.RenderAll(found, source), err)
		}
		file, found := scenario.Parse(name, text, plan)
		if len(found) > 0 {
			t.Fatal(engine.RenderAll(found, text))
		}
		for _, s := range file.Scenarios {
			if s.Mode != engine.Live {
				continue
			}
			dir := t.TempDir()
			all.Go(func() { // at the same time: most of a drill is a moment in which nothing happens
				world := scenario.NewWorld(plan, s)
				params, err := engine.ResolveParams(plan.Runbook, s.Params)
				if err != nil {
					t.Errorf("%s/%s: %v", name, s.Name.Value, err)
					return
				}
				out, err := runner.Run(t.Context(), runner.Options{
					Plan: plan, Kinds: kinds, Store: journal.Store{Dir: dir, UID: os.Getuid()}, Params: params, Mode: engine.Drill,
					Stage: runner.NewStage(world, s.Host, s.Name.Value), Ask: world,
				})
				if err != nil || out.Verdict != s.Expect.Verdict {
					t.Errorf("%s/%s: %+v, %v, want %s", name, s.Name.Value, out, err, s.Expect.Verdict)
				}
				for _, p := range world.Problems() {
					t.Errorf("%s/%s leaves open: %s", name, s.Name.Value, p.Text)
				}
			})
		}
	}
}
