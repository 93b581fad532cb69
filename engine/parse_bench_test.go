package engine_test

import (
	"bytes"
	"fmt"
	"testing"

	"go.yaml.in/yaml/v4"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// twenty is a runbook of twenty steps, as they are written.
func twenty() []byte {
	var b bytes.Buffer
	b.WriteString("runbook: twenty\ntitle: The page does not answer\nowner: platform team\nreviewed: 2026-11-20\n")
	b.WriteString("params:\n  unit: {type: unit, default: nginx.service}\n  port: {type: port, default: 3000}\ngoal: [check_0]\nsteps:\n")
	for i := range 10 {
		fmt.Fprintf(&b, "  - id: check_%d\n    title: Ask page %d\n    uses: http.get\n", i, i)
		fmt.Fprintf(&b, "    with: {url: \"http://127.0.0.1:3000/%d\", timeout: 5s}\n    expect: status == 200\n    retry: {attempts: 2, every: 1s}\n\n", i)
		fmt.Fprintf(&b, "  - id: fix_%d\n    title: Restart the unit\n    needs: [check_%d]\n    when: not steps.check_%d.healthy\n", i, i, i)
		fmt.Fprintf(&b, "    uses: systemd.restart\n    with: {unit: \"${{ params.unit }}\"}\n    risk: low\n    why: It does not answer.\n    verify: [check_0]\n    within: 60s\n\n")
	}
	b.WriteString("findings:\n  - {id: down, when: steps.check_0.unhealthy, say: \"Port ${{ params.port }} does not answer.\"}\n")
	return b.Bytes()
}

// BenchmarkYAML is what the YAML library alone takes: the measure for the rest.
func BenchmarkYAML(b *testing.B) {
	src := twenty()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		loader, err := yaml.NewLoader(bytes.NewReader(src))
		if err != nil {
			b.Fatal(err)
		}
		var n yaml.Node
		if err := loader.Load(&n); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse reads a runbook of twenty steps.
func BenchmarkParse(b *testing.B) {
	src := twenty()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := engine.Parse("twenty.yaml", src); len(diags) > 0 {
			b.Fatal(engine.RenderAll(diags, src))
		}
	}
}

// BenchmarkParseAndCheck reads it and holds it against all rules. It should take at most twice as long as the YAML.
func BenchmarkParseAndCheck(b *testing.B) {
	src := twenty()
	kinds := enginetest.Kinds()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		rb, diags := engine.Parse("twenty.yaml", src)
		if diags = append(diags, engine.Check(rb, kinds)...); len(diags) > 0 {
			b.Fatal(engine.RenderAll(diags, src))
		}
	}
}
