//go:build lab

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/lab/host"
)

const (
	question = "[y]es"               // among the keys of a question about a change
	highRisk = "Anything else is No" // among the keys of one about a change of high risk, whose target is typed
	keys     = "[q]uit"              // among those of every question, and the last of them
	ready    = "> "                  // behind the keys: from here on they count
)

// session is a person's at a terminal of the host, with one program running in it.
type session struct {
	t        *testing.T
	cmd      *host.Cmd
	terminal *os.File
	ended    chan struct{} // closed when the program has ended and all that it wrote is here
	exit     int

	mu   sync.Mutex
	text []byte
	more chan struct{} // closed, and made anew, when something came
	read int           // so much of what is shown has been matched
}

// sit starts a program in a terminal of 80 columns. What was shown there is logged when the test fails.
func sit(t *testing.T, h *host.Host, argv ...string) *session {
	t.Helper()
	s := &session{t: t, cmd: h.Command(t.Context(), argv...), ended: make(chan struct{}), more: make(chan struct{})}
	terminal, err := s.cmd.StartInTerminal(80, 24)
	if err != nil {
		t.Fatal(err)
	}
	s.terminal = terminal
	go s.look()
	t.Cleanup(func() {
		_ = s.cmd.Process().Kill()
		<-s.ended
		_ = terminal.Close()
		if t.Failed() {
			t.Logf("%q showed:\n%s", argv, redrawn.ReplaceAllString(s.shown(), ""))
		}
	})
	return s
}

// look keeps what is shown, until the terminal and the program are gone.
func (s *session) look() {
	buf := make([]byte, 4096)
	for {
		n, err := s.terminal.Read(buf)
		s.mu.Lock()
		s.text = append(s.text, buf[:n]...)
		if err != nil {
			s.mu.Unlock()
			break
		}
		close(s.more)
		s.more = make(chan struct{})
		s.mu.Unlock()
	}
	err := s.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		s.exit = exit.ExitCode() // -1 when a signal ended it
	} else if err != nil {
		s.exit = -2
	}
	close(s.ended)
}

var (
	escape  = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`)
	redrawn = regexp.MustCompile(`(?m)^.*\r`) // what was written over
)

// shown is all that was shown, without colours.
func (s *session) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(string(escape.ReplaceAll(s.text, nil)), "\r\n", "\n")
}

// next waits until one of the texts is shown after what was matched before, and says which; -1 when the program ended
// without.
func (s *session) next(texts ...string) int {
	s.t.Helper()
	timeout := time.After(patience)
	for over := false; ; {
		s.mu.Lock()
		more := s.more
		s.mu.Unlock()
		now := s.shown()
		which, at := -1, len(now)
		for i, text := range texts {
			if k := strings.Index(now[s.read:], text); k >= 0 && s.read+k+len(text) <= at {
				which, at = i, s.read+k+len(text)
			}
		}
		if which >= 0 {
			s.read = at
			return which
		}
		if over {
			return -1
		}
		select {
		case <-more:
		case <-s.ended:
			over = true
		case <-timeout:
			s.t.Fatalf("waited in vain for %q", texts)
		}
	}
}

// sees waits until the texts are shown, one after the other.
func (s *session) sees(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		if s.next(text) < 0 {
			s.t.Fatalf("the program ended (%d) without showing %q", s.exit, text)
		}
	}
}

// types types.
func (s *session) types(text string) {
	s.t.Helper()
	if _, err := s.terminal.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// asked waits until a question is asked about a step, and for its keys to count.
func (s *session) asked(step string) {
	s.t.Helper()
	s.sees("── "+step, keys, ready)
}

// answers waits for a question about a step and types an answer.
func (s *session) answers(step, answer string) {
	s.t.Helper()
	s.asked(step)
	s.types(answer + "\n")
}

// agrees answers every question about a change with yes until the program ends, and types the target where that is
// asked for.
func (s *session) agrees() {
	s.t.Helper()
	for {
		switch s.next(question, highRisk) {
		case 0:
			s.sees(ready)
			s.types("y\n")
		case 1:
			said := strings.Join(strings.Fields(s.shown()[:s.read]), " ") // wherever its lines end
			s.sees(ready)
			_, target, _ := cutLast(said, "Type ")
			target, _, _ = strings.Cut(target, " to say yes.")
			s.types(target + "\n")
		default:
			return
		}
	}
}

// ends waits for the end of the program and holds its exit code against the expected one.
func (s *session) ends(exit int) {
	s.t.Helper()
	select {
	case <-s.ended:
		if s.exit != exit {
			s.t.Errorf("exit code %d, not %d", s.exit, exit)
		}
	case <-time.After(patience):
		s.t.Fatal("the program does not end")
	}
}

// hangUp takes the terminal away, as a lost ssh connection does.
func (s *session) hangUp() {
	s.t.Helper()
	if err := s.terminal.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// kill kills the program, and only it, with no time to say a word.
func (s *session) kill() {
	s.t.Helper()
	if err := s.cmd.Process().Kill(); err != nil {
		s.t.Fatal(err)
	}
	s.ends(-1)
}
