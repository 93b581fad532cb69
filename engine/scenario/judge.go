package scenario

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine"
)

// Difference is something that went another way than the scenario expects.
type Difference struct {
	What     string        `json:"what"` // "verdict", "finding port_taken"
	Expected string        `json:"expected"`
	Was      string        `json:"was"`
	Why      []string      `json:"why,omitempty"` // sentences
	Because  []engine.Term `json:"because,omitempty"`
}

// Judge holds a rehearsal against what its scenario expects. Nothing is given when all is as expected and the scenario
// said all that was asked.
func (r *Rehearsal) Judge() []Difference {
	if len(r.Events) == 0 { // it could not begin, which is its problem
		return nil
	}
	want, t := r.Scenario.Expect, tell(r.Events)
	var out []Difference
	if t.verdict != want.Verdict {
		out = append(out, Difference{What: "verdict", Expected: string(want.Verdict), Was: string(t.verdict), Why: t.why})
	}
	if want.Findings != nil {
		out = append(out, r.findings(want.Findings, t)...)
	}
	if want.Changes != nil {
		out = append(out, r.changes(want.Changes, t)...)
	}
	if want.Unknown != nil {
		out = append(out, r.unknown(want.Unknown, t)...)
	}
	for _, path := range r.layout.names {
		said := slices.ContainsFunc(out, func(d Difference) bool { return d.What == path })
		if o, asked := want.Outcomes[path]; asked && o != r.State.Outcome(path) && !said {
			d := Difference{What: path, Expected: string(o), Was: ended(r.State.Outcome(path))}
			d.Why, d.Because = r.reason(path, t)
			out = append(out, d)
		}
	}
	for _, part := range want.Says {
		if !slices.ContainsFunc(t.said, func(text string) bool { return strings.Contains(text, part) }) {
			out = append(out, Difference{What: "says", Expected: quote(part), Was: "nothing of the kind", Why: t.said})
		}
	}
	return out
}

// Passed tells whether all went as the scenario expects.
func (r *Rehearsal) Passed() bool { return len(r.Problems) == 0 && len(r.Judge()) == 0 }

func (r *Rehearsal) findings(want []string, t *telling) []Difference {
	var out []Difference
	for _, path := range r.layout.concepts {
		_, is := t.concluded[path]
		if is == slices.Contains(want, path) {
			continue
		}
		d := Difference{What: "finding " + path, Expected: "true", Was: "not concluded"}
		d.Why = []string{"the run ended before it could be concluded"}
		if last, ok := r.concluded[path]; ok {
			d.Was, d.Because, d.Why = last.Value.String(), last.Because, nil
		}
		if is {
			d.Expected, d.Was, d.Because = "not concluded", "true", t.concluded[path]
		}
		out = append(out, d)
	}
	return out
}

func (r *Rehearsal) changes(want []string, t *telling) []Difference {
	if slices.Equal(want, t.changes) {
		return nil
	}
	out := []Difference{{What: "changes", Expected: names(want), Was: names(t.changes)}}
	for _, path := range r.layout.names {
		wanted, made := slices.Contains(want, path), slices.Contains(t.changes, path)
		switch d := (Difference{What: path}); {
		case wanted && !made:
			d.Expected, d.Was = "made", ended(r.State.Outcome(strings.TrimSuffix(path, undoSuffix)))
			d.Why, d.Because = r.reason(path, t)
			out = append(out, d)
		case made && !wanted:
			d.Expected, d.Was, d.Because = "not made", "made", t.asked[path].Because
			out = append(out, d)
		}
	}
	return out
}

func (r *Rehearsal) unknown(want []string, t *telling) []Difference {
	var out []Difference
	for _, path := range r.layout.names {
		if is := t.unknown(path); is != slices.Contains(want, path) {
			d := Difference{What: path, Expected: "unknown", Was: ended(r.State.Outcome(path))}
			if is {
				d.Expected, d.Was = "known", "unknown"
			}
			d.Why, d.Because = r.reason(path, t)
			out = append(out, d)
		}
	}
	return out
}

func ended(o engine.Outcome) string {
	if o == engine.Pending {
		return "not reached"
	}
	return string(o)
}

func names(list []string) string {
	return "[" + strings.Join(list, ", ") + "]"
}

// reason says why a step ended as it did.
func (r *Rehearsal) reason(path string, t *telling) (why []string, because []engine.Term) {
	if look, ok := t.looks[path]; ok {
		if look.Failure != nil {
			why = []string{look.Failure.Message}
		}
		return why, look.Because
	}
	if skip, ok := t.skipped[path]; ok {
		return []string{skipped(skip.Reason)}, skip.Because
	}
	q, asked := t.asked[path]
	if said := t.answers[path]; said != nil {
		why = append(why, "answered "+strings.Join(said, ", "))
	}
	if end, ok := t.ended[path]; ok && end.Note != "" {
		why = append(why, end.Note)
	}
	if !asked && len(why) == 0 {
		why = []string{"the run ended before its turn came"}
	}
	return why, q.Because
}

func skipped(reason engine.SkipReason) string {
	switch reason {
	case engine.NotNeeded:
		return "it was not needed"
	case engine.Undecided:
		return "nobody could decide whether it is needed"
	case engine.GoalHolds:
		return "the goal held"
	case engine.NoLonger:
		return "it was no longer needed after the answer"
	case engine.LimitHit:
		return "as many changes as the limit allows had been made"
	}
	return string(reason)
}

// telling is what the events of a run tell about its steps.
type telling struct {
	verdict   engine.Verdict
	why       []string
	said      []string                 // to people
	concluded map[string][]engine.Term // findings that were true, with what made them so at first
	looks     map[string]engine.Looked // the last
	skipped   map[string]engine.Skipped
	asked     map[string]engine.Question
	answers   map[string][]string
	ended     map[string]engine.FixEnded
	changes   []string
}

func tell(events []engine.Stamped) *telling {
	t := &telling{
		concluded: map[string][]engine.Term{}, looks: map[string]engine.Looked{}, skipped: map[string]engine.Skipped{},
		asked: map[string]engine.Question{}, answers: map[string][]string{}, ended: map[string]engine.FixEnded{},
	}
	for _, e := range events {
		t.add(e.Event)
	}
	return t
}

func (t *telling) add(e engine.Event) {
	switch e := e.(type) {
	case engine.Looked:
		t.looks[e.Step] = e
	case engine.Concluded:
		if _, known := t.concluded[e.Finding]; e.Value == engine.True && !known {
			t.concluded[e.Finding] = e.Because
			t.said = append(t.said, e.Say)
		}
	case engine.Skipped:
		t.skipped[e.Step] = e
	case engine.Asked:
		t.asked[pathOf(e.Question.Step, e.Question.Kind == engine.AskUndo)] = e.Question
	case engine.Answered:
		path := pathOf(e.Step, e.Kind == engine.AskUndo)
		t.answers[path] = append(t.answers[path], e.Answer.Value)
	case engine.ChangeStarted:
		if path := pathOf(e.Step, e.Undo); len(t.changes) == 0 || t.changes[len(t.changes)-1] != path {
			t.changes = append(t.changes, path)
		}
	case engine.FixEnded:
		t.ended[e.Step] = e
	case engine.Escalated:
		t.said = append(t.said, fmt.Sprintf("%s: %s", e.To, e.Say))
	case engine.RunEnded:
		if e.Step == "" {
			t.verdict, t.why = e.Verdict, e.Why
			t.said = append(t.said, e.Why...)
		}
	default:
	}
}

func pathOf(step string, undo bool) string {
	if undo {
		return step + undoSuffix
	}
	return step
}

// unknown tells whether nobody could look at a check in the end, or decide a step.
func (t *telling) unknown(path string) bool {
	return t.looks[path].Outcome == engine.OutcomeUnknown || t.skipped[path].Reason == engine.Undecided
}
