package display

import (
	"fmt"
	"strings"
	"time"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// rows gives what is to be said about an event. Most events say one thing, some nothing.
func (d *Display) rows(s engine.Stamped) []row {
	switch e := s.Event.(type) {
	case engine.RunStarted:
		d.know(e)
		return d.opened(e, s.At)
	case engine.RunResumed:
		return []row{{word: "resumed", text: "by " + e.Who.Name() + sentence(e.Note)}}
	case engine.Preflight:
		var rows []row
		for _, m := range e.Missing {
			rows = append(rows, row{word: "REFUSED", paint: d.screen.Paint.Bad, text: screen.Line(m)})
		}
		return rows
	case engine.Looked:
		return d.checked(e)
	case engine.Concluded:
		return d.concluded(e)
	case engine.Skipped:
		return d.skipped(e)
	case engine.Prepared:
		return d.prepared(e)
	case engine.Asked:
		d.ended(e.Question.Step)
		d.changes[e.Question.Step] = change{question: e.Question}
	case engine.Answered:
		return d.answered(e)
	case engine.ChangeStarted:
		return d.changeStarted(e)
	case engine.ChangeEnded:
		return d.changeEnded(e)
	case engine.ChangeLost:
		d.ended(e.Step)
		text := "nobody saw how the change ended"
		if e.Never {
			text = "the change was never started"
		}
		return []row{{word: "IN DOUBT", paint: d.screen.Paint.Warn, id: e.Step, text: text}}
	case engine.FixEnded:
		return d.fixEnded(e)
	case engine.Escalated:
		return d.escalated(e)
	case engine.Waited:
		if e.For == "limit" {
			return []row{{word: "TIME UP", paint: d.screen.Paint.Bad, text: "the run has reached its limit of " + screen.Span(e.Time)}}
		}
	case engine.BookStarted:
		d.titles.params[e.Step+"/"] = e.Params
		return []row{{word: "begins", id: e.Step, text: "runbook " + e.Runbook}}
	case engine.RunEnded:
		return d.runEnded(e)
	case engine.StopAsked:
		return d.stopAsked(e)
	case engine.RunInterrupted:
		return []row{{
			word: "STOPPED", paint: d.screen.Paint.Warn, text: "by " + e.Signal + sentence(e.Note),
		}}
	case engine.Noted:
		return []row{{word: "note", text: screen.Line(e.By + ": " + e.Text)}}
	case engine.Noticed:
		return []row{{word: "NOTICE", paint: d.screen.Paint.Warn, text: screen.Line(e.Text)}}
	}
	return nil
}

func (d *Display) opened(e engine.RunStarted, at time.Time) []row {
	as := e.Who.User
	if name := e.Who.Name(); name != as {
		as += " (" + name + ")"
	}
	rows := []row{{word: "run", text: fmt.Sprintf("%s on %s as %s", e.Run, screen.Line(e.Host), screen.Line(as))}}
	if d.dry {
		rows[0].word = "DRY RUN"
		rows[0].below = d.below("REAL: it was looked at. WOULD: it would be done, and is not. Nothing on the host is changed.")
	}
	if d.drill {
		rows[0].word = "DRILL"
	}
	if moment := d.screen.Moment(at); strings.Contains(moment, "(") {
		rows[0].below = append(rows[0].below, "all times here are UTC; it is now "+moment)
	}
	return rows
}

// real marks a row of a dry run as something that was looked at.
func (d *Display) real(r row) row {
	if d.dry {
		r.mark = "REAL"
	}
	return r
}

func (d *Display) checked(e engine.Looked) []row {
	took := d.ended(e.Step)
	r := row{word: string(e.Outcome), paint: d.screen.Paint.Good, id: e.Step, text: d.titles.title(e.Step), right: took}
	if e.Title != "" {
		r.text = screen.Line(e.Title)
	}
	switch e.Outcome {
	case engine.OutcomeUnhealthy:
		r.word, r.paint = "UNHEALTHY", d.screen.Paint.Bad
		saw := engine.InShort(e.Outcome, e.Because)
		if why, ok := e.Output["error"].(string); ok && why != "" && !strings.Contains(saw, why) {
			saw += " (" + screen.Line(why) + ")" // refused and timed out are answers, and worth telling apart
		}
		r.below = d.below(saw)
	case engine.OutcomeUnknown:
		r.word, r.paint = "UNKNOWN", d.screen.Paint.Warn
		r.below = d.below("could not look: " + failure(e.Failure))
	default:
	}
	switch e.For {
	case engine.ForVerify:
		if d.looked[e.Step] == e.Outcome {
			return nil // said before
		}
		r.text = "looked whether it helped"
	case engine.ForAgain:
		r.text = "looked again, before the change"
	case engine.ForGoal:
		r.text = "looked afresh, at the end"
	case engine.ForGraph:
		if e.Again {
			r.below = append(r.below, d.below(fmt.Sprintf("attempt %d; another follows", e.Attempt))...)
		}
	}
	d.looked[e.Step] = e.Outcome
	return []row{d.real(r)}
}

func (d *Display) concluded(e engine.Concluded) []row {
	before := d.said[e.Finding]
	d.said[e.Finding] = e.Value
	r := row{id: e.Finding, text: screen.Line(e.Say)}
	switch {
	case e.Value == engine.True:
		r.word, r.paint = "FINDING", d.screen.Paint.Warn
		r.below = screen.Explain(e.Because, d.screen.Width-margin)
	case e.Value == engine.False && before == engine.True:
		r.word = "no longer"
	case e.Value == engine.Unknown && hanging(e.Because):
		d.hanging = append(d.hanging, e.Finding)
		return nil
	case e.Value == engine.Unknown:
		d.unclear = append(d.unclear, e.Finding)
		return nil
	default:
		return nil
	}
	return []row{d.real(r)}
}

// undecided says, in one row for many, which findings nobody can decide. Why not stands at the checks that could not
// look, and in the report.
func (d *Display) undecided() []row {
	var rows []row
	if len(d.unclear) > 0 {
		rows = append(rows, d.real(row{word: "unclear", text: "findings that rest on what could not be looked at: " + strings.Join(d.unclear, ", ")}))
	}
	if len(d.hanging) > 0 {
		rows = append(rows, row{word: "UNKNOWN", paint: d.screen.Paint.Warn, text: "findings that hang on what is not made: " + strings.Join(d.hanging, ", ")})
	}
	d.unclear, d.hanging = nil, nil
	return rows
}

// hanging tells whether a condition is unknown because a change was only described.
func hanging(terms []engine.Term) bool {
	for _, t := range terms {
		for _, seen := range t.Seen {
			if !seen.Known && strings.HasPrefix(seen.Value, "hangs on ") {
				return true
			}
		}
	}
	return false
}

func (d *Display) escalated(e engine.Escalated) []row {
	r := row{word: "ESCALATED", paint: d.screen.Paint.Bad, id: e.Step, text: "to " + screen.Line(e.To)}
	if d.dry {
		r.word = "WOULD ESCALATE"
	}
	if d.drill {
		r.text += " (a drill: call nobody)"
	}
	r.below = append(d.below(e.Say), screen.Explain(e.Because, d.screen.Width-margin)...)
	return []row{r}
}

func (d *Display) runEnded(e engine.RunEnded) []row {
	d.going = nil
	if e.Step == "" {
		return nil // the summary says it
	}
	r := row{word: Word(e.Verdict), paint: Mark(d.screen.Paint, e.Verdict), id: e.Step, text: "the runbook of this step has ended"}
	for _, why := range e.Why {
		r.below = append(r.below, d.below(why)...)
	}
	return []row{r}
}

func (d *Display) stopAsked(e engine.StopAsked) []row {
	r := row{word: "STOPPING", paint: d.screen.Paint.Warn}
	busy := "the run stops"
	var names []string
	for _, t := range d.going {
		if t.ends {
			names = append(names, t.path)
		}
	}
	if len(names) > 0 {
		busy = strings.Join(names, ", ") + " may end first; Ctrl-C again ends it now"
	}
	if e.Now {
		busy = "now: what is going on is ended"
	}
	r.text = fmt.Sprintf("%s: %s", e.Signal, busy)
	return []row{r}
}

func failure(f *engine.Failure) string {
	if f == nil {
		return "nobody knows why"
	}
	return fmt.Sprintf("%s (%s)", screen.Line(f.Message), f.Kind)
}

// sentence puts a note behind a sentence.
func sentence(note string) string {
	if note == "" {
		return ""
	}
	return "; " + screen.Line(note)
}

func text(v any) string { return screen.Line(fmt.Sprint(v)) }
