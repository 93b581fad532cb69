package reports

import (
	"fmt"
	"slices"

	"runbook/engine"
)

// healthy lists what was looked at and found in order, every time: what it was not.
func (r *report) healthy() document {
	var out list
	for _, s := range r.view.Steps {
		if s.Effect != engine.Reads || len(s.Looks) == 0 || !s.healthyThroughout() {
			continue
		}
		out = append(out, item{text: words(named(s), text(": "), r.looked(s.Latest()))})
	}
	if len(out) == 0 {
		return section("Checked and healthy", line(text("No check was healthy every time that it was looked at.")))
	}
	return section("Checked and healthy", out)
}

// verification holds the goal, as it was seen at first, against the goal as it was seen at last. Where no check of it was
// looked at twice, there is nothing to hold it against.
func (r *report) verification() document {
	goal := r.goal()
	if len(goal) == 0 {
		return section("Verification", line(text("unknown: this runbook has no goal that checks could tell")))
	}
	twice := slices.ContainsFunc(goal, func(s *Step) bool { return len(s.Looks) > 1 })
	t := table{head: []inline{words(text("Goal")), words(text("At last")), words(text("Saw"))}}
	if twice {
		t.head = slices.Insert(t.head, 1, words(text("At first")))
	}
	held, afresh := 0, 0
	for _, s := range goal {
		first, last := s.First(), s.Latest()
		row := []inline{words(code(s.Path)), nil, words(text("unknown: it was not looked at")), nil}
		if last != nil {
			if first == nil {
				first = last
			}
			row[1] = words(text(string(first.Outcome)))
			row[2] = words(strong(string(last.Outcome)), text(" "+r.clock(last.At)))
			row[3] = cell(whatItSaw(last))
			if last.Outcome == engine.OutcomeHealthy {
				held++
			}
			if last.For == engine.ForGoal {
				afresh++
			}
		}
		if !twice {
			row = slices.Delete(row, 1, 2)
		}
		t.rows = append(t.rows, row)
	}
	summary := fmt.Sprintf("%d of %d healthy at the last look. %s", held, len(goal), r.howFresh(afresh, len(goal)))
	return section("Verification", t, line(text(summary)))
}

func (r *report) howFresh(afresh, all int) string {
	switch {
	case afresh == all:
		return "The goal was looked at afresh at the end of the run."
	case afresh > 0:
		return "Not all of the goal was looked at afresh at the end of the run."
	case r.view.DryRun():
		return "Nothing was changed, so there is nothing to verify."
	case len(r.view.Changes()) == 0:
		return "The goal was not looked at again: nothing was changed."
	default:
		return "The goal was not looked at afresh after the last change."
	}
}

// goal lists the checks that say whether the host is healthy. Without a plan they are those that were looked at for it.
func (r *report) goal() []*Step {
	var out []*Step
	if r.plan == nil {
		for _, s := range r.view.Steps {
			if slices.ContainsFunc(s.Looks, func(l Look) bool { return l.For == engine.ForGoal }) && s.scope() == "" {
				out = append(out, s)
			}
		}
		return out
	}
	for _, g := range r.plan.Goal {
		if s := r.view.Step(r.plan.Steps[g].ID.Value); s != nil {
			out = append(out, s)
		}
	}
	return out
}
