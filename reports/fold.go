package reports

import (
	"slices"

	"runbook/engine"
)

// NewView sorts the events of a run. The plan gives titles, rules and the order of things; without one (nil: the
// runbook can't be loaded any more) the view has what the events say.
func NewView(plan *engine.Plan, events []engine.Stamped) *View {
	f := folding{view: &View{}, steps: map[string]*Step{}, findings: map[string]*Finding{}, books: map[string]bool{}}
	f.lay(plan, "")
	for _, e := range events {
		f.add(e)
	}
	f.close(f.view.Last)
	f.finish()
	return f.view
}

// folding is a view in the making.
type folding struct {
	view     *View
	steps    map[string]*Step
	findings map[string]*Finding
	books    map[string]bool // paths of the steps that have run a runbook
	turn     *Step           // the fix that is going on: what is verified is verified for it
	again    []Look          // looks since the last yes
}

// lay puts the steps and findings of a plan in their order, those of inner runbooks behind the step that runs them.
func (f *folding) lay(plan *engine.Plan, prefix string) {
	if plan == nil {
		return
	}
	for _, p := range plan.Findings {
		finding := f.finding(prefix + p.ID.Value)
		finding.See, finding.Certainty = p.See.Value, p.Certainty.Value
		finding.Rule = p.Finding.When.Value
	}
	for _, p := range plan.Steps {
		s := f.step(prefix + p.ID.Value)
		s.Plan, s.Kind, s.Effect, s.When, s.Title = p, p.Kind.Name, p.Effect, p.Step.When.Value, p.Step.Title.Value
		if p.Book != nil {
			f.lay(p.Book, prefix+p.ID.Value+"/")
		}
	}
}

func (f *folding) step(path string) *Step {
	s, ok := f.steps[path]
	if !ok {
		s = &Step{Path: path}
		f.steps[path] = s
		f.view.Steps = append(f.view.Steps, s)
	}
	return s
}

func (f *folding) finding(path string) *Finding {
	x, ok := f.findings[path]
	if !ok {
		x = &Finding{Path: path}
		f.findings[path] = x
		f.view.Findings = append(f.view.Findings, x)
	}
	return x
}

func (f *folding) add(e engine.Stamped) {
	v, at := f.view, Moment{Seq: e.Seq, At: e.At.UTC(), Mono: e.Mono}
	if v.Events == 0 {
		v.Began = at
	}
	v.Events++
	if _, resumed := e.Event.(engine.RunResumed); resumed {
		f.close(v.Last)
	}
	v.Last = at
	switch ev := e.Event.(type) {
	case engine.RunStarted:
		v.Start, v.Began = ev, at
		v.Lives = append(v.Lives, Life{Began: at, Who: ev.Who, Version: ev.Version, Boot: ev.Boot})
	case engine.RunResumed:
		v.Lives = append(v.Lives, Life{Began: at, Who: ev.Who, Version: ev.Version, Boot: ev.Boot, Note: ev.Note})
	case engine.Preflight:
		v.Missing = append(v.Missing, ev.Missing...)
	case engine.StopAsked:
		v.Stops = append(v.Stops, Stop{at, ev})
	case engine.RunInterrupted:
		if n := len(v.Lives); n > 0 {
			v.Lives[n-1].Interrupted, v.Lives[n-1].Signal = &at, ev.Signal
			if ev.Note != "" {
				v.Remarks = append(v.Remarks, Remark{Moment: at, Text: ev.Note})
			}
		}
	case engine.Noted:
		v.Remarks = append(v.Remarks, Remark{Moment: at, By: ev.By, Text: ev.Text})
	case engine.Noticed:
		v.Remarks = append(v.Remarks, Remark{Moment: at, Text: ev.Text})
	case engine.Concluded:
		x := f.finding(ev.Finding)
		x.Said = append(x.Said, Conclusion{at, ev})
	case engine.RunEnded:
		f.ended(at, ev)
	case engine.Waited:
		v.Pauses = append(v.Pauses, Pause{at, ev})
	case engine.Looked, engine.Skipped, engine.Prepared, engine.Asked, engine.Answered, engine.ChangeStarted,
		engine.ChangeEnded, engine.ChangeLost, engine.FixEnded, engine.Escalated, engine.BookStarted:
		f.addToStep(at, ev)
	}
	if n := len(v.Lives); n > 0 {
		v.Lives[n-1].Last = at
	}
}

func (f *folding) addToStep(at Moment, e engine.Event) {
	switch ev := e.(type) {
	case engine.Looked:
		f.looked(at, ev)
	case engine.Skipped:
		s := f.step(ev.Step)
		s.Skips = append(s.Skips, Skip{at, ev})
		f.leave(s)
	case engine.Prepared:
		s := f.enter(ev.Step)
		s.Preparations = append(s.Preparations, Preparation{at, ev})
		f.keep(at, ev.Step, ev, ev.Evidence)
	case engine.Asked:
		s := f.enter(ev.Question.Step)
		s.Questions = append(s.Questions, &Question{Moment: at, Question: ev.Question})
	case engine.Answered:
		f.answered(at, ev)
	case engine.ChangeStarted:
		s := f.enter(ev.Step)
		s.Changes = append(s.Changes, &Change{Began: at, ChangeStarted: ev, Agreed: s.agreed(), Again: f.again})
		f.again = nil
	case engine.ChangeEnded:
		c := f.change(at, ev.Step, ev.Attempt, ev.Undo)
		c.Ended = &ChangeEnd{at, ev}
		f.keep(at, ev.Step, ev, ev.Evidence)
	case engine.ChangeLost:
		f.change(at, ev.Step, ev.Attempt, ev.Undo).Lost = &ChangeLoss{at, ev}
	case engine.FixEnded:
		s := f.step(ev.Step)
		s.Ends = append(s.Ends, End{at, ev})
		f.leave(s)
	case engine.Escalated:
		f.step(ev.Step).Escalated = &Escalation{at, ev, f.view.DryRun() || f.view.Drill()}
	case engine.BookStarted:
		f.step(ev.Step).Book = &Book{Began: at, BookStarted: ev}
	default:
	}
}

// enter gives a step the turn.
func (f *folding) enter(path string) *Step {
	s := f.step(path)
	if f.turn != s {
		f.turn, f.again = s, nil
	}
	return s
}

func (f *folding) leave(s *Step) {
	if f.turn == s {
		f.turn, f.again = nil, nil
	}
}

func (f *folding) looked(at Moment, ev engine.Looked) {
	s, look := f.step(ev.Step), Look{at, ev}
	s.Looks = append(s.Looks, look)
	f.keep(at, ev.Step, ev, ev.Evidence)
	switch {
	case ev.For == engine.ForAgain:
		f.again = append(f.again, look)
	case ev.For == engine.ForVerify && f.turn != nil:
		if n := len(f.turn.Changes); n > 0 {
			f.turn.Changes[n-1].Verified = append(f.turn.Changes[n-1].Verified, look)
		}
	}
}

func (f *folding) answered(at Moment, ev engine.Answered) {
	s := f.enter(ev.Step)
	for _, q := range slices.Backward(s.Questions) {
		if q.Answer == nil && q.Kind == ev.Kind && (ev.Nonce == "" || q.Nonce == ev.Nonce) {
			q.Answer, q.Closed = &Answer{at, ev.Answer}, at
			f.again = nil
			return
		}
	}
	// An answer without its question is still what a person said.
	s.Questions = append(s.Questions, &Question{
		Moment: at, Question: engine.Question{Step: ev.Step, Kind: ev.Kind, Nonce: ev.Nonce},
		Answer: &Answer{at, ev.Answer}, Closed: at,
	})
}

// change finds the attempt that an event is about. One whose start is not on record begins with the event.
func (f *folding) change(at Moment, path string, attempt int, undo bool) *Change {
	s := f.enter(path)
	for _, c := range slices.Backward(s.Changes) {
		if c.Attempt == attempt && c.Undo == undo && c.Ended == nil {
			return c
		}
	}
	c := &Change{Began: at, ChangeStarted: engine.ChangeStarted{Step: path, Attempt: attempt, Undo: undo, Kind: s.Kind}}
	s.Changes = append(s.Changes, c)
	return c
}

// lastChange is the last change that was not there to take another back.
func (s *Step) lastChange() *Change {
	for _, c := range slices.Backward(s.Changes) {
		if !c.Undo {
			return c
		}
	}
	return nil
}

// agreed lists the questions since the last change whose answer let the next one be made.
func (s *Step) agreed() []*Question {
	after := 0
	if n := len(s.Changes); n > 0 {
		after = s.Changes[n-1].Began.Seq
	}
	var out []*Question
	for _, q := range s.Questions {
		if q.Answer == nil || q.Answer.Seq < after {
			continue
		}
		switch q.Answer.Value {
		case engine.Yes, engine.Retry, engine.Again:
			out = append(out, q)
		case engine.NotMade: // it is asked about anew
			out = nil
		}
	}
	return out
}

func (f *folding) ended(at Moment, ev engine.RunEnded) {
	end := &Ending{at, ev.Verdict, ev.Why}
	if ev.Step == "" {
		f.view.End = end
		f.close(at)
		return
	}
	s := f.step(ev.Step)
	if s.Book == nil {
		s.Book = &Book{Began: at, BookStarted: engine.BookStarted{Step: ev.Step}}
	}
	s.Book.End = end
}

// keep lists evidence once, where it was kept. Questions show it again.
func (f *folding) keep(at Moment, step string, e engine.Event, evidence []engine.Evidence) {
	for _, x := range evidence {
		f.view.Exhibits = append(f.view.Exhibits, Exhibit{Moment: at, Evidence: x, Step: step, From: engine.TypeOf(e)})
	}
}

// close ends what was open at the end of a life of the run.
func (f *folding) close(last Moment) {
	for _, s := range f.view.Steps {
		for _, q := range s.Questions {
			if q.Closed == (Moment{}) {
				q.Closed = last
			}
		}
	}
}

// finish fills in what only the whole journal tells: titles, and the effect of steps that the plan does not have. The
// inside of runbooks that never ran is left out.
func (f *folding) finish() {
	v := f.view
	inside := func(path string) bool {
		for i, r := range path {
			if outer := f.steps[path[:i]]; r == '/' && outer != nil && outer.Plan != nil && outer.Book == nil {
				return false
			}
		}
		return true
	}
	v.Steps = slices.DeleteFunc(v.Steps, func(s *Step) bool { return !s.touched() && !inside(s.Path) })
	v.Findings = slices.DeleteFunc(v.Findings, func(x *Finding) bool { return len(x.Said) == 0 && !inside(x.Path) })
	for _, s := range v.Steps {
		s.Title = f.view.title(s)
		if s.Effect == "" {
			s.Effect = s.guessed()
		}
	}
}

func (s *Step) touched() bool {
	return len(s.Looks)+len(s.Skips)+len(s.Preparations)+len(s.Questions)+len(s.Changes)+len(s.Ends) > 0 ||
		s.Escalated != nil || s.Book != nil
}

// guessed is the effect of a step as its events show it.
func (s *Step) guessed() engine.Effect {
	switch {
	case s.Book != nil:
		return engine.RunsBook
	case s.Escalated != nil:
		return engine.EndsRun
	case len(s.Changes) > 0 || len(s.Preparations) > 0:
		return engine.Changes
	case len(s.Looks) > 0:
		return engine.Reads
	case slices.ContainsFunc(s.Questions, func(q *Question) bool { return q.Kind == engine.AskManual || q.Kind == engine.AskValue }):
		return engine.AsksYou
	default:
		return ""
	}
}
