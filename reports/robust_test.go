package reports

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runbook/engine"
)

// sections are the headings of every report, in their order.
func sections(report []byte) []string {
	var out []string
	fenced := false
	for l := range strings.Lines(string(report)) {
		if strings.HasPrefix(l, "```") {
			fenced = !fenced
		}
		if title, ok := strings.CutPrefix(l, "## "); ok && !fenced {
			out = append(out, strings.TrimSpace(title))
		}
	}
	return out
}

func allSections() []string {
	return []string{
		"Findings", "What happened", "Changes made", "Not done", "Checked and healthy", "Verification", "Times", "Journal excerpt",
		"Limits of this report", "Evidence", "Graph", "How to go on",
	}
}

// whole fails when a section is missing, or when the report can't be read back.
func whole(t fataler, report []byte) {
	t.Helper()
	outlineIn(t, report)
	got := sections(report)
	for i, s := range got {
		got[i] = strings.TrimSuffix(s, " before the first change")
	}
	if diff := cmp.Diff(allSections(), got); diff != "" {
		t.Fatalf("sections (-want +got):\n%s", diff)
	}
	_, happened, _ := strings.Cut(string(report), "\n## What happened\n")
	happened, _, _ = strings.Cut(happened, "\n## ")
	if n := strings.Count(happened, "\n| ") - 1; n > 15 { // without its head
		t.Fatalf("what happened has %d rows", n)
	}
}

// A run can be killed after every event, and what is on record then has a report, which says that there is no end.
func TestEveryBeginningOfAJournalHasAReport(t *testing.T) {
	for _, r := range storedRuns(t) {
		for n := 1; n < len(r.events); n++ {
			got := Render(r.plan, r.events[:n], r.folder)
			whole(t, got)
			_, ended := NewView(r.plan, r.events[:n]).Verdict()
			if saysSo := strings.Contains(string(got), "NO END ON RECORD"); saysSo == ended {
				t.Fatalf("%s, %d events: ended %t, and the report says that there is no end: %t", r.name, n, ended, saysSo)
			}
		}
	}
}

// A journal of a later version can have events that this one passes over, and a plan can be another than the run's.
// Whatever is missing, there is a report, and it is the same each time.
func TestEveryPartOfAJournalHasAReport(t *testing.T) {
	runs := storedRuns(t)
	rapid.Check(t, func(t *rapid.T) {
		r := runs[rapid.IntRange(0, len(runs)-1).Draw(t, "run")]
		events := slices.Clone(r.events)
		for range rapid.IntRange(0, 20).Draw(t, "missing") {
			if len(events) > 0 {
				i := rapid.IntRange(0, len(events)-1).Draw(t, "at")
				events = slices.Delete(events, i, i+1)
			}
		}
		plan := r.plan
		switch rapid.IntRange(0, 2).Draw(t, "plan") {
		case 1:
			plan = nil
		case 2:
			plan = runs[rapid.IntRange(0, len(runs)-1).Draw(t, "other")].plan
		}
		var folder fs.FS
		if rapid.Bool().Draw(t, "folder") {
			folder = r.folder
		}
		got := Render(plan, events, folder)
		whole(t, got)
		if again := Render(plan, events, folder); string(again) != string(got) {
			t.Fatal("the same journal gave another report")
		}
		if plan != nil {
			for _, format := range []Format{Text, Mermaid, Dot} {
				if _, err := Graph(plan, NewView(plan, events), format); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// Evidence that is not what was recorded is not quoted, and the report says so.
func TestEvidenceThatWasTouched(t *testing.T) {
	i := slices.IndexFunc(storedRuns(t), func(r stored) bool { return r.name == "declined" })
	r := storedRuns(t)[i]
	journal := ""
	for _, x := range NewView(r.plan, r.events).Exhibits {
		if x.Name == "journal" && x.Step == "restart" {
			journal = x.File
		}
	}
	original, err := fs.ReadFile(r.folder, journal)
	if err != nil {
		t.Fatal(err)
	}
	edited := []byte(strings.Replace(string(original), "GET", "PUT", 1))
	for _, c := range []struct {
		name   string
		folder fs.FS
		says   string
	}{
		{"edited", fstest.MapFS{journal: {Data: edited}}, "its file is not what was recorded: its SHA-256 is "},
		{"longer", fstest.MapFS{journal: {Data: append(slices.Clone(original), 'x')}}, "bytes, and 2899 were recorded"},
		{"missing", fstest.MapFS{}, "its file can't be opened: it is not there"},
		{"no folder", nil, "the run's folder was not at hand"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := string(Render(r.plan, r.events, c.folder))
			limits := got[strings.Index(got, "## Limits"):strings.Index(got, "## Evidence")]
			if !strings.Contains(limits, "E04 (journal of `restart`) can't be relied on: ") || !strings.Contains(limits, c.says) {
				t.Errorf("the limits do not say %q:\n%s", c.says, limits)
			}
			if strings.Contains(got, "node[4711]: PUT") || strings.Contains(got, "node[4711]: GET") {
				t.Error("the report quotes evidence that can't be relied on")
			}
		})
	}
}

// A name that leads out of the run's folder is never followed.
func TestEvidenceOutsideOfTheFolder(t *testing.T) {
	r := storedRuns(t)[0]
	events := append(slices.Clone(r.events), engine.Stamped{Seq: 99, Event: engine.Looked{
		Step: "page", For: engine.ForGraph, Outcome: engine.OutcomeHealthy,
		Evidence: []engine.Evidence{{ID: "E99", Name: "journal", File: "../healthy/journal.jsonl", Kept: 1, Bytes: 1, SHA256: "00"}},
	}})
	got := string(Render(r.plan, events, r.folder))
	if !strings.Contains(got, "its name is not one below the run's folder") {
		t.Errorf("the report does not say that the name leads out of the folder:\n%s", got)
	}
}
