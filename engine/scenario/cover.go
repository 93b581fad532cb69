package scenario

import (
	"fmt"
	"slices"

	"runbook/engine"
)

// Coverage counts what the scenarios of a runbook reach: every way in which each of its steps can end, each condition of
// a step that was not needed, and each finding, true and false. The steps of the runbooks that it runs count where they
// are at home.
type Coverage struct {
	plan    *engine.Plan
	targets []target
	reached map[target]bool
}

// target is one thing to reach.
type target struct {
	step    int // index, -1 for a finding
	finding int
	what    string // an outcome, notNeeded, or the truth of a finding
}

const notNeeded = "not needed"

// NewCoverage is the coverage of a plan that nothing has reached yet.
func NewCoverage(plan *engine.Plan) *Coverage {
	c := &Coverage{plan: plan, reached: map[target]bool{}}
	for i, s := range plan.Steps {
		for _, o := range targetsOf(plan, s) {
			c.targets = append(c.targets, target{step: i, what: o})
		}
	}
	for i := range plan.Findings {
		c.targets = append(c.targets, target{step: -1, finding: i, what: engine.True.String()}, target{step: -1, finding: i, what: engine.False.String()})
	}
	return c
}

// targetsOf lists the ways in which a step can end that a scenario should reach.
func targetsOf(plan *engine.Plan, s *engine.PlanStep) []string {
	var all []engine.Outcome
	switch s.Effect {
	case engine.Reads:
		all = []engine.Outcome{engine.OutcomeHealthy}
		if s.Expect != nil {
			all = append(all, engine.OutcomeUnhealthy)
		}
		if len(plan.Uses(s.Index)) > 0 {
			all = append(all, engine.OutcomeUnknown)
		}
	case engine.Changes:
		all = []engine.Outcome{engine.OutcomeFixed, engine.OutcomeDeclined}
		if len(s.Verify) > 0 {
			all = append(all, engine.OutcomeNotFixed)
		}
	case engine.AsksYou:
		all = []engine.Outcome{engine.OutcomeAnswered}
	case engine.EndsRun:
		all = []engine.Outcome{engine.OutcomeEscalated}
	case engine.RunsBook:
		all = []engine.Outcome{engine.OutcomeHealthy, engine.OutcomeUnhealthy}
	}
	words := texts(all...)
	if s.When != nil {
		words = append(words, notNeeded)
	}
	return words
}

// Add counts what a rehearsal reached.
func (c *Coverage) Add(r *Rehearsal) {
	step := func(path, what string) {
		if i := slices.IndexFunc(c.plan.Steps, func(s *engine.PlanStep) bool { return s.ID.Value == path }); i >= 0 {
			c.reached[target{step: i, what: what}] = true
		}
	}
	for _, e := range r.Events {
		switch e := e.Event.(type) {
		case engine.Looked:
			step(e.Step, string(e.Outcome))
		case engine.Skipped:
			if e.Reason == engine.NotNeeded {
				step(e.Step, notNeeded)
			}
		case engine.Concluded:
			if i := slices.IndexFunc(c.plan.Findings, func(f *engine.PlanFinding) bool { return f.ID.Value == e.Finding }); i >= 0 {
				c.reached[target{step: -1, finding: i, what: e.Value.String()}] = true
			}
		default:
		}
	}
	for _, s := range c.plan.Steps {
		step(s.ID.Value, string(r.State.Outcome(s.ID.Value)))
	}
}

// Count tells how much there is to reach, and how much was reached.
func (c *Coverage) Count() (reached, of int) {
	for _, t := range c.targets {
		if c.reached[t] {
			reached++
		}
	}
	return reached, len(c.targets)
}

// Percent is how much was reached, in whole per cent: 100 is all of it, and no less.
func (c *Coverage) Percent() int {
	reached, of := c.Count()
	if of == 0 {
		return 100
	}
	return reached * 100 / of
}

// Gap is something that no scenario reaches.
type Gap struct {
	Pos  engine.Pos // in the runbook's file
	Text string
}

// Gaps lists what no scenario reaches, in the order of the file.
func (c *Coverage) Gaps() []Gap {
	var out []Gap
	for i, s := range c.plan.Steps {
		var missed []string
		made := false
		for _, t := range c.targets {
			switch {
			case t.step != i:
			case c.reached[t]:
				made = made || t.what != notNeeded
			case t.what != notNeeded:
				missed = append(missed, t.what)
			}
		}
		switch {
		case !made:
			out = append(out, Gap{s.ID.Pos, fmt.Sprintf("no scenario makes %s", s.ID.Value)})
		case len(missed) > 0:
			out = append(out, Gap{s.ID.Pos, fmt.Sprintf("no scenario in which %s is %s", s.ID.Value, list(missed, "or"))})
		}
		if s.When != nil && !c.reached[target{step: i, what: notNeeded}] {
			out = append(out, Gap{s.Step.When.Pos, fmt.Sprintf("no scenario in which %s is not needed", s.ID.Value)})
		}
	}
	for i, f := range c.plan.Findings {
		for _, truth := range []string{engine.True.String(), engine.False.String()} {
			if !c.reached[target{step: -1, finding: i, what: truth}] {
				out = append(out, Gap{f.ID.Pos, fmt.Sprintf("no scenario in which finding %s is %s", f.ID.Value, truth)})
			}
		}
	}
	return out
}
