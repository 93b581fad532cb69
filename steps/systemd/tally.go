package systemd

import (
	"slices"

	"runbook/steps/internal/budget"
	"runbook/steps/internal/signature"
)

// How much of the journal goes into the facts, in bytes.
const (
	maxLineText = 1 << 10
	linesSize   = 14 << 10
	matchedSize = 6 << 10
	exampleSize = 256
)

// tally counts entries as they come, and keeps the newest.
type tally struct {
	query      query
	signatures signature.Tally
	lines      window
	matched    window
	out        journalOut
}

func newTally(q query) *tally {
	return &tally{
		query: q, lines: window{limit: linesSize}, matched: window{limit: matchedSize},
		signatures: signature.NewTally(q.signatures, func(line string) string { return fit(line, exampleSize) }),
	}
}

func (t *tally) add(e entry) {
	line := journalLine{
		At: stamp(e.at), Priority: e.priority, PID: e.pid, From: e.from,
		Message: short(e.message, maxLineText),
	}
	t.out.Read++
	t.out.Cursor, t.out.Boot = e.cursor, e.boot
	t.out.Suppressed += e.dropped
	t.out.Truncated = t.out.Truncated || e.cut
	t.lines.add(line)
	if t.query.match == nil || t.query.match.MatchString(e.message) {
		t.out.Count++
		if t.query.match != nil {
			t.matched.add(line)
		}
	}
	t.signatures.Add(e.message)
}

// skip counts an entry that could not be read.
func (t *tally) skip() {
	t.out.Read++
	t.out.Truncated = true
}

func (t *tally) result() journalOut {
	out := t.out
	out.Lines, out.Matched = t.lines.lines, t.matched.lines
	out.Found, out.Counts, out.Examples = t.signatures.Found, t.signatures.Counts, t.signatures.Examples
	out.Truncated = out.Truncated || out.Read >= t.query.lines || t.lines.full || t.matched.full
	return out
}

// window holds the newest lines that fit into its limit, in bytes of JSON.
type window struct {
	limit, size int
	lines       []journalLine
	full        bool
}

func (w *window) add(l journalLine) {
	w.lines = append(w.lines, l)
	w.size += sizeOf(l)
	drop := 0
	for w.size > w.limit && drop < len(w.lines)-1 {
		w.size -= sizeOf(w.lines[drop])
		drop++
	}
	if drop > 0 {
		w.full = true
		w.lines = slices.Delete(w.lines, 0, drop)
	}
}

// sizeOf is about what a line takes in JSON: its texts, its keys and its numbers.
func sizeOf(l journalLine) int {
	const frame = 80
	return frame + budget.Encoded(l.Message) + budget.Encoded(l.From) + len(l.At)
}
