package scenario

import (
	"fmt"
	"strings"
	"time"

	"runbook/engine"
)

// Text tells a person why a rehearsal did not go as expected: what the scenario does not say, what went another way and
// what made it so, and the way that was taken. It is empty for one that passed. Lines are not broken.
func (r *Rehearsal) Text() string {
	differences := r.Judge()
	if len(r.Problems) == 0 && len(differences) == 0 {
		return ""
	}
	var b strings.Builder
	var checks []string
	for _, p := range r.Problems {
		if p.Check {
			checks = append(checks, "    "+p.Line+"\n")
		}
	}
	if len(checks) > 0 { // where the run went without them tells nothing
		return "the scenario does not give what these checks find; add below sees:\n" + strings.Join(checks, "")
	}
	if len(r.Problems) > 0 {
		b.WriteString("the scenario does not say enough\n")
	}
	for _, p := range r.Problems {
		b.WriteString("    " + p.Text + "\n")
		if p.Line != "" {
			fmt.Fprintf(&b, "        add below %s:  %s\n", p.Below, p.Line)
		}
	}
	for _, d := range differences {
		fmt.Fprintf(&b, "%s: expected %s, was %s\n", d.What, d.Expected, d.Was)
		for _, why := range d.Why {
			b.WriteString("    " + why + "\n")
		}
		b.WriteString(terms(d.Because))
	}
	b.WriteString("the way that was taken\n")
	b.WriteString(way(r.Events))
	return b.String()
}

// way tells the events of a run, each in a line. What happens again and again is told once.
func way(events []engine.Stamped) string {
	var b strings.Builder
	last, times, until := "", 0, time.Duration(0)
	flush := func() {
		if times > 1 {
			fmt.Fprintf(&b, ", %d times until %s", times, span(until))
		}
		if times > 0 {
			b.WriteString("\n")
		}
	}
	for _, e := range events {
		text := told(e.Event)
		switch text {
		case "":
		case last:
			times, until = times+1, e.Mono
		default:
			flush()
			fmt.Fprintf(&b, "    %-6s  %s", span(e.Mono), text)
			last, times = text, 1
		}
	}
	flush()
	return b.String()
}

// terms shows what made a condition what it is: the terms that decide, with the values that they looked at.
func terms(because []engine.Term) string {
	var b strings.Builder
	for _, t := range because {
		if !t.Decides && decided(because) {
			continue
		}
		var seen []string
		for _, s := range t.Seen {
			seen = append(seen, s.Name+" "+s.Value)
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("    %-7s %s  %s", t.Value, t.Text, strings.Join(seen, ", ")), " ") + "\n")
	}
	return b.String()
}

func decided(because []engine.Term) bool {
	for _, t := range because {
		if t.Decides {
			return true
		}
	}
	return false
}

// told is one event in a line, "" for what is as it should be or leads nowhere.
func told(e engine.Event) string {
	switch e := e.(type) {
	case engine.Looked:
		if e.Outcome == engine.OutcomeHealthy && e.For == engine.ForGraph {
			return ""
		}
		text := e.Step + " " + string(e.Outcome)
		switch short := engine.InShort(e.Outcome, e.Because); {
		case e.Failure != nil:
			text += ": " + e.Failure.Message
		case short != string(e.Outcome):
			text += ": " + short
		}
		return text
	case engine.Concluded:
		if e.Value == engine.True {
			return e.Finding + " concluded"
		}
	case engine.Skipped:
		if e.Reason != engine.NotNeeded && e.Reason != engine.GoalHolds {
			return e.Step + " skipped: " + skipped(e.Reason)
		}
	case engine.Answered:
		return fmt.Sprintf("%s asked, and answered %s", pathOf(e.Step, e.Kind == engine.AskUndo), e.Answer.Value)
	case engine.ChangeEnded:
		if e.Failure != nil {
			return fmt.Sprintf("%s failed: %s", pathOf(e.Step, e.Undo), e.Failure.Message)
		}
		return pathOf(e.Step, e.Undo) + " made"
	case engine.ChangeLost:
		return pathOf(e.Step, e.Undo) + " made, and nobody saw its end"
	case engine.FixEnded:
		return strings.TrimSuffix(fmt.Sprintf("%s %s: %s", e.Step, e.Outcome, e.Note), ": ")
	case engine.Escalated:
		return fmt.Sprintf("%s escalated to %s: %s", e.Step, e.To, e.Say)
	case engine.BookStarted:
		return fmt.Sprintf("%s runs %s", e.Step, e.Runbook)
	case engine.RunEnded:
		return strings.TrimSpace(fmt.Sprintf("%s verdict %s", e.Step, e.Verdict))
	default:
	}
	return ""
}

// span is a moment of the run: 0s, 1h, 1m30s.
func span(d time.Duration) string {
	text := d.Round(time.Millisecond).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
