package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// condition draws an expression over the outcomes of some checks.
func condition(t *rapid.T, checks, depth int) string {
	leaf := func() string {
		word := rapid.SampledFrom([]string{"healthy", "unhealthy", "on"}).Draw(t, "word")
		return fmt.Sprintf("steps.c%d.%s", rapid.IntRange(0, checks-1).Draw(t, "check"), word)
	}
	if depth == 0 {
		return leaf()
	}
	a, b := condition(t, checks, depth-1), condition(t, checks, depth-1)
	switch rapid.IntRange(0, 5).Draw(t, "form") {
	case 0:
		return leaf()
	case 1:
		return "not (" + a + ")"
	case 2:
		return "(" + a + " or " + b + ")"
	case 3:
		return "(" + leaf() + " == " + leaf() + ")"
	case 4:
		return "(" + leaf() + " ? " + leaf() + " : " + leaf() + ")"
	default:
		return "(" + a + " and " + b + ")"
	}
}

// What is decided with less known is decided the same with more known: nothing unknown ever counts as true or false.
func TestMoreKnowledgeFlipsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const checks = 3
		when := condition(t, checks, 3)
		on := rapid.SliceOfN(rapid.Bool(), checks, checks).Draw(t, "on")
		conclude := func(unknown int) engine.Tri {
			var b strings.Builder
			b.WriteString("runbook: sim\ntitle: Known\nsteps:\n")
			var switches []string
			for i := range checks {
				fmt.Fprintf(&b, "  - id: c%d\n    uses: sim.look\n    with: {switch: s%d, fails: %t}\n", i, i, unknown&(1<<i) != 0)
				if on[i] {
					switches = append(switches, fmt.Sprint("s", i))
				}
			}
			fmt.Fprintf(&b, "findings:\n  - id: it\n    when: '%s'\n    say: It is so.\n", when)
			w := enginetest.NewWorld(switches...)
			r := &rehearsal{plan: load(t, b.String()), world: w, journal: &enginetest.Journal{}, clock: &enginetest.Clock{}, mode: engine.Live}
			if err := r.watched(func(*engine.State) {}); err != nil {
				t.Fatalf("run: %v", err)
			}
			value := engine.Unknown
			for _, e := range r.events(t) {
				if c, ok := e.Event.(engine.Concluded); ok {
					value = c.Value
				}
			}
			return value
		}
		known := conclude(0)
		if known == engine.Unknown {
			t.Fatalf("%s is unknown, though everything is known", when)
		}
		for unknown := 1; unknown < 1<<checks; unknown++ {
			if got := conclude(unknown); got != engine.Unknown && got != known {
				t.Fatalf("%s is %s without checks %03b, and %s with all", when, got, unknown, known)
			}
		}
	})
}
