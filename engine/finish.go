package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Finish turns the result of a call into the event that records it. It decides what the result means; Apply only
// takes it in.
func (s *State) Finish(p Perform, r Result) Event {
	c := p.Call
	switch c.Verb {
	case Look:
		return s.judge(p, r)
	case Prepare:
		e := Prepared{
			Step: c.Step, Undo: c.Undo, Description: r.Description, Evidence: r.Evidence, Failure: r.Failure, Only: r.Only,
			As: c.As,
		}
		if scope, step := s.find(c.Step); step != nil {
			e.Because, e.Title = step.When.eval(scope).Terms, scope.title(step)
		}
		return e
	case Confirm:
		e := Answered{Step: c.Step, Kind: c.Question.Kind, Nonce: c.Question.Nonce, Answer: Answer{Value: Nobody}}
		if r.Answer != nil {
			e.Answer = *r.Answer
		}
		return e
	case Act, Attach:
		if r.Lost || r.Never {
			return ChangeLost{Step: c.Step, Attempt: c.Attempt, Undo: c.Undo, Never: r.Never, Failure: r.Failure}
		}
		return ChangeEnded{
			Step: c.Step, Attempt: c.Attempt, Undo: c.Undo, Output: r.Output, Failure: r.Failure, Evidence: r.Evidence,
		}
	}
	return Noticed{Text: "a call of no known verb came back: " + string(c.Verb)}
}

// judge holds what a check saw against what its author expects.
func (s *State) judge(p Perform, r Result) Event {
	e := Looked{
		Step: p.Call.Step, For: p.For, Attempt: p.Call.Attempt, Outcome: OutcomeUnknown,
		Output: r.Output, Failure: r.Failure, Evidence: r.Evidence,
	}
	scope, step := s.find(p.Call.Step)
	if step == nil {
		return e
	}
	e.Title = scope.title(step)
	if r.Failure == nil {
		because := step.Expect.eval(ownFacts{State: scope, output: r.Output})
		e.Because = because.Terms
		switch because.Value {
		case True:
			e.Outcome = OutcomeHealthy
		case False:
			e.Outcome = OutcomeUnhealthy
		default:
			e.Failure = unseen(because.Terms)
		}
	}
	e.Again = p.For == ForGraph && e.Outcome != OutcomeHealthy && e.Attempt < step.Retry.Attempts
	return e
}

// title is the title of a step, when it is not a plain text that the runbook itself holds.
func (s *State) title(step *PlanStep) string {
	if step.Title.literal() {
		return ""
	}
	return step.Title.say(s)
}

// unseen is why an expect could not be decided: something hides, or makes no sense of the question.
func unseen(terms []Term) *Failure {
	kind := Denied
	var parts []string
	for _, t := range terms {
		for _, seen := range t.Seen {
			if seen.Known {
				continue
			}
			parts = append(parts, seen.Name+" "+seen.Value)
			if seen.Name == t.Text { // the expression itself failed
				kind = Invalid
			}
		}
	}
	return &Failure{Kind: kind, Message: "what it expects could not be told: " + strings.Join(parts, ", ")}
}

// find gives the scope and the step of a path.
func (s *State) find(path string) (*State, *PlanStep) {
	id, rest, inner := strings.Cut(path, "/")
	i, ok := s.plan.index[id]
	switch {
	case !ok:
		return nil, nil
	case !inner:
		return s, s.plan.Steps[i]
	case s.steps[i].book == nil:
		return nil, nil
	default:
		return s.steps[i].book.find(rest)
	}
}

// Ended is the verdict, once the run has one.
func (s *State) Ended() (Verdict, bool) { return s.ended, s.ended != "" }

// Why gives the sentences that the verdict rests on.
func (s *State) Why() []string { return s.why }

// Interrupted tells whether the run was stopped and can be resumed.
func (s *State) Interrupted() bool { return s.run.interrupted }

// Outcome is how the step of this path ended, Pending when it has not.
func (s *State) Outcome(path string) Outcome {
	scope, step := s.find(path)
	if step == nil {
		return Pending
	}
	return scope.steps[step.Index].outcome
}

// parameters gives a runbook that a step runs its parameters: what the step gives, held against their types, and the
// defaults.
func (p *Plan) parameters(given any) (map[string]any, error) {
	values, _ := given.(map[string]any)
	texts := make(map[string]string, len(values))
	secrets := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		switch v.(type) {
		case []any, map[string]any:
			return nil, fmt.Errorf("parameter %s must be one value, and is %s", name, show(v, nil))
		}
		text := inText(v)
		if strings.HasPrefix(text, secretPrefix) {
			secrets[name] = v
			continue
		}
		texts[name] = text
	}
	params, err := ResolveParams(p.Runbook, texts)
	if err != nil {
		return nil, err
	}
	maps.Copy(params, secrets)
	return params, nil
}
