package reports

import "slices"

// head is the verdict, and what run this was.
func (r *report) head() document {
	v := r.view
	title := words(text(r.verdictTitle()+": "), label(v.name()))
	if v.Start.Host != "" {
		title = words(title, text(" on "), label(v.Start.Host))
	}
	d := document{heading{level: 1, text: title}, paragraph(r.summary())}
	if said := r.reasons(); len(said) > 0 {
		d = append(d, said)
	}
	return append(d, table{head: []inline{words(text("Run")), words(code(v.Start.Run))}, rows: r.headRows()})
}

// over is the end of the run, or of what is on record.
func (v *View) over() Moment {
	if v.End != nil {
		return v.End.Moment
	}
	return v.Last
}

// name is what the run ran.
func (v *View) name() string {
	if v.Start.Runbook.Name == "" {
		return "unknown runbook"
	}
	return v.Start.Runbook.Name
}

func (r *report) headRows() [][]inline {
	v, s := r.view, r.view.Start
	var rows [][]inline
	add := func(name string, parts ...part) { rows = append(rows, []inline{words(text(name)), words(parts...)}) }

	book := words(label(v.name()))
	if r.plan != nil && r.plan.Runbook.Title.Value != "" {
		book = words(code(v.name()), text(" "), sentence(r.plan.Runbook.Title.Value))
	}
	add("Runbook", words(book, text(", SHA-256 "), code(short(s.Runbook.Hash))))
	if given := r.params(); len(given) > 0 {
		add("Parameters", joined(given, ", "))
	}
	if v.Drill() {
		add("Host", code(s.Host), text(", simulated"))
	} else {
		add("Host", orUnknown(s.Host, "the journal does not name it"))
	}
	add("Started by", r.starter())
	add("Trigger", r.trigger())
	if len(s.Flags) > 0 {
		add("Flags", codes(s.Flags))
	}
	add("Started", sentence(r.startedAt()))
	for i, l := range v.Lives {
		if i > 0 {
			add("Resumed", words(text(timestamp(l.Began.At)+" by "), person(l.Who.Name())))
		}
	}
	add("Ended", r.endedAt())
	add("Duration", text(Span(v.over().Mono-v.Began.Mono)))
	waited, questions := v.WaitedForPeople()
	if questions == 0 {
		add("Waiting for people", text("none: nobody was asked"))
	} else {
		add("Waiting for people", text(Span(waited)+" in "+plural(questions, "question")))
	}
	add("Tool", words(text("runbook "), label(orElse(s.Version, "of unknown version"))))
	return rows
}

// short is enough of a hash to tell runbooks apart. The whole stands with the evidence.
func short(hash string) string {
	if hash == "" {
		return "unknown"
	}
	return hash[:min(len(hash), 12)]
}

// params are the parameters that are not the runbook's defaults, in the order of the runbook.
func (r *report) params() []inline {
	var out []inline
	for _, name := range r.paramNames() {
		out = append(out, words(code(name+"="+plainValue(r.view.Start.Params[name]))))
	}
	return out
}

// paramNames lists the parameters with a value of their own. Without a plan nobody knows which these are: all.
func (r *report) paramNames() []string {
	given := r.view.Start.Params
	if r.plan == nil {
		return sortedNames(given)
	}
	var out, known []string
	for _, p := range r.plan.Runbook.Params {
		name := p.Name.Value
		known = append(known, name)
		v, ok := given[name]
		if !ok || p.Secret || p.Default != nil && plainValue(v) == plainValue(p.Default.Plain) {
			continue
		}
		out = append(out, name)
	}
	for _, name := range sortedNames(given) {
		if !slices.Contains(known, name) {
			out = append(out, name)
		}
	}
	return out
}

func (r *report) starter() inline {
	who := r.view.Start.Who
	out := person(who.Name())
	if who.SudoUser != "" && who.User != who.SudoUser {
		out = words(out, text(" as "), label(who.User), text(", by sudo"))
	}
	return out
}

// trigger is what the run was started for, as far as the journal tells.
func (r *report) trigger() inline {
	who := r.view.Start.Who
	var out inline
	switch {
	case who.TTY != "" && who.SSH != "":
		out = words(text("by hand, on "), code(who.TTY), text(" over ssh from "), code(who.SSH))
	case who.TTY != "":
		out = words(text("by hand, on "), code(who.TTY))
	default:
		out = words(text("unknown: there was no terminal"))
	}
	if r.view.Start.Incident != "" {
		out = words(out, text("; incident "), code(r.view.Start.Incident))
	}
	return out
}

func (r *report) startedAt() string {
	if r.view.Start.Run == "" && r.view.Start.Host == "" {
		return "unknown: the journal does not begin with the start of a run"
	}
	return timestamp(r.view.Began.At)
}

func (r *report) endedAt() inline {
	v := r.view
	if v.End != nil {
		return words(text(timestamp(v.End.At)))
	}
	if n := len(v.Lives); n > 0 && v.Lives[n-1].Interrupted != nil {
		return words(text(timestamp(v.Lives[n-1].Interrupted.At)+", stopped by signal "), label(orElse(v.Lives[n-1].Signal, "unknown")))
	}
	return words(text("unknown: no end is on record"))
}
