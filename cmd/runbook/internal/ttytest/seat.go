package ttytest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long a person waits for what must come. It is reached only when it does not.
const Patience = 30 * time.Second

// Seat is a person's side of a terminal.
type Seat struct {
	Name string // of the program's side: /dev/pts/4

	keyboard *os.File
	over     chan struct{} // closed when nothing comes any more
	mu       sync.Mutex
	seen     strings.Builder
	more     chan struct{} // closed, and made anew, when something came
	upTo     int           // what Next has looked at
}

// Sit opens a terminal. The person's side stays in the mode in which closing it ends a read that goes on, so that a
// terminal can go away while a program uses it.
func Sit() (*Seat, error) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	s := &Seat{keyboard: f, more: make(chan struct{}), over: make(chan struct{})}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	var inner error
	err = raw.Control(func(fd uintptr) {
		n, err := unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		if err != nil {
			inner = err
			return
		}
		s.Name = "/dev/pts/" + strconv.Itoa(n)
		if inner = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); inner == nil {
			inner = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
		}
	})
	if err != nil || inner != nil {
		return nil, fmt.Errorf("open a terminal: %w, %w", err, inner)
	}
	go s.look()
	return s, nil
}

func (s *Seat) look() {
	defer close(s.over)
	buf := make([]byte, 4096)
	for {
		n, err := s.keyboard.Read(buf)
		s.mu.Lock()
		s.seen.Write(buf[:n])
		close(s.more)
		s.more = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Open opens the program's side.
func (s *Seat) Open() (*os.File, error) { return os.OpenFile(s.Name, os.O_RDWR|unix.O_NOCTTY, 0) }

// Hangup takes the terminal away.
func (s *Seat) Hangup() error { return s.keyboard.Close() }

// Over waits until nothing can come any more: the program's side is closed, or the terminal is gone.
func (s *Seat) Over() {
	select {
	case <-s.over:
	case <-time.After(Patience):
	}
}

// Type presses keys.
func (s *Seat) Type(keys string) error {
	_, err := s.keyboard.WriteString(keys)
	return err
}

// Raw is everything that has come, with line ends of Unix.
func (s *Seat) Raw() string {
	now, _ := s.looks()
	return now
}

// Screen is what stands on the terminal: of a line that was written again, the last text.
func (s *Seat) Screen() string {
	var kept strings.Builder
	for line := range strings.SplitAfterSeq(s.Raw(), "\n") {
		parts := strings.Split(line, "\x1b[K")
		kept.WriteString(parts[len(parts)-1])
	}
	return kept.String()
}

func (s *Seat) looks() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.seen.String(), "\r\n", "\n"), s.more
}

// Next waits for a text behind what Next found before.
func (s *Seat) Next(text string) error {
	return s.wait(text, func(now string) bool {
		i := strings.Index(now[min(s.upTo, len(now)):], text)
		if i >= 0 {
			s.upTo += i + len(text)
		}
		return i >= 0
	})
}

// Times waits until a text has come so many times.
func (s *Seat) Times(text string, n int) error {
	return s.wait(text, func(now string) bool { return strings.Count(now, text) >= n })
}

func (s *Seat) wait(text string, came func(now string) bool) error {
	timeout := time.After(Patience)
	for {
		now, more := s.looks()
		if came(now) {
			return nil
		}
		select {
		case <-more:
		case <-s.over:
			if now, _ := s.looks(); came(now) {
				return nil
			}
			return fmt.Errorf("%q does not come, and nothing more will", text)
		case <-timeout:
			return fmt.Errorf("%q does not come", text)
		}
	}
}
