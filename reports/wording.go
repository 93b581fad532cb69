package reports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/engine"
)

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

// explained tells for each term of a condition what it is and why: "`exists` is false: `exists: false`".
func explained(terms []engine.Term) []inline {
	var out []inline
	for _, t := range terms {
		line := words(code(t.Text), text(" is "+t.Value.String()))
		if values := saw([]engine.Term{t}); len(values) > 0 && !saysTheSame(t) {
			line = words(line, text(": "), values)
		}
		out = append(out, line)
	}
	return out
}

// saysTheSame tells whether the one value that a term saw is the term: "exists" saw "exists: true".
func saysTheSame(t engine.Term) bool {
	return len(t.Seen) == 1 && t.Seen[0].Known && t.Seen[0].Name == t.Text && t.Seen[0].Value == t.Value.String()
}

// howItLooked tells what a check saw, with its outcome first.
func howItLooked(l *Look) inline {
	out := words(text(string(l.Outcome)))
	switch {
	case l.Failure != nil:
		return words(out, text(": "), failure(l.Failure))
	case len(l.Because) > 0 && l.Outcome == engine.OutcomeHealthy:
		return words(out, text(": "), saw(l.Because))
	case len(l.Because) > 0:
		return words(out, text(": "), code(engine.InShort(l.Outcome, l.Because)))
	}
	if values := scalars(l.Output); len(values) > 0 {
		return words(out, text(", nothing is expected of it: "), values)
	}
	return words(out, text(", nothing is expected of it"))
}

func failure(f *engine.Failure) inline {
	return words(sentence(f.Message), text(" ("+OneLine(string(f.Kind))+")"))
}

// scalars shows the single values of an output, sorted by name, so many as a line holds.
func scalars(output map[string]any) inline {
	const most, longest = 6, 60
	var items []inline
	for _, name := range sortedNames(output) {
		switch v := output[name].(type) {
		case nil, map[string]any, []any:
			continue
		case string:
			if v == "" || len(v) > longest {
				continue
			}
		}
		if len(items) == most {
			items = append(items, words(text("…")))
			break
		}
		items = append(items, words(code(name+": "+plainValue(output[name]))))
	}
	return joined(items, ", ")
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// plainValue writes a value of an input, an output or a parameter.
func plainValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "unknown"
	case string:
		return v
	case float64: // every number of a journal that was read back
		return strconv.FormatFloat(v, 'f', -1, 64)
	case map[string]any, []any:
		var b strings.Builder
		enc := json.NewEncoder(&b) // it sorts keys
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return fmt.Sprint(v)
		}
		return strings.TrimSpace(b.String())
	default:
		return fmt.Sprint(v)
	}
}

// named is a step's name with its title: "`page` The products page answers".
func named(s *Step) inline {
	if s.Title == "" {
		return words(code(s.Path))
	}
	return words(code(s.Path), text(" "), sentence(s.Title))
}

// person is who said something.
func person(name string) inline {
	if name == "" {
		return words(text("a person whose name is not on record"))
	}
	return words(label(name))
}

// through is how something was said.
func through(a engine.Answer) inline {
	switch {
	case strings.HasPrefix(a.Via, "--"):
		return words(text("beforehand with "), code(a.Via))
	case a.Via == "terminal":
		return words(text("on the terminal"))
	case a.Via == "":
		return words(text("by a way that is not on record"))
	default:
		return words(text("through "), code(a.Via))
	}
}

// evidenceIDs lists pieces of evidence by their numbers: "E03, E04".
func evidenceIDs(lists ...[]engine.Evidence) inline {
	var ids []string
	for _, list := range lists {
		for _, e := range list {
			if e.ID != "" && !slices.Contains(ids, e.ID) {
				ids = append(ids, e.ID)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return words(sentence(strings.Join(ids, ", ")))
}

// plural counts things: "1 change", "2 changes".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// skipWords tells in words why a step was not made.
func skipWords(r engine.SkipReason) string {
	switch r {
	case engine.NotNeeded:
		return "not needed"
	case engine.GoalHolds:
		return "not needed: the goal held at the start"
	case engine.NoLonger:
		return "not needed any more"
	case engine.Undecided:
		return "could not decide"
	case engine.LimitHit:
		return "could not: the limit on changes was reached"
	case engine.NotRepeated:
		return "could not: it is in doubt whether it was made, and nobody said"
	}
	return "could not: " + OneLine(string(r))
}

// outcomeWords tells in words how a step ended.
func outcomeWords(o engine.Outcome) string {
	switch o {
	case engine.OutcomeNotFixed:
		return "not fixed"
	case engine.OutcomeInDoubt:
		return "in doubt"
	case engine.OutcomeWould:
		return "not made: dry run"
	case engine.Pending:
		return "pending"
	default:
		return OneLine(string(o))
	}
}
