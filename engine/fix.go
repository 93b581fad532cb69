package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// This file is the way of one fix: described, asked, looked at again, made, verified, and taken back when it did not
// help. Every stage ends with an event, and only then the next one begins.

// nextTurn says what should be going on for the step that has its turn.
func (s *State) nextTurn(i int) []Action {
	st, step := &s.steps[i], s.plan.Steps[i]
	one := func(a Action) []Action { return []Action{a} }
	switch st.phase {
	case inside:
		return st.book.next()
	case prepared:
		return one(s.ask(i, s.fixQuestion(i)))
	case asking:
		return one(s.ask(i, *st.question))
	case agreed:
		return s.act(i)
	case acting:
		return one(s.perform(i, Act, st.last(), nil))
	case attaching:
		return one(s.perform(i, Attach, st.last(), nil))
	case doubtful:
		return s.doubt(i)
	case broken:
		return s.failedStep(i)
	case retrying:
		if at := s.retryAt(i); s.run.now < at {
			return one(s.wait(i, "retry", fmt.Sprint(st.attempt), at))
		}
		return s.act(i)
	case settling:
		until := st.since + orElse(step.Settle, defaultSettle)
		return one(s.wait(i, "settle", fmt.Sprint(st.attempt), until))
	case verifying:
		return s.verify(i)
	case unhelpful:
		return one(s.prepare(i, true))
	case ending:
		return one(Conclude{FixEnded{Step: s.at(i), Outcome: st.outcome, Note: st.note}})
	default:
		return nil
	}
}

// prepare describes a change, or its way back, and keeps what it will destroy.
func (s *State) prepare(i int, undo bool) Action {
	call := s.call(i, Prepare, 1, undo)
	call.Timeout = prepTimeout
	return Perform{ID: fmt.Sprintf("prepare %s %t %d", s.at(i), undo, s.steps[i].attempt), Call: call}
}

// call is a change, or its way back, fully resolved.
func (s *State) call(i int, verb Verb, attempt int, undo bool) Call {
	step := s.plan.Steps[i]
	kind, in, user := step.Kind, step.Inputs, step.User
	if undo {
		kind, in, user = step.Undo.Kind, step.Undo.Inputs, step.Undo.User
	}
	values, _, _ := s.resolve(in)
	return Call{
		Verb: verb, Step: s.at(i), Kind: kind.Name, Effect: Changes, Inputs: values, As: user.say(s),
		Attempt: attempt, Undo: undo, Timeout: orElse(step.Timeout, orElse(kind.Timeout, actTimeout)),
	}
}

func (s *State) perform(i int, verb Verb, attempt int, begin Event) Action {
	undo := s.steps[i].undo
	return Perform{
		ID:    fmt.Sprintf("%s %s %t %d", verb, s.at(i), undo, attempt),
		Begin: begin, Call: s.call(i, verb, attempt, undo),
	}
}

// change makes the change: its intent is on disk first.
func (s *State) change(i, attempt int) Action {
	st := &s.steps[i]
	call := s.call(i, Act, attempt, st.undo)
	return s.perform(i, Act, attempt, ChangeStarted{
		Step: s.at(i), Attempt: attempt, Undo: st.undo, Kind: call.Kind, Inputs: call.Inputs, As: call.As,
		Description: st.description,
	})
}

// last is the number of the last attempt at the change, or at its way back.
func (st *stepState) last() int {
	if st.undo {
		return st.undos
	}
	return st.attempt
}

// act looks again at what the yes rests on, and makes the change when it still holds. So it does before each attempt.
func (s *State) act(i int) []Action {
	st, step := &s.steps[i], s.plan.Steps[i]
	if st.undo {
		return []Action{s.change(i, st.undos+1)}
	}
	from := st.since
	if st.phase == retrying {
		from = s.retryAt(i)
	}
	var looks []Action
	for _, c := range step.Decides {
		if s.plan.Steps[c].Effect == Reads && s.steps[c].outcome != OutcomeSkipped && s.steps[c].seen+freshFor < from {
			looks = append(looks, s.look(c, ForAgain, st.attempt+1))
		}
	}
	if len(looks) > 0 {
		return looks
	}
	if skip := s.decide(i); skip != nil {
		return []Action{Conclude{s.notAgain(i, skip)}}
	}
	if st.plan != planHash(s.call(i, Act, 0, false)) {
		return []Action{s.prepare(i, false)} // what it would do is not what was agreed to
	}
	return []Action{s.change(i, st.attempt+1)}
}

// applyPrepared folds the description of a change.
func (s *State) applyPrepared(i int, ev Prepared, enter func(phase)) {
	st := &s.steps[i]
	st.description, st.evidence, st.undo = ev.Description, ev.Evidence, ev.Undo
	if ev.Failure != nil {
		st.failure = ev.Failure
	}
	st.agreed = nil // what was agreed to before is another change
	switch {
	case ev.Failure != nil && ev.Undo:
		st.outcome, st.note = OutcomeNotFixed, "the way back could not be described: "+ev.Failure.Message
		enter(ending)
	case ev.Failure != nil && ev.Only: // nobody is to be asked, and what it would do is not known
		st.outcome, st.note = OutcomeFailed, "it could not be described: "+ev.Failure.Message
		s.undecided = true
		enter(ending)
	case ev.Failure != nil:
		enter(broken)
	case ev.Only:
		st.outcome = OutcomeWould
		enter(ending)
	default:
		enter(prepared)
	}
}

// notAgain ends a fix that was agreed to and is not needed any more. One that had been begun before ends as what that
// first attempt came to.
func (s *State) notAgain(i int, skip *Skipped) Event {
	st := &s.steps[i]
	switch {
	case st.made > 0 && st.failure != nil:
		return FixEnded{Step: s.at(i), Outcome: OutcomeFailed, Note: "it was not tried again: its condition no longer holds"}
	case st.made > 0:
		return FixEnded{Step: s.at(i), Outcome: OutcomeInDoubt, Note: "it was not made again: its condition no longer holds"}
	case skip.Reason == NotNeeded:
		skip.Reason = NoLonger
	}
	return *skip
}

// planHash is the hash of exactly what would be done.
func planHash(c Call) string {
	raw, _ := json.Marshal([]any{c.Kind, c.Inputs, c.As, c.Undo})
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// applyAnswer folds what a person said to a question.
func (s *State) applyAnswer(i int, ev Answered, enter func(phase)) {
	st, step := &s.steps[i], s.plan.Steps[i]
	end := func(o Outcome, note string) {
		st.outcome, st.note = o, note
		enter(ending)
	}
	halt := func(v Verdict, why string) {
		s.stop, s.why = v, append(s.why, why)
	}
	if v := ev.Answer.Value; v != Would && v != Nobody && v != Gone {
		s.answered++
	}
	if step.Effect == AsksYou {
		s.applyHuman(i, ev, end, halt)
		return
	}
	name := s.at(i)
	switch ev.Answer.Value {
	case Yes:
		if ev.Answer.By != "" && st.question != nil && st.question.Excluded == ev.Answer.By || slices.Contains(st.agreed, ev.Answer.By) {
			enter(prepared) // that person's yes does not count; another is needed
			return
		}
		st.agreed = append(st.agreed, ev.Answer.By)
		if len(st.agreed) < max(step.Approvals, 1) && ev.Kind == AskFix {
			enter(prepared)
			return
		}
		st.plan = planHash(s.call(i, Act, 0, false))
		if st.question != nil && st.question.Plan != "" {
			st.plan = st.question.Plan
		}
		enter(agreed)
	case Gone:
		st.reopen()
		s.rebuild()
		s.run.stopping = &StopAsked{Signal: "hangup"}
	case Retry, Again:
		if st.description == nil { // it could not even be described
			s.askAnew(i)
			return
		}
		st.agreed = []string{ev.Answer.By} // to what was described: what has become something else since is asked anew
		enter(agreed)
	case Made:
		enter(settling)
	case NotMade:
		s.unmade(i, enter)
	case Skip:
		end(OutcomeFailed, "")
	case Stop:
		end(OutcomeFailed, "")
		halt(VerdictFailed, name+" failed: "+said(st.failure))
	case Quit:
		end(s.refusal(ev.Kind, OutcomeDeclined), "the run was ended by "+orElse(ev.Answer.By, "a person"))
		s.declined = true
		halt(VerdictDeclined, orElse(ev.Answer.By, "a person")+" ended the run at "+name)
	case Nobody:
		s.nobody(i, ev, end, halt)
	case Expired:
		end(s.refusal(ev.Kind, OutcomeExpired), "nobody answered in time")
	default:
		end(s.refusal(ev.Kind, OutcomeDeclined), ev.Answer.Note)
	}
}

// refusal is how a fix ends whose question was not answered with yes: what has happened before stays what it was.
func (s *State) refusal(kind QuestionKind, otherwise Outcome) Outcome {
	switch kind {
	case AskFailed:
		return OutcomeFailed
	case AskDoubt:
		return OutcomeInDoubt
	case AskUndo:
		return OutcomeNotFixed
	case AskFix, AskManual, AskValue:
	}
	return otherwise
}

// nobody ends a question that there was no one to answer: before the first change the run is refused.
func (s *State) nobody(i int, ev Answered, end func(Outcome, string), halt func(Verdict, string)) {
	name := s.at(i)
	switch ev.Kind {
	case AskFailed:
		end(OutcomeFailed, "")
		halt(VerdictFailed, name+" failed: "+said(s.steps[i].failure))
	case AskUndo:
		end(OutcomeNotFixed, "nobody was there to say whether to take it back")
	case AskDoubt:
		end(OutcomeInDoubt, "nobody was there to say whether it was made")
	case AskFix, AskManual, AskValue:
		end(OutcomeExpired, ev.Answer.Note)
		halt(VerdictRefused, ev.Answer.Note)
	}
}

// applyHuman folds the answer to a manual or ask step.
func (s *State) applyHuman(i int, ev Answered, end func(Outcome, string), halt func(Verdict, string)) {
	st := &s.steps[i]
	switch ev.Answer.Value {
	case Would:
		s.described++
		end(OutcomeWould, "")
	case Gone:
		st.reopen()
		s.rebuild()
		s.run.stopping = &StopAsked{Signal: "hangup"}
	case Nobody:
		s.nobody(i, ev, end, halt)
	case Expired:
		end(OutcomeExpired, "nobody answered in time")
	case Quit:
		end(OutcomeDeclined, "")
		s.declined = true
		halt(VerdictDeclined, orElse(ev.Answer.By, "a person")+" ended the run at "+s.at(i))
	default:
		st.output = map[string]any{"answer": ev.Answer.Value, "by": ev.Answer.By}
		end(OutcomeAnswered, "")
	}
}

// changed folds the end of a change.
func (s *State) changed(i int, ev ChangeEnded, enter func(phase)) {
	st, step := &s.steps[i], s.plan.Steps[i]
	end := func(o Outcome, note string) {
		st.outcome, st.note = o, note
		enter(ending)
	}
	switch {
	case ev.Undo:
		st.note = "taken back"
		if ev.Failure != nil {
			st.note = "taking it back failed: " + ev.Failure.Message
		}
		enter(settling) // what it changed is looked at once more
	case ev.Failure != nil && (s.pausing() || s.run.timeUp):
		end(OutcomeFailed, ev.Failure.Message)
	case ev.Failure != nil && ev.Attempt < step.Retry.Attempts && ev.Failure.Kind != Invalid:
		enter(retrying)
	case ev.Failure != nil:
		enter(broken)
	case len(step.Verify) == 0:
		end(OutcomeFixed, "done; no check verifies it")
	default:
		st.round, st.looked = 0, nil
		enter(settling)
	}
}

// failedStep asks what to do about a change that failed.
func (s *State) failedStep(i int) []Action {
	q := s.fixQuestion(i)
	q.Kind, q.Failure, q.Choices = AskFailed, s.steps[i].failure, []string{Retry, Skip, Stop}
	q.Approvals, q.Excluded = 1, ""
	return []Action{s.ask(i, q)}
}

// doubt looks at what a change was to bring about, and asks when that does not tell.
func (s *State) doubt(i int) []Action {
	st, step := &s.steps[i], s.plan.Steps[i]
	if st.undo {
		return []Action{Conclude{FixEnded{Step: s.at(i), Outcome: OutcomeInDoubt, Note: "nobody saw how taking it back ended"}}}
	}
	if looks := s.verifyLooks(i); len(looks) > 0 {
		return looks
	}
	if len(step.Verify) > 0 && s.verified(step.Verify) == True {
		return []Action{Conclude{FixEnded{
			Step: s.at(i), Outcome: OutcomeFixed, Note: "nobody saw the change end; its checks are healthy",
		}}}
	}
	q := s.fixQuestion(i)
	q.Kind, q.Choices = AskDoubt, []string{Made, NotMade, Again}
	q.Approvals, q.Excluded = 1, ""
	return []Action{s.ask(i, q)}
}

// waited folds the end of a wait.
func (s *State) waited(i int, ev Waited, enter func(phase)) {
	st := &s.steps[i]
	switch ev.For {
	case "settle":
		st.round, st.looked = 1, nil
		enter(verifying)
	case "verify":
		st.round, st.looked = st.round+1, nil
	default:
	}
}

// verify looks at all checks of a fix, round after round, until all are healthy in one round or its time is up.
func (s *State) verify(i int) []Action {
	st, step := &s.steps[i], s.plan.Steps[i]
	if looks := s.verifyLooks(i); len(looks) > 0 {
		return looks
	}
	switch {
	case st.undo:
		return []Action{Conclude{FixEnded{Step: s.at(i), Outcome: OutcomeNotFixed, Note: st.note}}}
	case s.verified(step.Verify) == True:
		return []Action{Conclude{FixEnded{Step: s.at(i), Outcome: OutcomeFixed}}}
	case s.run.now < s.verifyUntil(i):
		pause := min(verifyEvery*time.Duration(st.round), verifySlowest)
		return []Action{s.wait(i, "verify", fmt.Sprint(st.round), s.run.now+pause)}
	case s.unhelped(i) && !s.run.timeUp:
		return []Action{s.prepare(i, true)}
	}
	return []Action{Conclude{FixEnded{Step: s.at(i), Outcome: OutcomeNotFixed, Note: s.notVerified(step.Verify)}}}
}

// verifyUntil is when the verification of a fix is over. Its time counts from the end of the change: settling is part of
// it.
func (s *State) verifyUntil(i int) time.Duration {
	step := s.plan.Steps[i]
	return s.steps[i].since + orElse(step.Within, defaultWithin) - orElse(step.Settle, defaultSettle)
}

// unhelped tells whether a fix has been verified, did not help, and has a way back that can be offered.
func (s *State) unhelped(i int) bool {
	st, step := &s.steps[i], s.plan.Steps[i]
	if st.phase != verifying || st.undo || step.Undo == nil || s.run.now < s.verifyUntil(i) ||
		len(s.verifyLooks(i)) > 0 || s.verified(step.Verify) == True {
		return false
	}
	_, known, _ := s.resolve(step.Undo.Inputs)
	return known
}

// verifyLooks gives the looks that this round of verification still lacks.
func (s *State) verifyLooks(i int) []Action {
	st := &s.steps[i]
	var looks []Action
	for _, v := range s.plan.Steps[i].Verify {
		if !slices.Contains(st.looked, v) && len(looks) < s.run.parallel {
			looks = append(looks, s.look(v, ForVerify, st.round))
		}
	}
	return looks
}

// notVerified says which checks did not get healthy.
func (s *State) notVerified(checks []int) string {
	var parts []string
	for _, v := range checks {
		if s.steps[v].outcome != OutcomeHealthy {
			parts = append(parts, fmt.Sprintf("%s is %s", s.plan.Steps[v].ID.Value, s.steps[v].outcome))
		}
	}
	return strings.Join(parts, ", ")
}

func (s *State) verified(checks []int) Tri {
	all := True
	for _, v := range checks {
		switch s.steps[v].outcome {
		case OutcomeHealthy:
		case OutcomeUnhealthy:
			all = False
		default:
			all = all.And(Unknown)
		}
	}
	return all
}

func said(f *Failure) string {
	if f == nil {
		return "nobody knows why"
	}
	return f.Message
}
