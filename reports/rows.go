package reports

import (
	"fmt"
	"slices"

	"runbook/engine"
)

func tool() inline { return words(text("runbook")) }

func (r *report) runRows() []row {
	v := r.view
	var rows []row
	add := func(at Moment, weight int, who inline, parts ...part) {
		rows = append(rows, row{Moment: at, who: who, what: words(parts...), weight: weight})
	}
	for i, l := range v.Lives {
		switch {
		case i > 0 && v.Lives[i-1].Interrupted == nil:
			add(l.Began, always, person(l.Who.Name()), text("done: resumed the run, which had ended without a word "),
				text("after "+r.clock(v.Lives[i-1].Last.At)))
		case i > 0:
			add(l.Began, always, person(l.Who.Name()), text("done: resumed the run"))
		case v.DryRun():
			add(l.Began, always, person(l.Who.Name()), text("done: started a dry run of "), code(v.name()))
		case v.Drill():
			add(l.Began, always, person(l.Who.Name()), text("done: started a drill of "), code(v.name()))
		default:
			add(l.Began, always, person(l.Who.Name()), text("done: started "), code(v.name()))
		}
		if l.Note != "" {
			add(l.Began, useful, tool(), text("observed: "), brief(l.Note))
		}
		if l.Interrupted != nil {
			add(*l.Interrupted, always, tool(), text("done: stopped the run, signal "), label(orElse(l.Signal, "unknown")))
		}
	}
	if len(v.Missing) > 0 {
		add(v.Began, always, tool(), text("observed: missing on the host: "), codes(v.Missing))
	}
	for _, s := range v.Stops {
		what := "asked the run to stop after what was going on, signal "
		if s.Now {
			what = "asked the run to stop at once, signal "
		}
		add(s.Moment, useful, tool(), text("observed: somebody "+what), label(s.Signal))
	}
	for _, n := range v.Remarks {
		if n.By != "" {
			add(n.Moment, important, person(n.By), text("said: "), brief(n.Text))
		} else {
			add(n.Moment, useful, tool(), text("observed: "), brief(n.Text))
		}
	}
	for _, p := range v.Pauses {
		if p.For == forLimit {
			add(p.Moment, important, tool(), text("observed: the time of the run, "+Span(p.Time)+", was over"))
		}
	}
	if v.End != nil {
		add(v.End.Moment, always, tool(), text("concluded: "), strong(verdictWord(v.End.Verdict)))
	}
	return rows
}

// lookRows are the looks at a check. Attempts that were made once more are not shown.
func (r *report) lookRows(s *Step) []row {
	var rows []row
	for _, l := range s.Looks {
		if l.Again || l.For == engine.ForVerify {
			continue // how a fix ended tells what was seen of it
		}
		rows = append(rows, row{Moment: l.Moment, who: tool(), looks: []Look{l}, reason: l.For, scope: s.scope(), weight: detail})
	}
	return rows
}

func (r *report) questionRows(s *Step) []row {
	var rows []row
	for _, q := range s.Questions {
		if q.Answer == nil {
			rows = append(rows, row{
				Moment: q.Moment, who: tool(), weight: important,
				what: words(text("done: asked about "), code(s.Path), text("; no answer is on record")),
			})
			continue
		}
		x := row{Moment: q.Answer.Moment, who: tool(), weight: important}
		a := q.Answer
		switch a.Value {
		case engine.Expired:
			x.what = words(text("observed: nobody answered about "), askedAbout(q), text(" in "+Span(a.Mono-q.Mono)))
		case engine.Nobody:
			x.what = words(text("observed: no one was there to ask about "), askedAbout(q))
		case engine.Would:
			continue
		default:
			x.who = r.speaker(a)
			x.what = words(text("said: "), code(a.Value), text(" to "), askedAbout(q), text(" ("), through(a.Answer))
			if q.ForPeople() {
				x.what = words(x.what, text(", after "+Span(a.Mono-q.Mono)))
			}
			x.what = words(x.what, text(")"))
			if a.Note != "" {
				x.what = words(x.what, text(": "), brief(a.Note))
			}
		}
		if told := q.Text; told != "" && (q.Kind == engine.AskManual || q.Kind == engine.AskValue) {
			x.what = words(x.what, text(". It was asked: "), brief(told))
		}
		rows = append(rows, x)
	}
	return rows
}

// askedAbout tells what a question was about.
func askedAbout(q *Question) inline {
	switch q.Kind {
	case engine.AskUndo:
		return words(text("taking back "), code(q.Step))
	case engine.AskFailed:
		return words(text("the failure of "), code(q.Step))
	case engine.AskDoubt:
		return words(text("the question whether "), code(q.Step), text(" was made"))
	case engine.AskFix, engine.AskManual, engine.AskValue:
	}
	return words(code(q.Step))
}

func (r *report) changeRows(s *Step) []row {
	var rows []row
	for _, c := range s.Changes {
		what := words(code(s.Path))
		if c.Undo {
			what = words(text("took back "), what)
		}
		if c.Description != nil && c.Description.Summary != "" {
			what = words(what, text(": "), brief(c.Description.Summary))
		}
		switch {
		case c.Ended != nil && c.Ended.Failure != nil:
			rows = append(rows, row{
				Moment: c.Ended.Moment, who: tool(), weight: always, evidence: [][]engine.Evidence{c.Ended.Evidence},
				what: words(text("done: "), what, text("; failed after "+Span(c.Ended.Mono-c.Began.Mono)+": "), failure(c.Ended.Failure)),
			})
		case c.Ended != nil:
			rows = append(rows, row{
				Moment: c.Ended.Moment, who: tool(), weight: always, evidence: [][]engine.Evidence{c.Ended.Evidence},
				what: words(text("done: "), what, text("; took "+Span(c.Ended.Mono-c.Began.Mono))),
			})
		case c.Lost != nil && c.Lost.Never:
			rows = append(rows, row{Moment: c.Lost.Moment, who: tool(), weight: important, what: words(text("observed: never started: "), what)})
		default:
			rows = append(rows, row{Moment: c.Began, who: tool(), weight: always, what: words(text("done: began "), what, text("; its end is not on record"))})
		}
	}
	return rows
}

// endRows are what a step came to, where that is more than its parts say.
func (r *report) endRows(s *Step) []row {
	var rows []row
	add := func(at Moment, weight int, parts ...part) {
		rows = append(rows, row{Moment: at, who: tool(), what: words(parts...), weight: weight})
	}
	for _, e := range s.Ends {
		switch {
		case e.Outcome == engine.OutcomeWould:
			add(e.Moment, important, text("WOULD ask for "), code(s.Path), r.wouldDo(s))
		case len(s.Changes) > 0:
			rows = append(rows, r.fixEndRow(s, e))
		}
	}
	for _, skip := range s.Skips {
		switch skip.Reason {
		case engine.NotNeeded, engine.GoalHolds:
		case engine.Undecided:
			weight := useful
			if s.Effect == engine.Reads {
				weight = detail
			}
			rows = append(rows, row{Moment: skip.Moment, who: tool(), undecided: []string{s.Path}, weight: weight})
		case engine.NoLonger, engine.LimitHit:
			add(skip.Moment, useful, text("concluded: "), code(s.Path), text(" "+skipWords(skip.Reason)))
		}
	}
	if e := s.Escalated; e != nil {
		what := words(text("concluded: handed over to "), label(e.To))
		if e.Only {
			what = words(text("WOULD hand over to "), label(e.To))
		}
		add(e.Moment, always, what, text(", step "), code(s.Path))
	}
	if b := s.Book; b != nil {
		add(b.Began, useful, text("done: began runbook "), code(orElse(b.Runbook, s.Path)), text(" as step "), code(s.Path))
		if b.End != nil {
			add(b.End.Moment, important, text("concluded: step "), code(s.Path), text(" "), strong(verdictWord(b.End.Verdict)))
		}
	}
	return rows
}

func (r *report) wouldDo(s *Step) inline {
	for _, p := range slices.Backward(s.Preparations) {
		if p.Description != nil {
			return words(text(": "), brief(p.Description.Summary))
		}
	}
	return nil
}

// fixEndRow is the end of a fix that was made, with what its checks said.
func (r *report) fixEndRow(s *Step, e End) row {
	x := row{Moment: e.Moment, who: tool(), weight: important}
	x.what = words(text("concluded: "), code(s.Path), text(" "), strong(outcomeWords(e.Outcome)))
	c := s.lastChange()
	if c == nil || len(c.Verified) == 0 {
		if e.Note != "" {
			x.what = words(x.what, text(": "), brief(e.Note))
		}
		return x
	}
	lastOf := map[string]Look{}
	var names []string
	for _, l := range c.Verified {
		if _, seen := lastOf[l.Step]; !seen {
			names = append(names, l.Step)
		}
		lastOf[l.Step] = l
	}
	var looks []Look
	for _, name := range names {
		looks = append(looks, lastOf[name])
		x.evidence = append(x.evidence, lastOf[name].Evidence)
	}
	x.what = words(x.what, text(fmt.Sprintf(", %s: ", plural(len(c.Verified), "look"))), byOutcome(looks))
	return x
}

func (r *report) findingRows(f *Finding) []row {
	var rows []row
	was := engine.Unknown
	for _, c := range f.Said {
		switch {
		case c.Value == engine.True:
			rows = append(rows, row{
				Moment: c.Moment, who: tool(), weight: important - 1,
				what: words(text("concluded by rule "), code(f.Path), text(": "), brief(orElse(c.Say, "true"))),
			})
		case was == engine.True && (c.Value != engine.Unknown || !r.view.DryRun()):
			rows = append(rows, row{
				Moment: c.Moment, who: tool(), weight: detail,
				what: words(text("concluded by rule "), code(f.Path), text(": "+c.Value.String()+" from now on")),
			})
		}
		was = c.Value
	}
	return rows
}
