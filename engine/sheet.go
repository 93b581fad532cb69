package engine

import "slices"

// Sheet is a YAML file that belongs to a runbook. It is read by the rules of a runbook's own file: every value has its
// place, and every mistake is told in the same form, all at once.
type Sheet struct {
	Root Value // NoValue when nothing could be read
	v    *review
}

// ParseSheet reads a file. begins says what one that holds something begins with, for who has an empty one.
func ParseSheet(file string, src []byte, begins string) *Sheet {
	r := &reader{file: file, src: src}
	s := &Sheet{v: &review{rb: &Runbook{File: file, Source: src}, sheet: true}}
	if root, ok := r.load(); ok {
		r.refused(root)
		s.Root = r.value(root)
	}
	for i := range r.found {
		if r.found[i].Rule == "file-empty" {
			r.found[i].Message = "the file is empty: it begins with " + begins
		}
	}
	s.v.found = r.found
	return s
}

// Report says what is wrong with a text of the file, under which the caret stands. meant is what was meant instead, ""
// when nobody can tell.
func (s *Sheet) Report(rule string, at Text, meant, format string, args ...any) {
	s.v.rule = rule
	s.v.report(at, didYouMean(meant), format, args...)
}

// Typed holds a value against a type, and reports under a rule what does not fit. name is what messages call it, "" for
// the whole file. A nullable field may be null.
func (s *Sheet) Typed(rule string, v Value, t Type, name string) {
	s.v.rule = rule
	s.v.typed(v, t, name)
}

// Param holds a value against a parameter of a runbook.
func (s *Sheet) Param(p Param, v Value) {
	s.v.found = append(s.v.found, checkBookParam(s.v.rb.File, p, v)...)
}

// Mistakes gives all that was reported, in the order of the file.
func (s *Sheet) Mistakes() []Diagnostic { return sorted(s.v.found) }

// Nearest gives the candidate that was probably meant by a name, "" when none is near.
func Nearest(name string, candidates []string) string { return nearest(name, candidates) }

// Use is one field of a step's output that the expressions of a runbook look at.
type Use struct {
	Field  string   // or a word that every step answers to: healthy, outcome
	Within []string // the fields of its items that they look at
}

// Uses lists what the expressions of the runbook look at in what a step gives, each field once.
func (p *Plan) Uses(step int) []Use {
	id := p.Steps[step].ID.Value
	var out []Use
	add := func(r ref) {
		i := slices.IndexFunc(out, func(u Use) bool { return u.Field == r.field })
		if i < 0 {
			i = len(out)
			out = append(out, Use{Field: r.field})
		}
		for _, name := range r.used {
			if !slices.Contains(out[i].Within, name) {
				out[i].Within = append(out[i].Within, name)
			}
		}
	}
	for _, r := range p.Steps[step].Expect.refs() {
		if r.root == "" {
			add(r)
		}
	}
	for _, r := range p.refs() {
		if r.root == "steps" && r.id == id {
			add(r)
		}
	}
	return out
}

// refs lists the names that the expressions of a runbook use.
func (p *Plan) refs() []ref {
	var out []ref
	for _, f := range p.Findings {
		out = append(out, f.When.refs()...)
		out = append(out, f.Say.refs()...)
	}
	for _, s := range p.Steps {
		out = append(out, s.refs()...)
		out = append(out, s.Undo.refs()...)
	}
	return out
}
