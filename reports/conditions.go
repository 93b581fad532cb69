package reports

import (
	"slices"

	"runbook/engine"
)

// condition tells what a condition of the runbook was, and why: the condition itself, unless its one term is all of it,
// and a line for each term.
func condition(when string, value engine.Tri, because []engine.Term) []inline {
	var out []inline
	switch {
	case when == "" && len(because) == 0:
		return []inline{words(text("it has no condition"))}
	case when != "" && (len(because) != 1 || because[0].Text != when):
		out = append(out, words(text("condition "), code(when), text(" was "+value.String())))
	}
	return append(out, explained(because, value)...)
}

// explained tells for each term of a condition what it is and why: "`exists` is false: `exists: false`". What made the
// condition unknown stands in one line. Where it is true or false all the same, the unknown terms had no part in that.
func explained(terms []engine.Term, value engine.Tri) []inline {
	var out []inline
	var open []engine.Term
	for _, t := range terms {
		if t.Value == engine.Unknown {
			open = append(open, t)
			continue
		}
		line := words(code(t.Text), text(" is "+t.Value.String()))
		if values := saw([]engine.Term{t}); len(values) > 0 && !saysTheSame(t) {
			line = words(line, text(": "), values)
		}
		out = append(out, line)
	}
	if len(open) == 0 {
		return out
	}
	names := make([]string, len(open))
	for i, t := range open {
		names[i] = t.Text
	}
	line := words(codes(names), text(" "+isAre(len(open))+" unknown"))
	if value != engine.Unknown {
		return append(out, words(line, text(", which made no difference")))
	}
	if why := whyUnknown(open); len(why) > 0 {
		line = words(line, text("; "), why)
	}
	return append(out, line)
}

// saysTheSame tells whether the one value that a term saw is the term: "exists" saw "exists: true".
func saysTheSame(t engine.Term) bool {
	return len(t.Seen) == 1 && t.Seen[0].Known && t.Seen[0].Name == t.Text && t.Seen[0].Value == t.Value.String()
}

// whyUnknown tells what unknown terms could not see, and why: "`port.sockets`, `page.status`: could not look (timeout)".
func whyUnknown(terms []engine.Term) inline {
	var reasons []string
	names := map[string][]string{} // by reason
	for _, t := range terms {
		for _, s := range t.Seen {
			if s.Known || slices.Contains(names[s.Value], s.Name) {
				continue
			}
			if len(names[s.Value]) == 0 {
				reasons = append(reasons, s.Value)
			}
			names[s.Value] = append(names[s.Value], s.Name)
		}
	}
	items := make([]inline, len(reasons))
	for i, why := range reasons {
		items[i] = words(codes(names[why]), text(": "), sentence(why))
	}
	return joined(items, "; ")
}

// known are the terms that made a condition true or false.
func known(terms []engine.Term) []engine.Term {
	return slices.DeleteFunc(slices.Clone(terms), func(t engine.Term) bool { return t.Value == engine.Unknown })
}

// saw tells the values that the terms of a condition looked at: "`status: 200`, `size: 0`". A value that several terms
// looked at stands there once, in its shortest form: of a list, the fields that a term was about.
func saw(terms []engine.Term) inline {
	var seen []engine.Seen
	for _, t := range terms {
		for _, s := range t.Seen {
			i := slices.IndexFunc(seen, func(o engine.Seen) bool { return o.Name == s.Name })
			switch {
			case i < 0:
				seen = append(seen, s)
			case len(s.Value) < len(seen[i].Value):
				seen[i] = s
			}
		}
	}
	items := make([]inline, len(seen))
	for i, s := range seen {
		items[i] = value(s)
	}
	return joined(items, ", ")
}

func value(s engine.Seen) inline {
	if s.Known {
		return words(code(s.Name + ": " + s.Value))
	}
	return words(code(s.Name), text(" unknown: "), sentence(s.Value))
}
