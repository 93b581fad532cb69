package reports

import (
	"slices"

	"runbook/engine"
)

// notDone lists the steps that were not made. Why they were not are different things, with different words, and each
// stands there with its condition and the values.
func (r *report) notDone() document {
	ended := "the record ends before its turn"
	switch verdict, _ := r.view.Verdict(); {
	case r.view.End != nil:
		ended = "the run ended before its turn"
	case verdict == engine.VerdictInterrupted:
		ended = "the run was stopped before its turn"
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
	case len(s.Looks) > 0, s.made(), s.Escalated != nil, s.Book != nil:
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
	if n := len(s.Skips); n > 0 && len(s.Skips[n-1].Hangs) > 0 {
		skip := s.Skips[n-1]
		it.below = append(it.below,
			words(text("it hangs on "), codes(skip.Hangs), text(", which this dry run did not make, so both ways are open")),
			words(text("if its condition were true: WOULD "), code(orElse(skip.Would, s.Kind))),
			words(text("if it were false: nothing")))
	}
	it.below = append(it.below, decision(s)...)
	return it
}

func alreadySaid(s *Step, note string) bool {
	return slices.ContainsFunc(s.Questions, func(q *Question) bool { return q.Answer != nil && q.Answer.Note == note })
}

// decision is the condition of a step that was not made, and the values that its terms saw.
func decision(s *Step) []inline {
	if n := len(s.Skips); n > 0 {
		skip := s.Skips[n-1]
		switch skip.Reason {
		case engine.NotNeeded, engine.NoLonger:
			return condition(s.When, engine.False, skip.Because)
		case engine.Undecided:
			return undecided(s.When, skip.Because)
		case engine.GoalHolds, engine.LimitHit: // its condition was not what it rests on
			return explained(skip.Because, engine.True)
		}
	}
	if n := len(s.Questions); n > 0 {
		return condition(s.When, engine.True, s.Questions[n-1].Because)
	}
	if s.When == "" {
		return []inline{words(text("it has no condition"))}
	}
	return []inline{words(text("condition "), code(s.When))}
}

// inputsTerm is what the engine calls the inputs of a step among the terms that kept it from being made.
const inputsTerm = "its inputs"

// undecided is a condition that was unknown, or one that was true while an input was unknown: the engine has that as a
// last term.
func undecided(when string, because []engine.Term) []inline {
	n := len(because) - 1
	if n < 0 || because[n].Text != inputsTerm {
		return condition(when, engine.Unknown, because)
	}
	out := condition(when, engine.True, because[:n])
	inputs := words(text("an input is unknown"))
	if why := whyUnknown(because[n:]); len(why) > 0 {
		inputs = words(inputs, text("; "), why)
	}
	return append(out, inputs)
}
