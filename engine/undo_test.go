package engine_test

import (
	"slices"
	"testing"

	"runbook/engine/enginetest"
)

// The way back may rest on what the step itself gave: where it kept the file that was there, say.
func TestUndoReadsItsOwnStep(t *testing.T) {
	const source = `runbook: sim
title: Undo
goal: [page]
steps:
  - id: page
    uses: sim.look
    with: {switch: page}
  - id: flip
    when: not steps.page.healthy
    uses: sim.flip
    with: {on: [other]}
    verify: [page]
    within: 2s
    undo: {uses: sim.flip, with: {off: ["other ${{ steps.flip.flipped }}"]}}
`
	r := rehearse(t, source, enginetest.NewWorld())
	if err := r.live(t.Context()); err != nil {
		t.Fatal(err)
	}
	if made := r.world.Made(); !slices.Equal(made, []string{"flip", "flip"}) {
		t.Errorf("made %v\n%s", made, r.story())
	}
}
