package steps_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/steps"
)

var update = flag.Bool("update", false, "write docs/steps.md anew; read it before it is committed")

const reference = "../docs/steps.md"

func TestReferenceIsFresh(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	want := steps.Markdown(kinds)
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), want); diff != "" {
		t.Errorf("docs/steps.md is stale; run go test ./steps -run Reference -update:\n%s", diff)
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
