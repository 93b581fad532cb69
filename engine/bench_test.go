package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// wide and chain are runbooks of n checks: side by side, and each waiting for the one before.
func wide(n int) string { return checks(n, func(int) string { return "" }) }

func chain(n int) string {
	return checks(n, func(i int) string {
		if i == 0 {
			return ""
		}
		return fmt.Sprintf("    when: steps.c%d.healthy and steps.c%d.on\n", i-1, i-1)
	})
}

func checks(n int, more func(i int) string) string {
	var b strings.Builder
	b.WriteString("runbook: sim\ntitle: Many\ngoal: [c0]\nsteps:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - id: c%d\n    uses: sim.look\n    with: {switch: s}\n%s", i, more(i))
	}
	return b.String()
}

func BenchmarkRun(b *testing.B) {
	for name, source := range map[string]func(int) string{"wide": wide, "chain": chain} {
		for _, n := range []int{100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				plan := load(b, source(n))
				for b.Loop() {
					r := &rehearsal{plan: plan, world: enginetest.NewWorld("s"), journal: &enginetest.Journal{}, clock: &enginetest.Clock{}, mode: engine.Live}
					if err := r.live(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{20, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			source := chain(n)
			for b.Loop() {
				load(b, source)
			}
		})
	}
}
