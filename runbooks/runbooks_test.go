package runbooks_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/scenario"
	"runbook/runbooks"
	"runbook/steps"
)

const scenarios = ".scenarios.yaml"

// Every shipped runbook loads without a word, goes every way that its scenarios say, and has no step, finding or outcome
// that no scenario reaches.
func TestShipped(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(runbooks.FS, "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d runbooks: %v", len(files), err)
	}
	find := func(name string) (string, []byte, error) {
		source, err := fs.ReadFile(runbooks.FS, name+".yaml")
		if err != nil {
			return "", nil, fmt.Errorf("there is no runbook %s", name)
		}
		return name + ".yaml", source, nil
	}
	for _, file := range files {
		name, isScenarios := strings.CutSuffix(file, scenarios)
		if isScenarios {
			if _, _, err := find(name); err != nil {
				t.Errorf("%s rehearses nothing: %v", file, err)
			}
			continue
		}
		name = strings.TrimSuffix(file, ".yaml")
		t.Run(name, func(t *testing.T) {
			_, source, err := find(name)
			if err != nil {
				t.Fatal(err)
			}
			plan, diags := engine.Load(file, source, kinds, find)
			if len(diags) > 0 {
				t.Fatal(engine.RenderAll(diags, source))
			}
			rehearse(t, name+scenarios, plan)
		})
	}
}

func rehearse(t *testing.T, file string, plan *engine.Plan) {
	t.Helper()
	source, err := fs.ReadFile(runbooks.FS, file)
	if err != nil {
		t.Fatal(err)
	}
	all, diags := scenario.Parse(file, source, plan)
	if len(diags) > 0 {
		t.Fatal(engine.RenderAll(diags, source))
	}
	coverage, rehearsed := scenario.NewCoverage(plan), 0
	for _, s := range all.Scenarios {
		t.Run(s.Name.Value, func(t *testing.T) {
			r := scenario.Rehearse(plan, s)
			coverage.Add(r)
			rehearsed++
			if text := r.Text(); text != "" {
				t.Errorf("%s:%d: %s\n%s", file, s.Name.Pos.Line, s.Title, text)
			}
			if s.Title == "" {
				t.Errorf("%s:%d: a shipped scenario says what has happened", file, s.Name.Pos.Line)
			}
		})
	}
	if t.Failed() || rehearsed < len(all.Scenarios) {
		return // what is missing is told when nothing is wrong, and nothing was left out by -run
	}
	for _, gap := range coverage.Gaps() {
		t.Errorf("%s:%d: %s", plan.Runbook.File, gap.Pos.Line, gap.Text)
	}
}
