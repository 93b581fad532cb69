package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/engine/enginetest"
)

const outer = `runbook: outer
title: Outer
goal: [c0]
steps:
  - id: c0
    uses: sim.look
    with: {switch: s0}
  - id: inner
    when: not steps.c0.healthy
    uses: runbook
    with: {name: sim}
  - id: last
    needs: [inner]
    when: not steps.c0.healthy and not steps.inner.healthy
    uses: sim.flip
    with: {on: [s0]}
    verify: [c0]
    within: 2s
`

// Killed or stopped at any point, also inside of a runbook that a step runs, a resumed run ends as it would have.
func TestInnerRunbookCutOffAtEveryPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inner := randomBook(t, rapid.Bool().Draw(t, "limited"))
		how := rapid.SampledFrom([]string{"killed before", "killed after", "stopped", "stopped twice"}).Draw(t, "how")
		kinds, err := enginetest.SimKinds()
		if err != nil {
			t.Fatal(err)
		}
		plan, diags := engine.Load("outer.yaml", []byte(outer), kinds, func(string) (string, []byte, error) {
			return "sim.yaml", []byte(inner), nil
		})
		if len(diags) > 0 {
			t.Fatalf("load: %+v", diags)
		}
		fresh := func() *rehearsal {
			w := enginetest.NewWorld()
			w.Answer = agree
			return &rehearsal{plan: plan, world: w, journal: &enginetest.Journal{}, clock: &enginetest.Clock{}, mode: engine.Live}
		}
		whole := fresh()
		if err := whole.live(context.Background()); err != nil {
			t.Fatalf("run: %v", err)
		}
		for at := 1; at <= len(whole.journal.Lines); at++ {
			r := fresh()
			var err error
			switch stop := (engine.StopAsked{Signal: "interrupt"}); how {
			case "stopped":
				err = r.disturbed(at, stop)
			case "stopped twice":
				err = r.disturbed(at, stop, engine.StopAsked{Signal: "interrupt", Now: true})
			default:
				r.journal.CrashAt, r.journal.Kept = at, how == "killed after"
				err = r.live(context.Background())
			}
			if err != nil && !errors.Is(err, enginetest.ErrCrash) {
				t.Fatalf("%s at %d: %v", how, at, err)
			}
			r.journal.Revive()
			if err := r.clock.Sleep(context.Background(), time.Hour); err != nil {
				t.Fatalf("pass the time: %v", err)
			}
			if !r.over(t) {
				if err := r.live(context.Background()); err != nil {
					t.Fatalf("resume: %v\n%s", err, r.story())
				}
			}
			if got, want := r.end(t).Verdict, whole.end(t).Verdict; got != want {
				t.Fatalf("%s at %d: verdict %s, without it %s\n%s\n%s", how, at, got, want, inner, r.story())
			}
			for i := range 5 {
				if name := fmt.Sprint("s", i); r.world.On(name) != whole.world.On(name) {
					t.Fatalf("%s at %d: switch %s is %t\n%s\n%s", how, at, name, r.world.On(name), inner, r.story())
				}
			}
			if open := unended(r.events(t)); len(open) > 0 {
				t.Fatalf("%s at %d: nothing tells how %v ended\n%s\n%s", how, at, open, inner, r.story())
			}
		}
	})
}

// over tells whether the run, not only a runbook inside of it, has ended.
func (r *rehearsal) over(t *rapid.T) bool {
	events := r.events(t)
	if len(events) == 0 {
		return false
	}
	end, ok := events[len(events)-1].Event.(engine.RunEnded)
	return ok && end.Step == ""
}
