package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// split writes text in pieces of chance lengths, and closes.
func split(t *rapid.T, s *Secrets, text string) (out string, cuts int) {
	var b bytes.Buffer
	w := s.Writer(&b)
	for rest := text; rest != ""; {
		n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
		if _, err := w.Write([]byte(rest[:n])); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.Cuts()
}

// slow does what the automaton does, by looking everywhere for everything.
func slow(secrets []Secret, text string) string {
	type found struct {
		from, to int // in text
		length   int
		name     string
	}
	var all []found
	folds := newWords()
	for _, s := range secrets {
		for _, form := range forms(s.Value) {
			folds.add(form, "")
		}
	}
	for from := range len(text) {
		if isBreak(text[from]) {
			continue
		}
		for _, s := range secrets {
			for _, form := range forms(s.Value) {
				word := strings.NewReplacer("\n", "", "\r", "").Replace(form)
				to, breaks := from, 0
				matched := 0
				for to < len(text) && matched < len(word) && breaks <= folds.folds {
					if isBreak(text[to]) {
						breaks++
					} else if breaks = 0; text[to] == word[matched] {
						matched++
					} else {
						break
					}
					to++
				}
				if matched == len(word) && matched >= Shortest {
					all = append(all, found{from, to, matched, s.Name})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.from - b.from })
	var merged []found
	for _, f := range all {
		if n := len(merged) - 1; n >= 0 && f.from < merged[n].to {
			merged[n].to = max(merged[n].to, f.to)
			continue
		}
		merged = append(merged, f)
	}
	var b strings.Builder
	at := 0
	for _, f := range merged {
		b.WriteString(text[at:f.from] + "[secret]")
		at = f.to
	}
	return b.String() + text[at:]
}

// Few letters, so that secrets overlap, repeat, and begin without ending.
func TestAgainstTheSlowWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringMatching(`[ab]{4,7}|[ab]{2}\n{1,6}[ab]{2}`), 1, 4).Draw(t, "secrets")
		secrets := make([]Secret, 0, len(values))
		for i, v := range values {
			secrets = append(secrets, Secret{fmt.Sprint(i), v})
		}
		s, err := New(secrets...)
		if err != nil {
			t.Fatal(err)
		}
		// The end is no beginning of a secret, which would be cut too.
		text := rapid.StringMatching(`([ab]{0,9}[\n\r]{0,7}|[ab]{3,5}|x)*`).Draw(t, "text") + "."
		got, cuts := split(t, s, text)
		for i := range secrets {
			got = strings.ReplaceAll(got, fmt.Sprintf("[secret %d]", i), "[secret]")
		}
		if want := slow(secrets, text); got != want {
			t.Fatalf("%q\ngave %q\nwant %q", text, got, want)
		}
		if n := strings.Count(got, "[secret]"); n != cuts {
			t.Fatalf("%d cuts counted, %d made", cuts, n)
		}
	})
}

// disguises are the ways in which a secret is printed.
func disguises() map[string]func(value, before, after string) string {
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) }
	return map[string]func(value, before, after string) string{
		"plain":        func(v, b, a string) string { return b + v + a },
		"base64":       func(v, b, a string) string { return base64.StdEncoding.EncodeToString([]byte(b + v + a)) },
		"base64 url":   func(v, b, a string) string { return base64.RawURLEncoding.EncodeToString([]byte(b + v + a)) },
		"base64 alone": func(v, b, a string) string { return b + base64.StdEncoding.EncodeToString([]byte(v)) + a },
		"query":        func(v, b, a string) string { return url.Values{"q": {b + v + a}}.Encode() },
		"path":         func(v, b, a string) string { return url.PathEscape(b + v + a) },
		"lower":        func(v, b, a string) string { return b + strings.ToLower(url.QueryEscape(v)) + a },
		"json":         func(v, b, a string) string { return quoted(b + v + a) },
		"password": func(v, b, a string) string {
			return (&url.URL{Scheme: "http", Host: "h", User: url.UserPassword(b, v)}).String()
		},
	}
}

// Whatever is printed around a secret, in whatever form, folded anywhere and
// written in whatever pieces: a reader who undoes the form does not find it.
func TestNothingLeaks(t *testing.T) {
	names := make([]string, 0, 9)
	for name := range disguises() {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ0189+/=&%\"\\<>:@ äß$!~-_'(")), 4, 40, -1).Draw(t, "value")
		around := rapid.StringOfN(rapid.RuneFrom([]rune("klmnop .,;")), 0, 9, -1)
		name := rapid.SampledFrom(names).Draw(t, "form")
		disguise := disguises()[name]
		if name == "lower" && strings.ToLower(url.QueryEscape(value)) != lowerDigits(url.QueryEscape(value)) {
			return // that lowers its letters too, which is another value
		}
		s, err := New(Secret{"token", value})
		if err != nil {
			t.Fatal(err)
		}
		before, after := around.Draw(t, "before"), around.Draw(t, "after")
		text := disguise(value, before, after)
		width := rapid.IntRange(1, 100).Draw(t, "width")
		folded := fold(text, width)
		out, cuts := split(t, s, folded)
		if cuts == 0 {
			t.Fatalf("%q was let through as %q", value, folded)
		}
		const marker = "[secret token]" // a form that is in there is no leak
		unfolded := strings.NewReplacer("\n", "", "\r", "").Replace(out)
		for _, form := range forms(value) {
			if len(form) >= Shortest && !strings.Contains(marker, form) && strings.Contains(unfolded, form) {
				t.Fatalf("%q is still in %q, as %q", value, out, form)
			}
		}
	})
}

func lowerDigits(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			b.WriteString(strings.ToLower(s[i : i+3]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func fold(s string, width int) string {
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + "\r\n")
		s = s[width:]
	}
	return b.String() + s
}

func TestCuts(t *testing.T) {
	const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"
	for _, c := range []struct{ name, secret, in, want string }{
		{"plain", "hunter2", "login hunter2 ok", "login [secret s] ok"},
		{"twice, side by side", "hunter2", "hunter2hunter2", "[secret s][secret s]"},
		{"overlapping itself", "abcabc", "abcabcabc", "[secret s]"},
		{"nearly", "hunter2", "hunter hunter3 hunte.", "hunter hunter3 hunte."},
		{"after a false start", "aaab", "aaaab", "a[secret s]"},
		{"folded", "hunter2", "hun\r\nter2\n", "[secret s]\n"},
		{"line breaks around stay", "hunter2", "\n\nhunter2\n\n", "\n\n[secret s]\n\n"},
		{"a gap is no fold", "hunter2", "hun\n\n\n\n\nter2.", "hun\n\n\n\n\nter2."},
		{"in the middle of base64", "hunter2", base64.StdEncoding.EncodeToString([]byte("user:hunter2\n")), "dXNlcjp[secret s]Cg=="},
		{"all of a key", key, "key:\n" + key, "key:\n[secret s]\n"},
		{"a line of a key", key, "grep: MIIEvQIBADANBgkq", "grep: [secret s]"},
		{"a key on one line", key, strings.ReplaceAll(key, "\n", ""), "[secret s]"},
		{"a key in JSON", key, `{"key":"` + strings.ReplaceAll(strings.TrimSpace(key), "\n", `\n`) + `"}`, `{"key":"[secret s]"}`},
		{"not trimmed by the reader of its file", "hunter2\n", "hunter2", "[secret s]"},
		{"killed while it printed", "hunter2-long", "login hunter2", "login [secret s]"},
		{"a beginning that is less than half", "hunter2-long", "login hunt", "login hunt"},
		{"unicode", "pässwörd", "p%C3%A4ssw%c3%b6rd pässwörd", "p%C3%A4ssw%c3%b6rd [secret s]"},
		{"nothing", "", "text", "text"},
	} {
		s, err := New(Secret{"s", c.secret})
		if err != nil {
			t.Fatal(err)
		}
		got, cuts := s.Cut(c.in)
		if got != c.want || cuts != strings.Count(c.want, "[secret s]") {
			t.Errorf("%s: %q, %d cuts, want %q", c.name, got, cuts, c.want)
		}
		if again := s.Redact(c.in); again != got {
			t.Errorf("%s: Redact says %q, Cut says %q", c.name, again, got)
		}
	}
}

func TestOverlappingSecretsAreAllCut(t *testing.T) {
	s, err := New(Secret{"short", "pass"}, Secret{"long", "password-of-db"}, Secret{"tail", "db.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"a pass":                       "a [secret short]",
		"a password":                   "a [secret short]word",
		"a password-of-db!":            "a [secret long]!",
		"a password-of-db.example.org": "a [secret long]",
	} {
		// What follows shows that the end of the text plays no part.
		if got := s.Redact(in + " ."); got != want+" ." {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestWhatIsRefused(t *testing.T) {
	s, err := New(Secret{"pin", "123"}, Secret{"novel", strings.Repeat("x", Longest+1)}, Secret{"fine", "long enough"})
	if s != nil || !errors.Is(err, ErrShort) || !errors.Is(err, ErrLong) {
		t.Fatalf("%v, %v", s, err)
	}
	for _, part := range []string{"pin", "novel"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	if strings.Contains(err.Error(), "123") || strings.Contains(err.Error(), "fine") {
		t.Errorf("%q says too much", err)
	}
}

func TestPrintingTheSecretsShowsNone(t *testing.T) {
	s, err := New(Secret{"s", "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(text, "hunter2") || strings.Contains(text, "words") {
		t.Error(text)
	}
}

func TestNoSecretsChangeNothing(t *testing.T) {
	for _, s := range []*Secrets{nil, new(Secrets)} {
		if s != nil {
			s.words = newWords()
		}
		if got := s.Redact("text"); got != "text" {
			t.Error(got)
		}
		var b bytes.Buffer
		w := s.Writer(&b)
		if _, err := w.Write([]byte("text")); err != nil || w.Close() != nil || b.String() != "text" {
			t.Error(b.String())
		}
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestAnErrorBelowIsPassedOn(t *testing.T) {
	s, err := New(Secret{"s", "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	w := s.Writer(broken{})
	if _, err := w.Write([]byte("text")); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	if err := w.Close(); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

// Little is held back, whatever comes.
func TestLittleIsHeldBack(t *testing.T) {
	s, err := New(Secret{"s", strings.Repeat("ab", 2000)})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := s.Writer(&b)
	chunk := []byte(strings.Repeat("ab", 16<<10-1) + "ac")
	for range 100 {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
		if cap(w.held) > 1<<20 || cap(w.out) > 1<<20 || cap(w.place) > 1<<20 {
			t.Fatalf("%d bytes, %d places and %d bytes of output are held", cap(w.held), cap(w.place), cap(w.out))
		}
		b.Reset()
	}
}

func BenchmarkWriter(b *testing.B) {
	s, err := New(Secret{"token", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"}, Secret{"password", "correct horse battery staple"})
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{
		"zeros": strings.Repeat("\x00", 1<<20),
		"log":   strings.Repeat("Nov 23 15:20:01 host frontend[812]: GET /products 200 in 14ms\n", 1<<14),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			w := s.Writer(discard{})
			for b.Loop() {
				_, _ = w.Write([]byte(text))
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
