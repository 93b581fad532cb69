package scenario_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"runbook/engine"
	"runbook/engine/enginetest"
	"runbook/engine/scenario"
)

var update = flag.Bool("update", false, "write the golden files anew; read them before they are committed")

// Each file under testdata/stories is a runbook, its scenarios, and what a person is told about them. Each file under
// testdata/bad has mistakes, and shows how they are told.
func TestStories(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"stories", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", kind, "*.txtar"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%d stories: %v", len(files), err)
		}
		for _, file := range files {
			t.Run(kind+"/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				t.Parallel()
				archive, err := txtar.ParseFile(file)
				if err != nil {
					t.Fatal(err)
				}
				got := tell(t, archive)
				last := &archive.Files[len(archive.Files)-1]
				if last.Name != "told" {
					t.Fatalf("the last file is %s, and should be told", last.Name)
				}
				if strings.Contains(got, "[") != (kind == "bad") && kind == "bad" {
					t.Errorf("it has no mistake:\n%s", got)
				}
				if *update {
					last.Data = []byte(got)
					if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
						t.Fatal(err)
					}
					return
				}
				if diff := cmp.Diff(string(last.Data), got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		}
	}
}

func part(archive *txtar.Archive, name string) []byte {
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func load(tb testing.TB, archive *txtar.Archive) *engine.Plan {
	tb.Helper()
	source := part(archive, "story.yaml")
	plan, found := engine.Load("story.yaml", source, enginetest.Kinds(), func(name string) (string, []byte, error) {
		if text := part(archive, name+".yaml"); text != nil {
			return name + ".yaml", text, nil
		}
		return "", nil, fmt.Errorf("there is no runbook %s", name)
	})
	if len(found) > 0 {
		tb.Fatalf("load the runbook:\n%s", engine.RenderAll(found, source))
	}
	return plan
}

// tell rehearses all scenarios of a story, and says what came of it.
func tell(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	plan := load(t, archive)
	source := part(archive, "story.scenarios.yaml")
	file, found := scenario.Parse("story.scenarios.yaml", source, plan)
	if len(found) > 0 {
		return engine.RenderAll(found, source)
	}
	var b bytes.Buffer
	coverage := scenario.NewCoverage(plan)
	for _, s := range file.Scenarios {
		r := scenario.Rehearse(plan, s)
		coverage.Add(r)
		if r.Passed() {
			fmt.Fprintf(&b, "ok      %s\n", s.Name.Value)
			continue
		}
		fmt.Fprintf(&b, "FAILED  %s\n%s", s.Name.Value, r.Text())
	}
	reached, of := coverage.Count()
	fmt.Fprintf(&b, "covered: %d of %d\n", reached, of)
	for _, g := range coverage.Gaps() {
		fmt.Fprintf(&b, "%d:%d: %s\n", g.Pos.Line, g.Pos.Col, g.Text)
	}
	return b.String()
}
