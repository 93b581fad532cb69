package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Diagnostic is one mistake in a runbook, or one thing to think about.
type Diagnostic struct {
	File    string
	Pos     Pos
	Length  int    // characters that the caret underlines; 1 when 0
	Message string // what is wrong, and what to do
	Rule    string // "unknown-step"
	Hint    string // "did you mean launcher?", "" for none
}

// String gives the first line of a rendering: file:line:col: message [rule].
func (d Diagnostic) String() string {
	if d.Pos.Line == 0 {
		return clean(fmt.Sprintf("%s: %s [%s]", d.File, d.Message, d.Rule))
	}
	return clean(fmt.Sprintf("%s:%d:%d: %s [%s]", d.File, d.Pos.Line, d.Pos.Col, d.Message, d.Rule))
}

// clean keeps what a file says on its line, and away from the terminal's controls.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || isInvisible(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// sorted puts mistakes in the order of the file, and drops what is said twice.
func sorted(ds []Diagnostic) []Diagnostic {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(ds)
}

// excerptWidth is how wide an excerpt may be, with its line number.
const excerptWidth = 80

// maxRendered is how many mistakes are worth showing at once.
const maxRendered = 100

// RenderAll renders mistakes one below the other, with an empty line between them: the first hundred.
func RenderAll(ds []Diagnostic, src []byte) string {
	all := make([]string, 0, len(ds))
	for i, d := range ds {
		if i == maxRendered {
			all = append(all, fmt.Sprintf("and %d more\n", len(ds)-i))
			break
		}
		all = append(all, Render(d, src))
	}
	return strings.Join(all, "\n")
}

// Render shows a mistake to a person: where and what, the line of the source, carets below it, and the hint.
//
//	frontend.yaml:12:5: step page has no key expct [unknown-key]
//	   12 |     expct: status == 200
//	      |     ^^^^^
//	      did you mean expect?
//
// The excerpt is at most 80 columns wide: a longer line is shown in part, around the place. Tabs are shown as spaces,
// and what could upset a terminal as U+FFFD.
func Render(d Diagnostic, src []byte) string {
	var b strings.Builder
	b.WriteString(d.String())
	b.WriteByte('\n')
	line, ok := lineOf(src, d.Pos.Line)
	if ok {
		number := fmt.Sprintf("%5d | ", d.Pos.Line)
		text, carets := excerpt(line, d.Pos.Col, max(d.Length, 1), excerptWidth-len(number))
		b.WriteString(strings.TrimRight(number+text, " "))
		b.WriteString("\n")
		b.WriteString(strings.Repeat(" ", len(number)-2) + "| " + carets)
		b.WriteString("\n")
	}
	if d.Hint != "" {
		b.WriteString("      " + clean(d.Hint) + "\n")
	}
	return b.String()
}

// cell is one character of an excerpt, as a terminal shows it.
type cell struct {
	text  string
	width int // columns: 0 for a combining mark, 2 for a wide character
}

// excerpt shows a line in at most width columns, and the carets that belong below it: length characters from col on.
func excerpt(line string, col, length, width int) (text, carets string) {
	cells, from, cutBefore, cutAfter := cellsOf(line, col-1, width)
	to := min(from+length, max(len(cells), from+1))
	start, end := 0, len(cells)
	needed := widthOf(cells)
	if from == len(cells) {
		needed++ // for the caret, which stands behind the line
	}
	if cutBefore || cutAfter || needed > width {
		start, end = window(cells, from, width-2)
	}
	before := 0
	var b strings.Builder
	if start > 0 || cutBefore {
		b.WriteString("…")
		before = 1
	}
	for _, c := range cells[start:end] {
		b.WriteString(c.text)
	}
	if end < len(cells) || cutAfter {
		b.WriteString("…")
	}
	before += widthOf(cells[start:from])
	under := widthOf(cells[from:max(min(to, end), from)])
	return b.String(), strings.Repeat(" ", before) + strings.Repeat("^", max(under, 1))
}

// window chooses the part of a long line that shows the cell at from: as much of it as there is room for, with a third
// of the room before it, or more where the line ends soon.
func window(cells []cell, from, room int) (start, end int) {
	start = from
	used := 0
	for start > 0 && used+cells[start-1].width <= room/3 {
		start--
		used += cells[start].width
	}
	for end = from; end < len(cells) && used+cells[end].width <= room; end++ {
		used += cells[end].width
	}
	for start > 0 && used+cells[start-1].width <= room {
		start--
		used += cells[start].width
	}
	return start, end
}

const tabWidth = 4

// cellsOf gives the cells of a line around the character at an index, which may be the one past its end: at most
// around on each side, so that a line of a megabyte costs no more than a short one. It tells where the character is
// among them, and what was left out.
func cellsOf(line string, at, around int) (cells []cell, from int, cutBefore, cutAfter bool) {
	i := 0
	for _, r := range line {
		switch {
		case i < at-around:
			cutBefore = true
		case i > at+around:
			return cells, from, cutBefore, true
		default:
			if i < at {
				from++
			}
			cells = append(cells, cellOf(r))
		}
		i++
	}
	return cells, from, cutBefore, false
}

func cellOf(r rune) cell {
	switch {
	case r == '\t':
		return cell{strings.Repeat(" ", tabWidth), tabWidth}
	case unicode.IsControl(r), isInvisible(r):
		return cell{"\uFFFD", 1}
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return cell{string(r), 0}
	case isWide(r):
		return cell{string(r), 2}
	default:
		return cell{string(r), 1}
	}
}

func widthOf(cells []cell) int {
	n := 0
	for _, c := range cells {
		n += c.width
	}
	return n
}

// isWide tells whether terminals give a character two columns: the scripts of East Asia, full-width forms, emoji
// (Unicode Standard Annex 11).
func isWide(r rune) bool {
	if r < 0x1100 {
		return false
	}
	switch {
	case r <= 0x115F, r >= 0x3000 && r <= 0x303E, r >= 0xFF01 && r <= 0xFF60, r >= 0xFFE0 && r <= 0xFFE6,
		r >= 0x1F300 && r <= 0x1FAFF:
		return true
	}
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Yi, unicode.Bopomofo)
}

// isInvisible tells whether a character changes the order or the lines of the text around it without being seen:
// controls of the direction of writing, and the line breaks that only Unicode knows. Text that a person agrees to must
// not hold any.
func isInvisible(r rune) bool {
	switch {
	case r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0x200E, r == 0x200F, r == 0x061C,
		r == 0x2028, r == 0x2029, r == 0x0085:
		return true
	}
	return false
}
