package engine_test

import (
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// A run must be repeatable from its journal, so no condition may ask for the time.
func TestNowIsOff(t *testing.T) {
	const source = "runbook: sim\ntitle: Time\nsteps:\n  - id: c\n    uses: sim.look\n    with: {switch: a}\n    when: now().Year() > 2000\n"
	kinds, err := enginetest.SimKinds()
	if err != nil {
		t.Fatal(err)
	}
	_, diags := engine.Load("sim.yaml", []byte(source), kinds, nil)
	if len(diags) != 1 || !strings.Contains(diags[0].Message, "now") {
		t.Errorf("mistakes: %+v", diags)
	}
}
