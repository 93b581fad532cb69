package screen

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// paints are the sequences that only paint. Programs write them into their output, and nothing is lost with them. Every
// other sequence stays visible, without the character that makes it one.
var paints = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// secrets are the marks that stand for a secret's value: see SecretMarker in package engine.
var secrets = regexp.MustCompile("\x00secret:([A-Za-z0-9_.-]*)\x00")

// Clean makes text from strangers fit for a terminal. Line breaks stay, tabs become blanks, and what could act on the
// text around it, or stand there unseen, becomes U+FFFD.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.Contains(s, "\x00") {
		s = secrets.ReplaceAllString(s, "[secret $1]")
	}
	if strings.Contains(s, "\x1b[") {
		s = paints.ReplaceAllString(s, "")
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\t", "    ")
	return strings.Map(func(r rune) rune {
		if r != '\n' && unseen(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// Line is [Clean] in one line: blanks of every kind become single spaces.
func Line(s string) string { return strings.Join(strings.Fields(Clean(s)), " ") }

// Exact is [Clean] in one line with its blanks kept, for what must be seen as it is: a line of a diff, an argument.
func Exact(s string) string { return strings.ReplaceAll(Clean(s), "\n", "\uFFFD") }

// unseen tells whether a character acts on the text around it, or takes no room. The two joiners, which Persian, Indic
// scripts and emoji need, are let through.
func unseen(r rune) bool {
	const nonJoiner, joiner = '\u200C', '\u200D'
	switch {
	case r < 0x20, r >= 0x7F && r < 0xA0:
		return true
	case r < 0xA0, r == nonJoiner, r == joiner:
		return false
	default:
		return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
	}
}

// Width is how many columns a line takes.
func Width(s string) int { return ansi.StringWidth(s) }

// Clip shortens a line to at most width columns. What was cut off shows as an ellipsis.
func Clip(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	return ansi.Truncate(s, max(width, 1), "…")
}

// Pad fills a line with blanks up to width columns. A longer one stays as it is.
func Pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-Width(s), 0))
}

// Wrap breaks text between words into lines of at most width columns; a longer word is broken where the line ends. Line
// breaks and the blanks at the beginning of a line are kept. The text has been cleaned before.
func Wrap(s string, width int) []string {
	width = max(width, 8)
	var out []string
	for line := range strings.SplitSeq(strings.TrimRight(s, "\n "), "\n") {
		out = append(out, wrapLine(strings.TrimRight(line, " "), width)...)
	}
	return out
}

func wrapLine(line string, width int) []string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	if len(indent) > width/2 {
		indent = ""
	}
	var out []string
	now := indent
	for word := range strings.FieldsSeq(line) {
		if now != indent && Width(now)+1+Width(word) > width {
			out = append(out, now)
			now = indent
		}
		if now != indent {
			now += " "
		}
		now += word
		for Width(now) > width {
			head := ansi.Truncate(now, width, "")
			if head == "" { // a character wider than the line
				break
			}
			out = append(out, head)
			now = indent + now[len(head):]
		}
	}
	return append(out, now)
}

// Hard breaks a line into pieces of at most width columns and keeps every blank, for what must be seen as it is: put
// together, the pieces are the line. It breaks behind a blank where one is near.
func Hard(s string, width int) []string {
	width = max(width, 8)
	var out []string
	for Width(s) > width {
		head := ansi.Truncate(s, width, "")
		if i := strings.LastIndexByte(head, ' '); i > len(head)/2 {
			head = head[:i+1]
		}
		if head == "" {
			break
		}
		out, s = append(out, head), s[len(head):]
	}
	return append(out, s)
}

// Indent puts blanks, or first for the first of them, before lines.
func Indent(lines []string, first string) []string {
	blank := strings.Repeat(" ", Width(first))
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimRight(blank+l, " ")
		if i == 0 {
			out[i] = strings.TrimRight(first+l, " ")
		}
	}
	return out
}

// Flow is Wrap for prose: lines of a paragraph are joined first, as their author broke them for another width. Empty
// lines part paragraphs, and a line that begins with a dash or a number is an item of a list.
func Flow(s string, width int) []string {
	var out []string
	now := ""
	flush := func() {
		if now != "" {
			first := item.FindString(now)
			out = append(out, Indent(Wrap(now[len(first):], width-Width(first)), first)...)
			now = ""
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(s), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			flush()
			out = append(out, "")
		case item.MatchString(line):
			flush()
			now = line
		case now == "":
			now = line
		default:
			now += " " + line
		}
	}
	flush()
	return out
}

var item = regexp.MustCompile(`^([-*] +|[0-9]+\. +)`)
