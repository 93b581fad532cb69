package reports

import (
	"slices"

	"runbook/engine"
)

// findings are what rules concluded, with the rule and the values, and what was seen that is not healthy.
func (r *report) findings() document {
	var held, open list
	var not []string
	for _, f := range r.view.Findings {
		switch {
		case f.ever(engine.True):
			held = append(held, r.trueFinding(f))
		case f.ever(engine.False):
			not = append(not, f.Path)
		default:
			open = append(open, r.openFinding(f))
		}
	}
	d := section("Findings")
	if len(held) > 0 {
		d = append(d, held)
	} else {
		d = append(d, line(text("No rule concluded anything to be true.")))
	}
	if len(open) > 0 {
		d = append(d, line(text("Not concluded, neither true nor false:")), open)
	}
	if len(not) > 0 {
		d = append(d, line(text("Concluded to be false: "), codes(not), text("."+r.whatHangs(not))))
	}
	if seen := r.unhealthy(); len(seen) > 0 {
		d = append(d, line(text("Observed, and not healthy:")), seen)
	}
	if blind := r.couldNotLook(); len(blind) > 0 {
		d = append(d, line(text("Not observed, since the check could not look:")), blind)
	}
	return d
}

// ever tells whether the finding had a value at some moment.
func (f *Finding) ever(v engine.Tri) bool {
	return slices.ContainsFunc(f.Said, func(c Conclusion) bool { return c.Value == v })
}

// whatHangs is what a dry run has to say about findings that were false when they were concluded.
func (r *report) whatHangs(paths []string) string {
	hangs := slices.ContainsFunc(r.view.Findings, func(f *Finding) bool {
		return slices.Contains(paths, f.Path) && f.Said[len(f.Said)-1].Value == engine.Unknown
	})
	if !hangs {
		return ""
	}
	return " What some of them would be after the changes that were not made is unknown."
}

func (r *report) trueFinding(f *Finding) item {
	at := slices.IndexFunc(f.Said, func(c Conclusion) bool { return c.Value == engine.True })
	said := f.Said[at]
	it := item{text: words(code(f.Path), text(": "), sentence(orElse(said.Say, "the rule has no words for it")))}
	it.below = append(it.below, words(text("concluded by rule "), r.rule(f), text(" at "+r.clock(said.At))))
	if values := saw(known(said.Because)); len(values) > 0 {
		it.below = append(it.below, words(text("values: "), values))
	} else {
		it.below = append(it.below, words(text("values: unknown: the journal has none")))
	}
	for _, later := range f.Said[at+1:] {
		change := words(text("from "+r.clock(later.At)+" on: "), strong(later.Value.String()))
		switch later.Value {
		case engine.Unknown:
			if why := whyUnknown(later.Because); len(why) > 0 {
				change = words(change, text("; "), why)
			}
		case engine.True, engine.False:
			if values := saw(known(later.Because)); len(values) > 0 {
				change = words(change, text(", "), values)
			}
		}
		it.below = append(it.below, change)
	}
	if f.Certainty != "" && f.Certainty != "rule" {
		it.below = append(it.below, words(text("certainty, as the runbook gives it: "), sentence(f.Certainty)))
	}
	if f.See != "" {
		it.below = append(it.below, words(text("see "), link(f.See)))
	}
	return it
}

func (r *report) rule(f *Finding) inline {
	if f.Rule == "" {
		return words(text("that is unknown: the runbook as it is here does not have it"))
	}
	return words(code(f.Rule))
}

func (r *report) openFinding(f *Finding) item {
	it := item{text: words(code(f.Path)), below: []inline{words(text("rule "), r.rule(f))}}
	if len(f.Said) == 0 {
		it.text = words(it.text, text(": the run ended before the checks that it needs"))
		return it
	}
	terms := f.Said[len(f.Said)-1].Because
	it.text = words(it.text, text(" is unknown"))
	if why := whyUnknown(terms); len(why) > 0 {
		it.text = words(it.text, text("; "), why)
	}
	it.below = append(it.below, explained(known(terms), engine.Unknown)...)
	return it
}

// unhealthy lists the checks that were unhealthy at some moment, with what they saw at first and at last.
func (r *report) unhealthy() list {
	var out list
	for _, s := range r.view.Steps {
		if s.Effect != engine.Reads || !s.ever(engine.OutcomeUnhealthy) {
			continue
		}
		out = append(out, r.firstAndLast(s))
	}
	return out
}

func (r *report) firstAndLast(s *Step) item {
	first, last := s.First(), s.Latest()
	if first == nil {
		first = last
	}
	it := item{text: words(named(s), text(": "), r.looked(first))}
	switch {
	case last.Seq == first.Seq:
	case last.sameAs(first):
		it.below = append(it.below, words(text("at last the same ("+r.clock(last.At)+")")))
	default:
		it.below = append(it.below, words(text("at last "), r.looked(last)))
	}
	return it
}

// couldNotLook lists the checks that could not look at some moment and were never unhealthy. Those that could not to the end
// stand together, by what kept them from it.
func (r *report) couldNotLook() list {
	var blind []*Step
	var out list
	for _, s := range r.view.Steps {
		switch {
		case s.Effect != engine.Reads || !s.ever(engine.OutcomeUnknown) || s.ever(engine.OutcomeUnhealthy):
		case s.Latest().Outcome == engine.OutcomeUnknown:
			blind = append(blind, s)
		default:
			out = append(out, r.firstAndLast(s))
		}
	}
	for _, b := range byReason(blind) {
		out = append(out, item{text: words(codes(b.paths), text(": "), b.why, text(" ("+r.clock(b.at.At)+")"))})
	}
	return out
}

// blindness is a reason for which checks could not look at last.
type blindness struct {
	at    Moment // of the last look
	why   inline
	paths []string
}

// byReason sorts checks that could not look at last by the reason.
func byReason(steps []*Step) []blindness {
	var out []blindness
	for _, s := range steps {
		last := s.Latest()
		why := whatItSaw(last)
		i := slices.IndexFunc(out, func(b blindness) bool { return slices.Equal(b.why, why) })
		if i < 0 {
			out, i = append(out, blindness{why: why}), len(out)
		}
		out[i].paths = append(out[i].paths, s.Path)
		if last.Seq > out[i].at.Seq {
			out[i].at = last.Moment
		}
	}
	return out
}

// sameAs tells whether two looks found the same, as a report shows it.
func (l *Look) sameAs(o *Look) bool {
	return l.Outcome == o.Outcome && slices.Equal(howItLooked(l), howItLooked(o))
}

// healthyThroughout tells whether every look that counted found a check healthy.
func (s *Step) healthyThroughout() bool {
	return !slices.ContainsFunc(s.Looks, func(l Look) bool { return l.Outcome != engine.OutcomeHealthy && !l.Again })
}

// ever tells whether a look that counted had an outcome.
func (s *Step) ever(o engine.Outcome) bool {
	return slices.ContainsFunc(s.Looks, func(l Look) bool { return l.Outcome == o && !l.Again })
}

// looked tells what a look found, when, and where it is kept.
func (r *report) looked(l *Look) inline { return words(howItLooked(l), r.whenWhere(l)) }

// whenWhere tells when something was looked at, and where it is kept: " (03:12:04, E01)".
func (r *report) whenWhere(l *Look) inline {
	out := words(text(" (" + r.clock(l.At)))
	if ids := evidenceIDs(l.Evidence); len(ids) > 0 {
		out = words(out, text(", "), ids)
	}
	return words(out, text(")"))
}
