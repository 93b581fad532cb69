package reports

import (
	"fmt"
	"slices"
	"time"

	"runbook/engine"
)

// limits are what this report does not know, and what a reader should not take it for.
func (r *report) limits() document {
	l := slices.Concat(r.limitsOfRecord(), r.limitsOfEvidence(), r.limitsOfSight())
	d := section("Limits of this report",
		line(text("Every statement is one of five: observed by a check, done, said by a person, derived by the formula beside it, or "+
			"concluded by the rule beside it. What no rule concluded is not claimed. A text with … in it is shortened here, and whole in the journal.")))
	if len(l) == 0 {
		return append(d, line(text("No gap is known.")))
	}
	return append(d, l)
}

// limitsOfRecord are gaps in the journal itself.
func (r *report) limitsOfRecord() list {
	v := r.view
	var l list
	add := func(parts ...part) { l = append(l, item{text: words(parts...)}) }
	if r.plan == nil {
		add(text("The runbook could not be loaded by this version of the tool: titles, rules, the goal and the graph are missing."))
	}
	if v.DryRun() {
		add(text("This was a dry run: what the changes would have led to is unknown."))
	}
	if v.Drill() {
		add(text("This was a drill: what checks saw and what changes did is what its scenario says, and times other than those of people are made up."))
	}
	if _, ended := v.Verdict(); !ended {
		add(text("The journal has no end. What happened after its last event, of " + timestamp(v.Last.At) + ", is unknown."))
	}
	for i, life := range v.Lives {
		if i < len(v.Lives)-1 && life.Interrupted == nil {
			add(text("Between " + r.clock(life.Last.At) + " and " + r.clock(v.Lives[i+1].Began.At) + " the engine was dead, and nothing was recorded."))
		}
	}
	for _, q := range v.Questions() {
		if q.Answer == nil {
			add(text("A question about "), code(q.Step), text(" has no answer on record; its wait is counted until "+r.clock(q.Closed.At)+"."))
		}
	}
	if by := v.clockMoved(); by != 0 {
		add(text(fmt.Sprintf("The host's clock was set during the run, by %s in all. Durations and offsets come from a clock that is never set.", Span(by))))
	}
	for _, m := range v.Remarks {
		if m.By == "" {
			add(text("Noticed by the tool at "+r.clock(m.At)+": "), sentence(m.Text))
		}
	}
	if r.left > 0 {
		add(text(fmt.Sprintf("%s left out of the table of what happened.", plural(r.left, "row"))))
	}
	return l
}

// clockMoved is by how much the time of day moved against the run's own clock within the lives of a run, when that is
// too much for a clock that was only steered.
func (v *View) clockMoved() time.Duration {
	var by time.Duration
	for _, l := range v.Lives {
		by += l.Last.At.Sub(l.Began.At) - (l.Last.Mono - l.Began.Mono)
	}
	if by.Abs() < 2*time.Second {
		return 0
	}
	return by
}

// limitsOfEvidence is what was not kept, was cut, or is not what it was.
func (r *report) limitsOfEvidence() list {
	var l list
	add := func(x Exhibit, parts ...part) {
		about := words(sentence(orElse(x.ID, "Evidence")), text(" ("), sentence(x.Name), text(" of "), code(x.Step), text(") "))
		l = append(l, item{text: words(about, words(parts...))})
	}
	cuts, cut := 0, 0
	for _, x := range r.view.Exhibits {
		if x.Cuts > 0 {
			cuts, cut = cuts+x.Cuts, cut+1
		}
		if x.Failed != "" {
			add(x, text("could not be kept: "), sentence(x.Failed))
		}
		if x.Failed == "" && x.Kept < x.Bytes {
			add(x, text("is cut: "+Size(x.Kept)+" of "+Size(x.Bytes)+" are in its file, the beginning and the end"))
		}
		if x.Cuts > 0 {
			add(x, text("had "+plural(x.Cuts, "secret")+" cut out"))
		}
		if x.File != "" && x.Failed == "" && r.files[x.File].wrong != "" {
			add(x, text("can't be relied on: "), sentence(r.files[x.File].wrong))
		}
	}
	if cut > 1 {
		l = append(l, item{text: words(text(plural(cuts, "secret") + " " + wasWere(cuts) + " cut out of the evidence in all."))})
	}
	return l
}

// limitsOfSight are checks that could not look, and changes whose end nobody saw.
func (r *report) limitsOfSight() list {
	var l list
	var blind []string
	for _, s := range r.view.Steps {
		if last := s.Latest(); last != nil && last.Outcome == engine.OutcomeUnknown {
			blind = append(blind, s.Path)
		}
	}
	if len(blind) > 0 {
		l = append(l, item{text: words(text("Could not be looked at: "), codes(blind), text(". Nothing is concluded from them."))})
	}
	for _, c := range r.view.Changes() {
		if c.Ended == nil {
			l = append(l, item{text: words(text("Nobody saw the end of the change "), code(c.Step), text("; what it did is known from the checks after it alone."))})
		}
	}
	return l
}
