package systemd

import (
	"testing"

	"go.yaml.in/yaml/v4"

	"runbook/engine"
)

func TestExamples(t *testing.T) {
	h := hostAt(t)
	alone(t)
	kinds, err := kindsOf(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			in := exampleOf(t, k)
			if err := k.Check(in); err != nil {
				t.Errorf("check the example: %v", err)
			}
			if k.Effect == engine.Reads {
				return
			}
			// A change can be described where there is no systemd to ask.
			d, err := k.Describe(t.Context(), in, engine.Task{Step: "step", Attempt: 1})
			if err != nil {
				t.Fatalf("describe the example: %v", err)
			}
			if d.Summary == "" || d.Target == "" || len(d.Exact) == 0 {
				t.Errorf("describe the example: %+v leaves something out", d)
			}
		})
	}
}

func exampleOf(t *testing.T, k engine.Kind) map[string]any {
	t.Helper()
	var in map[string]any
	if err := yaml.Unmarshal([]byte(k.Example), &in); err != nil {
		t.Fatalf("read the example of %s: %v", k.Name, err)
	}
	return in
}
