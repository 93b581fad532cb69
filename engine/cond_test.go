package engine_test

import (
	"slices"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// What a decision rests on is marked: the false ones of what is joined by "and", the true ones of what is joined by
// "or", and the unknown ones of what nobody can decide.
func TestDecidingTerms(t *testing.T) {
	for _, c := range []struct{ when, on, decides string }{
		{"steps.a.healthy and steps.b.healthy", "a", "steps.b.healthy"},
		{"steps.a.healthy or steps.b.healthy", "", "steps.a.healthy, steps.b.healthy"},
		{"not (steps.a.healthy or steps.b.healthy)", "b", "steps.b.healthy"},
		{"steps.a.healthy and steps.blind.healthy", "a", "steps.blind.healthy"},
		{"steps.a.healthy and steps.blind.healthy", "", "steps.a.healthy"},
		{"steps.a.healthy and not steps.a.healthy", "a", "not steps.a.healthy"},
	} {
		t.Run(c.when+" with "+c.on, func(t *testing.T) {
			source := `runbook: sim
title: Deciding
goal: [a]
steps:
  - {id: a, uses: sim.look, with: {switch: a}}
  - {id: b, uses: sim.look, with: {switch: b}}
  - {id: blind, uses: sim.look, with: {switch: c, fails: true}}
  - {id: it, uses: sim.look, with: {switch: d}, when: "` + c.when + `"}
`
			r := rehearse(t, source, enginetest.NewWorld(strings.Fields(c.on)...))
			if err := r.live(t.Context()); err != nil {
				t.Fatal(err)
			}
			events, err := r.journal.Events()
			if err != nil {
				t.Fatal(err)
			}
			var decides []string
			for _, e := range events {
				s, ok := e.Event.(engine.Skipped)
				if !ok || s.Step != "it" {
					continue
				}
				for _, term := range s.Because {
					if term.Decides {
						decides = append(decides, term.Text)
					}
				}
			}
			slices.Sort(decides)
			if got := strings.Join(decides, ", "); got != c.decides {
				t.Errorf("decided by %q, want %q", got, c.decides)
			}
		})
	}
}
