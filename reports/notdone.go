package reports

import (
	"slices"

	"runbook/engine"
)

// notDone lists the steps that were not made. Why they were not are different things, with different words, and each
// stands there with its condition and the values.
func (r *report) notDone() document {
	ended := "the run ended before its turn"
	if r.view.End == nil {
		ended = "the record ends before its turn"
	}
	groups := []struct {
		name    string
		classes []Class
		items   list
	}{
		{"Declined: a person said no", []Class{Declined}, nil},
		{"Expired: a person was asked, and nobody answered in time", []Class{Expired}, nil},
		{"Could not: nobody could decide it, or it was held back", []Class{CouldNot, Doubtful, Open, Blind, Bad}, nil},
		{"Not reached: " + ended, []Class{NotReached}, nil},
		{"Not needed: its condition was false", []Class{NotNeeded}, nil},
	}
	var holds []string
	for _, s := range r.view.Steps {
		if s.wasMade() {
			continue
		}
		st := s.Status()
		if n := len(s.Skips); n > 0 && s.Skips[n-1].Reason == engine.GoalHolds && st.At.Seq == s.Skips[n-1].Seq {
			holds = append(holds, s.Path)
			continue
		}
		for i := range groups {
			if slices.Contains(groups[i].classes, st.Class) {
				groups[i].items = append(groups[i].items, r.notMade(s, st))
			}
		}
	}
	d := section("Not done")
	for _, g := range groups {
		if len(g.items) > 0 {
			d = append(d, line(text(g.name+".")), g.items)
		}
	}
	if len(holds) > 0 {
		d = append(d, line(text("Not needed, since the goal held at the start: "), codes(holds), text(".")))
	}
	if len(d) == 1 {
		d = append(d, line(text("Nothing was left out.")))
	}
	return d
}

// wasMade tells whether a step did what it is for, or, in a dry run, is described elsewhere.
func (s *Step) wasMade() bool {
	switch {
	case len(s.Looks) > 0, s.Escalated != nil, s.Book != nil:
		return true
	case slices.ContainsFunc(s.Changes, func(c *Change) bool { return c.Lost == nil || !c.Lost.Never }):
		return true
	default:
		class := s.Status().Class
		return class == Described || class == Good
	}
}

func (r *report) notMade(s *Step, st Status) item {
	it := item{text: named(s)}
	if st.Class != NotReached && st.Class != NotNeeded || st.Word != "not needed" && st.Class == NotNeeded {
		it.text = words(it.text, text(": "), strong(st.Word))
	}
	for _, q := range s.Questions {
		it.below = append(it.below, r.answered(q))
	}
	for _, p := range s.Preparations {
		if p.Failure != nil {
			it.below = append(it.below, words(text("it could not be described: "), failure(p.Failure)))
		}
	}
	if n := len(s.Ends); n > 0 && s.Ends[n-1].Note != "" && st.Class != Expired && !alreadySaid(s, s.Ends[n-1].Note) {
		it.below = append(it.below, words(sentence(s.Ends[n-1].Note)))
	}
	return r.withCondition(it, s)
}

func alreadySaid(s *Step, note string) bool {
	return slices.ContainsFunc(s.Questions, func(q *Question) bool { return q.Answer != nil && q.Answer.Note == note })
}

// withCondition adds the condition of a step, and the values that its terms saw.
func (r *report) withCondition(it item, s *Step) item {
	var because []engine.Term
	value := "" // of the condition
	if n := len(s.Questions); n > 0 {
		because, value = s.Questions[n-1].Because, " was true"
	}
	if n := len(s.Skips); n > 0 {
		skip := s.Skips[n-1]
		because, value = skip.Because, skipValue(skip.Reason)
		if len(skip.Hangs) > 0 {
			it.below = append(it.below,
				words(text("it hangs on "), codes(skip.Hangs), text(", which this dry run did not make, so both ways are open")),
				words(text("if its condition were true: WOULD "), code(orElse(skip.Would, s.Kind))),
				words(text("if it were false: nothing")))
		}
	}
	switch {
	case len(because) == 1 && because[0].Text == s.When: // the one term is the condition
	case s.When != "":
		it.below = append(it.below, words(text("condition "), code(s.When), text(value)))
	case len(because) == 0:
		it.below = append(it.below, words(text("it has no condition")))
	}
	it.below = append(it.below, explained(because)...)
	return it
}

// skipValue is what a condition was that kept a step from being made, as far as the reason tells.
func skipValue(reason engine.SkipReason) string {
	switch reason {
	case engine.NotNeeded, engine.NoLonger:
		return " was false"
	case engine.Undecided:
		return " was unknown"
	case engine.GoalHolds, engine.LimitHit, engine.NotRepeated:
	}
	return ""
}
