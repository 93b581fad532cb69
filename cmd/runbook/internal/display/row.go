package display

import (
	"strings"
	"time"

	"runbook/cmd/runbook/internal/screen"
)

// row is one line about one thing that happened, with what explains it below.
type row struct {
	mark  string // REAL in a dry run
	word  string
	paint func(string) string
	id    string
	text  string
	right string // how long it took
	below []string
	quiet bool // there for the record, and not for the eye
}

// Columns of a row: the time, and the word.
const (
	timeWidth = 10
	wordWidth = 11
	markWidth = 5
)

// margin is where the lines below a row stand.
const margin = timeWidth + 2

// lines lays a row out: time, word, id and text, and how long it took at the right.
//
//	03:10:46  UNHEALTHY  page      Ask for the page                            1.2 s
//	            status 502, expected 200
func (d *Display) lines(at time.Time, r row) []string {
	paint := r.paint
	if paint == nil {
		paint = func(s string) string { return s }
	}
	width := wordWidth
	word := paint(r.word)
	plain := r.word
	if d.dry {
		width += markWidth
		if r.mark != "" {
			word, plain = r.mark+" "+word, r.mark+" "+r.word
		}
	}
	left := at.UTC().Format("15:04:05  ") + word + strings.Repeat(" ", max(width-screen.Width(plain), 1))
	if r.id != "" {
		left += screen.Pad(r.id, d.idWidth) + "  "
	}
	room := d.screen.Width - screen.Width(left)
	if r.right != "" {
		room -= screen.Width(r.right) + 2
	}
	var out []string
	below := r.below
	switch {
	case r.id != "" && r.right == "" && screen.Width(r.text) > room: // a narrow column is hard to read
		out = []string{strings.TrimRight(left, " ")}
		below = append(d.below(r.text), below...)
	case r.right != "":
		out = []string{left + screen.Pad(screen.Clip(r.text, room), room) + "  " + r.right}
	case screen.Width(r.text) <= room || room < 24:
		out = []string{strings.TrimRight(left+r.text, " ")}
	default:
		out = screen.Indent(screen.Wrap(r.text, room), left)
	}
	for _, line := range below {
		out = append(out, strings.TrimRight(strings.Repeat(" ", margin)+line, " "))
	}
	if r.quiet {
		for i := range out {
			out[i] = d.screen.Paint.Quiet(out[i])
		}
	}
	return out
}

// below wraps text to stand below a row.
func (d *Display) below(text string) []string {
	return screen.Wrap(screen.Clean(text), d.screen.Width-margin)
}

// hang wraps text to stand below a row, behind a word.
func (d *Display) hang(first, text string) []string {
	return screen.Indent(screen.Wrap(screen.Clean(text), d.screen.Width-margin-screen.Width(first)), first)
}
