package engine

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Times that a runbook does not say anything about.
const (
	lookTimeout   = 30 * time.Second // one attempt at a check
	actTimeout    = 10 * time.Minute // one attempt at a change
	prepTimeout   = 5 * time.Second  // describing a change and keeping what it will destroy
	answerTimeout = 10 * time.Minute // a question
	defaultWithin = 30 * time.Second
	defaultSettle = time.Second
	freshFor      = 10 * time.Second // how old a look may be when a change rests on it
	verifyEvery   = time.Second      // between two rounds of verification, at first
	verifySlowest = 5 * time.Second
	mostChanges   = 10
)

// Next says what should be going on now. Nothing: the run has ended, or it was interrupted.
func (s *State) Next() []Action {
	switch {
	case !s.run.started || s.ended != "" || s.run.interrupted:
		return nil
	case !s.run.preflown:
		return []Action{Conclude{Preflight{}}} // a driver that looked has said so before
	case s.run.stopping != nil && !s.busy():
		return []Action{Conclude{RunInterrupted{Signal: s.run.stopping.Signal}}}
	case s.run.timeUp && !s.busy():
		if open := s.cutOff(); open != nil {
			return open
		}
		s := *s
		s.why = append(slices.Clone(s.why), fmt.Sprintf("the time limit of %s was reached", s.plan.Runbook.Limits.Time))
		return s.finish(VerdictNotFixed)
	}
	actions := s.next()
	if limit := s.plan.Runbook.Limits.Time; limit > 0 && len(actions) > 0 && !s.run.timeUp {
		actions = append(actions, Wait{ID: "limit", Until: s.run.paused + limit, Event: Waited{For: "limit", Time: limit}})
	}
	if s.run.stopping != nil && s.run.stopping.Now {
		for k, a := range actions {
			if p, ok := a.(Perform); ok && (p.Call.Verb == Act || p.Call.Verb == Attach) {
				p.Stop = true
				actions[k] = p
			}
		}
	}
	return actions
}

// busy tells whether a change is going on, from its intent to the end of its verification: what a stop lets end. A
// second stop does not wait for the verification, and none waits to ask whether a change is to be taken back: a resumed
// run verifies anew.
func (s *State) busy() bool {
	if s.current < 0 {
		return false
	}
	st := &s.steps[s.current]
	switch st.phase {
	case inside:
		return st.book.busy()
	case acting, attaching, ending:
		return true
	case settling, verifying:
		return !s.pausing() || !s.run.stopping.Now && !s.unhelped(s.current)
	default:
		return false
	}
}

// pausing tells whether a stop was asked for: no question is asked any more.
func (s *State) pausing() bool { return s.run.stopping != nil }

// cutOff ends a fix that the time limit found between two stages, with an attempt behind it: what came of that is told.
func (s *State) cutOff() []Action {
	if s.current < 0 {
		return nil
	}
	st := &s.steps[s.current]
	if st.phase == inside {
		return st.book.cutOff()
	}
	e := FixEnded{Step: s.at(s.current), Outcome: OutcomeInDoubt, Note: "the time limit was reached"}
	switch {
	case st.made == 0:
		return nil
	case st.undo || st.phase == unhelpful:
		e.Outcome = OutcomeNotFixed
	case st.failure != nil:
		e.Outcome = OutcomeFailed
	}
	return []Action{Conclude{e}}
}

// next is Next for one scope.
func (s *State) next() []Action {
	if s.current >= 0 && s.steps[s.current].phase == ending {
		return s.nextTurn(s.current)
	}
	if s.stop != "" {
		return s.finish(s.stop)
	}
	if s.current >= 0 {
		if p := s.steps[s.current].phase; p == acting || p == attaching || p == inside {
			return s.nextTurn(s.current)
		}
	}
	if actions := s.nextChecks(); len(actions) > 0 {
		return actions
	}
	if s.current >= 0 {
		return s.nextTurn(s.current)
	}
	if actions := s.conclusions(); len(actions) > 0 {
		return actions
	}
	switch {
	case len(s.turns) > 0:
		return s.begin(s.turns[0])
	default:
		return s.last()
	}
}

// nextChecks gives the checks that should be going on, as many as may go on at once, in the order of the file.
func (s *State) nextChecks() []Action {
	var looks, decided []Action
	for _, i := range s.checks[:min(len(s.checks), s.run.parallel)] {
		a := s.nextCheck(i)
		if _, ok := a.(Conclude); ok {
			decided = append(decided, a)
		} else {
			looks = append(looks, a)
		}
	}
	if len(decided) > 0 {
		return decided
	}
	return looks
}

func (s *State) nextCheck(i int) Action {
	st := &s.steps[i]
	if st.phase == retrying {
		if at := s.retryAt(i); s.run.now < at {
			return s.wait(i, "retry", strconv.Itoa(st.attempt), at)
		}
		return s.look(i, ForGraph, st.attempt+1)
	}
	if skip := s.decide(i); skip != nil {
		return Conclude{*skip}
	}
	return s.look(i, ForGraph, 1)
}

// retryAt is the moment of the next attempt at a step: every wait is longer than the one before by the backoff.
func (s *State) retryAt(i int) time.Duration {
	st, retry := &s.steps[i], s.plan.Steps[i].Retry
	wait := float64(retry.Every) * math.Pow(max(retry.Backoff, 1), float64(st.attempt-1))
	return st.since + time.Duration(wait)
}

// decide gives the reason not to make a step, nil when it is to be made.
func (s *State) decide(i int) *Skipped {
	step := s.plan.Steps[i]
	because := step.When.eval(s)
	skip := &Skipped{Step: s.at(i), Because: because.Terms, Reason: NotNeeded, Title: s.title(step)}
	switch because.Value {
	case False:
		return skip
	case True:
		unclear := func(what string, seen []Seen) *Skipped {
			skip.Reason, skip.Because = Undecided, append(skip.Because, Term{Text: what, Seen: seen, Decides: true})
			skip.Hangs = s.hangsOn(step.After)
			return skip
		}
		in, known, seen := s.resolve(step.Inputs)
		if !known {
			return unclear("its inputs", seen)
		}
		if _, known, seen := step.User.value(s); !known {
			return unclear("the user that it is made as", seen)
		}
		if step.Book != nil {
			if _, err := step.Book.parameters(in["params"]); err != nil {
				return unclear("its parameters", []Seen{{Name: step.Book.Runbook.Name.Value, Value: err.Error()}})
			}
		}
		return nil
	default:
		skip.Reason, skip.Hangs = Undecided, s.hangsOn(step.After)
		if step.Effect != Reads {
			skip.Would = s.would(i)
		}
		return skip
	}
}

// would says what a step that could not be decided would do, as far as its inputs are known.
func (s *State) would(i int) string {
	step := s.plan.Steps[i]
	in, _, _ := s.resolve(step.Inputs)
	return step.Kind.Name + " " + show(in, nil)
}

// hangsOn lists the changes that were only described among what made these steps what they are.
func (s *State) hangsOn(steps []int) []string {
	var out []string
	for _, i := range steps {
		for _, h := range s.steps[i].hangs {
			if !slices.Contains(out, h) {
				out = append(out, h)
			}
		}
	}
	return out
}

// look gives the call that makes a check. Inputs that are not known, which only a second look can meet, are passed on
// as they are: the kind refuses them.
func (s *State) look(i int, why Reason, attempt int) Action {
	step := s.plan.Steps[i]
	in, _, _ := s.resolve(step.Inputs)
	return Perform{
		ID: fmt.Sprintf("look %s %s %d", s.at(i), why, attempt), For: why,
		Call: Call{
			Verb: Look, Step: s.at(i), Kind: step.Kind.Name, Effect: step.Effect, Reads: true,
			Inputs: in, As: step.User.say(s), Attempt: attempt,
			Timeout: orElse(step.Timeout, orElse(step.Kind.Timeout, lookTimeout)),
		},
	}
}

func (s *State) wait(i int, why, id string, until time.Duration) Action {
	return Wait{
		ID: fmt.Sprintf("wait %s %s %s", s.at(i), why, id), Until: until,
		Event: Waited{Step: s.at(i), For: why, Time: max(until-s.run.now, 0)},
	}
}

// conclusions gives the findings whose truth has become clear, or has changed.
func (s *State) conclusions() []Action {
	var out []Action
	for k, f := range s.plan.Findings {
		if slices.ContainsFunc(f.About, func(i int) bool { return s.steps[i].phase != over }) {
			continue
		}
		e := f.When.eval(s)
		if said := s.findings[k]; !said.said || said.value != e.Value {
			out = append(out, Conclude{Concluded{
				Finding: s.path + f.ID.Value, Value: e.Value, Say: f.Say.say(s), Because: e.Terms,
			}})
		}
	}
	return out
}

// begin gives a step other than a check its turn.
func (s *State) begin(i int) []Action {
	if s.goalBefore() == True {
		return []Action{Conclude{Skipped{Step: s.at(i), Reason: GoalHolds, Because: s.goalTerms()}}}
	}
	if skip := s.decide(i); skip != nil {
		return []Action{Conclude{*skip}}
	}
	step := s.plan.Steps[i]
	because := step.When.eval(s).Terms
	in, _, _ := s.resolve(step.Inputs)
	switch step.Effect {
	case EndsRun:
		return []Action{Conclude{Escalated{
			Step: s.at(i), To: fmt.Sprint(in["to"]), Say: fmt.Sprint(in["say"]), Because: because,
		}}}
	case RunsBook:
		params, _ := step.Book.parameters(in["params"]) // decide has seen that they fit
		return []Action{Conclude{BookStarted{Step: s.at(i), Runbook: step.Book.Runbook.Name.Value, Params: params}}}
	case AsksYou:
		return []Action{s.ask(i, s.humanQuestion(i, in))}
	default:
		if limit := s.limit(); limit > 0 {
			return []Action{Conclude{Skipped{Step: s.at(i), Reason: LimitHit, Because: []Term{{
				Text: "limits.changes", Value: True, Seen: []Seen{{Name: "changes", Value: strconv.Itoa(limit), Known: true}},
			}}}}}
		}
		return []Action{s.prepare(i, false)}
	}
}

// limit is the limit of changes that has been reached, this runbook's own or that of the whole run, 0 when none is.
func (s *State) limit() int {
	switch most := orElse(s.plan.Runbook.Limits.Changes, mostChanges); {
	case s.spent >= most:
		return most
	case s.run.spent >= s.run.most:
		return s.run.most
	default:
		return 0
	}
}

// last looks at the goal afresh when something was done, and ends the run.
func (s *State) last() []Action {
	if s.changes > 0 || s.answered > 0 {
		var looks []Action
		for _, g := range s.plan.Goal {
			if !slices.Contains(s.fresh, g) && len(looks) < s.run.parallel {
				looks = append(looks, s.look(g, ForGoal, 1))
			}
		}
		if len(looks) > 0 {
			return looks
		}
	}
	return s.finish(s.verdict())
}

// goalBefore is the goal as it was when all of it had been seen for the first time.
func (s *State) goalBefore() Tri {
	if s.changes+s.answered+s.described > 0 {
		return Unknown
	}
	return s.goal()
}

// goal is the goal as it was last seen. A runbook without checks has none, and nobody knows.
func (s *State) goal() Tri {
	if len(s.plan.Goal) == 0 {
		return Unknown
	}
	all := True
	for _, g := range s.plan.Goal {
		st := &s.steps[g]
		switch {
		case len(st.hangs) > 0:
			all = all.And(Unknown)
		case st.outcome == OutcomeHealthy:
		case st.outcome == OutcomeUnhealthy:
			all = False
		default:
			all = all.And(Unknown)
		}
	}
	return all
}

func (s *State) goalTerms() []Term {
	var terms []Term
	for _, g := range s.plan.Goal {
		id := s.plan.Steps[g].ID.Value
		terms = append(terms, Term{Text: "steps." + id + ".healthy", Value: True, Seen: s.checked(id)})
	}
	return terms
}

// verdict is what the run came to once all its steps have ended.
func (s *State) verdict() Verdict {
	goal := s.goal()
	switch {
	case s.run.mode == DryRun && s.described == 0 && goal == True:
		return VerdictHealthy
	case s.run.mode == DryRun:
		if s.undecided || s.goalUnseen() || len(s.plan.Goal) == 0 && s.described == 0 {
			return VerdictUndecided
		}
		return VerdictPlanned
	case goal == True && s.changes > 0:
		return VerdictFixed
	case goal == True:
		return VerdictHealthy
	case s.handedOn:
		return VerdictEscalated
	case s.declined:
		return VerdictDeclined
	case goal == Unknown || s.undecided:
		return VerdictUndecided
	default:
		return VerdictNotFixed
	}
}

// goalUnseen tells whether a check of the goal could not look.
func (s *State) goalUnseen() bool {
	return slices.ContainsFunc(s.plan.Goal, func(g int) bool {
		return len(s.steps[g].hangs) == 0 && s.steps[g].outcome != OutcomeHealthy && s.steps[g].outcome != OutcomeUnhealthy
	})
}

// finish ends the run, or the inner runbook that this scope is.
func (s *State) finish(v Verdict) []Action {
	if s.run.mode == DryRun && v == VerdictEscalated {
		v = s.verdict() // handing over is a part of the plan
	}
	return []Action{Conclude{RunEnded{Step: strings.TrimSuffix(s.path, "/"), Verdict: v, Why: s.reasons(v)}}}
}

// reasons says in sentences what the verdict rests on.
func (s *State) reasons(v Verdict) []string {
	why := slices.Clone(s.why)
	var bad, unseen []string
	for _, g := range s.plan.Goal {
		st, id := &s.steps[g], s.plan.Steps[g].ID.Value
		switch st.outcome {
		case OutcomeHealthy:
		case OutcomeUnhealthy:
			bad = append(bad, id)
		default:
			unseen = append(unseen, id)
		}
	}
	if v == VerdictNotFixed || v == VerdictDeclined || v == VerdictFailed || v == VerdictUndecided {
		if len(bad) > 0 {
			why = append(why, "not healthy: "+strings.Join(bad, ", "))
		}
	}
	if v == VerdictUndecided && len(unseen) > 0 {
		why = append(why, "could not be looked at: "+strings.Join(unseen, ", "))
	}
	if v == VerdictUndecided && len(s.plan.Goal) == 0 {
		why = append(why, "this runbook checks nothing, so whether the host is healthy is for you to say")
	}
	return why
}

// at is the path of a step.
func (s *State) at(i int) string { return s.path + s.plan.Steps[i].ID.Value }

func (s *State) resolve(in inputs) (map[string]any, bool, []Seen) {
	v, known, seen := in.resolve(s)
	m, _ := v.(map[string]any)
	return m, known, seen
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
