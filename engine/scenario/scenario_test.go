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
	"runbook/steps"
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
				if mistaken := strings.Contains(got, "story.scenarios.yaml:"); mistaken != (kind == "bad") {
					t.Errorf("is there a mistake in it? %t:\n%s", mistaken, got)
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

// Every rule has a bad file.
func TestRulesHaveBadFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		told.Write(part(archive, "told"))
	}
	for _, rule := range scenario.Rules() {
		if !strings.Contains(told.String(), "["+rule.Name+"]\n") {
			t.Errorf("rule %s has no bad file", rule.Name)
		}
	}
}

// What a scenario says beside the fields of an output must not be the name of one.
func TestNoOutputIsCalledFails(t *testing.T) {
	t.Parallel()
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if _, taken := k.Output.Field("fails"); taken {
			t.Errorf("%s has an output called fails", k.Name)
		}
	}
}

// Whatever a file holds, it has mistakes or can be rehearsed, and then each scenario of it comes to an end.
func FuzzParse(f *testing.F) {
	book := txtar.Parse([]byte(`
-- story.yaml --
runbook: story
params: {port: {type: port, default: 8080}}
goal: [page]
steps:
  - {id: page, uses: http.get, with: {url: "http://127.0.0.1:${{ params.port }}/"}}
  - {id: port, uses: net.listeners, with: {port: "${{ params.port }}"}}
  - id: restart
    when: not steps.page.healthy and not any(steps.port.sockets, .unit != "shop.service")
    uses: systemd.restart
    with: {unit: shop.service}
    verify: goal
    undo: {uses: command, with: {argv: [undo]}}
  - {id: which, when: steps.page.unhealthy, uses: ask, with: {text: Which?, type: int}}
  - {id: call, when: steps.which.answer == "3", uses: escalate, with: {to: team, say: "It is ${{ steps.port.sockets[0].pid }}."}}
`))
	plan := load(f, book)
	for _, kind := range []string{"stories", "bad"} {
		files, err := filepath.Glob("testdata/" + kind + "/*.txtar")
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(part(archive, "story.scenarios.yaml"))
		}
	}
	f.Add([]byte("sees: {port: {sockets: [{unit: null, pid: 3}]}}\nscenarios:\n  a:\n    sees: {page: [{fails: timeout}, {status: 502}]}\n    does: {restart: [{fails: lost}, {job: done}], restart/undo: {exit: 1}}\n    after: {restart: {page: {status: 200}}}\n    answers: {restart: [\"yes\", again], which: 3}\n    expect: {verdict: fixed, changes: [], outcomes: {call: skipped}, says: [x]}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, found := scenario.Parse("story.scenarios.yaml", src, plan)
		if (file == nil) != (len(found) > 0) {
			t.Fatalf("%d mistakes, and a file: %t", len(found), file != nil)
		}
		if file == nil {
			_ = engine.RenderAll(found, src)
			return
		}
		for _, s := range file.Scenarios {
			r := scenario.Rehearse(plan, s)
			if _, ended := r.State.Ended(); !ended && !r.State.Interrupted() {
				t.Errorf("it does not end:\n%s", r.Text())
			}
			if r.Passed() != (r.Text() == "") {
				t.Errorf("it passed: %t\n%s", r.Passed(), r.Text())
			}
		}
	})
}
