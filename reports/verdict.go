package reports

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine"
)

// verdictTitle is the verdict in capitals, first of all in a report.
func (r *report) verdictTitle() string {
	word := "NO END ON RECORD"
	if verdict, ok := r.view.Verdict(); ok {
		word = strings.ToUpper(verdictWord(verdict))
	}
	switch {
	case r.view.DryRun():
		return "DRY RUN, " + word
	case r.view.Drill():
		return "DRILL, " + word
	}
	return word
}

// summary says in a few sentences what the verdict means here.
func (r *report) summary() inline {
	v := r.view
	verdict, ended := v.Verdict()
	var out inline
	say := func(parts ...part) { out = words(out, words(parts...), text(" ")) }
	if v.Drill() {
		say(text("This was a drill. Its host is simulated: all that was seen and done below is made up but for what people said and how long they took."))
	}
	switch {
	case !ended:
		say(text("The journal has no end: the run goes on, or it was killed. Its last event is of " + timestamp(v.Last.At) + "."))
	case verdict == engine.VerdictPlanned && slices.ContainsFunc(r.goal(), unhealthyAtLast):
		say(text("The goal does not hold."))
	case verdict != engine.VerdictPlanned:
		say(text(meaning(verdict)))
	}
	if v.DryRun() && ended {
		say(text(r.planned()))
	}
	say(text(r.countChanges()))
	if exit, ok := v.exitCode(); ok && !v.Drill() {
		say(text(fmt.Sprintf("Exit code %d.", exit)))
	}
	if verdict == engine.VerdictInterrupted && !v.Drill() {
		say(text("To go on: "), code("runbook resume "+quoted(orElse(v.Start.Run, "RUN"))))
	}
	return out
}

// planned says what a live run would have come to, as far as a dry run can tell.
func (r *report) planned() string {
	changes, undecided, unreached, handsOver := 0, 0, 0, ""
	for _, s := range r.view.Steps {
		switch {
		case s.Escalated != nil:
			handsOver = ", and hand over to a person"
		case s.Effect == engine.Changes && s.Status().Class == Described:
			changes++
		case s.Effect != engine.Reads && s.Status().Class == CouldNot:
			undecided++
		case s.Effect != engine.Reads && s.Status().Class == NotReached:
			unreached++
		}
	}
	asks := "no change"
	if changes > 0 {
		asks = plural(changes, "change")
	}
	out := "A live run would ask for " + asks + handsOver
	if undecided > 0 {
		out += "; " + plural(undecided, "step") + " could not be decided"
	}
	if unreached > 0 {
		out += "; " + plural(unreached, "step") + " " + wasWere(unreached) + " not reached"
	}
	return out + "."
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
		return "The run was stopped before its end."
	case engine.VerdictPlanned:
		return "The plan is complete."
	}
	return "The verdict is not one that this version knows."
}

func (r *report) countChanges() string {
	n, back := 0, 0
	for _, c := range r.view.Changes() {
		if c.Undo {
			back++
		} else {
			n++
		}
	}
	switch {
	case r.view.Drill() && n > 0:
		return "No host was changed: " + plural(n, "change") + " " + wasWere(n) + " played."
	case back > 0:
		return fmt.Sprintf("%s %s begun, and so was taking %d of them back.", plural(n, "change"), wasWere(n), back)
	case n > 0:
		return plural(n, "change") + " " + wasWere(n) + " begun."
	case r.view.DryRun():
		return "Nothing was changed: this was a dry run."
	default:
		return "Nothing was changed."
	}
}

// exitCode is what the command ended with. That of a run without an end nobody knows.
func (v *View) exitCode() (int, bool) {
	verdict, ok := v.Verdict()
	if !ok {
		return 0, false
	}
	if verdict == engine.VerdictInterrupted && v.Lives[len(v.Lives)-1].Signal == "terminated" {
		return 143, true // 128 and the signal's number
	}
	return verdict.ExitCode(), true
}

// reasons are what the verdict rests on, in a line each: what was concluded, whom the run was handed to, what came of
// the fixes, and the sentences that the engine ended with.
func (r *report) reasons() list {
	var out list
	add := func(parts ...part) { out = append(out, item{text: words(parts...)}) }
	var said []string
	for _, f := range r.view.Findings {
		if i := slices.IndexFunc(f.Said, func(c Conclusion) bool { return c.Value == engine.True }); i >= 0 {
			about := words(code(f.Path), text(": "), sentence(orElse(f.Said[i].Say, "true")))
			if last := f.Said[len(f.Said)-1]; last.Value == engine.False {
				about = words(about, text(" (until "+r.clock(last.At)+")"))
			}
			add(about)
		}
	}
	for _, s := range r.view.Steps {
		st := s.Status()
		if e := s.Escalated; e != nil {
			add(calling(e), text(": "), sentence(e.Say))
			said = append(said, e.Say)
		}
		if (st.Class == Declined || st.Class == Expired) && len(s.Questions) > 0 {
			add(code(s.Path), text(": "), r.answered(s.Questions[len(s.Questions)-1]))
		}
		switch {
		case s.made():
			about := words(named(s), text(": "), strong(st.Word))
			if c := s.lastChange(); st.Class == Bad && c != nil && c.Ended != nil && c.Ended.Failure != nil {
				about = words(about, text(": "), failure(c.Ended.Failure))
				said = append(said, s.Path+" failed: "+c.Ended.Failure.Message)
			}
			if back := s.Changes[len(s.Changes)-1]; back.Undo {
				about = words(about, text(", taken back: "+changeWord(s, back)))
			}
			add(about)
		case st.Class == Described && s.Effect != engine.RunsBook && s.Escalated == nil:
			add(text("WOULD ask for "), named(s))
		}
	}
	if r.view.End != nil {
		for _, why := range r.view.End.Why {
			if !slices.Contains(said, why) {
				add(sentence(why))
			}
		}
	}
	return append(out, r.whatIsWrong()...)
}

// whatIsWrong names what is not healthy in the goal, for ends of which the engine does not say it.
func (r *report) whatIsWrong() list {
	switch verdict, _ := r.view.Verdict(); verdict {
	case engine.VerdictEscalated, engine.VerdictRefused, engine.VerdictInterrupted, engine.VerdictPlanned, "":
	default:
		return nil
	}
	var looks []Look
	for _, s := range r.goal() {
		if l := s.Latest(); l != nil && l.Outcome != engine.OutcomeHealthy {
			looks = append(looks, *l)
		}
	}
	if len(looks) == 0 {
		return nil
	}
	return list{{text: words(text("the goal at the last look: "), byOutcome(looks))}}
}

// calling says whom to call. In a dry run nobody is.
func calling(e *Escalation) inline {
	if e.Only {
		return words(text("WOULD hand over to "), label(e.To))
	}
	return words(text("Call "), label(e.To))
}
