package reports

import (
	"bytes"
	"regexp"
	"strings"
)

// markdown writes a document as GitHub-flavoured Markdown. All text is escaped here and nowhere else, so that no text
// can end a table cell, open a heading, become a link or smuggle in HTML.
func markdown(d document) []byte {
	var w markdownWriter
	for i, b := range d {
		if i > 0 {
			w.out.WriteByte('\n')
		}
		w.block(b)
	}
	return w.out.Bytes()
}

type markdownWriter struct{ out bytes.Buffer }

func (w *markdownWriter) block(b block) {
	switch b := b.(type) {
	case heading:
		w.out.WriteString(strings.Repeat("#", b.level) + " " + spanText(b.text, false) + "\n")
	case paragraph:
		w.out.WriteString(blockStart(spanText(inline(b), false)) + "\n")
	case list:
		for _, it := range b {
			w.out.WriteString("- " + blockStart(spanText(it.text, false)) + "\n")
			for _, below := range it.below {
				w.out.WriteString("  - " + blockStart(spanText(below, false)) + "\n")
			}
		}
	case table:
		w.row(b.head)
		w.out.WriteString("|" + strings.Repeat("---|", len(b.head)) + "\n")
		for _, row := range b.rows {
			w.row(row)
		}
	case fence:
		w.fence(b)
	}
}

func (w *markdownWriter) row(cells []inline) {
	w.out.WriteByte('|')
	for _, c := range cells {
		w.out.WriteString(" " + spanText(c, true) + " |")
	}
	w.out.WriteByte('\n')
}

// fence writes text between two rows of backticks that are longer than any in it.
func (w *markdownWriter) fence(f fence) {
	lines := strings.Split(plainText(strings.Join(f.lines, "\n")), "\n")
	longest := 2
	for _, line := range lines {
		longest = max(longest, longestRun(line))
	}
	mark := strings.Repeat("`", longest+1)
	w.out.WriteString(mark + f.language + "\n")
	for _, line := range lines {
		w.out.WriteString(strings.TrimRight(line, " \t") + "\n")
	}
	w.out.WriteString(mark + "\n")
}

// spanText writes a run of text. In a cell of a table no vertical bar may stand, not even in code: the readers of
// Markdown do not agree on what a backslash before it means there.
func spanText(in inline, cell bool) string {
	var b strings.Builder
	for _, s := range in {
		var piece string
		switch s.style {
		case codeStyle:
			piece = codeSpan(s.text, cell)
		case strongStyle:
			piece = strongSpan(s.text, cell)
		case linkStyle:
			piece = linkSpan(s.text, cell)
		case plainStyle:
			piece = escaped(s.text, cell)
		}
		if strings.HasSuffix(b.String(), "`") && strings.HasPrefix(piece, "`") {
			b.WriteByte(' ') // two spans of code would become one
		}
		b.WriteString(piece)
	}
	return strings.TrimSpace(b.String())
}

func codeSpan(s string, cell bool) string {
	s = oneLine(s)
	if cell && strings.Contains(s, "|") {
		parts := strings.Split(s, "|")
		for i, p := range parts {
			if strings.TrimSpace(p) != "" {
				parts[i] = codeSpan(p, false)
			}
		}
		return strings.Join(parts, " &#124; ")
	}
	if s == "" {
		return ""
	}
	mark := "`"
	for hasRun(s, len(mark)) {
		mark += "`"
	}
	if s[0] == '`' || s[len(s)-1] == '`' {
		s = " " + s + " "
	}
	return mark + s + mark
}

// hasRun tells whether a run of exactly n backticks is in s.
func hasRun(s string, n int) bool {
	run := 0
	for i := range len(s) + 1 {
		if i < len(s) && s[i] == '`' {
			run++
			continue
		}
		if run == n {
			return true
		}
		run = 0
	}
	return false
}

func longestRun(s string) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

var wordsOnly = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 .,:-]*[A-Za-z0-9])?$`)

func strongSpan(s string, cell bool) string {
	if !wordsOnly.MatchString(s) || linkish.MatchString(s) {
		return escaped(s, cell)
	}
	return "**" + s + "**"
}

// webAddress is what is made a link: nothing in it can end one.
var webAddress = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/%?&=#+-]*)?$`)

func linkSpan(s string, cell bool) string {
	if !webAddress.MatchString(s) {
		return codeSpan(s, cell)
	}
	return "<" + s + ">"
}

// linkish finds words that a reader of Markdown may turn into a link, a mention or a formula, though nothing marks
// them as such. They are shown as code.
var linkish = regexp.MustCompile(`(?i)://|www\.|[@$]`)

// harmless writes text so that none of its characters means anything to a reader of Markdown. Those that mean something in
// some places only are left as they are elsewhere: a report is read as it is, too.
func harmless(s string, cell bool) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		var before, after rune // 0 at an end: what stands there is another's text
		if i > 0 {
			before = runes[i-1]
		}
		if i < len(runes)-1 {
			after = runes[i+1]
		}
		switch {
		case r == '_' && letterOrDigit(before) && letterOrDigit(after): // most names have one
			b.WriteRune(r)
		case r == '#' && letter(after): // a channel, and no heading
			b.WriteRune(r)
		case r == '&' && strings.ContainsRune(" &=", after): // no entity
			b.WriteRune(r)
		case r == ']' && after != 0 && after != '(': // no link: there are no definitions that another bracket could name
			b.WriteRune(r)
		case r == '|' && cell:
			b.WriteString("&#124;")
		case strings.ContainsRune(`\*_]~#`, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '`':
			b.WriteString("&#96;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '&':
			b.WriteString("&amp;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func letterOrDigit(r rune) bool {
	return letter(r) || r >= '0' && r <= '9'
}

// escaped writes a sentence, or a part of one: blanks at its ends stay.
func escaped(s string, cell bool) string {
	s = plainText(s)
	if !linkish.MatchString(s) {
		return harmless(strings.Join(strings.FieldsFunc(s, lineBreak), " "), cell)
	}
	var b strings.Builder
	for i, word := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || lineBreak(r) }) {
		if i > 0 || strings.HasPrefix(s, " ") {
			b.WriteByte(' ')
		}
		if linkish.MatchString(word) {
			b.WriteString(codeSpan(word, cell))
			continue
		}
		b.WriteString(harmless(word, cell))
	}
	if strings.HasSuffix(s, " ") {
		b.WriteByte(' ')
	}
	return b.String()
}

func lineBreak(r rune) bool { return r == '\n' }

var ordinal = regexp.MustCompile(`^[0-9]+[.)]`)

// blockStart keeps the first character of a block from opening another one: a list, a rule, an underline, a quotation, a
// definition.
func blockStart(s string) string {
	switch {
	case s == "":
		return s
	case strings.ContainsRune("+-=>[", rune(s[0])):
		return `\` + s
	case ordinal.MatchString(s):
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		return s[:digits] + `\` + s[digits:]
	default:
		return s
	}
}
