package stream

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"runbook/engine"
	"runbook/internal/run/capture"
	"runbook/internal/run/redact"
	"runbook/steps/internal/budget"
)

const (
	// Shown is the most bytes of output that a result shows.
	Shown = 8 << 10
	// shownJSON is the most bytes of JSON that these may take: control characters take six each.
	shownJSON = 20 << 10
)

// Stream is one output of a process. Writing to it while it is read is safe: a process that was left behind may still
// hold its output open.
type Stream struct {
	open func() io.WriteCloser
	ends *capture.Capture // the head and the tail

	mu     sync.Mutex
	keep   io.WriteCloser // nil as long as nothing was written
	closed bool
}

// Open takes an output whose evidence has the given name. A process that prints nothing leaves no evidence.
func Open(t engine.Task, name string) *Stream {
	return &Stream{open: func() io.WriteCloser { return t.Keep(name) }, ends: capture.New(Shown, nil)}
}

// Write never fails: a process must not stop because its evidence can't be kept.
func (s *Stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(p) == 0 {
		return len(p), nil
	}
	if s.keep == nil {
		s.keep = s.open()
	}
	_, _ = s.keep.Write(p)
	return s.ends.Write(p)
}

// Close ends the output: what comes later is thrown away.
func (s *Stream) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keep != nil && !s.closed {
		_ = s.keep.Close()
	}
	s.closed = true
}

// Bytes is how much there was in all.
func (s *Stream) Bytes() int { return int(s.ends.Summary().Total) }

// Whole gives all of the output when it is short enough to be shown.
func (s *Stream) Whole() ([]byte, bool) { return s.ends.Bytes(), s.ends.Summary().Left == 0 }

// Text is the output as a result shows it: all of it, or the lines of its head and of its tail with a line between them
// that says how much was left out. What could be the beginning or the end of a hidden value is not left standing at a
// cut.
func (s *Stream) Text(hidden []string) string {
	data, whole := s.Whole()
	size := Shown / 2
	if whole {
		text := strings.ToValidUTF8(string(data), string(utf8.RuneError))
		if budget.Encoded(text) <= shownJSON {
			return text
		}
		size = len(data) / 2
	}
	for ; size > 0; size /= 2 {
		head, tail := cutHead(data[:min(size, len(data))], hidden), cutTail(data[max(len(data)-size, 0):], hidden)
		left := s.Bytes() - len(head) - len(tail)
		text := fmt.Sprintf("%s\n… %d bytes left out …\n%s", bytes.TrimSuffix(head, []byte("\n")), left, tail)
		text = strings.ToValidUTF8(text, string(utf8.RuneError))
		if budget.Encoded(text) <= shownJSON {
			return text
		}
	}
	return ""
}

// Hidden lists what must not show of values that may be secrets: each value and each of its lines, the longest first.
// Like everywhere, what is shorter than four bytes is no secret.
func Hidden(values ...string) []string {
	var hidden []string
	for _, value := range values {
		hidden = append(hidden, value)
		for line := range strings.Lines(value) {
			hidden = append(hidden, strings.TrimSpace(line))
		}
	}
	hidden = slices.DeleteFunc(hidden, func(value string) bool { return len(value) < redact.Shortest })
	slices.SortFunc(hidden, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(hidden)
}

// cutHead ends a head with its last line. A head of less than one line is cut where no hidden value begins.
func cutHead(head []byte, hidden []string) []byte {
	if i := bytes.LastIndexByte(head, '\n'); i >= 0 {
		return head[:i+1]
	}
	for _, value := range hidden {
		for n := min(len(value)-1, len(head)); n > 0; n-- {
			if bytes.HasSuffix(head, []byte(value[:n])) {
				return cutHead(head[:len(head)-n], hidden)
			}
		}
	}
	return head
}

// cutTail begins a tail with its first whole line.
func cutTail(tail []byte, hidden []string) []byte {
	if i := bytes.IndexByte(tail, '\n'); i >= 0 && i < len(tail)-1 {
		return tail[i+1:]
	}
	for _, value := range hidden {
		for n := min(len(value)-1, len(tail)); n > 0; n-- {
			if bytes.HasPrefix(tail, []byte(value[len(value)-n:])) {
				return cutTail(tail[n:], hidden)
			}
		}
	}
	return tail
}

// LastLine is the last line of the output that says something, for an error. Hidden values do not show in it.
func (s *Stream) LastLine(hidden []string) string {
	lines := bytes.Split(bytes.TrimSpace(s.ends.Last(Shown/2)), []byte("\n"))
	line := string(lines[len(lines)-1])
	for _, value := range hidden {
		line = strings.ReplaceAll(line, value, "[not shown]")
	}
	return budget.Line(line, 200)
}
