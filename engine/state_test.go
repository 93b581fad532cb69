package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// rehearsal is a run in the world of switches, with all that it needs to be gone on with.
type rehearsal struct {
	plan    *engine.Plan
	world   *enginetest.World
	journal *enginetest.Journal
	clock   *enginetest.Clock
	mode    engine.Mode
	nonces  int
}

func load(t interface{ Fatalf(string, ...any) }, source string) *engine.Plan {
	kinds, err := enginetest.SimKinds()
	if err != nil {
		t.Fatalf("sim kinds: %v", err)
	}
	plan, diags := engine.Load("sim.yaml", []byte(source), kinds, func(name string) (string, []byte, error) {
		return "", nil, fmt.Errorf("there is no runbook %s", name)
	})
	if len(diags) > 0 {
		t.Fatalf("load:\n%s\n%+v", source, diags)
	}
	return plan
}

func (r *rehearsal) driver() (*engine.Driver, error) {
	state := engine.New(r.plan)
	events, err := r.journal.Events()
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		state.Apply(e)
	}
	return &engine.Driver{
		State: state, World: r.performer(), Clock: r.clock, Record: r.journal.Record,
		Nonce: func() string { r.nonces++; return fmt.Sprint("n", r.nonces) },
	}, nil
}

// performer is the world, or in a dry run what only looks at it.
func (r *rehearsal) performer() engine.Performer {
	if r.mode != engine.DryRun {
		return r.world
	}
	return engine.PerformerFunc(func(ctx context.Context, c engine.Call) engine.Result {
		if c.Verb == engine.Confirm {
			return engine.Result{Answer: &engine.Answer{Value: engine.Would}}
		}
		result := r.world.Perform(ctx, c)
		result.Only = c.Verb == engine.Prepare
		return result
	})
}

// live goes on with the run until it ends or the journal crashes.
func (r *rehearsal) live(ctx context.Context) error {
	d, err := r.driver()
	if err != nil {
		return err
	}
	first := engine.Event(engine.RunResumed{})
	if len(r.journal.Lines) == 0 {
		first = engine.RunStarted{Run: "r", Mode: r.mode, Parallel: 4, Params: map[string]any{}, Who: engine.Who{User: "anna"}}
	}
	if err := d.Put(first); err != nil {
		return err
	}
	d.Watch = func(e engine.Stamped, _ *engine.State) {
		if e.Seq > 2_000+10*len(r.plan.Steps) {
			panic("a run without end:\n" + r.story()[:8_000])
		}
	}
	return d.Run(ctx)
}

func (r *rehearsal) end(t interface{ Fatalf(string, ...any) }) engine.RunEnded {
	events, err := r.journal.Events()
	if err != nil || len(events) == 0 {
		t.Fatalf("read the journal: %v", err)
	}
	end, ok := events[len(events)-1].Event.(engine.RunEnded)
	if !ok {
		t.Fatalf("the run has no end: %s", r.story())
	}
	return end
}

// story is the journal as lines of text.
func (r *rehearsal) story() string {
	var b strings.Builder
	for _, l := range r.journal.Lines {
		fmt.Fprintf(&b, "%6s %s %s\n", l.Mono, l.Type, l.Data)
	}
	return b.String()
}

func rehearse(t *testing.T, source string, world *enginetest.World) *rehearsal {
	t.Helper()
	r := &rehearsal{plan: load(t, source), world: world, journal: &enginetest.Journal{}, clock: &enginetest.Clock{}, mode: engine.Live}
	if world.Answer == nil {
		world.Answer = agree
	}
	return r
}

// agree says yes to every fix, skips what failed, and tells the truth about what is in doubt.
func agree(q engine.Question) engine.Answer {
	switch q.Kind {
	case engine.AskFix, engine.AskUndo:
		return engine.Answer{Value: engine.Yes, By: "anna"}
	case engine.AskFailed:
		return engine.Answer{Value: engine.Skip, By: "anna"}
	case engine.AskDoubt:
		return engine.Answer{Value: engine.Made, By: "anna"} // the world loses results, and no change
	case engine.AskManual, engine.AskValue:
	}
	return engine.Answer{Value: engine.Done, By: "anna"}
}

const ladder = `runbook: sim
title: A ladder of fixes
goal: [page]
steps:
  - id: page
    uses: sim.look
    with: {switch: page}
  - id: build
    uses: sim.look
    with: {switch: build}
  - id: rebuild
    when: findings.build_missing
    uses: sim.flip
    with: {on: [build]}
    verify: [build]
    why: It is missing.
  - id: restart
    needs: [rebuild]
    when: not steps.page.healthy
    uses: sim.flip
    with: {on: [page]}
    verify: [page]
findings:
  - id: build_missing
    when: steps.build.unhealthy
    say: There is no build.
`

func TestLadder(t *testing.T) {
	for _, c := range []struct {
		name    string
		on      []string
		verdict engine.Verdict
		made    []string
	}{
		{"healthy", []string{"page", "build"}, engine.VerdictHealthy, nil},
		{"both", nil, engine.VerdictFixed, []string{"rebuild", "restart"}},
		{"restart only", []string{"build"}, engine.VerdictFixed, []string{"restart"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rehearse(t, ladder, enginetest.NewWorld(c.on...))
			if err := r.live(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := r.end(t).Verdict; got != c.verdict {
				t.Errorf("verdict %s, want %s\n%s", got, c.verdict, r.story())
			}
			if !slices.Equal(r.world.Made(), c.made) {
				t.Errorf("made %v, want %v", r.world.Made(), c.made)
			}
		})
	}
}

// randomBook draws a runbook of checks and fixes over a few switches. What is limited is limited to a number of changes,
// and what is not is tried again when it fails: attempts count as changes, and a resumed run asks before it makes more.
func randomBook(t *rapid.T, limited bool) string {
	var b strings.Builder
	checks := rapid.IntRange(1, 5).Draw(t, "checks")
	fixes := rapid.IntRange(0, 5).Draw(t, "fixes")
	b.WriteString("runbook: sim\ntitle: Drawn\ngoal: [c0]\n")
	if limited {
		fmt.Fprintf(&b, "limits: {changes: %d}\n", rapid.IntRange(1, 3).Draw(t, "limit"))
	}
	b.WriteString("steps:\n")
	for i := range checks {
		fmt.Fprintf(&b, "  - id: c%d\n    uses: sim.look\n    with: {switch: s%d, fails: %t}\n", i, i,
			i > 0 && rapid.IntRange(0, 5).Draw(t, "fails") == 0)
		if i > 0 && rapid.Bool().Draw(t, "retry") {
			b.WriteString("    retry: {attempts: 2, every: 1s}\n")
		}
	}
	word := rapid.SampledFrom([]string{"healthy", "unhealthy", "unknown", "skipped"})
	cond := func() string {
		c := fmt.Sprintf("steps.c%d.%s", rapid.IntRange(0, checks-1).Draw(t, "about"), word.Draw(t, "word"))
		if rapid.Bool().Draw(t, "not") {
			return "not " + c
		}
		return c
	}
	for i := range fixes {
		// A fix verifies what it changes, as a well-kept runbook does: what nobody looks at again, a resumed run finds out.
		flips := rapid.IntRange(0, checks-1).Draw(t, "flips")
		fmt.Fprintf(&b, "  - id: f%d\n    uses: sim.flip\n    with: {on: [s%d], fail: %t}\n    when: %s %s %s\n    within: 3s\n",
			i, flips, rapid.IntRange(0, 7).Draw(t, "fail") == 0,
			cond(), rapid.SampledFrom([]string{"and", "or"}).Draw(t, "op"), cond())
		if !limited && rapid.Bool().Draw(t, "tried again") {
			b.WriteString("    retry: {attempts: 2, every: 20s}\n")
		}
		verify := []int{flips}
		if also := rapid.IntRange(0, checks-1).Draw(t, "verifies"); also != flips {
			verify = append(verify, also)
		}
		if i > 0 && rapid.Bool().Draw(t, "needs") {
			fmt.Fprintf(&b, "    needs: [f%d]\n", rapid.IntRange(0, i-1).Draw(t, "needed"))
		}
		if rapid.IntRange(0, 3).Draw(t, "undo") == 0 {
			fmt.Fprintf(&b, "    undo: {uses: sim.flip, with: {off: [s%d]}}\n", flips)
		}
		names := make([]string, len(verify))
		for k, c := range verify {
			names[k] = fmt.Sprint("c", c)
		}
		fmt.Fprintf(&b, "    verify: [%s]\n", strings.Join(names, ", "))
	}
	return b.String()
}

// allowed counts how often a step's change may have been made: once for every yes, to having it made again too, and once
// more for every failure that the runbook lets it be tried again after, in the same life of the run.
func allowed(plan *engine.Plan, events []engine.Stamped) map[string]int {
	out := map[string]int{}
	retries := map[string]int{}
	for _, s := range plan.Steps {
		retries[s.ID.Value] = s.Retry.Attempts
	}
	for _, e := range events {
		switch ev := e.Event.(type) {
		case engine.Answered:
			switch ev.Answer.Value {
			case engine.Yes, engine.Again, engine.Retry:
				out[ev.Step]++
			}
		case engine.ChangeEnded:
			if ev.Failure != nil && ev.Attempt < retries[ev.Step] {
				out[ev.Step]++
			}
		}
	}
	return out
}

// Whatever happens at whichever point of the journal, the run that is resumed comes to an end, and no change is made
// more often than a person said yes to it.
func TestKilledAtEveryPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lose := rapid.Bool().Draw(t, "lose")
		// What is lost is not counted as it was: a limit would be reached at another point.
		source := randomBook(t, !lose && rapid.Bool().Draw(t, "limited"))
		plan := load(t, source)
		fresh := func() *rehearsal {
			w := enginetest.NewWorld()
			w.Answer = func(q engine.Question) engine.Answer {
				if q.Kind == engine.AskDoubt && w.Failed(q.Step) {
					return engine.Answer{Value: engine.NotMade, By: "anna"}
				}
				return agree(q)
			}
			return &rehearsal{plan: plan, world: w, journal: &enginetest.Journal{}, clock: &enginetest.Clock{}, mode: engine.Live}
		}
		whole := fresh()
		if err := whole.live(context.Background()); err != nil {
			t.Fatalf("run: %v", err)
		}
		want := whole.end(t)
		for at := 1; at <= len(whole.journal.Lines); at++ {
			for _, kept := range []bool{false, true} {
				r := fresh()
				r.journal.CrashAt, r.journal.Kept = at, kept
				if lose {
					r.world.Lose = func(string) bool { return true }
				}
				switch err := r.live(context.Background()); {
				case err == nil:
					continue // checks that wait side by side may need fewer events than the first time
				case !errors.Is(err, enginetest.ErrCrash):
					t.Fatalf("crash at %d: %v", at, err)
				}
				r.journal.Revive()
				if err := r.clock.Sleep(context.Background(), time.Hour); err != nil {
					t.Fatalf("pass the time: %v", err)
				}
				if n := len(r.journal.Lines); n > 0 && r.journal.Lines[n-1].Type == engine.TypeOf(engine.RunEnded{}) {
					continue // it had ended
				}
				if err := r.live(context.Background()); err != nil {
					t.Fatalf("resume after a crash at %d: %v\n%s", at, err, r.story())
				}
				got := r.end(t)
				if got.Verdict != want.Verdict {
					t.Fatalf("crash at %d (kept %t): verdict %s, without it %s\n%s\n%s", at, kept, got.Verdict, want.Verdict, source, r.story())
				}
				for i := range plan.Steps {
					if name := fmt.Sprint("s", i); r.world.On(name) != whole.world.On(name) {
						t.Fatalf("crash at %d (kept %t): switch %s is %t\n%s\n%s", at, kept, name, r.world.On(name), source, r.story())
					}
				}
				events, _ := r.journal.Events()
				agreed := allowed(plan, events)
				made := map[string]int{}
				for _, step := range r.world.Made() {
					made[step]++
					if made[step] > agreed[step] {
						t.Fatalf("crash at %d (kept %t): %s was made %d times and agreed to %d times\n%s\n%s", at, kept, step, made[step], agreed[step], source, r.story())
					}
				}
			}
		}
	})
}
