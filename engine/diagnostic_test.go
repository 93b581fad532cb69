package engine_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runbook/engine"
)

func TestRender(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("abcdefghi ", 30)
	for _, tt := range []struct {
		name string
		src  string
		d    engine.Diagnostic
		want string
	}{
		{
			"a hint", "one\n  two three\n",
			engine.Diagnostic{Pos: engine.Pos{Line: 2, Col: 7}, Length: 5, Hint: "did you mean four?"},
			"x.yaml:2:7: wrong [rule]\n    2 |   two three\n      |       ^^^^^\n      did you mean four?\n",
		},
		{
			"nowhere", "one\n",
			engine.Diagnostic{Hint: "did you mean two?"},
			"x.yaml: wrong [rule]\n      did you mean two?\n",
		},
		{
			"a line that is not there", "one",
			engine.Diagnostic{Pos: engine.Pos{Line: 9, Col: 1}},
			"x.yaml:9:1: wrong [rule]\n",
		},
		{
			"past the end of the line", "one\n",
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 9}, Length: 3},
			"x.yaml:1:9: wrong [rule]\n    1 | one\n      |    ^\n",
		},
		{
			"longer than the line", "one two\n",
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 5}, Length: 30},
			"x.yaml:1:5: wrong [rule]\n    1 | one two\n      |     ^^^\n",
		},
		{
			"tabs", "\tone\ttwo\n",
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 6}, Length: 3},
			"x.yaml:1:6: wrong [rule]\n    1 |     one    two\n      |            ^^^\n",
		},
		{
			"wide characters", "日本: e\u0301😀x\n",
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 8}, Length: 1},
			"x.yaml:1:8: wrong [rule]\n    1 | 日本: e\u0301😀x\n      |          ^\n",
		},
		{
			"a wide character", "a日b\n",
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 2}, Length: 1},
			"x.yaml:1:2: wrong [rule]\n    1 | a日b\n      |  ^^\n",
		},
		{
			"what upsets a terminal", "a\x1b[2J\u202eb\x00\n",
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 2}, Length: 1},
			"x.yaml:1:2: wrong [rule]\n    1 | a\uFFFD[2J\uFFFDb\uFFFD\n      |  ^\n",
		},
		{
			"what a message quotes", "a\n",
			engine.Diagnostic{File: "x\x1b.yaml", Hint: "did you mean \x1b[2J\n?"},
			"x\uFFFD.yaml: wrong [rule]\n      did you mean \uFFFD[2J\uFFFD?\n",
		},
		{
			"a byte order mark and windows", "\uFEFFone\r\ntwo\r\n",
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 1}, Length: 3},
			"x.yaml:1:1: wrong [rule]\n    1 | one\n      | ^^^\n",
		},
		{
			"behind a line that just fits", long[:72],
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 73}},
			"x.yaml:1:73: wrong [rule]\n    1 | …" + long[2:72] + "\n      | " + strings.Repeat(" ", 71) + "^\n",
		},
		{
			"the beginning of a long line", long,
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 1}, Length: 9},
			"x.yaml:1:1: wrong [rule]\n    1 | " + long[:70] + "…\n      | ^^^^^^^^^\n",
		},
		{
			"the middle of a long line", long,
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 151}, Length: 9},
			"x.yaml:1:151: wrong [rule]\n    1 | …" + long[127:197] + "…\n      |                         ^^^^^^^^^\n",
		},
		{
			"the end of a long line", long,
			engine.Diagnostic{Pos: engine.Pos{Line: 1, Col: 291}, Length: 9},
			"x.yaml:1:291: wrong [rule]\n    1 | …" + strings.TrimRight(long[230:], " ") + "\n      | " + strings.Repeat(" ", 61) + "^^^^^^^^^\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.d.File, tt.d.Message, tt.d.Rule = orFile(tt.d.File), "wrong", "rule"
			if diff := cmp.Diff(tt.want, engine.Render(tt.d, []byte(tt.src))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the source and the place, an excerpt is at most 80 columns wide and clean, and has a caret.
func TestRenderAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.StringOfN(rapid.RuneFrom([]rune("ab \t\n\r\x1b\u202e日é\u0301😀")), 0, 400, -1).Draw(t, "src")
		d := engine.Diagnostic{
			File: "x", Message: "m", Rule: "r",
			Pos:    engine.Pos{Line: rapid.IntRange(0, 20).Draw(t, "line"), Col: rapid.IntRange(0, 500).Draw(t, "col")},
			Length: rapid.IntRange(-1, 500).Draw(t, "length"),
		}
		lines := strings.Split(strings.TrimSuffix(engine.Render(d, []byte(src)), "\n"), "\n")
		if len(lines) == 1 {
			return
		}
		if len(lines) != 3 || !strings.Contains(lines[2], "^") {
			t.Fatalf("no caret in %q", lines)
		}
		for _, line := range lines[1:] {
			if n := utf8.RuneCountInString(line); n > 80 {
				t.Fatalf("%d characters in %q", n, line)
			}
			if strings.ContainsAny(line, "\x1b\u202e\t\r") {
				t.Fatalf("not clean: %q", line)
			}
		}
	})
}

func TestRenderAll(t *testing.T) {
	t.Parallel()
	var many []engine.Diagnostic
	for range 105 {
		many = append(many, engine.Diagnostic{File: "x", Message: "m", Rule: "r"})
	}
	got := engine.RenderAll(many, nil)
	if n := strings.Count(got, "x: m [r]\n"); n != 100 {
		t.Errorf("%d are shown, want 100", n)
	}
	if !strings.HasSuffix(got, "x: m [r]\n\nand 5 more\n") {
		t.Errorf("it ends with %q", got[len(got)-40:])
	}
	if got := engine.RenderAll(many[:2], nil); got != "x: m [r]\n\nx: m [r]\n" {
		t.Errorf("two are %q", got)
	}
}

func orFile(name string) string {
	if name == "" {
		return "x.yaml"
	}
	return name
}
