package prompt

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// margin is how far the text of a box stands from the left.
const margin = 7

// box is a question with all that an answer should rest on, as lines for a screen.
type box struct {
	screen.Screen
	lines []string
}

// draw lays a question out. expires is when silence becomes an answer, zero for never.
func (p *Prompt) draw(s screen.Screen, q engine.Question, expires time.Time) []string {
	b := &box{Screen: s}
	place := screen.Line(q.Step)
	if q.Number > 0 {
		place += fmt.Sprintf(" · step %d of %d", q.Number, q.Of)
	}
	kind := banner(q)
	if p.Drill {
		kind = "DRILL · " + kind
	}
	b.lines = []string{"", strings.Replace(b.Rule(place, kind), kind, b.Paint.Act(kind), 1)}
	if q.Title != "" {
		b.text("", screen.Line(q.Title))
	}
	switch q.Kind {
	case engine.AskManual, engine.AskValue:
		b.because(q)
		b.text("", q.Text)
	case engine.AskFix, engine.AskUndo:
		b.because(q)
		p.change(b, q)
	case engine.AskFailed:
		b.failure(q)
		p.change(b, q)
	case engine.AskDoubt:
		b.text("WHY", "Nobody saw this change end: the tool or the host stopped in the middle of it. Look for yourself whether it was made before you say so.")
		p.change(b, q)
	}
	if q.Approvals > 1 {
		b.text("NEEDS", p.needs(q))
	}
	if !expires.IsZero() {
		b.text("UNTIL", "no answer by "+b.Moment(expires)+" means "+silence(q))
	}
	return b.lines
}

// banner says in capitals what is at stake.
func banner(q engine.Question) string {
	switch q.Kind {
	case engine.AskFix:
		return "CHANGES THE HOST"
	case engine.AskUndo:
		return "CHANGES THE HOST: TAKES BACK"
	case engine.AskFailed:
		return "THE CHANGE FAILED"
	case engine.AskDoubt:
		return "IN DOUBT"
	case engine.AskManual:
		return "FOR YOU TO DO"
	case engine.AskValue:
		return "FOR YOU TO ANSWER"
	}
	return ""
}

// because shows the author's reason and what made the step's condition true.
func (b *box) because(q engine.Question) {
	var lines []string
	if q.Why != "" {
		lines = screen.Flow(screen.Clean(q.Why), b.Width-margin)
	}
	b.put("WHY", append(lines, screen.Explain(q.Because, b.Width-margin)...))
}

// change shows what would be done, exactly, and what comes after it.
func (p *Prompt) change(b *box, q engine.Question) {
	do := []string{"unknown: it could not be described"}
	if d := q.Description; d != nil {
		do = screen.Wrap(screen.Line(d.Summary), b.Width-margin)
		for _, line := range d.Exact {
			for _, part := range screen.Hard(screen.Exact(line), b.Width-margin-2) {
				do = append(do, "  "+p.diff(b.Screen, line, part))
			}
		}
	}
	b.put("DO", do)
	as := q.As
	if as == "" {
		as = p.User
	}
	b.put("ON", []string{screen.Line(p.Host) + "  as " + screen.Line(as)})
	b.put("RISK", []string{risk(b.Paint, q.Risk)})
	undo := q.Undo
	if undo == "" {
		undo = "none"
	}
	if q.Kind != engine.AskUndo {
		b.text("UNDO", undo)
	}
	b.text("THEN", then(q))
}

// diff paints a part of a line of a unified diff.
func (p *Prompt) diff(s screen.Screen, line, part string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return s.Paint.Good(part)
	case strings.HasPrefix(line, "-"):
		return s.Paint.Bad(part)
	default:
		return part
	}
}

func risk(p screen.Paint, r engine.Risk) string {
	switch r {
	case engine.High:
		return p.Bad(string(r))
	case engine.Medium:
		return p.Warn(string(r))
	case engine.Low:
	}
	return string(r)
}

// then says how it will be known whether the change helped.
func then(q engine.Question) string {
	switch {
	case len(q.Verify) == 0:
		return "no check looks whether it helped"
	case q.Within > 0:
		return "looks at " + strings.Join(q.Verify, ", ") + " for up to " + screen.Span(q.Within)
	default:
		return "looks at " + strings.Join(q.Verify, ", ")
	}
}

func (b *box) failure(q engine.Question) {
	text := "nobody knows why"
	if q.Failure != nil {
		text = screen.Clean(q.Failure.Message) + " (" + string(q.Failure.Kind) + ")"
	}
	lines := screen.Wrap(text, b.Width-margin)
	for i := range lines {
		lines[i] = b.Paint.Bad(lines[i])
	}
	b.put("FAILED", lines)
}

func (p *Prompt) needs(q engine.Question) string {
	text := fmt.Sprintf("%d people who agree", q.Approvals)
	if len(q.Agreed) > 0 {
		text += "; agreed so far: " + strings.Join(q.Agreed, ", ")
	}
	if q.Excluded != "" {
		text += "; " + q.Excluded + " started the run and can't be one of them"
	}
	if p.Drill {
		text += "; in this drill you speak for them"
	}
	return text
}

// silence is what it means that nobody answers.
func silence(q engine.Question) string {
	switch q.Kind {
	case engine.AskFailed:
		return "that the step stays failed, and the run goes on"
	case engine.AskDoubt:
		return "that it stays in doubt"
	case engine.AskManual:
		return "not done"
	case engine.AskValue:
		return "that nobody answered"
	case engine.AskFix, engine.AskUndo:
	}
	return "No"
}

// text puts a label and wrapped text.
func (b *box) text(label, text string) {
	if text = screen.Clean(text); text != "" {
		b.put(label, screen.Wrap(text, b.Width-margin))
	}
}

// put puts a label and lines beside it. A line without a label stands at the left.
func (b *box) put(label string, lines []string) {
	if len(lines) == 0 {
		return
	}
	if label == "" {
		b.lines = append(b.lines, lines...)
		return
	}
	lines = screen.Indent(lines, strings.Repeat(" ", margin))
	lines[0] = b.Paint.Strong(label) + lines[0][min(len(label), margin):]
	b.lines = append(b.lines, lines...)
}

// line is the question itself, with the keys that answer it.
func (p *Prompt) line(s screen.Screen, q engine.Question) string {
	text, keys := p.words(q)
	if len(q.Evidence) > 0 {
		keys = strings.Replace(keys, "[q]uit", "[s]how evidence [q]uit", 1)
	}
	text, keys = screen.Line(text), strings.TrimSpace(keys)
	if screen.Width(text)+2+screen.Width(keys)+3 <= s.Width {
		return s.Paint.Strong(text) + "  " + keys + " "
	}
	lines := screen.Wrap(text, s.Width)
	for i := range lines {
		lines[i] = s.Paint.Strong(lines[i])
	}
	return strings.Join(append(lines, keys+" "), "\n")
}

func (p *Prompt) words(q engine.Question) (text, keys string) {
	doing := p.doing(q)
	switch q.Kind {
	case engine.AskFix, engine.AskUndo:
		switch {
		case !p.may(q):
			return "Another person has to agree: runbook approve " + p.Run() + " " + q.Step, "Your [n]o counts; [q]uit"
		case q.Risk == engine.High:
			return doing + "? Type " + Target(q) + " to say yes.", "Anything else is No; [q]uit"
		case q.Kind == engine.AskUndo:
			return "Take it back: " + lowerFirst(doing) + "?", "[y]es [N]o [q]uit"
		default:
			return doing + "?", "[y]es [N]o [q]uit"
		}
	case engine.AskFailed:
		return "Try again, or go on without it?", "[r]etry [c]ontinue [q]uit, Enter quits"
	case engine.AskDoubt:
		return "Was it made?", "[m]ade [n]ot made [a]gain [q]uit, Enter leaves it in doubt"
	case engine.AskManual:
		return "Is it done?", "[d]one [N]ot done [q]uit"
	case engine.AskValue:
		if len(q.Choices) > 0 {
			return "One of: " + strings.Join(q.Choices, ", "), "[q]uit"
		}
		return "Your answer" + typeHint(q.Type), "[q]uit"
	}
	return "", ""
}

// doing is the change as a sentence begins: "Restart nginx.service on web1". A drill has no kind that would describe it
// better than its title does.
func (p *Prompt) doing(q engine.Question) string {
	text := q.Title
	if q.Description != nil && q.Description.Summary != "" && !p.Drill {
		text = q.Description.Summary
	}
	if text == "" {
		text = "make the change " + q.Step
	}
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(r)) + text[size:] + " on " + p.Host
}

func lowerFirst(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[size:]
}

func typeHint(typ string) string {
	switch typ {
	case "int":
		return ", a whole number"
	case "number":
		return ", a number"
	case "bool":
		return ", true or false"
	default:
		return ""
	}
}

// Show lays a question out for somebody who reads it elsewhere, and answers it elsewhere. expires is when silence
// becomes an answer, zero when that is not known.
func (p *Prompt) Show(s screen.Screen, q engine.Question, expires time.Time) []string {
	return p.draw(s, q, expires)
}

// Target is what must be typed to agree to a change of high risk. A change without a target has its step's name.
func Target(q engine.Question) string { return screen.Line(q.Target()) }

// may tells whether this person's yes counts: who started a run that needs several people can't be one of them.
func (p *Prompt) may(q engine.Question) bool {
	if q.Approvals <= 1 || q.Kind != engine.AskFix {
		return true
	}
	return q.Excluded != p.By && !slices.Contains(q.Agreed, p.By)
}
