package engine_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// disturbed drives a run into which something else comes at an event, and checks that no change goes on beside anything
// else.
func (r *rehearsal) disturbed(at int, by ...engine.Event) error {
	d, err := r.driver()
	if err != nil {
		return err
	}
	inbox := make(chan engine.Stamped, len(by))
	var going, clash atomic.Int32
	d.Inbox = inbox
	d.Watch = func(e engine.Stamped, _ *engine.State) {
		if e.Seq == at {
			for _, e := range by {
				inbox <- engine.Stamped{Event: e}
			}
		}
	}
	world := d.World
	d.World = engine.PerformerFunc(func(ctx context.Context, c engine.Call) engine.Result {
		others := going.Add(1) - 1
		defer going.Add(-1)
		if c.Verb == engine.Act && others > 0 {
			clash.Add(1)
		}
		return world.Perform(ctx, c)
	})
	start := engine.RunStarted{Run: "r", Mode: r.mode, Parallel: 4, Params: map[string]any{}, Who: engine.Who{User: "anna"}}
	if err := d.Put(start); err != nil {
		return err
	}
	if err := d.Run(context.Background()); err != nil {
		return err
	}
	if n := clash.Load(); n > 0 {
		return fmt.Errorf("%d changes began while something else was going on", n)
	}
	return nil
}

func (r *rehearsal) events(t *rapid.T) []engine.Stamped {
	events, err := r.journal.Events()
	if err != nil {
		t.Fatalf("read the journal: %v", err)
	}
	return events
}

// unended lists the fixes that were begun and whose end is not told.
func unended(events []engine.Stamped) []string {
	open := map[string]bool{}
	for _, e := range events {
		switch ev := e.Event.(type) {
		case engine.ChangeStarted:
			open[ev.Step] = true
		case engine.FixEnded:
			delete(open, ev.Step)
		}
	}
	var out []string
	for step := range open {
		out = append(out, step)
	}
	return out
}

// ends tells how each fix ended.
func ends(events []engine.Stamped) string {
	var b strings.Builder
	for _, e := range events {
		switch ev := e.Event.(type) {
		case engine.FixEnded:
			fmt.Fprintf(&b, "%s %s; ", ev.Step, ev.Outcome)
		case engine.Skipped:
			fmt.Fprintf(&b, "%s skipped, %s %v; ", ev.Step, ev.Reason, ev.Hangs)
		}
	}
	return b.String()
}

// Whenever a person stops a run, once or twice, the run that is resumed ends as it would have, no change is made without
// its yes, and what became of each is told.
func TestInterruptedAtEveryPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := randomBook(t, rapid.Bool().Draw(t, "limited"))
		stops := []engine.Event{engine.StopAsked{Signal: "interrupt"}}
		if rapid.Bool().Draw(t, "twice") {
			stops = append(stops, engine.StopAsked{Signal: "interrupt", Now: true})
		}
		mode := rapid.SampledFrom([]engine.Mode{engine.Live, engine.DryRun}).Draw(t, "mode")
		plan := load(t, source)
		fresh := func() *rehearsal {
			w := enginetest.NewWorld()
			w.Answer = agree
			return &rehearsal{plan: plan, world: w, journal: &enginetest.Journal{}, clock: &enginetest.Clock{}, mode: mode}
		}
		whole := fresh()
		if err := whole.live(context.Background()); err != nil {
			t.Fatalf("run: %v", err)
		}
		want := whole.end(t)
		for at := 1; at <= len(whole.journal.Lines); at++ {
			r := fresh()
			if err := r.disturbed(at, stops...); err != nil {
				t.Fatalf("interrupted at %d: %v\n%s", at, err, r.story())
			}
			events := r.events(t)
			if _, stopped := events[len(events)-1].Event.(engine.RunInterrupted); stopped {
				if err := r.clock.Sleep(context.Background(), time.Hour); err != nil {
					t.Fatalf("pass the time: %v", err)
				}
				if err := r.live(context.Background()); err != nil {
					t.Fatalf("resume after an interruption at %d: %v\n%s", at, err, r.story())
				}
			}
			if got := r.end(t); got.Verdict != want.Verdict {
				t.Fatalf("interrupted at %d: verdict %s, without it %s\n%s\n%s", at, got.Verdict, want.Verdict, source, r.story())
			}
			for i := range plan.Steps {
				if name := fmt.Sprint("s", i); r.world.On(name) != whole.world.On(name) {
					t.Fatalf("interrupted at %d: switch %s is %t\n%s\n%s", at, name, r.world.On(name), source, r.story())
				}
			}
			events = r.events(t)
			if open := unended(events); len(open) > 0 {
				t.Fatalf("interrupted at %d: nothing tells how %v ended\n%s\n%s", at, open, source, r.story())
			}
			if mode == engine.DryRun && ends(events) != ends(whole.events(t)) {
				t.Fatalf("interrupted at %d: %s, without it %s\n%s\n%s", at, ends(events), ends(whole.events(t)), source, r.story())
			}
			may, made := allowed(plan, events), map[string]int{}
			for _, step := range r.world.Made() {
				if made[step]++; made[step] > may[step] {
					t.Fatalf("interrupted at %d: %s was made %d times\n%s\n%s", at, step, made[step], source, r.story())
				}
			}
		}
	})
}

// Whenever the time is up, the run ends, and what became of each change is told.
func TestTimeIsUpAtEveryPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := randomBook(t, false)
		plan := load(t, source)
		for at, most := 1, 1; at <= most; at++ {
			w := enginetest.NewWorld()
			w.Answer = agree
			r := &rehearsal{plan: plan, world: w, journal: &enginetest.Journal{}, clock: &enginetest.Clock{}, mode: engine.Live}
			if err := r.disturbed(at, engine.Waited{For: "limit", Time: time.Minute}); err != nil {
				t.Fatalf("the time is up at %d: %v\n%s", at, err, r.story())
			}
			events := r.events(t)
			if open := unended(events); len(open) > 0 {
				t.Fatalf("the time is up at %d: nothing tells how %v ended\n%s\n%s", at, open, source, r.story())
			}
			r.end(t)
			most = max(most, len(events))
		}
	})
}
