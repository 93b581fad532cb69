package reports

import (
	"regexp"
	"strings"

	"runbook/engine"
)

// goOn says how to go on: what the runbook told whom, and the commands that make sense now.
func (r *report) goOn() document {
	var l list
	for _, s := range r.view.Steps {
		if e := s.Escalated; e != nil {
			l = append(l, item{text: words(calling(e), text(": "), sentence(e.Say)), below: condition(s.When, engine.True, e.Because)})
		}
	}
	l = append(l, r.unfinished()...)
	for _, c := range r.view.Changes() {
		if s := r.view.Step(c.Step); c.Ended == nil && s.isLast(c) && s.Status().Class != Good {
			l = append(l, item{text: words(text("Look at what "), code(c.Step), text(" did before anything is done again: nobody saw its end."))})
		}
	}
	for _, f := range r.view.Findings {
		if f.ever(engine.True) && f.See != "" {
			l = append(l, item{text: words(text("On "), code(f.Path), text(": "), link(f.See))})
		}
	}
	if r.plan != nil {
		for _, address := range r.plan.Runbook.Links {
			l = append(l, item{text: words(text("From the runbook: "), link(address.Value))})
		}
		if owner := r.plan.Runbook.Owner.Value; owner != "" {
			l = append(l, item{text: words(text("The runbook belongs to "), label(owner), text("."))})
		}
	}
	d := section("How to go on")
	switch {
	case r.view.Drill() && len(l) > 0:
		d = append(d, line(text("Nothing of this is to be done: it was a drill. After a run, this would be left:")), l)
	case len(l) > 0:
		d = append(d, l)
	}
	return append(d, fence{language: "sh", lines: r.commands()})
}

// unfinished is what stands between the host and the goal, as far as it is known.
func (r *report) unfinished() list {
	var l list
	if !r.view.DryRun() {
		for _, s := range r.goal() {
			if unhealthyAtLast(s) {
				l = append(l, item{text: words(code(s.Path), text(" was unhealthy at the last look: "), cell(whatItSaw(s.Latest())))})
			}
		}
	}
	var blind []*Step
	for _, s := range r.view.Steps {
		switch st := s.Status(); st.Class {
		case Declined, Expired:
			l = append(l, item{text: words(code(s.Path), text(" was not made ("+st.Word+"). A new run asks again."))})
		case Blind:
			blind = append(blind, s)
		default:
		}
	}
	for _, b := range byReason(blind) {
		l = append(l, item{text: words(codes(b.paths), text(" could not look. Look yourself, or make it possible: "), b.why)})
	}
	return l
}

// commands are what one would type next, each with a word about it.
func (r *report) commands() []string {
	run := quoted(orElse(r.view.Start.Run, "RUN"))
	typed := []string{"runbook run", quoted(orElse(r.view.Start.Runbook.Name, "NAME"))}
	for _, name := range r.paramNames() {
		typed = append(typed, "-p", quoted(name+"="+plainValue(r.view.Start.Params[name])))
	}
	if r.view.Start.Incident != "" {
		typed = append(typed, "--incident", quoted(r.view.Start.Incident))
	}
	start := strings.Join(typed, " ")
	var out []string
	add := func(command, why string) { out = append(out, "# "+why, command) }
	verdict, ended := r.view.Verdict()
	switch {
	case r.view.Drill():
		add("runbook drill "+quoted(orElse(r.view.Start.Runbook.Name, "NAME")), "another one")
		return out
	case !ended:
		add("runbook status", "is it still going on, and who is waited for?")
		add("runbook resume "+run, "go on with it, if it was killed")
	case verdict == engine.VerdictInterrupted:
		add("runbook resume "+run, "go on with this run: checks are made anew, nothing is done twice without a question")
	case r.view.DryRun() && verdict != engine.VerdictHealthy:
		add(start, "do it: asks before each change")
	case verdict == engine.VerdictHealthy, verdict == engine.VerdictFixed:
		add(start, "look once more; a host whose goal holds is not changed")
	default:
		add(start, "begin anew, once something is different")
		add(start+" --dry-run", "only look")
	}
	add("runbook note "+run+" 'TEXT'", "put something on record")
	add("runbook report "+run, "this report")
	add("runbook graph "+quoted(orElse(r.view.Start.Runbook.Name, "NAME"))+" --run "+run, "the way that was taken")
	return out
}

var needsNoQuotes = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`)

// quoted is a word as a shell takes it. What could not be typed is left out.
func quoted(s string) string {
	s = strings.ReplaceAll(oneLine(s), "\uFFFD", "")
	if needsNoQuotes.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// graph is the runbook's graph with the way that was taken.
func (r *report) graph() document {
	if r.plan == nil {
		return section("Graph", line(text("unknown: the runbook could not be loaded")))
	}
	return section("Graph", fence{language: "mermaid", lines: strings.Split(strings.TrimRight(mermaid(r.plan, r.view), "\n"), "\n")})
}
