package reports

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

func TestPick(t *testing.T) {
	lines := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "line %d\n", i+1)
		}
		return b.String()
	}
	for _, c := range []struct {
		name, text, pattern string
		want                []string
	}{
		{"empty", "", "x", nil},
		{"no newline at the end", "a\nb", "b", []string{"1  a", "2* b"}},
		{"empty lines count", "\n\na\n", "x", []string{"1  ", "2  ", "3  a"}},
		{"head and tail", lines(17), "x", []string{
			" 1  line 1", " 2  line 2", " 3  line 3", "    … 2 lines left out", " 6  line 6", " 7  line 7", " 8  line 8", " 9  line 9",
			"10  line 10", "11  line 11", "12  line 12", "13  line 13", "14  line 14", "15  line 15", "16  line 16", "17  line 17",
		}},
		{"a match in between", lines(18), "line 5$", []string{
			" 1  line 1", " 2  line 2", " 3  line 3", "    … 1 line left out", " 5* line 5", "    … 1 line left out", " 7  line 7",
			" 8  line 8", " 9  line 9", "10  line 10", "11  line 11", "12  line 12", "13  line 13", "14  line 14", "15  line 15",
			"16  line 16", "17  line 17", "18  line 18",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := pick(strings.NewReader(c.text), []*regexp.Regexp{regexp.MustCompile(c.pattern)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, p.shown()); diff != "" {
				t.Errorf("shown (-want +got):\n%s", diff)
			}
		})
	}
}

// endless gives the same byte for a long time.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range n {
		p[i] = 'x'
	}
	e.left -= n
	return n, nil
}

// A line of any length is one line, and only its beginning is held.
func TestPickALongLine(t *testing.T) {
	p, err := pick(io.MultiReader(&endless{64 << 20}, strings.NewReader("\nend\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.lines != 2 || len(p.keep) != 2 {
		t.Fatalf("%d lines, %d kept; want 2", p.lines, len(p.keep))
	}
	if n := len(p.keep[0].text); n != longestLine {
		t.Errorf("%d bytes of the long line are held, want %d", n, longestLine)
	}
	shown := p.shown()
	if n := len([]rune(shown[0])); n != excerptLine+len("1  ") {
		t.Errorf("%d characters of the long line are shown, want %d", n, excerptLine+len("1  "))
	}
	if shown[1] != "2  end" {
		t.Errorf("the last line is %q", shown[1])
	}
}

// What a runbook's own steps look for in journals is what an excerpt marks. A pattern that hangs on more than parameters
// is not known here.
func TestPatterns(t *testing.T) {
	scalar := func(s string) engine.Value { return engine.Value{Kind: engine.Scalar, Text: engine.Text{Value: s}} }
	entry := func(key string, v engine.Value) engine.Entry {
		return engine.Entry{Key: engine.Text{Value: key}, Value: v}
	}
	with := engine.Value{Kind: engine.Mapping, Entries: []engine.Entry{
		entry("match", scalar("port ${{ params.port }}")),
		entry("signatures", engine.Value{Kind: engine.Mapping, Entries: []engine.Entry{
			entry("taken", scalar("EADDRINUSE")), entry("other", scalar("${{ steps.a.b }}")), entry("broken", scalar("(")),
		}}),
	}}
	r := report{view: &View{
		Start: engine.RunStarted{Params: map[string]any{"port": float64(3000)}},
		Steps: []*Step{
			{Path: "logs", Kind: "systemd.journal", Plan: &engine.PlanStep{Step: &engine.Step{With: with}}},
			{Path: "page", Kind: "http.get", Plan: &engine.PlanStep{Step: &engine.Step{With: with}}},
		},
	}}
	var got []string
	for _, re := range r.patterns() {
		got = append(got, re.String())
	}
	if diff := cmp.Diff([]string{"port 3000", "EADDRINUSE"}, got); diff != "" {
		t.Errorf("patterns (-want +got):\n%s", diff)
	}
}
