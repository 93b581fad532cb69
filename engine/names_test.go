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

// All names that mean nothing are reported at once, each where the wrong word stands.
func TestEveryUnknownNameHasItsPlace(t *testing.T) {
	const source = `runbook: sim
title: Names
steps:
  - id: page
    uses: sim.look
    with: {switch: "a ${{ steps.flga.on }} ${{ params.nope }}"}
    when: not steps.pge.healthy and findings.nope or steps.page.helthy
`
	kinds, err := enginetest.SimKinds()
	if err != nil {
		t.Fatal(err)
	}
	_, diags := engine.Load("sim.yaml", []byte(source), kinds, nil)
	lines := strings.Split(source, "\n")
	var words []string
	for _, d := range diags {
		line := lines[d.Pos.Line-1]
		words = append(words, line[d.Pos.Col-1:d.Pos.Col-1+d.Length])
	}
	if got, want := strings.Join(words, " "), "flga nope pge nope helthy"; got != want {
		t.Errorf("the carets stand under %q, want %q", got, want)
	}
}

// A literal that does not fit the parameter of an inner runbook is found when the outer one is loaded.
func TestLiteralParametersOfAnInnerRunbook(t *testing.T) {
	const outer = "runbook: outer\ntitle: Outer\nsteps:\n  - id: inner\n    uses: runbook\n    with: {name: inner, params: {where: rel, port: 99999}}\n"
	const inner = "runbook: inner\ntitle: Inner\nparams:\n  where: {type: path, required: true}\n  port: {type: port, default: 80}\nsteps:\n  - id: c\n    uses: sim.look\n    with: {switch: \"${{ params.where }}\"}\n"
	kinds, err := enginetest.SimKinds()
	if err != nil {
		t.Fatal(err)
	}
	_, diags := engine.Load("outer.yaml", []byte(outer), kinds, func(string) (string, []byte, error) {
		return "inner.yaml", []byte(inner), nil
	})
	var places []string
	for _, d := range diags {
		places = append(places, strings.SplitAfter(outer, "\n")[d.Pos.Line-1][d.Pos.Col-1:d.Pos.Col-1+d.Length])
	}
	if got, want := strings.Join(places, " "), "rel 99999"; got != want {
		t.Errorf("mistakes at %q, want %q: %+v", got, want, diags)
	}
}
