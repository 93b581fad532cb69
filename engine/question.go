package engine

import (
	"fmt"
	"slices"
)

// ask puts a question to a person.
func (s *State) ask(i int, q Question) Action {
	return Perform{
		ID:    fmt.Sprintf("ask %s %s %d %d", q.Step, q.Kind, s.steps[i].attempt, len(q.Agreed)),
		Begin: Asked{q},
		Call: Call{
			Verb: Confirm, Step: q.Step, Kind: s.plan.Steps[i].Kind.Name, Effect: s.plan.Steps[i].Effect,
			Question: &q, Timeout: q.Expires,
		},
	}
}

// fixQuestion is the question of a fix, with everything that an answer should rest on.
func (s *State) fixQuestion(i int) Question {
	st, step := &s.steps[i], s.plan.Steps[i]
	call := s.call(i, Act, 0, st.undo)
	q := Question{
		Step: s.at(i), Kind: AskFix, Plan: planHash(call), Title: step.Title.say(s), Why: step.Why.say(s),
		Because: step.When.eval(s).Terms, As: call.As, Risk: orElse(step.Risk, Medium), Undo: s.wayBack(i),
		Within: orElse(step.Within, defaultWithin), Evidence: st.evidence, Choices: []string{Yes, No},
		Approvals: max(step.Approvals, 1), Agreed: slices.Clone(st.agreed),
		Number: i + 1, Of: len(s.plan.Steps), Expires: orElse(step.Expires, answerTimeout),
	}
	if st.description != nil {
		d := *st.description
		if target := step.Target.say(s); target != "" {
			d.Target = target
		}
		q.Description = &d
	}
	for _, v := range step.Verify {
		q.Verify = append(q.Verify, s.plan.Steps[v].ID.Value)
	}
	if q.Approvals > 1 {
		q.Excluded = s.run.starter
	}
	if st.undo { // what several people agreed to, one may have taken back
		q.Kind, q.Undo, q.Approvals, q.Excluded = AskUndo, "", 1, ""
		q.Because = []Term{{Text: "it did not help", Value: True, Seen: []Seen{{Name: "verification", Value: s.notVerified(step.Verify), Known: true}}}}
	}
	return q
}

// wayBack says how a fix can be taken back: by the runbook's own undo, or by the kind's.
func (s *State) wayBack(i int) string {
	step := s.plan.Steps[i]
	if step.Undo != nil {
		in, _, _ := s.resolve(step.Undo.Inputs)
		return step.Undo.Kind.Name + " " + show(in, nil) + ", offered when it does not help"
	}
	if d := s.steps[i].description; d != nil {
		return d.Undo
	}
	return ""
}

// humanQuestion is the question of a manual or ask step.
func (s *State) humanQuestion(i int, in map[string]any) Question {
	step := s.plan.Steps[i]
	q := Question{
		Step: s.at(i), Kind: AskManual, Title: step.Title.say(s), Because: step.When.eval(s).Terms,
		Number: i + 1, Of: len(s.plan.Steps), Expires: orElse(step.Expires, answerTimeout), Choices: []string{Done, NotDone},
	}
	q.Text, _ = in["text"].(string)
	if step.Kind.Name == "ask" {
		q.Kind, q.Choices = AskValue, nil
		q.Type, _ = in["type"].(string)
		list, _ := in["choices"].([]any)
		for _, c := range list {
			q.Choices = append(q.Choices, fmt.Sprint(c))
		}
	}
	return q
}
