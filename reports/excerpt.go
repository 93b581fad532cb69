package reports

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"runbook/engine"
)

// How much of a journal an excerpt shows.
const (
	excerptHead    = 3
	excerptTail    = 12
	excerptMatches = 12
	excerptLine    = 240     // characters of a line
	longestLine    = 8 << 10 // bytes of a line that are looked at
	mostExcerpts   = 2
)

// excerpts show what units wrote before the first change: the beginning, the end, and the lines that match what the
// runbook looks for, each with its number in the evidence file.
func (r *report) excerpts() document {
	title := "Journal excerpt before the first change"
	changes := r.view.Changes()
	if len(changes) == 0 {
		title = "Journal excerpt"
	}
	chosen := r.journals(changes)
	if len(chosen) == 0 {
		return section(title, line(text("None: no step kept one.")))
	}
	d := section(title)
	patterns := r.patterns()
	for _, x := range chosen {
		d = append(d, r.excerpt(x, patterns)...)
	}
	return d
}

// journals chooses the evidence to show: the journal that was kept for the first change, and the one that was looked at
// last before it.
func (r *report) journals(changes []*Change) []Exhibit {
	var out []Exhibit
	for _, from := range []string{engine.TypeOf(engine.Prepared{}), engine.TypeOf(engine.Looked{})} {
		for _, x := range slices.Backward(r.view.Exhibits) {
			if x.Name != "journal" || x.From != from || x.Failed != "" || len(changes) > 0 && x.Seq > changes[0].Began.Seq {
				continue
			}
			if !slices.ContainsFunc(out, func(o Exhibit) bool { return o.SHA256 == x.SHA256 && x.SHA256 != "" }) {
				out = append(out, x)
			}
			break
		}
	}
	return out[:min(len(out), mostExcerpts)]
}

// patterns are what the runbook's own steps look for in journals. Those that hang on more than parameters are left out.
func (r *report) patterns() []*regexp.Regexp {
	var out []*regexp.Regexp
	add := func(s *Step, source string) {
		if source = filledIn(source, r.view.params(s)); source == "" {
			return
		}
		if re, err := regexp.Compile(source); err == nil {
			out = append(out, re)
		}
	}
	for _, s := range r.view.Steps {
		if s.Plan == nil || s.Kind != "systemd.journal" {
			continue
		}
		if match, ok := s.Plan.With.Entry("match"); ok {
			add(s, match.Text.Value)
		}
		signatures, _ := s.Plan.With.Entry("signatures")
		for _, e := range signatures.Entries {
			add(s, e.Value.Text.Value)
		}
	}
	return out
}

func (r *report) excerpt(x Exhibit, patterns []*regexp.Regexp) document {
	about := words(sentence(orElse(x.ID, "without a number")), text(", kept for "), code(x.Step), text(" at "+r.clock(x.At)))
	p, wrong := r.quote(x.Evidence, patterns)
	if wrong != "" {
		return document{line(about, text(": not shown: "), sentence(wrong))}
	}
	about = words(about, text(": "+plural(p.lines, "line")))
	switch {
	case len(patterns) == 0:
		about = words(about, text("; the runbook looks for nothing in journals, so no line is marked"))
	case p.matched == 0:
		about = words(about, text("; none matches what the runbook looks for"))
	case p.matched == 1:
		about = words(about, text("; one matches what the runbook looks for, and is marked with "), code("*"))
	default:
		about = words(about, text(fmt.Sprintf("; %d match what the runbook looks for, and are marked with ", p.matched)), code("*"))
	}
	if x.Kept < x.Bytes {
		about = words(about, text("; the middle was not kept, and lines are counted as they stand in the file"))
	}
	if p.lines == 0 {
		return document{line(about)}
	}
	return document{line(about), fence{language: "text", lines: p.shown()}}
}

// quote reads what an excerpt shows of a piece of evidence, or says why it can't be shown.
func (r *report) quote(e engine.Evidence, patterns []*regexp.Regexp) (p picked, wrong string) {
	f := r.files[e.File]
	if f.wrong != "" || f.text == nil {
		return p, orElse(f.wrong, "it has no file")
	}
	src, err := f.text()
	if err != nil {
		return p, reason(err)
	}
	defer src.Close()
	if p, err = pick(src, patterns); err != nil {
		return p, reason(err)
	}
	return p, ""
}

// picked is what an excerpt shows of a file.
type picked struct {
	lines   int // in the file
	matched int
	keep    []numbered
}

type numbered struct {
	number  int // from 1
	text    string
	matches bool
}

// pick reads a file line by line, and keeps its head, its tail and the last of the lines that match. It holds no more
// than those.
func pick(src io.Reader, patterns []*regexp.Regexp) (picked, error) {
	var p picked
	var head, matching, tail []numbered
	in := bufio.NewReaderSize(src, 64<<10)
	for {
		text, err := readLine(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return p, err
		}
		p.lines++
		l := numbered{number: p.lines, text: text}
		l.matches = slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return re.MatchString(text) })
		if l.matches {
			p.matched++
			matching = last(append(matching, l), excerptMatches)
		}
		if len(head) < excerptHead {
			head = append(head, l)
			continue
		}
		tail = last(append(tail, l), excerptTail)
	}
	p.keep = slices.Concat(head, matching, tail)
	slices.SortFunc(p.keep, func(a, b numbered) int { return a.number - b.number })
	p.keep = slices.CompactFunc(p.keep, func(a, b numbered) bool { return a.number == b.number })
	return p, nil
}

func last(lines []numbered, n int) []numbered {
	return slices.Delete(lines, 0, max(len(lines)-n, 0))
}

// readLine reads a line of any length, and gives its beginning. The end of the file is an error when nothing stands
// before it.
func readLine(in *bufio.Reader) (string, error) {
	var kept []byte
	empty := true
	for {
		part, err := in.ReadSlice('\n')
		empty = empty && len(part) == 0
		kept = append(kept, part[:min(len(part), longestLine-len(kept))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && !empty, err == nil:
			return string(bytes.TrimRight(kept, "\r\n")), nil
		default:
			return "", err
		}
	}
}

// shown are the lines with their numbers, and a word about each gap.
func (p picked) shown() []string {
	width := len(fmt.Sprint(p.lines))
	var out []string
	next := 1
	gap := func(to int) {
		if n := to - next; n > 0 {
			out = append(out, fmt.Sprintf("%s  … %s left out", strings.Repeat(" ", width), plural(n, "line")))
		}
	}
	for _, l := range p.keep {
		gap(l.number)
		mark := " "
		if l.matches {
			mark = "*"
		}
		text := strings.ReplaceAll(plainText(l.text), "\n", "\uFFFD")
		out = append(out, fmt.Sprintf("%*d%s %s", width, l.number, mark, clip(text, excerptLine)))
		next = l.number + 1
	}
	gap(p.lines + 1)
	return out
}
