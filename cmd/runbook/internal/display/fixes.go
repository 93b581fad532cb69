package display

import (
	"fmt"
	"strings"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// This file says what happens to fixes and to the steps of people: what they would do, what was said to them, how they
// went.

func (d *Display) skipped(e engine.Skipped) []row {
	d.ended(e.Step)
	r := row{word: "skipped", id: e.Step}
	if d.dry {
		r.word = "WOULD SKIP"
	}
	terms := screen.Explain(e.Because, d.screen.Width-margin)
	switch e.Reason {
	case engine.NotNeeded:
		r.text, r.quiet = "not needed", true
		r.below = screen.Explain(screen.WithoutFindings(e.Because), d.screen.Width-margin)
	case engine.GoalHolds:
		r.text, r.quiet = "not needed: the goal holds", true
	case engine.NoLonger:
		r.text, r.below = "not needed any more, so it was not made", terms
	case engine.LimitHit:
		r.text, r.below = "the runbook allows no more changes in one run", terms
	case engine.Undecided:
		r.word, r.paint = "UNKNOWN", d.screen.Paint.Warn
		if len(e.Hangs) > 0 {
			r.text = "it hangs on " + strings.Join(e.Hangs, ", ") + ", which is not made"
			terms = append(terms, d.bothWays(e)...)
			r.below = terms
			break
		}
		r.text, r.below = "could not decide whether it is needed, so it is not made", terms
	}
	return []row{r}
}

// bothWays shows what a step that hangs on a change would come to, one way and the other.
func (d *Display) bothWays(e engine.Skipped) []string {
	yes, no := "make it", "skip it"
	if e.Would != "" {
		yes = e.Would
	}
	return append(d.hang("if true   WOULD ", yes), d.hang("if false  WOULD ", no)...)
}

func (d *Display) prepared(e engine.Prepared) []row {
	took := d.ended(e.Step)
	var rows []row
	for _, ev := range e.Evidence {
		if ev.Failed != "" {
			rows = append(rows, row{word: "NOTICE", paint: d.screen.Paint.Warn, id: e.Step, text: "could not keep " + screen.Line(ev.Name) + ": " + screen.Line(ev.Failed)})
		}
	}
	switch {
	case e.Failure != nil:
		rows = append(rows, row{
			word: "FAILED", paint: d.screen.Paint.Bad, id: e.Step, text: "it could not be described", right: took,
			below: d.below(failure(e.Failure)),
		})
	case e.Only && e.Description != nil:
		r := row{word: "WOULD", paint: d.screen.Paint.Act, id: e.Step, text: screen.Line(e.Description.Summary), below: d.exact(e.Description)}
		if e.As != "" {
			r.text += " as " + screen.Line(e.As)
		}
		if len(e.Because) > 0 {
			r.below = append(r.below, screen.Indent(screen.Explain(e.Because, d.screen.Width-margin-8), "because ")...)
		}
		if s := d.titles.step(e.Step); s != nil {
			if s.Why.Value != "" {
				r.below = append(r.below, d.hang("why     ", expression.ReplaceAllString(s.Why.Value, "…"))...)
			}
			r.below = append(r.below, d.hang("then    ", "look at "+verified(s))...)
		}
		rows = append(rows, r)
	}
	return rows
}

func verified(s *engine.Step) string {
	switch {
	case s.Verify.None:
		return "nothing: no check says whether it helped"
	case s.Verify.Goal:
		return "the goal"
	}
	var names []string
	for _, c := range s.Verify.Checks {
		names = append(names, c.Value)
	}
	return strings.Join(names, ", ")
}

// exact shows a change as it will be made: the argument list, the call, or the difference that it makes to a file.
func (d *Display) exact(desc *engine.Description) []string {
	var out []string
	for _, line := range desc.Exact {
		for _, part := range screen.Hard(screen.Exact(line), d.screen.Width-margin) {
			switch {
			case strings.HasPrefix(line, "+"):
				part = d.screen.Paint.Good(part)
			case strings.HasPrefix(line, "-"):
				part = d.screen.Paint.Bad(part)
			}
			out = append(out, part)
		}
	}
	return out
}

// answered says what a person said. Most answers are followed by an event that says it better.
func (d *Display) answered(e engine.Answered) []row {
	c := d.changes[e.Step]
	c.answer = e.Answer
	d.changes[e.Step] = c
	r := row{id: e.Step, text: by(e.Answer)}
	switch e.Answer.Value {
	case engine.Yes:
		r.word = "agreed"
	case engine.Nobody:
		r.word, r.paint, r.text = "REFUSED", d.screen.Paint.Bad, screen.Line(e.Answer.Note)
	case engine.Gone:
		r.word, r.paint, r.text = "PAUSED", d.screen.Paint.Warn, "nobody has answered: "+screen.Line(e.Answer.Note)
	case engine.Would:
		r.word, r.paint, r.text = "WOULD", d.screen.Paint.Act, "ask a person"
		if d.titles.title(e.Step) != "" {
			r.text += ": " + d.titles.title(e.Step)
		}
		r.below = d.below(c.question.Text)
	case engine.No, engine.Quit, engine.Expired:
		return nil // the end of the fix says so
	default:
		r.word, r.text = "answered", fmt.Sprintf("%s, %s", screen.Line(e.Answer.Value), r.text)
	}
	return []row{r}
}

// by says who gave an answer, and how.
func by(a engine.Answer) string {
	text := "by " + screen.Line(a.By)
	if a.By == "" {
		text = "by a person"
	}
	if a.Via != "" && a.Via != "terminal" {
		text += ", " + screen.Line(a.Via)
	}
	return text
}

func (d *Display) changeStarted(e engine.ChangeStarted) []row {
	c := d.changes[e.Step]
	r := row{word: "CHANGES", paint: d.screen.Paint.Act, id: e.Step, text: e.Kind}
	if e.Description != nil {
		r.text = screen.Line(e.Description.Summary)
	}
	if e.Undo {
		r.text = "taking it back: " + r.text
	}
	if e.Attempt > 1 && !e.Undo {
		r.text += fmt.Sprintf(" (attempt %d)", e.Attempt)
	}
	if e.As != "" {
		r.text += " as " + screen.Line(e.As)
	}
	if d.drill {
		r.word, r.text = "DRILL", r.text+" (nothing is changed)"
	}
	// Who was asked on this terminal has just read it.
	if e.Description != nil && (c.answer.Via != "terminal" || !d.screen.Terminal) {
		r.below = d.exact(e.Description)
		if len(c.question.Because) > 0 {
			r.below = append(r.below, screen.Indent(screen.Explain(c.question.Because, d.screen.Width-margin-8), "because ")...)
		}
	}
	return []row{r}
}

func (d *Display) changeEnded(e engine.ChangeEnded) []row {
	took := d.ended(e.Step)
	if e.Failure != nil {
		c := d.changes[e.Step]
		c.failed = true
		d.changes[e.Step] = c
		return []row{{
			word: "FAILED", paint: d.screen.Paint.Bad, id: e.Step, text: "the change failed", right: took,
			below: d.below(failure(e.Failure)),
		}}
	}
	r := row{word: "changed", id: e.Step, text: "done", right: took}
	if s := d.titles.step(e.Step); s != nil && !s.Verify.None && !e.Undo {
		r.text = "done; looks now whether it helped"
		d.waits(e.Step, "waits a moment before it looks whether it helped")
	}
	return []row{r}
}

func (d *Display) fixEnded(e engine.FixEnded) []row {
	d.ended(e.Step)
	c := d.changes[e.Step]
	delete(d.changes, e.Step)
	p := d.screen.Paint
	r := row{word: Shout(e.Outcome), id: e.Step, text: screen.Line(e.Note)}
	switch e.Outcome {
	case engine.OutcomeWould, engine.OutcomeAnswered, engine.OutcomeSkipped:
		return nil // said before
	case engine.OutcomeFixed:
		r.paint = p.Good
		if r.text == "" {
			r.text = "its checks are healthy"
		}
	case engine.OutcomeNotFixed:
		r.paint = p.Bad
		if r.text == "" {
			r.text = "its checks are not healthy"
		}
	case engine.OutcomeFailed:
		r.paint = p.Bad
		switch {
		case c.answer.Value == engine.Skip:
			r.text = "the run goes on without it"
		case c.answer.Value == engine.Stop || c.failed:
			r.text = "the run stops here"
		}
	case engine.OutcomeDeclined:
		r.paint, r.text = p.Warn, by(c.answer)+sentence(e.Note)
	case engine.OutcomeExpired:
		if c.answer.Value == engine.Nobody {
			return nil // said before
		}
		r.paint = p.Warn
	case engine.OutcomeInDoubt:
		r.paint = p.Warn
	default:
	}
	return []row{r}
}
