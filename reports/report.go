package reports

import (
	"io/fs"
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

// clock is a time of day, with its day when that is not the day on which the run began.
func (r *report) clock(at time.Time) string {
	if at.Format(time.DateOnly) != r.view.Began.At.Format(time.DateOnly) {
		return at.UTC().Format("01-02 15:04:05")
	}
	return clock(at)
}
