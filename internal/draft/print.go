package draft

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"runbook/engine"
)

// print writes the runbook's file, and counts what is in it.
func (w *writer) print() {
	var b strings.Builder
	add := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	var goal []string
	for _, s := range w.steps {
		switch w.effect(s) {
		case engine.Reads:
			w.draft.Checks++
		case engine.Changes:
			w.draft.Fixes++
			w.draft.Sections = append(w.draft.Sections, w.heads[s.sections[0]].own)
		default:
			w.draft.People++
		}
		if w.expects(s) {
			goal = append(goal, s.id)
		}
	}
	add("# A first draft that runbook import made of %s. Nobody has read it yet: hold each step against its line", w.page.File)
	add("# of the page, and look for %s. What the page only tells is left out.", toFill)
	add("runbook: %s", w.page.Name)
	add("title: %s", scalar(w.title()))
	add("# owner: %s: who keeps it right", toFill)
	add("# reviewed: %s: the day on which somebody has read it through", toFill)
	if w.root {
		add("requires: {root: true} # the page says sudo")
	}
	if p := w.parameters(w.steps); p != "" {
		b.WriteString("\n" + p)
	}
	if len(goal) > 0 {
		add("\n# %s: the page does not say when the host is healthy. These are all checks that expect something.", toFill)
		add("goal:\n  - %s", strings.Join(goal, "\n  - "))
	} else {
		add("\n# %s: no check of the page tells when the host is healthy. Until one does, it never is.", toFill)
		add("goal: [healthy]")
	}
	add("\nsteps:")
	if len(goal) == 0 {
		add("  - id: healthy\n    title: \"%s: is the host healthy?\"\n    uses: host.facts\n    expect: false", toFill)
	}
	section := 0
	for i, s := range w.steps {
		if i > 0 || len(goal) == 0 {
			add("")
		}
		if s.sections[0] != section {
			section = s.sections[0]
			add("  # --- %s ---\n", w.heads[section].path)
		}
		add("  # %s:%d", w.page.File, s.line)
		for _, n := range s.notes {
			add("  # %s", clean(n))
		}
		b.WriteString(s.yaml())
	}
	w.draft.Text = []byte(b.String())
	w.draft.Fill = strings.Count(b.String(), toFill) - 1
	if w.draft.Sections = slices.Compact(w.draft.Sections); len(w.draft.Sections) < 2 {
		w.draft.Sections = nil
	}
}

// title is the heading of the page, or of the section.
func (w *writer) title() string {
	for _, p := range w.passages {
		if text := short(strings.TrimRight(p.text(), " :"), 120); p.form == heading && (p.level == 1 || w.page.Section != "") && text != "" {
			return text
		}
	}
	return strings.ReplaceAll(w.page.Name, "-", " ")
}

var paramName = regexp.MustCompile(`\$\{\{ params\.([a-z0-9_]+) \}\}`)

// names lists the parameters that a step uses.
func names(s step) []string {
	var out []string
	for _, in := range append([]input{{"as", s.as}}, s.with...) {
		for _, m := range paramName.FindAllStringSubmatch(value(in.value), -1) {
			if !slices.Contains(out, m[1]) {
				out = append(out, m[1])
			}
		}
	}
	return out
}

// parameters declares those that steps use: what the page leaves to its reader.
func (w *writer) parameters(steps []step) string {
	var b strings.Builder
	seen := map[string]bool{}
	for _, s := range steps {
		for _, name := range names(s) {
			is := w.types[name]
			if is == "" {
				is = "string"
			}
			if !seen[name] {
				fmt.Fprintf(&b, "  %s: {type: %s, required: true, about: %s}\n", name, is, scalar(fmt.Sprintf("%s line %d leaves it to its reader", w.page.File, s.line)))
			}
			seen[name] = true
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return "params:\n" + b.String()
}
