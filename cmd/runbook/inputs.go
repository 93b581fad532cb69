package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// How much of one input is shown: who wants all of it has show --source.
const (
	mostLines = 8
	mostWraps = 3
)

// margin is where the text beside the words of a step begins.
const margin = 14

// inputs adds what a step hands to its kind, as the file says it: what ${{ }} stands for is known only in a run. short
// puts all of it on one line. Those that are shown elsewhere are left out.
func (s *shown) inputs(with engine.Value, short bool, but ...string) {
	blank := strings.Repeat(" ", margin)
	width := s.Width - margin
	var all []string
	for _, e := range with.Entries {
		if slices.Contains(but, e.Key.Value) {
			continue
		}
		if short {
			all = append(all, screen.Line(e.Key.Value)+": "+compact(e.Value))
			continue
		}
		for _, line := range input(e, width) {
			s.add(blank + line)
		}
	}
	if len(all) > 0 {
		s.add(blank + screen.Clip(strings.Join(all, ", "), width))
	}
}

// input lays one input out. A text of several lines keeps them: a script whose lines are joined is another script.
func input(e engine.Entry, width int) []string {
	key := screen.Line(e.Key.Value) + ": "
	text := strings.TrimRight(e.Value.Text.Value, "\n ")
	if e.Value.Kind != engine.Scalar || !strings.Contains(text, "\n") {
		lines := screen.Wrap(key+compact(e.Value), width)
		if len(lines) > mostWraps {
			lines = lines[:mostWraps]
			lines[mostWraps-1] = screen.Clip(lines[mostWraps-1], width-2) + " …"
		}
		return lines
	}
	out := []string{strings.TrimRight(key, " ")}
	lines := strings.Split(screen.Clean(text), "\n")
	for i, line := range lines {
		if i == mostLines {
			return append(out, fmt.Sprintf("  … and %s", count(len(lines)-i, "more line", "more lines")))
		}
		out = append(out, "  "+screen.Clip(strings.TrimRight(line, " "), width-2))
	}
	return out
}

// compact writes a value on one line.
func compact(v engine.Value) string {
	switch v.Kind {
	case engine.Scalar:
		return screen.Clip(screen.Line(strings.ReplaceAll(strings.TrimSpace(v.Text.Value), "\n", " ⏎ ")), 500)
	case engine.Sequence:
		items := make([]string, len(v.Items))
		for i, item := range v.Items {
			items[i] = within(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case engine.Mapping:
		entries := make([]string, len(v.Entries))
		for i, e := range v.Entries {
			entries[i] = screen.Line(e.Key.Value) + ": " + within(e.Value)
		}
		return "{" + strings.Join(entries, ", ") + "}"
	case engine.NoValue:
	}
	return ""
}

// within is compact for a value inside of another: a text that would not be seen to end where it does gets quotes.
func within(v engine.Value) string {
	text := v.Text.Value
	if v.Kind == engine.Scalar && (text == "" || strings.ContainsAny(text, ",\n\"") || strings.TrimSpace(text) != text) {
		return strconv.Quote(screen.Clean(text))
	}
	return compact(v)
}
