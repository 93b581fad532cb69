package reports

import (
	"runbook/engine"
)

// would is what a live run would have asked to do.
func (r *report) would() document {
	d := document{line(text("What a live run would have asked for:"))}
	for _, s := range r.view.Steps {
		if s.Status().Class == Described && s.Effect != engine.RunsBook && s.Effect != engine.EndsRun {
			d = append(d, r.wouldStep(s)...)
		}
	}
	if len(d) == 1 {
		return document{line(text("A live run would have asked for none, as far as this run could see."))}
	}
	return d
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
	var last engine.Prepared
	for _, p := range s.Preparations {
		last = p.Prepared
	}
	var exact []string
	if about := last.Description; about != nil {
		add("would do", code(s.Kind), text(": "), sentence(about.Summary))
		exact = about.Exact
	}
	if last.Failure != nil {
		add("could not be described", failure(last.Failure))
	}
	if s.Effect == engine.Changes {
		add("as", orUnknownUser(last.As, r.view))
	}
	if s.Plan != nil && s.Effect == engine.Changes {
		add("risk", label(string(orRisk(s.Plan.Risk))))
	}
	why := ""
	if s.Plan != nil {
		why = filledIn(s.Plan.Step.Why.Value, r.view.params(s))
	}
	l = append(l, item{
		text:  words(strong("because"), text(": "), sentence(orElse(why, "its condition is true"))),
		below: condition(s.When, engine.True, last.Because),
	})
	if about := last.Description; about != nil && s.Effect == engine.Changes {
		add("undo", wouldUndo(s, about))
	}
	d = append(d, l)
	if len(exact) > 0 {
		d = append(d, line(text("Exactly:")), fence{language: fenceLanguage(exact), lines: exact})
	}
	return d
}

// wouldUndo is the way back from a change that was only described.
func wouldUndo(s *Step, about *engine.Description) inline {
	switch {
	case s.Plan != nil && s.Plan.Undo != nil:
		return words(code(s.Plan.Undo.Kind.Name), text(offered))
	case about.Undo != "":
		return words(sentence(about.Undo))
	default:
		return words(text("none"))
	}
}

func orRisk(k engine.Risk) engine.Risk {
	if k == "" {
		return engine.Medium
	}
	return k
}
