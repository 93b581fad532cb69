package reports

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
	"runbook/engine/enginetest"
)

var update = flag.Bool("update", false, "write golden files anew; read them before you commit them")

// stored is a run of testdata, as the tool would load it: the runbook comes from the journal.
type stored struct {
	name   string
	plan   *engine.Plan
	events []engine.Stamped
	folder fs.FS
}

func storedRuns(tb testing.TB) []stored {
	tb.Helper()
	var out []stored
	for _, s := range scenarios() {
		dir := filepath.Join("testdata", s.name)
		r := stored{name: s.name, events: readJournal(tb, filepath.Join(dir, "journal.jsonl")), folder: os.DirFS(dir)}
		r.plan = planOf(tb, r.events)
		out = append(out, r)
	}
	return out
}

func planOf(tb testing.TB, events []engine.Stamped) *engine.Plan {
	tb.Helper()
	start, ok := events[0].Event.(engine.RunStarted)
	if !ok {
		tb.Fatalf("the journal begins with %T", events[0].Event)
	}
	find := func(name string) (string, []byte, error) {
		for _, b := range start.Books {
			if b.Name == name {
				return b.File, []byte(b.Text), nil
			}
		}
		return "", nil, fmt.Errorf("no runbook %s", name)
	}
	plan, diags := engine.Load(start.Runbook.File, []byte(start.Runbook.Text), enginetest.Kinds(), find)
	if plan == nil {
		tb.Fatalf("load: %v", diags)
	}
	return plan
}

// golden holds a text against the one that somebody has read.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestReport(t *testing.T) {
	for _, r := range storedRuns(t) {
		t.Run(r.name, func(t *testing.T) {
			got := Render(r.plan, r.events, r.folder)
			golden(t, filepath.Join("testdata", r.name, "report.md"), got)
			if again := Render(planOf(t, r.events), r.events, r.folder); !bytes.Equal(got, again) {
				t.Error("the same journal gave another report")
			}
		})
	}
}

func TestGraphOfRun(t *testing.T) {
	for _, r := range storedRuns(t) {
		for _, format := range []Format{Text, Mermaid, Dot} {
			if format != Text && r.name != "inner" {
				continue
			}
			got, err := Graph(r.plan, NewView(r.plan, r.events), format)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", r.name, "graph."+string(format)), []byte(got))
		}
	}
}

func TestGraphOfRunbook(t *testing.T) {
	for _, name := range []string{"frontend-not-starting", "shop-down"} {
		for _, format := range []Format{Text, Mermaid, Dot} {
			got, err := Graph(load(t, name), nil, format)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", "runbooks", name+"."+string(format)), []byte(got))
		}
	}
}
