package engine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

// A shape says what its tags say, for the fields inside of others too.
func TestShapeOfOutputs(t *testing.T) {
	type item struct {
		Name string  `json:"name" key:"true" doc:"its name"`
		PID  *int    `json:"pid" moves:"true" doc:"its number"`
		Unit *string `json:"unit" doc:"its unit"`
	}
	type output struct {
		Items []item `json:"items" doc:"what there is"`
		Count int    `json:"count" restates:"items" doc:"how many there are"`
	}
	s, err := engine.ShapeOf[output]()
	if err != nil {
		t.Fatal(err)
	}
	text, whole := engine.Type{Kind: engine.String}, engine.Type{Kind: engine.Int}
	want := engine.Shape{Fields: []engine.Field{
		{Name: "items", Doc: "what there is", Type: engine.Type{Kind: engine.List, Elem: &engine.Type{Kind: engine.Object, Fields: []engine.Field{
			{Name: "name", Doc: "its name", Type: text, Key: true},
			{Name: "pid", Doc: "its number", Type: whole, Nullable: true, Moves: true},
			{Name: "unit", Doc: "its unit", Type: text, Nullable: true},
		}}}},
		{Name: "count", Doc: "how many there are", Type: whole, Restates: "items"},
	}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

// A field can only say again what another one beside it says.
func TestRestatingNeedsAnother(t *testing.T) {
	type none struct {
		Count int `json:"count" restates:"items" doc:"how many there are"`
	}
	type itself struct {
		Count int `json:"count" restates:"count" doc:"how many there are"`
	}
	_, noneErr := engine.ShapeOf[none]()
	_, itselfErr := engine.ShapeOf[itself]()
	for _, err := range []error{noneErr, itselfErr} {
		if err == nil || !strings.Contains(err.Error(), "which is no other field") {
			t.Errorf("have %v", err)
		}
	}
}
