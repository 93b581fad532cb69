package reports

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"runbook/engine"
)

// Render writes the report of a run as Markdown. The plan may be nil when the runbook can't be loaded any more; the
// report says so. The folder holds the evidence files under the names that the events give them; it may be nil, and
// files may be missing or be others than were recorded: the report says that too. The same plan, events and folder give
// the same bytes.
func Render(plan *engine.Plan, events []engine.Stamped, folder fs.FS) []byte {
	r := &report{plan: plan, view: NewView(plan, events)}
	r.readEvidence(folder)
	var d document
	for _, section := range []func() document{
		r.head, r.findings, r.happened, r.changes, r.notDone, r.healthy, r.verification, r.times, r.excerpts, r.limits,
		r.evidence, r.graph, r.goOn,
	} {
		d = append(d, section()...)
	}
	return markdown(d)
}

// report is a report in the making.
type report struct {
	plan  *engine.Plan
	view  *View
	files map[string]file // evidence, by the name of its file
	left  int             // rows that the table of what happened has no room for
}

// section begins a section. One without anything to say says so.
func section(title string, blocks ...block) document {
	return append(document{heading{level: 2, text: words(text(title))}}, blocks...)
}

func line(parts ...part) paragraph { return paragraph(words(parts...)) }

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

func (r *report) verdictTitle() string {
	word := "NO END ON RECORD"
	if verdict, ok := r.view.Verdict(); ok {
		word = strings.ToUpper(verdictWord(verdict))
	}
	if r.view.DryRun() {
		return "DRY RUN, " + word
	}
	return word
}

// summary says in a few sentences what the verdict means here.
func (r *report) summary() inline {
	v := r.view
	verdict, ended := v.Verdict()
	var s []string
	switch {
	case !ended:
		s = append(s, fmt.Sprintf("The journal has no end: the run goes on, or it was killed. Its last event is of %s.", Timestamp(v.Last.At)))
	case verdict == engine.VerdictHealthy && v.DryRun():
		s = append(s, "The goal holds. A live run would change nothing.")
	case verdict == engine.VerdictHealthy && len(v.Changes()) == 0:
		s = append(s, "The goal holds.")
	case verdict == engine.VerdictPlanned && slices.ContainsFunc(r.goal(), unhealthyAtLast):
		s = append(s, "The goal does not hold.", meaning(verdict))
	default:
		s = append(s, meaning(verdict))
	}
	s = append(s, r.countChanges())
	if exit, ok := v.exitCode(); ok {
		s = append(s, fmt.Sprintf("Exit code %d.", exit))
	}
	return words(text(strings.Join(s, " ")))
}

func unhealthyAtLast(s *Step) bool {
	l := s.Latest()
	return l != nil && l.Outcome == engine.OutcomeUnhealthy
}

// meaning is what a verdict means, as the engine concludes it.
func meaning(v engine.Verdict) string {
	switch v {
	case engine.VerdictHealthy:
		return "The goal holds."
	case engine.VerdictFixed:
		return "The goal did not hold; changes were made; it holds now."
	case engine.VerdictNotFixed:
		return "The goal does not hold."
	case engine.VerdictFailed:
		return "A change failed, and the run stopped."
	case engine.VerdictDeclined:
		return "The goal does not hold, and a change was declined or not answered."
	case engine.VerdictEscalated:
		return "The runbook handed over to a person."
	case engine.VerdictRefused:
		return "The run was refused."
	case engine.VerdictUndecided:
		return "Something that mattered could not be decided."
	case engine.VerdictInterrupted:
		return "The run was stopped before its end. It can be resumed."
	case engine.VerdictPlanned:
		return "The plan is complete: what a live run would ask for is described."
	}
	return "The verdict is not one that this version knows."
}

func (r *report) countChanges() string {
	n := len(r.view.Changes())
	switch {
	case n > 0:
		return plural(n, "change") + " " + wasWere(n) + " begun."
	case r.view.DryRun():
		return "Nothing was changed: this was a dry run."
	default:
		return "Nothing was changed."
	}
}

func wasWere(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// exitCode is what the command ended with. That of a run without an end nobody knows.
func (v *View) exitCode() (int, bool) {
	verdict, ok := v.Verdict()
	if !ok {
		return 0, false
	}
	if verdict == engine.VerdictInterrupted {
		switch v.Lives[len(v.Lives)-1].Signal {
		case "interrupt":
			return 130, true
		case "terminated":
			return 143, true
		}
		return 0, false
	}
	return verdict.ExitCode(), true
}

// reasons are what the verdict rests on, in a line each: what was concluded, whom the run was handed to, what came of
// the fixes, and the sentences that the engine ended with.
func (r *report) reasons() list {
	var out list
	var said []string
	for _, f := range r.view.Findings {
		if i := slices.IndexFunc(f.Said, func(c Conclusion) bool { return c.Value == engine.True }); i >= 0 {
			out = append(out, item{text: words(code(f.Path), text(": "), sentence(orElse(f.Said[i].Say, "true")))})
		}
	}
	for _, s := range r.view.Steps {
		if e := s.Escalated; e != nil {
			out = append(out, item{text: words(text("Call "), label(e.To), text(": "), sentence(e.Say))})
			said = append(said, e.Say)
		}
		if class := s.Status().Class; (class == Declined || class == Expired) && len(s.Questions) > 0 {
			out = append(out, item{text: words(code(s.Path), text(": "), r.answered(s.Questions[len(s.Questions)-1]))})
		}
		switch {
		case len(s.Changes) > 0:
			out = append(out, item{text: words(named(s), text(": "), strong(s.Status().Word))})
		case s.Status().Class == Described && s.Effect != engine.RunsBook:
			out = append(out, item{text: words(text("WOULD ask for "), named(s))})
		}
	}
	if r.view.End != nil {
		for _, why := range r.view.End.Why {
			if !slices.Contains(said, why) {
				out = append(out, item{text: words(sentence(why))})
			}
		}
	}
	return out
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
	add("Host", orUnknown(s.Host, "the journal does not name it"))
	add("Started by", r.starter())
	add("Trigger", r.trigger())
	if len(s.Flags) > 0 {
		add("Flags", codes(s.Flags))
	}
	add("Started", sentence(r.startedAt()))
	add("Ended", r.endedAt())
	for i, l := range v.Lives {
		if i > 0 {
			add("Resumed", words(text(Timestamp(l.Began.At)+" by "), person(l.Who.Name())))
		}
	}
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
	return Timestamp(r.view.Began.At)
}

func (r *report) endedAt() inline {
	v := r.view
	if v.End != nil {
		return words(text(Timestamp(v.End.At)))
	}
	if n := len(v.Lives); n > 0 && v.Lives[n-1].Interrupted != nil {
		return words(text(Timestamp(v.Lives[n-1].Interrupted.At)+", stopped by signal "), label(orElse(v.Lives[n-1].Signal, "unknown")))
	}
	return words(text("unknown: no end is on record"))
}

// clock is a time of day, with its day when that is not the day on which the run began.
func (r *report) clock(at time.Time) string {
	if at.Format(time.DateOnly) != r.view.Began.At.Format(time.DateOnly) {
		return at.UTC().Format("01-02 15:04:05")
	}
	return Clock(at)
}
