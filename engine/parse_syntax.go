package engine

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// syntaxError turns a mistake that the YAML library found into one that tells what to do about it. The library names
// the rule of the grammar that was broken, where it noticed; a person wants the character that is wrong, which may
// stand earlier.
func syntaxError(file string, src []byte, err error) Diagnostic {
	d := Diagnostic{File: file, Rule: "yaml-syntax", Length: 1, Message: "this is not YAML: " + err.Error()}
	fault, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		return d
	}
	s := misreading{lines: linesOf(src), mark: pos(fault.Mark), context: pos(fault.ContextMark), problem: fault.Message, during: fault.ContextMsg}
	d.Pos, d.Message = s.mark, "this is not YAML: "+fault.Message
	for _, explain := range []func(*misreading, *Diagnostic) bool{
		(*misreading).tooDeep, (*misreading).tab, (*misreading).alias, (*misreading).directive, (*misreading).openQuote, (*misreading).escape,
		(*misreading).bareTemplate, (*misreading).openBracket, (*misreading).badStart, (*misreading).blockHeader, (*misreading).noColon,
		(*misreading).afterQuote, (*misreading).indentation, (*misreading).secondColon,
	} {
		if explain(&s, &d) {
			break
		}
	}
	d.Pos = s.within(d.Pos)
	return d
}

// within moves a place behind the end of the file, where the library marks what is missing, to the end of the last line
// that holds something.
func (s *misreading) within(p Pos) Pos {
	last := len(s.lines)
	for last > 1 && strings.TrimSpace(s.lines[last-1]) == "" {
		last--
	}
	if p.Line > last {
		p = Pos{Line: last, Col: 1 + utf8.RuneCountInString(s.line(last))}
	}
	p.Col = min(max(p.Col, 1), 1+utf8.RuneCountInString(s.line(p.Line)))
	return p
}

// misreading is what is known about a mistake in YAML.
type misreading struct {
	lines   []string
	mark    Pos // where it was noticed
	context Pos // where the thing began that was being read
	problem string
	during  string
}

func pos(m yaml.Mark) Pos { return Pos{Line: m.Line, Col: m.Column} }

func (s *misreading) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// before and after are the parts of the line on both sides of a place.
func (s *misreading) before(p Pos) string {
	line := []rune(s.line(p.Line))
	return string(line[:min(max(p.Col-1, 0), len(line))])
}

func (s *misreading) after(p Pos) string {
	line := []rune(s.line(p.Line))
	return string(line[min(max(p.Col-1, 0), len(line)):])
}

func (s *misreading) tooDeep(d *Diagnostic) bool {
	if !strings.Contains(s.problem, "depth") {
		return false
	}
	d.Rule, d.Message = "too-deep", fmt.Sprintf("more than %d lists and mappings in each other", maxDepth)
	return true
}

func (s *misreading) tab(d *Diagnostic) bool {
	line := s.line(s.mark.Line)
	blanks := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	i := strings.IndexByte(blanks, '\t')
	if i < 0 {
		return false
	}
	d.Pos.Col, d.Message = i+1, "a tab can't indent YAML: use spaces"
	d.Length = strings.Count(blanks[i:], "\t")
	return true
}

func (s *misreading) alias(d *Diagnostic) bool {
	if !strings.Contains(s.problem, "anchor") {
		return false
	}
	d.Rule, d.Message = "yaml-alias", refusedAlias
	word := firstWord(s.after(s.mark))
	d.Length, d.Hint = utf8.RuneCountInString(word), meantGlob(word)
	return true
}

func firstWord(s string) string {
	if i := strings.IndexAny(s, " \t,]}"); i >= 0 {
		return s[:i]
	}
	return s
}

func (s *misreading) directive(d *Diagnostic) bool {
	if !strings.Contains(s.problem, "directive") && !strings.Contains(s.problem, "incompatible YAML document") {
		return false
	}
	d.Message = "a runbook has no % directives: delete the line"
	return true
}

func (s *misreading) openQuote(d *Diagnostic) bool {
	at := s.context
	switch {
	case strings.Contains(s.during, "quoted scalar") && (strings.Contains(s.problem, "end of stream") || strings.Contains(s.problem, "document indicator")):
	case strings.HasSuffix(strings.TrimRight(s.before(s.mark), " "), `"`) || strings.HasSuffix(strings.TrimRight(s.before(s.mark), " "), "'"):
		// The quote that ends here, as YAML sees it, was meant to begin something: one before it is not closed.
		var ok bool
		if at, ok = s.unclosed(); !ok {
			return false
		}
	default:
		return false
	}
	d.Pos, d.Message = at, "this quote is never closed"
	if !strings.Contains(s.problem, "end of stream") {
		d.Message = "this quote is not closed on its line"
	}
	return true
}

var quotedValue = regexp.MustCompile(`^[ ]*(?:- +)*(?:[A-Za-z_][\w.-]*: +)?(["'])`)

// unclosed finds the line above the mark whose value begins with a quote that does not end on it.
func (s *misreading) unclosed() (Pos, bool) {
	for n := 1; n < s.mark.Line; n++ {
		line := s.line(n)
		m := quotedValue.FindStringSubmatchIndex(line)
		if m == nil {
			continue
		}
		quote, rest := line[m[2]], line[m[3]:]
		if quote == '"' {
			rest = strings.NewReplacer(`\\`, "", `\"`, "").Replace(rest)
		}
		if strings.IndexByte(rest, quote) < 0 {
			return Pos{Line: n, Col: 1 + utf8.RuneCountInString(line[:m[2]])}, true
		}
	}
	return Pos{}, false
}

func (s *misreading) escape(d *Diagnostic) bool {
	if !strings.Contains(s.problem, "escape") && !strings.Contains(s.problem, "hexdecimal") {
		return false
	}
	// The library marks the character after the backslash, or the backslash itself.
	before := s.before(s.mark)
	if strings.HasSuffix(before, `\`) {
		d.Pos.Col--
	}
	d.Length = 2
	d.Message = `in double quotes a backslash begins an escape, and this is none: write \\, or use single quotes`
	return true
}

// bareTemplate finds ${{ }} that stands in a flow mapping or list without quotes: its braces are YAML's then.
func (s *misreading) bareTemplate(d *Diagnostic) bool {
	if !strings.Contains(s.during, "flow") {
		return false
	}
	for n := s.context.Line; n <= s.mark.Line; n++ {
		line := s.line(n)
		from := 0
		if n == s.context.Line {
			from = len(s.before(s.context))
		}
		for {
			i := strings.Index(line[from:], openMark)
			if i < 0 {
				break
			}
			from += i
			if strings.Count(line[:from], `"`)%2 == 0 && strings.Count(line[:from], "'")%2 == 0 {
				d.Pos = Pos{Line: n, Col: 1 + utf8.RuneCountInString(line[:from])}
				d.Length = len(openMark)
				d.Message = `inside { } and [ ], ${{ }} needs quotes: its braces are YAML's otherwise`
				d.Hint = ""
				if end := strings.Index(line[from:], closeMark); end >= 0 {
					text := line[from : from+end+len(closeMark)]
					d.Length = utf8.RuneCountInString(text)
					d.Hint = didYouMean(`"` + text + `"`)
				}
				return true
			}
			from += len(openMark)
		}
	}
	return false
}

func (s *misreading) openBracket(d *Diagnostic) bool {
	if !strings.Contains(s.during, "flow") || s.context.Line == 0 {
		return false
	}
	bracket, closing := "[", "]"
	if strings.Contains(s.during, "mapping") {
		bracket, closing = "{", "}"
	}
	d.Pos = s.context
	d.Message = fmt.Sprintf("this %s is never closed", bracket)
	if at := s.within(s.mark); at == s.mark && s.after(at) != "" {
		d.Message = fmt.Sprintf("this %s is not closed: what stands at line %d is neither , nor %s", bracket, s.mark.Line, closing)
	}
	return true
}

func (s *misreading) badStart(d *Diagnostic) bool {
	if !strings.Contains(s.problem, "cannot start any token") {
		return false
	}
	c, _ := utf8.DecodeRuneInString(s.after(s.mark))
	d.Message = fmt.Sprintf("a value can't begin with %c in YAML: put it in quotes", c)
	return true
}

func (s *misreading) blockHeader(d *Diagnostic) bool {
	if !strings.Contains(s.during, "block scalar") {
		return false
	}
	d.Message = "after | or > the text begins on the next line, further in"
	return true
}

func (s *misreading) noColon(d *Diagnostic) bool {
	if strings.Contains(s.problem, "could not find expected ':'") {
		d.Pos = s.context
		text := strings.TrimSpace(s.after(s.context))
		d.Length = utf8.RuneCountInString(text)
		d.Message = "a key needs a colon and a value"
		if key, value, ok := strings.Cut(text, ":"); ok && value != "" {
			d.Message, d.Hint = "a colon needs a space after it", didYouMean(key+": "+value)
		}
		return true
	}
	// key:value without a space is one word, which is noticed at the next line's colon.
	if !strings.Contains(s.problem, "mapping values are not allowed") || s.mark.Line < 2 {
		return false
	}
	above := s.line(s.mark.Line - 1)
	m := tightColon.FindStringSubmatchIndex(above)
	if m == nil {
		return false
	}
	d.Pos = Pos{Line: s.mark.Line - 1, Col: 1 + utf8.RuneCountInString(above[:m[2]])}
	d.Length = utf8.RuneCountInString(above[m[2]:m[5]])
	d.Message = "a colon needs a space after it"
	d.Hint = didYouMean(above[m[2]:m[3]] + ": " + above[m[4]:m[5]])
	return true
}

var tightColon = regexp.MustCompile(`^[ ]*(?:- +)*([A-Za-z_][\w-]*):([^\s/:][^:]*)$`)

// afterQuote finds text that follows a quoted value on its line.
func (s *misreading) afterQuote(d *Diagnostic) bool {
	before := strings.TrimRight(s.before(s.mark), " ")
	if before == "" || !strings.Contains(s.problem, "did not find expected") {
		return false
	}
	rest := strings.TrimRight(s.after(s.mark), " ")
	switch last := before[len(before)-1]; {
	case last == '"' || last == '\'':
		d.Message = fmt.Sprintf("the quoted text ends before this: put all of it between the quotes, or write \\%c for a quote inside", last)
		if last == '\'' {
			d.Message = "the quoted text ends before this: put all of it between the quotes, or write '' for a quote inside"
		}
		d.Length = utf8.RuneCountInString(rest)
		return true
	case strings.HasPrefix(rest, "]") || strings.HasPrefix(rest, "}"):
		d.Message = fmt.Sprintf("this %c closes nothing", rest[0])
		return true
	}
	return false
}

// indentation finds a line that is further in, or less, than any line that it could belong to.
func (s *misreading) indentation(d *Diagnostic) bool {
	line := s.line(s.mark.Line)
	indent := len(line) - len(strings.TrimLeft(line, " "))
	expected := strings.Contains(s.problem, "did not find expected") && s.mark.Col == indent+1
	deeper := strings.Contains(s.problem, "mapping values are not allowed") && strings.Count(line, ": ")+strings.Count(line, ":\n") <= 1 &&
		indent > len(s.line(s.above()))-len(strings.TrimLeft(s.line(s.above()), " "))
	if !expected && !deeper {
		return false
	}
	d.Pos.Col, d.Length = indent+1, utf8.RuneCountInString(strings.TrimSpace(line))
	levels := s.levels()
	fits := orList(levels, "or")
	above := s.above()
	switch {
	case deeper && !strings.Contains(s.line(above), ":"):
		text := strings.TrimSpace(s.line(above))
		d.Pos = Pos{Line: above, Col: 1 + len(s.line(above)) - len(strings.TrimLeft(s.line(above), " "))}
		d.Message, d.Length, d.Hint = "a key needs a colon", utf8.RuneCountInString(text), didYouMean(text+":")
	case deeper:
		d.Message = fmt.Sprintf("this line is further in than the one above it, which has a value already: indent it by %s", spaces(fits))
	case strings.Contains(strings.Join(levels, " "), fmt.Sprint(indent)):
		d.Message = "this can't stand here: a list goes on with -, a mapping with key: value"
	default:
		d.Message = fmt.Sprintf("the line is indented by %s, which fits no line above it: indent it by %s", spaces(fmt.Sprint(indent)), spaces(fits))
	}
	return true
}

func spaces(n string) string {
	if n == "1" {
		return "1 space"
	}
	return n + " spaces"
}

// above is the line above the mark that holds something, 0 for none.
func (s *misreading) above() int {
	for n := s.mark.Line - 1; n > 0; n-- {
		if text := strings.TrimLeft(s.line(n), " "); text != "" && text[0] != '#' {
			return n
		}
	}
	return 0
}

// levels are the indentations that a line here may have: those of the lines above that are still open. What follows a
// dash has the place after the dash.
func (s *misreading) levels() []string {
	var open []int
	for n := 1; n < s.mark.Line; n++ {
		line := s.line(n)
		text := strings.TrimLeft(line, " ")
		if text == "" || text[0] == '#' {
			continue
		}
		at := len(line) - len(text)
		for len(open) > 0 && open[len(open)-1] > at {
			open = open[:len(open)-1]
		}
		for {
			if len(open) == 0 || open[len(open)-1] < at {
				open = append(open, at)
			}
			inner, dash := strings.CutPrefix(text, "- ")
			if !dash {
				break
			}
			trimmed := strings.TrimLeft(inner, " ")
			at += len(text) - len(trimmed)
			text = trimmed
		}
	}
	levels := make([]string, len(open))
	for i, n := range open {
		levels[i] = fmt.Sprint(n)
	}
	return levels
}

func (s *misreading) secondColon(d *Diagnostic) bool {
	if !strings.Contains(s.problem, "mapping values are not allowed") {
		return false
	}
	d.Message = "a second colon with a space on one line: put the value in quotes"
	line := s.line(s.mark.Line)
	if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.ContainsAny(value, `"'{}[]`) {
		d.Hint = didYouMean(key + `: "` + value + `"`)
	}
	return true
}
