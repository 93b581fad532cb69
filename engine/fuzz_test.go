package engine_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"runbook/engine"
	"runbook/engine/enginetest"
)

var excerptLine = regexp.MustCompile(`^ *[0-9]* \| `)

// No file makes the reader panic, and whatever is wrong with it is shown at a place that is there.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"bad/*.yaml", "good/*.yaml"} {
		for _, file := range glob(f, pattern) {
			f.Add(readFile(f, file))
		}
	}
	kinds := enginetest.Kinds()
	f.Fuzz(func(t *testing.T, src []byte) {
		rb, diags := engine.Parse("x.yaml", src)
		if rb == nil && len(diags) == 0 {
			t.Fatal("neither a document nor a mistake")
		}
		if rb != nil {
			diags = append(diags, engine.Check(rb, kinds)...)
			diags = append(diags, engine.Lint(rb, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC))...)
		}
		lines := strings.Split(strings.TrimPrefix(string(src), "\uFEFF"), "\n")
		for _, d := range diags {
			if d.Pos.Line == 0 {
				continue
			}
			if d.Pos.Line > len(lines) || d.Pos.Col < 1 || d.Pos.Col > utf8.RuneCountInString(lines[d.Pos.Line-1])+1 {
				t.Errorf("a place that is not there: %s", d)
			}
		}
		for line := range strings.Lines(engine.RenderAll(diags, src)) {
			if excerptLine.MatchString(line) && utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("wider than 80 columns: %q", line)
			}
		}
	})
}

// No file of parameters makes its reader panic.
func FuzzParseParams(f *testing.F) {
	f.Add([]byte("port: 3000\ndir: /var/www\n"))
	f.Add([]byte("a: [1]\n<<: *b\n? x\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		values, diags := engine.ParseParams("p.yaml", src)
		if len(diags) > 0 && values != nil {
			t.Error("values of a file that has mistakes")
		}
	})
}
