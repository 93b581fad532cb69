package reports

import "slices"

// document is a report before it is written down: plain values, all of their text unescaped.
type document []block

// block is one block of a document. The set is closed.
type block interface{ block() }

type (
	// heading has level 1, 2 or 3.
	heading struct {
		level int
		text  inline
	}
	paragraph inline
	// list is a bullet list of one or two levels.
	list []item
	item struct {
		text  inline
		below []inline
	}
	// table has as many cells in each row as it has in its head.
	table struct {
		head []inline
		rows [][]inline
	}
	// fence is text that is shown exactly as it is, line by line.
	fence struct {
		language string
		lines    []string
	}
)

func (heading) block()   {}
func (paragraph) block() {}
func (list) block()      {}
func (table) block()     {}
func (fence) block()     {}

// inline is a run of text within a block.
type inline []span

// span is text in one style.
type span struct {
	style style
	text  string
}

type style int

const (
	plainStyle  style = iota // a sentence
	codeStyle                // what a machine said or takes
	strongStyle              // a word to find first
	linkStyle                // an address of the web, from the runbook
)

// Limits on the length of one text, in characters. What is longer stands in the journal in full.
const (
	longestSentence = 600
	longestBrief    = 200 // in a row of a table
	longestLabel    = 80
	longestCell     = 120
	longestCode     = 300
)

// words joins texts and spans. A plain string is a sentence, or a part of one.
func words(parts ...part) inline {
	var out inline
	for _, p := range parts {
		out = append(out, p.spans()...)
	}
	return out
}

// part is what words takes: a text, a span or an inline.
type part interface{ spans() inline }

type text string

func (t text) spans() inline    { return inline{{plainStyle, string(t)}} }
func (s span) spans() inline    { return inline{s} }
func (in inline) spans() inline { return in }

// sentence is text by a person or for people. It is shown in one line, shortened when it is long.
func sentence(s string) span { return span{plainStyle, clip(oneLine(s), longestSentence)} }

// brief is a sentence in a row of a table.
func brief(s string) span { return span{plainStyle, clip(oneLine(s), longestBrief)} }

// label is who or what something is: a person, a host, a signal.
func label(s string) span { return span{plainStyle, clip(oneLine(s), longestLabel)} }

// code is a name, a value or a command. It is shown in one line, shortened when it is long.
func code(s string) span {
	s = clip(oneLine(s), longestCode)
	if s == "" {
		return span{plainStyle, "(empty)"}
	}
	return span{codeStyle, s}
}

// cell is a text for a narrow column of a table.
func cell(in inline) inline {
	out := slices.Clone(in)
	for i := range out {
		out[i].text = clip(out[i].text, longestCell)
	}
	return out
}

func strong(s string) span { return span{strongStyle, oneLine(s)} }

func link(s string) span { return span{linkStyle, oneLine(s)} }

// joined puts a separator between inlines.
func joined(items []inline, separator string) inline {
	var out inline
	for i, in := range items {
		if i > 0 {
			out = append(out, span{plainStyle, separator})
		}
		out = append(out, in...)
	}
	return out
}

// codes lists names.
func codes(names []string) inline {
	items := make([]inline, len(names))
	for i, n := range names {
		items[i] = inline{code(n)}
	}
	return joined(items, ", ")
}
