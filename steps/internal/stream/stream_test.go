package stream_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/steps/internal/stream"
)

type nowhere struct{ bytes.Buffer }

func (*nowhere) Close() error { return nil }

func take(chunks ...[]byte) (*stream.Stream, *nowhere) {
	var kept *nowhere
	s := stream.Open(engine.Task{Keep: func(string) io.WriteCloser {
		kept = &nowhere{}
		return kept
	}}, "stdout")
	for _, c := range chunks {
		_, _ = s.Write(c)
	}
	s.Close()
	return s, kept
}

func TestShortOutputIsShownWhole(t *testing.T) {
	s, kept := take([]byte("one\n"), []byte("two\n"))
	if s.Text(nil) != "one\ntwo\n" || kept.String() != "one\ntwo\n" || s.Bytes() != 8 || s.LastLine(nil) != "two" {
		t.Errorf("have %q, kept %q, last %q", s.Text(nil), kept, s.LastLine(nil))
	}
	if whole, ok := s.Whole(); !ok || string(whole) != "one\ntwo\n" {
		t.Errorf("have %q", whole)
	}
	if _, kept := take(); kept != nil {
		t.Error("a process that printed nothing left evidence")
	}
}

func TestLongOutputShowsItsEnds(t *testing.T) {
	line := []byte(strings.Repeat("x", 99) + "\n")
	s, kept := take([]byte("first\n"), bytes.Repeat(line, 1000), []byte("last\n"))
	text := s.Text(nil)
	lines := strings.Split(text, "\n")
	if !strings.HasPrefix(text, "first\n") || !strings.HasSuffix(text, "\nlast\n") || !strings.Contains(text, "left out …") {
		t.Errorf("have %q … %q", text[:20], text[len(text)-20:])
	}
	for _, l := range lines[1 : len(lines)-2] {
		if l != strings.Repeat("x", 99) && !strings.HasPrefix(l, "… ") {
			t.Errorf("a line was cut: %q", l)
		}
	}
	if kept.Len() != 100_011 || s.Bytes() != 100_011 {
		t.Errorf("kept %d bytes of %d", kept.Len(), s.Bytes())
	}
}

func TestNoHalfOfASecretIsLeft(t *testing.T) {
	const secret = "hunter2-s3cret"
	rapid.Check(t, func(t *rapid.T) {
		before, after := rapid.IntRange(4060, 4100).Draw(t, "before"), rapid.IntRange(4060, 4100).Draw(t, "after")
		long := strings.Repeat(".", before) + secret + strings.Repeat(".", 4000) + secret + strings.Repeat(".", after)
		s, _ := take([]byte(long))
		text := strings.ReplaceAll(s.Text([]string{"production", secret}), secret, "")
		for n := 1; n < len(secret); n++ {
			if strings.Contains(text, "."+secret[:n]+"\n") || strings.Contains(text, "\n"+secret[n:]+".") {
				t.Fatalf("a part of the secret is left: %q", text[4040:4140])
			}
		}
	})
	s, _ := take([]byte("bad password " + secret + " for db"))
	if got := s.LastLine(stream.Hidden("", secret)); got != "bad password [not shown] for db" {
		t.Errorf("have %q", got)
	}
}

func TestAnyOutputStaysSmall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "piece")
		n := rapid.IntRange(0, 3000).Draw(t, "times")
		s, _ := take(bytes.Repeat(piece, n))
		text := s.Text(nil)
		raw, err := json.Marshal(text)
		if err != nil || len(raw) > 20<<10 || !utf8.ValidString(text) {
			t.Fatalf("%d bytes became %d of JSON: %v", n*len(piece), len(raw), err)
		}
		if n*len(piece) > 0 && text == "" {
			t.Fatalf("nothing is left of %d bytes", n*len(piece))
		}
	})
}
