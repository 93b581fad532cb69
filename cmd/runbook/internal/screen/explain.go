package screen

import (
	"regexp"
	"slices"
	"strings"

	"runbook/engine"
)

// A column of values is at least so wide, and so tall at most: else they stand below their term.
const (
	narrow = 24
	tall   = 4
)

// Explain shows what made a condition what it is, a term a line, each with the values that it looked at:
//
//	not steps.page.healthy          page: status 502, expected 200
//	not findings.port_taken         sockets = []
//
// Terms that decide nothing are left to the report. Whether a term is true is said unless all are, as in the condition of
// a step that is made.
func Explain(terms []engine.Term, width int) []string {
	terms = deciding(terms)
	texts, values, widest := make([]string, len(terms)), false, 0
	for i, t := range terms {
		texts[i] = Line(t.Text)
		values = values || t.Value != engine.True
		if w := Width(texts[i]); w <= width/2 {
			widest = max(widest, w)
		}
	}
	var out []string
	for i, t := range terms {
		value := ""
		if values {
			value = Pad(t.Value.String(), 7) + "  "
		}
		seen := Values(t)
		left := Pad(texts[i], widest) + "  " + value
		if lines := Wrap(seen, width-Width(left)); Width(texts[i]) <= widest && len(lines) <= tall && (len(lines) == 1 || width-Width(left) >= narrow) {
			out = append(out, Indent(lines, left)...)
			continue
		}
		lines := Wrap(texts[i], width-9)
		lines[len(lines)-1] = strings.TrimRight(lines[len(lines)-1]+"  "+value, " ")
		out = append(out, lines...)
		if seen != "" {
			out = append(out, Indent(Wrap(seen, width-4), "    ")...)
		}
	}
	return out
}

// deciding leaves the terms that a decision rests on, all where a journal does not say.
func deciding(terms []engine.Term) []engine.Term {
	out := slices.DeleteFunc(slices.Clone(terms), func(t engine.Term) bool { return !t.Decides })
	if len(out) == 0 {
		return terms
	}
	return out
}

// Values lists what a term looked at: "sockets = []" for a value, "page: status 502, expected 200" for a check, and why
// not where nobody could see it.
func Values(t engine.Term) string {
	var parts []string
	for _, seen := range t.Seen {
		part := Line(seen.Name)
		switch value := Line(seen.Value); {
		case !seen.Known:
			part += " " + value
		case plainValue.MatchString(value):
			part += " = " + value
		default:
			part += ": " + value
		}
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// WithoutFindings leaves out what the terms that are a finding and no more looked at: it was said when the finding was
// concluded, and a finding that is false says enough by its name.
func WithoutFindings(terms []engine.Term) []engine.Term {
	terms = slices.Clone(terms)
	for i, t := range terms {
		if aFinding.MatchString(t.Text) && t.Value != engine.Unknown {
			terms[i].Seen = nil
		}
	}
	return terms
}

var aFinding = regexp.MustCompile(`^(not )?findings\.[a-z0-9_]+$`)

// plainValue is a value as conditions show it, where the words of a check begin otherwise.
var plainValue = regexp.MustCompile(`^(["\[{]|-?[0-9]|true$|false$)`)
