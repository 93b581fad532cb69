package reports

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"runbook/engine"
)

// howItLooked tells what a check saw, with its outcome first.
func howItLooked(l *Look) inline {
	out := words(text(string(l.Outcome)))
	if l.Failure == nil && len(l.Because) == 0 {
		out = words(out, text(", nothing is expected of it"))
	}
	if saw := whatItSaw(l); len(saw) > 0 {
		out = words(out, text(": "), saw)
	}
	return out
}

// whatItSaw tells what a check saw, without its outcome.
func whatItSaw(l *Look) inline {
	switch {
	case l.Failure != nil:
		return failure(l.Failure)
	case len(l.Because) == 0:
		return scalars(l.Output)
	case l.Outcome == engine.OutcomeHealthy:
		return saw(l.Because)
	}
	out := words(code(engine.InShort(l.Outcome, l.Because)))
	if why, ok := l.Output["error"].(string); ok && strings.TrimSpace(why) != "" {
		out = words(out, text(", error: "), sentence(why)) // "connection refused" says more than "status 0"
	}
	return out
}

func failure(f *engine.Failure) inline {
	return words(sentence(f.Message), text(" ("+oneLine(string(f.Kind))+")"))
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

// beforehand tells whether an answer was given with a flag, before there was a question.
func beforehand(a engine.Answer) bool { return strings.HasPrefix(a.Via, "--") }

// through is how something was said.
func through(a engine.Answer) inline {
	switch {
	case beforehand(a):
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

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
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
	}
	return "could not: " + oneLine(string(r))
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
		return oneLine(string(o))
	}
}

func orElse(s, otherwise string) string {
	if strings.TrimSpace(s) == "" {
		return otherwise
	}
	return s
}

func orUnknown(s, why string) inline {
	if strings.TrimSpace(s) == "" {
		return words(text("unknown: " + why))
	}
	return words(code(s))
}
