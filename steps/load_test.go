package steps_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/steps"
)

// A reader copies the example from the reference into a runbook. It must load, with the expectation that the kind brings
// along.
func TestExamplesLoad(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			source := runbookWith(k)
			_, diagnostics := engine.Load("example.yaml", []byte(source), kinds, other)
			if len(diagnostics) > 0 {
				t.Error(engine.RenderAll(diagnostics, []byte(source)))
			}
		})
	}
}

func runbookWith(k engine.Kind) string {
	var b strings.Builder
	b.WriteString("runbook: example\ntitle: An example\ngoal: [healthy_then]\nsteps:\n")
	b.WriteString("  - {id: healthy_then, title: The goal, uses: net.dial, with: {address: \"127.0.0.1:80\"}}\n")
	b.WriteString("  - id: example\n    title: Try it\n    uses: " + k.Name + "\n")
	if k.Effect == engine.Changes {
		b.WriteString("    why: It shows how.\n    verify: none\n")
	}
	if k.Example != "" {
		b.WriteString("    with:\n")
		for line := range strings.Lines(strings.TrimSpace(k.Example)) {
			b.WriteString("      " + line)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// other is a runbook that another one can run.
func other(name string) (string, []byte, error) {
	text := fmt.Sprintf("runbook: %s\ntitle: Another\nparams:\n  port: {type: port, default: 80}\nsteps:\n  - {id: look, title: Look, uses: net.listeners}\n", name)
	return name + ".yaml", []byte(text), nil
}

func TestKindsAreInOneOrder(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	again, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	name := func(k engine.Kind) string { return k.Name }
	if !slices.EqualFunc(kinds, again, func(a, b engine.Kind) bool { return name(a) == name(b) }) || len(kinds) < 27 {
		t.Errorf("have %d kinds", len(kinds))
	}
}
