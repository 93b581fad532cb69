package screen

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

func TestTextFromStrangersIsHarmless(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"colours go":              {"\x1b[1;31mred\x1b[0m", "red"},
		"a cursor can't be moved": {"a\x1b[2Jb\x1b]0;title\x07", "a\uFFFD[2Jb\uFFFD]0;title\uFFFD"},
		"one-byte sequences too":  {"a\u009b2Jb", "a\uFFFD2Jb"},
		"no line is overwritten":  {"yes\rno", "yes\uFFFDno"},
		"no word is turned":       {"abc\u202Edef\u2066x\u200Ey", "abc\uFFFDdef\uFFFDx\uFFFDy"},
		"no word is hidden":       {"a\u200Bb\uFEFFc\u00ADd\U000E0041e", "a\uFFFDb\uFFFDc\uFFFDd\uFFFDe"},
		"joined emoji stay":       {"👩\u200D🚒", "👩\u200D🚒"},
		"bytes that are no text":  {"a\xffb", "a\uFFFDb"},
		"lines of Windows":        {"a\r\nb", "a\nb"},
		"tabs are blanks":         {"a\tb", "a    b"},
		"a secret has a name":     {"x" + engine.SecretMarker("token") + "y", "x[secret token]y"},
		"backspaces show":         {"rm\b\bls\x7f", "rm\uFFFD\uFFFDls\uFFFD"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Clean(c.in); got != c.want {
				t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
	if got := Line(" a\n\n b\tc "); got != "a b c" {
		t.Errorf("Line = %q", got)
	}
	if got := Exact("a\nb"); got != "a\uFFFDb" {
		t.Errorf("Exact = %q", got)
	}
}

func TestWrappedLinesFit(t *testing.T) {
	text := "Restart the launcher. " + strings.Repeat("x", 50) + " 日本語のテキスト日本語のテキスト\n  - an item that is long enough to be broken\n\nend"
	for width := 8; width < 60; width++ {
		for _, line := range Wrap(text, width) {
			if Width(line) > width {
				t.Fatalf("at %d columns this takes %d: %q", width, Width(line), line)
			}
		}
	}
	want := []string{"Restart the", "launcher."}
	if diff := cmp.Diff(want, Wrap("Restart the launcher.", 12)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"  - one", "  two"}, Wrap("  - one two", 8)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"touch a;  ", "touch  ", "0123456789", "0123456789"}, Hard("touch a;  touch  01234567890123456789", 10)); diff != "" {
		t.Error(diff)
	}
}

func TestExplanationsShowTheValuesBesideTheTerms(t *testing.T) {
	terms := []engine.Term{
		{Text: "not steps.page.healthy", Value: engine.True, Seen: []engine.Seen{{Name: "page", Value: "status 502, expected 200", Known: true}}},
		{Text: "not findings.port_taken", Value: engine.True, Seen: []engine.Seen{{Name: "sockets", Value: "[]", Known: true}}},
	}
	want := []string{
		"not steps.page.healthy   page: status 502, expected 200",
		"not findings.port_taken  sockets = []",
	}
	if diff := cmp.Diff(want, Explain(terms, 73)); diff != "" {
		t.Error(diff)
	}
	terms[1] = engine.Term{Text: "steps.logs.matched > 0", Value: engine.Unknown, Seen: []engine.Seen{{Name: "logs.matched", Value: "could not be made: permission denied (denied)"}}}
	want = []string{
		"not steps.page.healthy  true     page: status 502, expected 200",
		"steps.logs.matched > 0  unknown  logs.matched could not be made:",
		"                                 permission denied (denied)",
	}
	if diff := cmp.Diff(want, Explain(terms, 73)); diff != "" {
		t.Error(diff)
	}
	want = []string{
		"not steps.page.healthy  true",
		"    page: status 502, expected 200",
		"steps.logs.matched > 0  unknown",
		"    logs.matched could not be made:",
		"    permission denied (denied)",
	}
	if diff := cmp.Diff(want, Explain(terms, 40)); diff != "" {
		t.Error(diff)
	}
}

func TestWordsOnly(t *testing.T) {
	env := func(string) string { return "xterm-256color" }
	s := New(&bytes.Buffer{}, env)
	if s.Terminal || s.Width != 80 || s.Paint.Bad("FAILED") != "FAILED" || s.Paint.Strong("x") != "x" {
		t.Errorf("a buffer is no terminal: %+v", s)
	}
	p := Paint{strong: true, colour: true}
	if got := p.Bad("FAILED"); !strings.Contains(got, "FAILED") || !strings.Contains(got, "\x1b[") {
		t.Errorf("no colour: %q", got)
	}
	if got := (Paint{strong: true}).Bad("FAILED"); strings.Contains(got, "31") || !strings.Contains(got, "\x1b[1m") {
		t.Errorf("without colours a word may be bold only: %q", got)
	}
}

func TestMoments(t *testing.T) {
	at := time.Date(2026, 11, 20, 3, 12, 4, 0, time.UTC)
	s := Screen{Terminal: true, Zone: time.FixedZone("CET", 3600)}
	if got := s.Day(at); got != "2026-11-20 03:12:04 UTC (04:12:04 CET)" {
		t.Error(got)
	}
	s.Zone = time.UTC
	if got := s.Moment(at); got != "03:12:04 UTC" {
		t.Error(got)
	}
	s = Screen{Zone: time.FixedZone("CET", 3600)}
	if got := s.Moment(at); got != "03:12:04 UTC" {
		t.Error("in a file there is no local time:", got)
	}
}

func TestRule(t *testing.T) {
	got := Screen{Width: 40}.Rule("restart · step 7 of 9", "CHANGES")
	if got != "── restart · step 7 of 9 ──── CHANGES ──" || Width(got) != 40 {
		t.Errorf("%q is %d wide", got, Width(got))
	}
}

func TestProseFlows(t *testing.T) {
	got := Flow("One\ntwo three.\n\n- an item\n  that goes on\n- another\n\n1. first\n", 12)
	want := []string{"One two", "three.", "", "- an item", "  that goes", "  on", "- another", "", "1. first"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
