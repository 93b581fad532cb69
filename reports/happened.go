package reports

import (
	"fmt"
	"slices"

	"runbook/engine"
)

// mostRows is how many rows the table of what happened has.
const mostRows = 15

// row is one thing that happened.
type row struct {
	Moment
	who      inline
	what     inline
	evidence [][]engine.Evidence
	weight   int           // what has the least goes first when there are too many
	looks    []Look        // of a row of looks: those next to each other become one row
	reason   engine.Reason // of looks
	scope    string        // of looks: the runbook that they are part of

	undecided []string // steps that could not be decided: those next to each other become one row
}

// The weights of rows.
const (
	always    = 10 // the ends of the run, and what changed the host
	important = 8
	useful    = 6
	detail    = 3
)

// happened tells the run in few rows. The journal has everything.
func (r *report) happened() document {
	rows := r.rows()
	rows, r.left = fewest(rows, mostRows)
	t := table{head: []inline{words(text("UTC")), words(text("Offset")), words(text("Who")), words(text("What")), words(text("Evidence"))}}
	for _, x := range rows {
		t.rows = append(t.rows, []inline{
			words(text(r.clock(x.At))), words(text(Offset(x.Mono - r.view.Began.Mono))), x.who, x.what, evidenceIDs(x.evidence...),
		})
	}
	d := section("What happened", t)
	if r.left > 0 {
		d = append(d, line(text(plural(r.left, "row")+" of less weight "+wasWere(r.left)+" left out here; the journal has everything.")))
	}
	return d
}

// fewest leaves out the rows of the least weight, the later ones first, until the rest fits.
func fewest(rows []row, most int) (kept []row, left int) {
	for len(rows) > most {
		least := 0
		for i, x := range rows {
			if x.weight <= rows[least].weight {
				least = i
			}
		}
		rows = slices.Delete(rows, least, least+1)
		left++
	}
	return rows, left
}

// rows are all the rows, in the order of the journal.
func (r *report) rows() []row {
	rows := r.runRows()
	for _, s := range r.view.Steps {
		rows = append(rows, r.lookRows(s)...)
		rows = append(rows, r.questionRows(s)...)
		rows = append(rows, r.changeRows(s)...)
		rows = append(rows, r.endRows(s)...)
	}
	for _, f := range r.view.Findings {
		rows = append(rows, r.findingRows(f)...)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return a.Seq - b.Seq })
	rows = r.together(rows)
	return rows
}

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

// together makes one row of looks that follow each other. The first such row, and a look at the goal, weigh more.
func (r *report) together(rows []row) []row {
	var out []row
	known := map[string]bool{} // scopes that have been looked at
	for _, x := range rows {
		n := len(out)
		switch {
		case len(x.looks) > 0 && n > 0 && len(out[n-1].looks) > 0 && out[n-1].reason == x.reason && out[n-1].scope == x.scope:
			out[n-1].looks = append(out[n-1].looks, x.looks...)
			out[n-1].Moment = x.Moment
			continue
		case len(x.undecided) > 0 && n > 0 && len(out[n-1].undecided) > 0:
			out[n-1].undecided = append(out[n-1].undecided, x.undecided...)
			out[n-1].weight = max(out[n-1].weight, x.weight)
			continue
		case len(x.looks) > 0 && (!known[x.scope] || x.reason == engine.ForGoal && x.scope == ""):
			x.weight, known[x.scope] = important, true
		}
		out = append(out, x)
	}
	for i := range out {
		if len(out[i].undecided) > 0 {
			out[i].what = words(text("concluded: could not decide whether to make "), codes(out[i].undecided))
		}
		if len(out[i].looks) > 0 {
			out[i].what = words(text(r.observing(out[i].reason)), byOutcome(out[i].looks))
			for _, l := range out[i].looks {
				out[i].evidence = append(out[i].evidence, l.Evidence)
			}
		}
	}
	return out
}

func (r *report) observing(reason engine.Reason) string {
	out := "observed"
	if r.view.DryRun() {
		out = "REAL, observed"
	}
	switch reason {
	case engine.ForGoal:
		return out + ", the goal afresh: "
	case engine.ForAgain:
		return out + ", once more before acting: "
	case engine.ForGraph, engine.ForVerify:
	}
	return out + ": "
}

// byOutcome sorts the checks of some looks by what they came to, the worst first.
func byOutcome(looks []Look) inline {
	var items []inline
	for _, o := range []engine.Outcome{engine.OutcomeUnhealthy, engine.OutcomeUnknown, engine.OutcomeHealthy} {
		var names []string
		for _, l := range looks {
			if l.Outcome == o {
				names = append(names, l.Step)
			}
		}
		if len(names) > 0 {
			items = append(items, words(text(string(o)+" "), codes(names)))
		}
	}
	return joined(items, "; ")
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
			x.what = words(text("observed: nobody answered "), code(s.Path), text(" in "+Span(a.Mono-q.Mono)))
		case engine.Nobody:
			x.what = words(text("observed: no one was there to ask about "), code(s.Path))
		case engine.Would:
			continue
		default:
			x.who = person(a.By)
			x.what = words(text("said: "), code(a.Value), text(" to "), askedAbout(q), text(" ("), through(a.Answer))
			if q.ForPeople() {
				x.what = words(x.what, text(", after "+Span(a.Mono-q.Mono)))
			}
			x.what = words(x.what, text(")"))
			if a.Note != "" {
				x.what = words(x.what, text(": "), brief(a.Note))
			}
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
		case engine.NoLonger, engine.LimitHit, engine.NotRepeated:
			add(skip.Moment, useful, text("concluded: "), code(s.Path), text(" "+skipWords(skip.Reason)))
		}
	}
	if e := s.Escalated; e != nil {
		add(e.Moment, always, text("concluded: a person has to go on: "), label(e.To), text(": "), brief(e.Say))
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
