package reports

import (
	"time"

	"runbook/engine"
)

// times are the moments of the run, and what follows from them, each with its formula. What there was no moment of is left
// out; a moment that there was, and that nobody knows, is unknown.
func (r *report) times() document {
	t := table{head: []inline{words(text("Moment")), words(text("UTC")), words(text("Offset"))}}
	add := func(name string, at *Moment) {
		if at != nil {
			t.rows = append(t.rows, []inline{words(text(name)), words(text(r.clock(at.At))), words(text(offset(at.Mono - r.view.Began.Mono)))})
		}
	}
	missing := func(name, why string) {
		t.rows = append(t.rows, []inline{words(text(name)), words(text(why)), nil})
	}
	add("run started", &r.view.Began)
	add("first unhealthy look", r.firstUnhealthy())
	question, yes := r.firstQuestion()
	add("first question to a person", question)
	add("first yes", yes)
	began, ended := r.span()
	add("first change begun", began)
	if began != nil && ended == nil {
		missing("last change ended", "unknown: the journal does not have the end of every change")
	}
	add("last change ended", ended)
	if at := r.goalHealthy(); at != nil {
		add("all of the goal healthy", at)
	} else {
		missing("all of the goal healthy", "not seen by the end of the record")
	}
	if r.view.End != nil {
		add("run ended", &r.view.End.Moment)
	} else {
		missing("run ended", "unknown: the journal has no end of the run")
	}
	return append(section("Times", t), r.derived())
}

func (r *report) derived() list {
	var l list
	add := func(name string, d time.Duration, formula string) {
		l = append(l, item{text: words(text(name+": "), strong(Span(d)), text(", derived: "+formula))})
	}
	add("Duration", r.view.over().Mono-r.view.Began.Mono, r.durationFormula())
	waited, questions := r.view.WaitedForPeople()
	if questions > 0 {
		add("Waiting for people", waited, "sum over "+plural(questions, "question")+" of (answered − asked), times that overlap counted once")
	}
	if paused, pauses := r.view.WaitedOnPurpose(); pauses > 0 {
		add("Pausing on purpose", paused, "sum over "+plural(pauses, "pause")+" (settling, before another look), times that overlap counted once")
	}
	began, ended := r.span()
	if began != nil {
		add("To the first change", began.Mono-r.view.Began.Mono, "first change begun − run started")
		if ended != nil {
			var sum time.Duration
			for _, c := range r.view.Changes() {
				sum += c.Ended.Mono - c.Began.Mono
			}
			add("Making changes", sum, "sum over "+plural(len(r.view.Changes()), "change")+" of (ended − begun)")
		}
	}
	if at := r.goalHealthy(); at != nil && began != nil {
		add("From the first change to the goal healthy", at.Mono-began.Mono, "all of the goal healthy − first change begun")
	}
	return l
}

func (r *report) durationFormula() string {
	if r.view.End == nil {
		return "last event − run started"
	}
	return "run ended − run started"
}

func (r *report) firstUnhealthy() *Moment {
	var at *Moment
	for _, s := range r.view.Steps {
		for i := range s.Looks {
			if l := &s.Looks[i]; l.Outcome == engine.OutcomeUnhealthy && (at == nil || l.Seq < at.Seq) {
				at = &l.Moment
			}
		}
	}
	return at
}

// firstQuestion is when a person was first asked, and when one first agreed to a change.
func (r *report) firstQuestion() (asked, yes *Moment) {
	for _, q := range r.view.Questions() {
		if asked == nil && q.ForPeople() {
			asked = &q.Moment
		}
		if a := q.Answer; yes == nil && a != nil && q.Kind == engine.AskFix && a.Value == engine.Yes {
			yes = &a.Moment
		}
	}
	return asked, yes
}

// span is from the begin of the first change to the end of the last. The end is nil when one of them has none.
func (r *report) span() (began, ended *Moment) {
	for i, c := range r.view.Changes() {
		if i == 0 {
			began = &c.Began
		}
		if c.Ended == nil {
			return began, nil
		}
		if ended == nil || c.Ended.Seq > ended.Seq {
			ended = &c.Ended.Moment
		}
	}
	return began, ended
}

// goalHealthy is the moment since when every last look at the goal was healthy.
func (r *report) goalHealthy() *Moment {
	var at *Moment
	for _, s := range r.goal() {
		var since *Moment
		for i := range s.Looks {
			switch l := &s.Looks[i]; {
			case l.Outcome != engine.OutcomeHealthy:
				since = nil
			case since == nil:
				since = &l.Moment
			}
		}
		if since == nil {
			return nil
		}
		if at == nil || since.Seq > at.Seq {
			at = since
		}
	}
	return at
}
