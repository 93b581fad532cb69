package reports

import (
	"slices"

	"runbook/engine"
)

// would is what a live run would have asked to do.
func (r *report) would() document {
	var d document
	for _, s := range r.view.Steps {
		if st := s.Status(); st.Class != Described || s.Effect == engine.RunsBook {
			continue
		}
		d = append(d, r.wouldStep(s)...)
	}
	if len(d) == 0 {
		return document{line(text("A live run would have asked for none, as far as this run could see."))}
	}
	return append(document{line(text("What a live run would have asked for:"))}, d...)
}

func (r *report) wouldStep(s *Step) document {
	d := document{heading{level: 3, text: words(text("WOULD "), sentence(s.Path))}}
	var l list
	add := func(name string, parts ...part) {
		l = append(l, item{text: words(strong(name), text(": "), words(parts...))})
	}
	if s.Title != "" {
		add("what for", sentence(s.Title))
	}
	var exact []string
	for _, p := range s.Preparations {
		if p.Description != nil {
			add("would do", code(s.Kind), text(": "), sentence(p.Description.Summary))
			exact = p.Description.Exact
		}
		if p.Failure != nil {
			add("could not be described", failure(p.Failure))
		}
	}
	if s.Plan != nil {
		if s.Effect == engine.Changes {
			add("as", orUnknownUser(filledIn(s.Plan.As.Value, r.view.params(s)), r.view))
			add("risk", label(string(orRisk(s.Plan.Risk))))
		}
		if s.Plan.Step.Why.Value != "" {
			add("because", sentence(orElse(filledIn(s.Plan.Step.Why.Value, r.view.params(s)), "see the runbook")))
		}
	}
	if s.When != "" {
		l = append(l, item{text: words(strong("condition"), text(": "), code(s.When), text(" is true")), below: r.restsOn(s)})
	}
	d = append(d, l)
	if len(exact) > 0 {
		d = append(d, line(text("Exactly:")), fence{language: fenceLanguage(exact), lines: exact})
	}
	return d
}

// restsOn tells what the checks saw that a step's condition hangs on.
func (r *report) restsOn(s *Step) []inline {
	if s.Plan == nil {
		return nil
	}
	var out []inline
	for _, other := range r.view.Steps {
		if other.scope() != s.scope() || other.Plan == nil || !slices.Contains(s.Plan.Decides, other.Plan.Index) {
			continue
		}
		if l := other.Latest(); l != nil {
			out = append(out, words(code(other.Path), text(" "), r.looked(l)))
		} else {
			out = append(out, words(code(other.Path), text(" "), text(other.Status().Word)))
		}
	}
	return out
}

func orRisk(k engine.Risk) engine.Risk {
	if k == "" {
		return engine.Medium
	}
	return k
}
