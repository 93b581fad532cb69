package engine

import (
	"slices"
	"strings"
	"time"
)

// State is what the events of a run add up to. Apply folds one more event into it; Next says what should be going on
// now. Both are pure: the same events give the same actions.
//
// A run goes through these stages. Checks run as the graph allows, several at a time. When none can run, findings are
// concluded and the goal is held against what was seen. Then everything else has its turn, one step at a time, in the
// order of the file: fixes, questions to people, other runbooks, and handing over. What ends makes further checks
// ready, and so on, until every step has ended and the goal has been looked at afresh.
type State struct {
	plan   *Plan
	path   string // "" for the run itself, "frontend/" inside the runbook that step frontend runs
	run    *header
	params map[string]any

	steps    []stepState
	findings []findingState
	checks   []int // checks that are ready, in file order
	turns    []int // all other steps that are ready, in file order
	open     int   // steps that have not ended
	current  int   // the step that has its turn, -1 for none

	fresh     []int // goal checks that have been looked at afresh, at the end
	changes   int   // changes started, those of inner runbooks too
	described int   // changes that a dry run described, and what it would have had people do
	spent     int   // changes started or described: they count against the limit
	answered  int   // questions that a person answered

	declined  bool
	undecided bool // a step that could have helped could not be decided
	handedOn  bool // an inner runbook escalated
	stop      Verdict
	why       []string
	ended     Verdict
}

// header is what all scopes of a run share.
type header struct {
	started     bool
	preflown    bool
	mode        Mode
	host        string
	starter     string
	parallel    int
	now         time.Duration // of the last event
	stopping    *StopAsked
	interrupted bool
	timeUp      bool
	most        int           // changes that the run's own runbook allows, those of inner runbooks too
	spent       int           // of these, started or described
	paused      time.Duration // between the lives of the run: it does not count against its time limit
}

// phase is how far a step has come.
type phase int

const (
	waiting   phase = iota // for other steps
	ready                  // its turn may come
	retrying               // waits for another attempt
	prepared               // a change is described
	asking                 // a question is open
	agreed                 // a person said yes
	acting                 // the change is going on
	attaching              // it was going on when the engine died
	doubtful               // nobody saw it end
	broken                 // it failed
	settling               // it is done, and the host gets a moment
	verifying              // its checks are looked at
	unhelpful              // they did not get healthy
	ending                 // how it ends is clear
	inside                 // a runbook that a step runs is going on
	over                   // it has ended
)

type stepState struct {
	phase   phase
	waits   int // steps it waits for
	outcome Outcome
	attempt int           // number of the last attempt; an attempt that never began has one too
	since   time.Duration // when the phase began
	hangs   []string      // changes that were only described, and that its outcome hangs on

	// What the last look, or the change, gave.
	output  map[string]any
	failure *Failure
	because []Term
	seen    time.Duration

	// Of a fix.
	made        int  // attempts that were made, as far as anybody knows
	undo        bool // its way back has its turn
	undos       int  // number of the last attempt at the way back
	question    *Question
	description *Description
	evidence    []Evidence
	agreed      []string // who has said yes
	plan        string   // hash of what they said yes to
	round       int      // of verification
	looked      []int    // checks seen in this round
	note        string   // how it ends

	book *State
}

type findingState struct {
	said  bool
	value Tri
	ever  bool // it has been true
}

// New is the state of a run before its first event.
func New(plan *Plan) *State {
	return newScope(plan, "", &header{most: orElse(plan.Runbook.Limits.Changes, mostChanges)})
}

func newScope(plan *Plan, path string, run *header) *State {
	s := &State{
		plan: plan, path: path, run: run, current: -1,
		steps: make([]stepState, len(plan.Steps)), findings: make([]findingState, len(plan.Findings)),
	}
	s.rebuild()
	return s
}

// rebuild works out from the steps' phases who waits for whom, and what is ready.
func (s *State) rebuild() {
	s.checks, s.turns, s.open, s.current = nil, nil, 0, -1
	for i := range s.steps {
		st := &s.steps[i]
		st.waits = 0
		for _, a := range s.plan.Steps[i].After {
			if s.steps[a].phase != over {
				st.waits++
			}
		}
		if st.phase == over {
			continue
		}
		s.open++
		switch {
		case st.phase > ready:
			if s.plan.Steps[i].Effect == Reads {
				s.checks = append(s.checks, i)
			} else {
				s.current = i
			}
		case st.waits == 0:
			s.makeReady(i)
		default:
			st.phase = waiting
		}
	}
}

func (s *State) makeReady(i int) {
	s.steps[i].phase = ready
	list := &s.turns
	if s.plan.Steps[i].Effect == Reads {
		list = &s.checks
	}
	at, _ := slices.BinarySearch(*list, i)
	*list = slices.Insert(*list, at, i)
}

// Apply folds one event into the state. Events about steps that the plan does not have change nothing.
func (s *State) Apply(e Stamped) {
	before := s.run.now
	s.run.now = max(s.run.now, e.Mono)
	switch ev := e.Event.(type) {
	case RunStarted:
		s.run.started, s.run.mode, s.run.host = true, ev.Mode, ev.Host
		if ev.Mode == Drill {
			s.run.mode = Live // it decides as the run does that it practises, also where a condition asks
		}
		s.run.starter, s.run.parallel = ev.Who.Name(), max(ev.Parallel, 1)
		s.params = ev.Params
	case Preflight:
		s.run.preflown = true
		for _, m := range ev.Missing {
			s.stop, s.why = VerdictRefused, append(s.why, m)
		}
	case RunResumed:
		s.run.interrupted, s.run.stopping, s.run.timeUp = false, nil, false
		s.run.paused += s.run.now - before
		s.resume()
	case StopAsked:
		s.run.stopping = &ev
	case RunInterrupted:
		s.run.interrupted = true
	case Concluded, Looked, Skipped, Prepared, Asked, Answered, ChangeStarted, ChangeEnded, ChangeLost, FixEnded,
		Escalated, Waited, BookStarted, RunEnded:
		s.applyInside(ev)
	case Noted, Noticed:
	}
}

// applyInside folds an event into the scope that it belongs to: the run's own steps, or those of an inner runbook.
func (s *State) applyInside(e Event) {
	path, ok := strings.CutPrefix(pathOf(e), s.path)
	if !ok {
		return
	}
	if id, _, inner := strings.Cut(path, "/"); inner {
		if i, ok := s.plan.index[id]; ok && s.steps[i].book != nil {
			s.steps[i].book.applyInside(e)
		}
		return
	}
	switch ev := e.(type) {
	case Concluded:
		if i, ok := s.plan.findings[path]; ok {
			f := &s.findings[i]
			f.said, f.value, f.ever = true, ev.Value, f.ever || ev.Value == True
		}
		return
	case Waited:
		if ev.For == "limit" {
			s.run.timeUp = true
			return
		}
	case RunEnded:
		if path == "" {
			s.ended, s.why = ev.Verdict, ev.Why
			return
		}
	}
	if i, ok := s.plan.index[path]; ok {
		s.applyStep(i, e)
	}
}

// pathOf is the path of the step or finding that an event is about, "" for the run.
func pathOf(e Event) string {
	switch ev := e.(type) {
	case Concluded:
		return ev.Finding
	case Looked:
		return ev.Step
	case Skipped:
		return ev.Step
	case Prepared:
		return ev.Step
	case Asked:
		return ev.Question.Step
	case Answered:
		return ev.Step
	case ChangeStarted:
		return ev.Step
	case ChangeEnded:
		return ev.Step
	case ChangeLost:
		return ev.Step
	case FixEnded:
		return ev.Step
	case Escalated:
		return ev.Step
	case Waited:
		return ev.Step
	case BookStarted:
		return ev.Step
	case RunEnded:
		return ev.Step
	case RunStarted, RunResumed, Preflight, StopAsked, RunInterrupted, Noted, Noticed:
	}
	return ""
}

// applyStep folds an event about one step of this scope.
func (s *State) applyStep(i int, e Event) {
	st := &s.steps[i]
	enter := func(p phase) {
		st.phase, st.since = p, s.run.now
		if s.plan.Steps[i].Effect != Reads {
			s.current = i
			s.turns = without(s.turns, i)
		}
	}
	switch ev := e.(type) {
	case Looked:
		s.applyLook(i, ev)
	case Skipped:
		st.hangs = ev.Hangs
		s.undecided = s.undecided || ev.Reason == Undecided && len(ev.Hangs) == 0 && s.plan.Steps[i].Effect != Reads
		if len(ev.Hangs) > 0 {
			s.hang(i, ev.Hangs)
		}
		s.end(i, OutcomeSkipped)
	case Prepared:
		s.applyPrepared(i, ev, enter)
	case Asked:
		st.question = &ev.Question
		enter(asking)
	case Answered:
		s.applyAnswer(i, ev, enter)
	case ChangeStarted:
		st.undo = ev.Undo
		if ev.Undo {
			st.undos = ev.Attempt
		} else {
			st.attempt = ev.Attempt
			st.made++
			s.changes++
			s.spend(1)
		}
		enter(acting)
	case ChangeEnded:
		st.output, st.failure = ev.Output, ev.Failure
		s.changed(i, ev, enter)
	case ChangeLost:
		if ev.Never {
			s.unmade(i, enter)
			return
		}
		st.round, st.looked, st.failure = 1, nil, nil
		enter(doubtful)
	case FixEnded:
		if ev.Outcome == OutcomeWould {
			s.described++
			s.spend(1)
			s.hang(i, []string{s.path + s.plan.Steps[i].ID.Value})
		}
		s.declined = s.declined || ev.Outcome == OutcomeDeclined || ev.Outcome == OutcomeExpired
		s.end(i, ev.Outcome)
	case Escalated:
		s.stop, s.why = VerdictEscalated, append(s.why, ev.Say)
		s.end(i, OutcomeEscalated)
	case Waited:
		s.waited(i, ev, enter)
	case BookStarted:
		st.book = newScope(s.plan.Steps[i].Book, s.path+s.plan.Steps[i].ID.Value+"/", s.run)
		st.book.params = ev.Params
		enter(inside)
	case RunEnded:
		s.bookEnded(i, ev)
	default:
	}
}

// applyLook keeps what a check saw, whatever it was looked at for.
func (s *State) applyLook(i int, ev Looked) {
	st := &s.steps[i]
	st.outcome, st.output, st.failure, st.because, st.seen = ev.Outcome, ev.Output, ev.Failure, ev.Because, s.run.now
	st.hangs = s.hung(i)
	switch ev.For {
	case ForGraph:
		st.attempt = ev.Attempt
		if ev.Again {
			st.phase, st.since = retrying, s.run.now
			return
		}
		s.end(i, ev.Outcome)
	case ForVerify:
		if s.current >= 0 {
			s.steps[s.current].looked = append(s.steps[s.current].looked, i)
		}
	case ForGoal:
		s.fresh = append(s.fresh, i)
	case ForAgain:
	}
}

// end closes a step and makes ready what waited for it.
func (s *State) end(i int, o Outcome) {
	st := &s.steps[i]
	if st.phase == over {
		return
	}
	st.phase, st.outcome = over, o
	s.checks, s.turns = without(s.checks, i), without(s.turns, i)
	s.open--
	if s.current == i {
		s.current = -1
	}
	for _, b := range s.plan.Steps[i].Before {
		s.steps[b].waits--
		if s.steps[b].waits == 0 && s.steps[b].phase == waiting {
			s.makeReady(b)
		}
	}
}

// spend counts changes against the limits of this runbook and of the whole run.
func (s *State) spend(changes int) {
	s.spent += changes
	s.run.spent += changes
}

// hang marks what a change that was not made would have renewed: nobody knows it now.
func (s *State) hang(i int, on []string) {
	s.steps[i].hangs = on
	for _, v := range s.plan.Steps[i].Verify {
		for _, h := range on {
			if !slices.Contains(s.steps[v].hangs, h) {
				s.steps[v].hangs = append(s.steps[v].hangs, h)
			}
		}
	}
}

// hung lists what a check hangs on: a dry run that is resumed makes it anew, and the changes are still not made.
func (s *State) hung(i int) []string {
	var on []string
	for _, b := range s.plan.Steps[i].Before {
		if !slices.Contains(s.plan.Steps[b].Verify, i) {
			continue
		}
		for _, h := range s.steps[b].hangs {
			if !slices.Contains(on, h) {
				on = append(on, h)
			}
		}
	}
	return on
}

// bookEnded takes what an inner runbook came to as the step's own output.
func (s *State) bookEnded(i int, ev RunEnded) {
	st := &s.steps[i]
	book := st.book
	if book == nil {
		return
	}
	book.ended = ev.Verdict
	s.changes += book.changes
	s.answered += book.answered
	s.described += book.described
	s.spent += book.spent
	s.declined = s.declined || book.declined
	findings := map[string]any{}
	for k, f := range book.findings {
		value := f.value.String()
		if f.ever {
			value = True.String()
		}
		findings[book.plan.Findings[k].ID.Value] = value
	}
	st.output = map[string]any{"verdict": string(ev.Verdict), "findings": findings}
	switch ev.Verdict {
	case VerdictRefused, VerdictFailed:
		s.stop, s.why = ev.Verdict, append(s.why, ev.Why...)
	case VerdictEscalated:
		s.handedOn, s.why = true, append(s.why, ev.Why...)
	default:
		if book.stop == VerdictDeclined { // a person quit
			s.stop, s.why = VerdictDeclined, append(s.why, ev.Why...)
		}
	}
	outcome := OutcomeUnhealthy
	switch ev.Verdict {
	case VerdictHealthy, VerdictFixed:
		outcome = OutcomeHealthy
	case VerdictUndecided:
		outcome = OutcomeUnknown
	case VerdictPlanned:
		outcome = OutcomeWould
		s.hang(i, []string{s.path + s.plan.Steps[i].ID.Value})
	default:
	}
	st.because = []Term{{Text: "verdict", Seen: []Seen{{Name: "verdict", Value: string(ev.Verdict), Known: true}}}}
	s.end(i, outcome)
}

func without(list []int, i int) []int {
	at, found := slices.BinarySearch(list, i)
	if !found {
		return list
	}
	return slices.Delete(list, at, at+1)
}
