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
		return section("Checked and healthy", line(text("Nothing was found healthy every time that it was looked at.")))
	}
	return section("Checked and healthy", out)
}

// verification holds the goal, as it was seen at first, against the goal as it was seen at last.
func (r *report) verification() document {
	goal := r.goal()
	if len(goal) == 0 {
		return section("Verification", line(text("unknown: this runbook has no goal that checks could tell")))
	}
	var rows [][]inline
	held, afresh := 0, 0
	for _, s := range goal {
		row := []inline{words(code(s.Path)), words(text("unknown: it was not looked at")), nil, nil}
		if first, last := s.First(), s.Latest(); last != nil {
			if first == nil {
				first = last
			}
			row[1] = words(text(string(first.Outcome)))
			row[2] = words(strong(string(last.Outcome)), text(" "+r.clock(last.At)))
			row[3] = what(last)
			if last.Outcome == engine.OutcomeHealthy {
				held++
			}
			if last.For == engine.ForGoal {
				afresh++
			}
		}
		rows = append(rows, row)
	}
	d := section("Verification", table{
		head: []inline{words(text("Goal")), words(text("At first")), words(text("At last")), words(text("Saw"))}, rows: rows,
	})
	d = append(d, line(text(fmt.Sprintf("%d of %d healthy at the last look. %s", held, len(goal), r.howFresh(afresh, len(goal))))))
	return d
}

func (r *report) howFresh(afresh, all int) string {
	switch {
	case afresh == all:
		return "The goal was looked at afresh at the end of the run."
	case afresh > 0:
		return "Not all of the goal was looked at afresh at the end of the run."
	case len(r.view.Changes()) == 0:
		return "The goal was looked at once: nothing was changed."
	default:
		return "The goal was not looked at afresh after the last change."
	}
}

// what is what a look saw, without its outcome.
func what(l *Look) inline {
	switch {
	case l.Failure != nil:
		return failure(l.Failure)
	case len(l.Because) > 0 && l.Outcome == engine.OutcomeHealthy:
		return saw(l.Because)
	case len(l.Because) > 0:
		const longest = 120 // a cell of a table on a narrow page
		return words(code(Clip(OneLine(engine.InShort(l.Outcome, l.Because)), longest)))
	default:
		return scalars(l.Output)
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
