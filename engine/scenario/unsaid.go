package scenario

import (
	"slices"
	"strings"

	"runbook/engine"
)

// unsaid notices when something about a step can't be told only because the scenario does not give a field. What it
// says can't be seen, and a check that it lets fail, is another matter: that is what is rehearsed.
func (r *Rehearsal) unsaid(e engine.Event) {
	switch e := e.(type) {
	case engine.Concluded:
		r.concluded[e.Finding] = e
	case engine.Looked:
		if e.Outcome == engine.OutcomeUnknown && e.Output != nil {
			r.hangs("whether "+e.Step+" is healthy", e.Step, e.Because)
		}
	case engine.Skipped:
		if e.Reason == engine.Undecided && len(e.Hangs) == 0 {
			r.hangs("whether "+e.Step+" is to be made", e.Step, e.Because)
		}
	default:
	}
}

// hangs tells of the fields that a decision hung on, a line for each step that gives them.
func (r *Rehearsal) hangs(what, step string, because []engine.Term) {
	gaps := r.gaps(scopeOf(step), step, because)
	for i, g := range gaps {
		if slices.ContainsFunc(gaps[:i], func(o gap) bool { return o.path == g.path }) {
			continue
		}
		m, below := r.layout.steps[g.path], "sees"
		if m.step.Effect != engine.Reads {
			below = "does"
		}
		var names, fields []string
		for _, o := range gaps[i:] {
			if f, _ := m.kind().Output.Field(o.field); o.path == g.path && !slices.Contains(names, o.name()) {
				names, fields = append(names, o.name()), append(fields, o.field+": "+blankValue(f.Type, o.within))
			}
		}
		r.world.problem(Problem{
			Text: what + " hangs on " + list(names, "and") + ", which is not given", Below: below,
			Line: g.path + ": {" + strings.Join(fields, ", ") + "}",
		})
	}
}

// gap is a field of an output that was looked at and not given.
type gap struct {
	path   string
	field  string
	within []string // of its items
}

func (g gap) name() string {
	if len(g.within) > 0 {
		return list(g.within, "and") + " in " + g.path + "." + g.field
	}
	return g.path + "." + g.field
}

// gaps finds what made terms unknown among what the scenario does not give. scope stands before the names in them, and
// own is the check whose fields stand bare.
func (r *Rehearsal) gaps(scope, own string, terms []engine.Term) []gap {
	var out []gap
	for _, t := range terms {
		if t.Value != engine.Unknown {
			continue
		}
		for _, s := range t.Seen {
			step, field, dotted := strings.Cut(s.Name, ".")
			path := scope + step
			if !dotted {
				path, field = own, s.Name
			}
			finding, isFinding := r.concluded[scope+s.Name]
			switch {
			case s.Known:
			case isFinding && !dotted: // in a larger expression, which names it alone; a circle of them is refused at load
				out = append(out, r.gaps(scope, "", finding.Because)...)
			case r.layout.steps[path].step != nil: // else the expression itself failed, and stands there in place of a name
				out = append(out, r.open(path, field, r.spelled(scope, t.Text))...)
			}
		}
	}
	return out
}

// spelled is the text of a term with the conditions of the findings that it names.
func (r *Rehearsal) spelled(scope, text string) string {
	all := []string{text}
	for _, name := range r.layout.concepts {
		if id, ok := strings.CutPrefix(name, scope); ok && strings.Contains(text, "findings."+id) {
			all = append(all, r.spelled(scope, r.layout.findings[name].When.Source))
		}
	}
	return strings.Join(all, " ")
}

// open holds a field that nobody could see against what the scenario left open. Of the fields of its items those count
// that a condition names.
func (r *Rehearsal) open(path, field, text string) []gap {
	open := r.world.left(path)
	if slices.Contains(open, field) {
		return []gap{{path: path, field: field}}
	}
	g := gap{path: path, field: field}
	for _, u := range r.layout.steps[path].uses() {
		for _, name := range u.Within {
			if u.Field == field && slices.Contains(open, field+"."+name) && strings.Contains(text, name) && !slices.Contains(g.within, name) {
				g.within = append(g.within, name)
			}
		}
	}
	if len(g.within) == 0 {
		return nil
	}
	return []gap{g}
}
