package scenario_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/engine/enginetest"
	"runbook/engine/scenario"
)

// A run goes its own way again, unless it was cut off by its time limit, or interrupted, and the host had become another
// one before it was resumed.
func TestARunGoesItsOwnWayAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := recorded(t, randomRun(t), enginetest.Kinds())
		replay, err := r.Replay(r.Plan)
		switch {
		case err != nil && !r.Resumed && !limited(r):
			t.Fatal(err)
		case err == nil && (replay.Result != scenario.Same || len(replay.Rows) > 0 || replay.Was != replay.Is):
			t.Fatalf("%+v", replay)
		}
	})
}

// All runs whose journals are stored go their own way again, if they were no practice.
func TestStoredRunsGoTheirOwnWayAgain(t *testing.T) {
	t.Parallel()
	storedRuns(t, func(t *testing.T, r *scenario.Recording) {
		t.Helper()
		replay, err := r.Replay(r.Plan)
		switch {
		case r.Drill():
			if err == nil {
				t.Error("a drill was gone through again")
			}
		case err != nil || replay.Result != scenario.Same || len(replay.Rows) > 0 || r.Ended && len(replay.NotKnown) > 0:
			t.Errorf("%v %+v", err, replay)
		}
	})
}

// Each file under testdata/replays is a runbook, a run of it, the scenario that is made of the run, and what is told of
// the same run with the runbook edited.
func TestReplays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/replays/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d stories: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := storyRun(t, archive)
			text, err := r.Record("again", false, nil)
			if err != nil {
				text = []byte(err.Error() + "\n")
			}
			golden := map[string]string{"recorded": string(text), "told": replays(t, archive, r)}
			for i, f := range archive.Files {
				got, is := golden[f.Name]
				switch {
				case !is:
				case *update:
					archive.Files[i].Data = []byte(got)
				default:
					if diff := cmp.Diff(string(f.Data), got); diff != "" {
						t.Errorf("%s: -want +got:\n%s", f.Name, diff)
					}
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// storyRun makes the run of a story: that of its scenario, by its own name.
func storyRun(t *testing.T, archive *txtar.Archive) *scenario.Recording {
	t.Helper()
	plan := load(t, archive)
	source := part(archive, "story.scenarios.yaml")
	file, found := scenario.Parse("story.scenarios.yaml", source, plan)
	if len(found) > 0 {
		t.Fatal(engine.RenderAll(found, source))
	}
	r := scenario.Rehearse(plan, file.Scenarios[0])
	if !r.Passed() {
		t.Fatal(r.Text())
	}
	started := r.Events[0].Event.(engine.RunStarted)
	started.Run = "20261123T031045Z-k3f7"
	r.Events[0].Event = started
	return scenario.NewRecording(plan, r.Events)
}

// replays tells what comes of the run with each edit of the runbook: lines that begin with - and + are what was written,
// and what is written in its place.
func replays(t *testing.T, archive *txtar.Archive, r *scenario.Recording) string {
	t.Helper()
	var b strings.Builder
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, "edit ")
		if !ok {
			continue
		}
		edited := &txtar.Archive{Files: slices.Clone(archive.Files)}
		was := ""
		for line := range strings.Lines(string(f.Data)) {
			text := strings.ReplaceAll(strings.TrimSuffix(line[2:], "\n"), `\n`, "\n")
			if line[0] == '-' {
				was = text
				continue
			}
			i := slices.IndexFunc(edited.Files, func(f txtar.File) bool {
				return strings.HasSuffix(f.Name, ".yaml") && bytes.Contains(f.Data, []byte(was))
			})
			if i < 0 {
				t.Fatalf("%s: there is no %s", name, was)
			}
			edited.Files[i].Data = bytes.Replace(edited.Files[i].Data, []byte(was), []byte(text), 1)
		}
		replay, err := r.Replay(load(t, edited))
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", name, err)
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", name, replay.Result)
		for _, row := range replay.Rows {
			fmt.Fprintf(&b, "    %s: %s | %s", row.What, strings.Join(row.Recorded.Words, ", "), strings.Join(row.Replayed.Words, ", "))
			if row.NotKnown {
				b.WriteString(" (not known)")
			}
			b.WriteString("\n")
			b.WriteString(because("-", row.Recorded) + because("+", row.Replayed))
		}
		for _, note := range replay.NotKnown {
			fmt.Fprintf(&b, "    ? %s\n", note)
		}
	}
	return b.String()
}

func because(side string, s scenario.Side) string {
	var b strings.Builder
	for _, t := range s.Because {
		if t.Decides {
			fmt.Fprintf(&b, "        %s %s %s %v\n", side, t.Value, t.Text, t.Seen)
		}
	}
	for _, why := range s.Why {
		fmt.Fprintf(&b, "        %s %s\n", side, why)
	}
	return b.String()
}
