package steps_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
	"runbook/engine/schema"
	"runbook/steps"
)

var update = flag.Bool("update", false, "write the generated files in docs/ anew; read them before they are committed")

// The files in docs/ that are made from the step kinds say what the kinds are now.
func TestReferenceIsFresh(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	json, err := schema.Generate(engine.Kinds(kinds))
	if err != nil {
		t.Fatal(err)
	}
	scenarios, err := schema.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"../docs/steps.md":              steps.Markdown(kinds),
		"../docs/runbook.schema.json":   string(json),
		"../docs/scenarios.schema.json": string(scenarios),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(have), want); diff != "" {
			t.Errorf("%s is stale; run go test ./steps -run Reference -update:\n%s", path, diff)
		}
	}
}

func TestReferenceSaysEverything(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		text := steps.KindMarkdown(k)
		for _, f := range k.Input.Fields {
			if !strings.Contains(text, "| `"+f.Name+"` |") {
				t.Errorf("%s: input %s is not described", k.Name, f.Name)
			}
		}
		for _, f := range k.Output.Fields {
			if !strings.Contains(text, "| `"+f.Name+"` |") {
				t.Errorf("%s: output %s is not described", k.Name, f.Name)
			}
		}
		if k.Expect != "" && !strings.Contains(text, k.Expect) {
			t.Errorf("%s: its expectation is not described", k.Name)
		}
	}
}
