package run

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/url"
	"slices"
	"strings"
)

// Secret is a value that must not show, with the name that stands in its place.
type Secret struct{ Name, Value string }

// Shortest is the length of the shortest secret that is cut: a shorter one would cut half of every text.
const Shortest = 4

// Redactor cuts secrets out of texts: as they are, in base64 at every alignment, and as they stand in URLs.
type Redactor struct {
	forms   []form // longest first
	longest int
}

type form struct {
	text []byte
	mark []byte
}

// NewRedactor cuts the given secrets.
func NewRedactor(secrets []Secret) Redactor {
	var r Redactor
	for _, s := range secrets {
		if len(s.Value) < Shortest {
			continue
		}
		mark := []byte("[secret " + s.Name + "]")
		for _, text := range formsOf(s.Value) {
			r.forms = append(r.forms, form{[]byte(text), mark})
			r.longest = max(r.longest, len(text))
		}
	}
	slices.SortStableFunc(r.forms, func(a, b form) int { return len(b.text) - len(a.text) })
	return r
}

// formsOf lists the ways in which a value may stand in a text.
func formsOf(value string) []string {
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value)}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		// Inside of a longer encoded text the value may begin at any of three places. The characters that share bits
		// with what stands around it are left off.
		for shift := range 3 {
			encoded := enc.EncodeToString([]byte(strings.Repeat("\x00", shift) + value))
			from := (shift*8 + 5) / 6
			to := (shift + len(value)) * 8 / 6
			if to-from >= Shortest {
				forms = append(forms, encoded[from:to])
			}
		}
	}
	for _, line := range strings.Split(value, "\n") { // a tool may print a key line by line
		if line = strings.TrimSpace(line); len(line) >= 2*Shortest && line != value {
			forms = append(forms, line)
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// String cuts the secrets out of a text, and counts the cuts.
func (r Redactor) String(text string) (string, int) {
	if len(r.forms) == 0 {
		return text, 0
	}
	out, _, cuts := r.cut([]byte(text), true)
	return string(out), cuts
}

// cut replaces secrets in p. Unless it is the last, the end of p that could be the beginning of a secret is left.
func (r Redactor) cut(p []byte, last bool) (out, left []byte, cuts int) {
	for i := 0; i < len(p); {
		if !last && len(p)-i < r.longest && r.mayBegin(p[i:]) {
			return out, p[i:], cuts
		}
		if f, ok := r.at(p[i:]); ok {
			out = append(out, f.mark...)
			i += len(f.text)
			cuts++
			continue
		}
		out = append(out, p[i])
		i++
	}
	return out, nil, cuts
}

func (r Redactor) at(p []byte) (form, bool) {
	for _, f := range r.forms {
		if bytes.HasPrefix(p, f.text) {
			return f, true
		}
	}
	return form{}, false
}

// mayBegin tells whether p is the beginning of a secret that has not arrived whole.
func (r Redactor) mayBegin(p []byte) bool {
	return slices.ContainsFunc(r.forms, func(f form) bool { return len(p) < len(f.text) && bytes.HasPrefix(f.text, p) })
}

// Writer cuts secrets out of a stream, also across writes. Close passes on what was held back.
func (r Redactor) Writer(to io.Writer) *RedactingWriter { return &RedactingWriter{redactor: r, to: to} }

// RedactingWriter is a stream without secrets.
type RedactingWriter struct {
	redactor Redactor
	to       io.Writer
	held     []byte
	Cuts     int
}

// Write passes on everything up to what could be the beginning of a secret.
func (w *RedactingWriter) Write(p []byte) (int, error) {
	if len(w.redactor.forms) == 0 {
		return w.to.Write(p)
	}
	out, left, cuts := w.redactor.cut(append(w.held, p...), false)
	w.held = slices.Clone(left)
	w.Cuts += cuts
	_, err := w.to.Write(out)
	return len(p), err
}

// Close passes on the rest.
func (w *RedactingWriter) Close() error {
	out, _, cuts := w.redactor.cut(w.held, true)
	w.held, w.Cuts = nil, w.Cuts+cuts
	_, err := w.to.Write(out)
	return err
}
