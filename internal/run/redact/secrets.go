package redact

import (
	"errors"
	"fmt"
	"strings"
)

// Bounds on the length of a secret, in bytes. [New] refuses others.
const (
	Shortest = 4
	Longest  = 64 << 10
)

// Errors of [New], by what is wrong with the secret.
var (
	ErrShort = fmt.Errorf("too short to be cut out of text: it has fewer than %d bytes", Shortest)
	ErrLong  = fmt.Errorf("too long to be looked for: it has more than %d bytes", Longest)
)

// Secret is a value that must not show, and the name that shows in its place.
type Secret struct {
	Name, Value string
}

// Secrets finds a fixed set of secrets. It holds them, so it must not be
// printed. It may be used by several goroutines. A nil one knows no secrets.
type Secrets struct {
	words *words
}

// New prepares to find the secrets. Empty values are left out; every other
// value that is too short or too long is an error, and all of them are named.
// No error says a value.
func New(secrets ...Secret) (*Secrets, error) {
	var errs []error
	w := newWords()
	for _, s := range secrets {
		// What a file or a `read` left at the end is not part of it.
		value := strings.TrimRight(s.Value, "\r\n")
		switch {
		case value == "":
		case len(value) < Shortest:
			errs = append(errs, fmt.Errorf("secret %s is %w", s.Name, ErrShort))
		case len(value) > Longest:
			errs = append(errs, fmt.Errorf("secret %s is %w", s.Name, ErrLong))
		default:
			for _, form := range forms(value) {
				w.add(form, s.Name)
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	w.link()
	return &Secrets{words: w}, nil
}

// Redact is text without the secrets: each is replaced by "[secret NAME]".
func (s *Secrets) Redact(text string) string {
	clean, _ := s.Cut(text)
	return clean
}

// Cut is [Secrets.Redact], and says how many markers it put in.
func (s *Secrets) Cut(text string) (clean string, cuts int) {
	if s.empty() || !s.words.any(text) {
		return text, 0
	}
	var b strings.Builder
	w := s.Writer(&b)
	_, _ = w.Write([]byte(text)) // a Builder takes everything
	_ = w.Close()
	return b.String(), w.Cuts()
}

func (s *Secrets) empty() bool { return s == nil || len(s.words.nodes) == 1 }

// String keeps a stray %v from showing the secrets.
func (s *Secrets) String() string { return "[secrets]" }

// GoString keeps a stray %#v from showing the secrets.
func (s *Secrets) GoString() string { return "[secrets]" }
