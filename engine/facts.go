package engine

import (
	"fmt"
	"strings"
)

// State is what expressions are evaluated over: see the interface facts.

// value of a name, as far as it is known now.
func (s *State) value(r ref) (v any, known bool, why string) {
	switch r.root {
	case "params":
		v, ok := s.params[r.id]
		if !ok || v == nil {
			return nil, false, "it was not given"
		}
		return v, true, ""
	case "run":
		if r.id == "mode" {
			return string(s.run.mode), true, ""
		}
		return s.run.host, true, ""
	case "alert":
		return map[string]any{}, true, ""
	case "steps":
		if i, ok := s.plan.index[r.id]; ok {
			return s.stepValue(i, r.field)
		}
	}
	return nil, false, "nobody knows"
}

func (s *State) stepValue(i int, field string) (v any, known bool, why string) {
	st := &s.steps[i]
	switch {
	case field == wordOutcome:
		return string(st.outcome), true, ""
	case len(st.hangs) > 0:
		return nil, false, "hangs on " + strings.Join(st.hangs, ", ") + ", which was not made"
	}
	switch field {
	case wordUnknown:
		return st.outcome == OutcomeUnknown, true, ""
	case wordSkipped:
		return st.outcome == OutcomeSkipped, true, ""
	case wordFixed:
		return st.outcome == OutcomeFixed, true, ""
	case wordDeclined:
		return st.outcome == OutcomeDeclined, true, ""
	case wordFailed:
		return st.outcome == OutcomeFailed, true, ""
	case wordHealthy, wordUnhealthy:
		if st.outcome != OutcomeHealthy && st.outcome != OutcomeUnhealthy {
			return nil, false, st.whyUnknown()
		}
		return (st.outcome == OutcomeHealthy) == (field == wordHealthy), true, ""
	}
	if st.output == nil || st.outcome == OutcomeUnknown && st.book == nil || st.outcome == OutcomeSkipped || st.outcome == OutcomeFailed {
		return nil, false, st.whyUnknown()
	}
	v, ok := st.output[field]
	if !ok || v == nil {
		return nil, false, "could not be seen"
	}
	return v, true, ""
}

// whyUnknown says why nobody knows what a step found.
func (st *stepState) whyUnknown() string {
	switch {
	case st.outcome == OutcomeSkipped:
		return "was not made"
	case st.failure != nil:
		return fmt.Sprintf("could not look (%s)", st.failure.Kind) // the whole of it stands where the check was made
	case st.outcome == Pending:
		return "has not been made"
	default:
		return string(st.outcome)
	}
}

// finding gives the truth of a finding as it stands now, with the terms that made it so.
func (s *State) finding(id string) (Tri, []Term) {
	i, ok := s.plan.findings[id]
	if !ok {
		return Unknown, nil
	}
	e := s.plan.Findings[i].When.eval(s)
	return e.Value, e.Terms
}

// checked tells in short how a check came to its outcome: "status 502, expected 200".
func (s *State) checked(id string) []Seen {
	i, ok := s.plan.index[id]
	if !ok {
		return nil
	}
	st := &s.steps[i]
	return []Seen{{Name: id, Value: InShort(st.outcome, st.because), Known: true}}
}

// InShort tells how a check came to its outcome, from the terms of its expect: what it saw, and, when it is not
// healthy, what was expected.
func InShort(o Outcome, because []Term) string {
	var parts []string
	told := map[string]bool{} // several terms may look at one value
	for _, t := range because {
		if (t.Value == True) != (o == OutcomeHealthy) {
			continue
		}
		var text []string
		for _, seen := range t.Seen {
			if saw := seen.Name + " " + seen.Value; !told[saw] {
				told[saw] = true
				text = append(text, saw)
			}
		}
		if o != OutcomeHealthy {
			text = append(text, "expected "+expectation(t))
		}
		if len(text) > 0 {
			parts = append(parts, strings.Join(text, ", "))
		}
	}
	if len(parts) == 0 {
		return string(o)
	}
	return strings.Join(parts, "; ")
}

// expectation says what a term asks for, without the name that stands before it anyway.
func expectation(t Term) string {
	if len(t.Seen) == 1 {
		if rest, ok := strings.CutPrefix(t.Text, t.Seen[0].Name+" == "); ok {
			return rest
		}
	}
	return t.Text
}

// ownFacts are the facts of a check's own expect: its output stands bare, everything else is the state's.
type ownFacts struct {
	*State
	output map[string]any
}

func (o ownFacts) value(r ref) (v any, known bool, why string) {
	if r.root != "" {
		return o.State.value(r)
	}
	v, ok := o.output[r.field]
	if !ok || v == nil {
		return nil, false, "could not be seen"
	}
	return v, true, ""
}
