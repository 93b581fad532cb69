package reports

import (
	"slices"

	"runbook/engine"
)

// mostRows is how many rows the table of what happened has.
const mostRows = 15

// row is one thing that happened.
type row struct {
	Moment
	who      inline
	what     inline
	evidence [][]engine.Evidence
	weight   int           // what has the least goes first when there are too many
	looks    []Look        // of a row of looks: those next to each other become one row
	reason   engine.Reason // of looks
	scope    string        // of looks: the runbook that they are part of

	undecided []string // steps that could not be decided: those next to each other become one row
}

// The weights of rows.
const (
	always    = 10 // the ends of the run, and what changed the host
	important = 8
	useful    = 6
	detail    = 3
)

// happened tells the run in few rows. The journal has everything.
func (r *report) happened() document {
	rows := r.rows()
	rows, r.left = fewest(rows, mostRows)
	t := table{head: []inline{words(text("UTC")), words(text("Offset")), words(text("Who")), words(text("What")), words(text("Evidence"))}}
	for _, x := range rows {
		t.rows = append(t.rows, []inline{
			words(text(r.clock(x.At))), words(text(offset(x.Mono - r.view.Began.Mono))), x.who, x.what, evidenceIDs(x.evidence...),
		})
	}
	d := section("What happened", t)
	if r.left > 0 {
		d = append(d, line(text(plural(r.left, "row")+" of less weight "+wasWere(r.left)+" left out here; the journal has everything.")))
	}
	return d
}

// fewest leaves out the rows of the least weight, the later ones first, until the rest fits.
func fewest(rows []row, most int) (kept []row, left int) {
	for len(rows) > most {
		least := 0
		for i, x := range rows {
			if x.weight <= rows[least].weight {
				least = i
			}
		}
		rows = slices.Delete(rows, least, least+1)
		left++
	}
	return rows, left
}

// rows are all the rows, in the order of the journal.
func (r *report) rows() []row {
	rows := r.runRows()
	for _, s := range r.view.Steps {
		rows = append(rows, r.lookRows(s)...)
		rows = append(rows, r.questionRows(s)...)
		rows = append(rows, r.changeRows(s)...)
		rows = append(rows, r.endRows(s)...)
	}
	for _, f := range r.view.Findings {
		rows = append(rows, r.findingRows(f)...)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return a.Seq - b.Seq })
	rows = r.together(rows)
	return rows
}

// together makes one row of looks that follow each other. The first such row, and a look at the goal, weigh more.
func (r *report) together(rows []row) []row {
	var out []row
	known := map[string]bool{} // scopes that have been looked at
	for _, x := range rows {
		n := len(out)
		switch {
		case len(x.looks) > 0 && n > 0 && len(out[n-1].looks) > 0 && out[n-1].reason == x.reason && out[n-1].scope == x.scope:
			out[n-1].looks = append(out[n-1].looks, x.looks...)
			out[n-1].Moment = x.Moment
			continue
		case len(x.undecided) > 0 && n > 0 && len(out[n-1].undecided) > 0:
			out[n-1].undecided = append(out[n-1].undecided, x.undecided...)
			out[n-1].weight = max(out[n-1].weight, x.weight)
			continue
		case len(x.looks) > 0 && (!known[x.scope] || x.reason == engine.ForGoal && x.scope == ""):
			x.weight, known[x.scope] = important, true
		}
		out = append(out, x)
	}
	for i := range out {
		if len(out[i].undecided) > 0 {
			out[i].what = words(text("concluded: could not decide whether to make "), codes(out[i].undecided))
		}
		if len(out[i].looks) > 0 {
			out[i].what = words(text(r.observing(out[i].reason)), byOutcome(out[i].looks))
			for _, l := range out[i].looks {
				out[i].evidence = append(out[i].evidence, l.Evidence)
			}
		}
	}
	return out
}

func (r *report) observing(reason engine.Reason) string {
	out := "observed"
	if r.view.DryRun() {
		out = "REAL, observed"
	}
	switch reason {
	case engine.ForGoal:
		return out + ", the goal afresh: "
	case engine.ForAgain:
		return out + ", once more before acting: "
	case engine.ForGraph, engine.ForVerify:
	}
	return out + ": "
}

// byOutcome sorts the checks of some looks by what they came to, the worst first.
func byOutcome(looks []Look) inline {
	var items []inline
	for _, o := range []engine.Outcome{engine.OutcomeUnhealthy, engine.OutcomeUnknown, engine.OutcomeHealthy} {
		var names []string
		for _, l := range looks {
			if l.Outcome == o {
				names = append(names, l.Step)
			}
		}
		if len(names) > 0 {
			items = append(items, words(text(string(o)+" "), codes(names)))
		}
	}
	return joined(items, "; ")
}
