package capture

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"sync"
)

// DefaultLimit is the number of bytes that are kept if nothing else is said.
const DefaultLimit = 1 << 20

// Capture is a writer that keeps the first and the last bytes of what it is
// given. It may be read while it is written to.
type Capture struct {
	mu     sync.Mutex
	half   int
	head   []byte
	tail   []byte // a ring once it is full
	oldest int    // where the ring begins
	total  int64
	all    hash.Hash

	file    io.Writer
	written hash.Hash // of what the file was given
	fileErr error
	closed  bool
}

// New keeps at most limit bytes, half of them head and half tail; with a limit
// of 0 or less, [DefaultLimit]. If file is not nil the head is written to it as
// it arrives, and the rest on Close.
func New(limit int, file io.Writer) *Capture {
	if limit <= 0 {
		limit = DefaultLimit
	}
	return &Capture{half: max(limit/2, 1), file: file, all: sha256.New(), written: sha256.New()}
}

// Write takes all of p and never fails.
func (c *Capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p)
	c.total += int64(n)
	_, _ = c.all.Write(p)
	if room := c.half - len(c.head); room > 0 {
		first := p[:min(room, len(p))]
		c.head = append(c.head, first...)
		c.toFile(first)
		p = p[len(first):]
	}
	c.toTail(p)
	return n, nil
}

// toTail keeps the last bytes.
func (c *Capture) toTail(p []byte) {
	p = p[max(0, len(p)-c.half):]
	if room := c.half - len(c.tail); room > 0 {
		first := p[:min(room, len(p))]
		c.tail = append(c.tail, first...)
		p = p[len(first):]
	}
	for len(p) > 0 {
		n := copy(c.tail[c.oldest:], p)
		c.oldest = (c.oldest + n) % c.half
		p = p[n:]
	}
}

// toFile writes to the file until it fails once.
func (c *Capture) toFile(p []byte) {
	if c.file == nil || c.fileErr != nil || len(p) == 0 {
		return
	}
	n, err := c.file.Write(p)
	_, _ = c.written.Write(p[:n])
	if err != nil {
		c.fileErr = fmt.Errorf("write evidence: %w", err)
	}
}

// Close writes what is still missing to the file: a line that says how much was
// left out, and the tail. It does not close the file. Its error is the first
// one that writing to the file had.
func (c *Capture) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		for _, p := range c.parts()[1:] {
			c.toFile(p)
		}
	}
	return c.fileErr
}

// parts are the head and what follows it.
func (c *Capture) parts() [][]byte {
	parts := [][]byte{c.head}
	if left := c.left(); left > 0 {
		parts = append(parts, fmt.Appendf(nil, "\n… %d bytes left out …\n", left))
	}
	return append(parts, c.tail[c.oldest:], c.tail[:c.oldest])
}

func (c *Capture) left() int64 { return c.total - int64(len(c.head)) - int64(len(c.tail)) }

// Bytes is what was kept, with a line in the middle that says how much was left
// out, if anything was.
func (c *Capture) Bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []byte
	for _, p := range c.parts() {
		all = append(all, p...)
	}
	return all
}

// Last is the last n bytes at most, of those that were kept.
func (c *Capture) Last(n int) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var last []byte
	if c.left() == 0 {
		last = append(last, c.head...)
	}
	last = append(append(last, c.tail[c.oldest:]...), c.tail[:c.oldest]...)
	return last[max(0, len(last)-n):]
}

// Summary is what there is to say about an output.
type Summary struct {
	Total  int64  // bytes that were written
	Left   int64  // bytes of these that were left out
	SHA256 string // of all that was written, in hex
	// FileSHA256 is of what the file holds, in hex; empty if there is none.
	FileSHA256 string
}

// Summary describes the output so far; the file is complete after Close.
func (c *Capture) Summary() Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Summary{Total: c.total, Left: c.left(), SHA256: hex.EncodeToString(c.all.Sum(nil))}
	if c.file != nil {
		s.FileSHA256 = hex.EncodeToString(c.written.Sum(nil))
	}
	return s
}
