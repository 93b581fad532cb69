package run

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// Capture streams output into a file of bounded size: the head as it arrives, and, when there is more than fits, a
// line that says how much was left out, and the tail. It holds half of its limit in memory, never more. It is not for
// use from several goroutines.
type Capture struct {
	to    io.Writer
	sum   hash.Hash // of what stands in the file
	head  int64     // bytes of the head that may still come
	limit int64     // of the tail
	tail  []byte    // a ring, once it is full
	next  int       // where in the ring the next byte goes
	wrote int64
	kept  int64
	err   error
}

// Captured is what became of an output.
type Captured struct {
	Bytes  int64  // written in all
	Kept   int64  // of these, in the file
	SHA256 string // of the file, in hex
}

// NewCapture keeps at most limit bytes of output in the file: half head, half tail.
func NewCapture(to io.Writer, limit int64) *Capture {
	return &Capture{to: to, sum: sha256.New(), head: limit - limit/2, limit: limit / 2}
}

// Write takes output. It never fails, so that a full disk does not stop a step; Close tells.
func (c *Capture) Write(p []byte) (int, error) {
	n := len(p)
	c.wrote += int64(n)
	if c.head > 0 {
		k := min(c.head, int64(len(p)))
		c.put(p[:k])
		c.kept += k
		c.head -= k
		p = p[k:]
	}
	c.keepTail(p)
	return n, nil
}

// keepTail holds the last bytes of what did not fit into the head.
func (c *Capture) keepTail(p []byte) {
	if int64(len(p)) > c.limit {
		p = p[int64(len(p))-c.limit:]
	}
	if room := int(c.limit) - len(c.tail); room > 0 {
		k := min(room, len(p))
		c.tail = append(c.tail, p[:k]...)
		p = p[k:]
	}
	for len(p) > 0 {
		k := copy(c.tail[c.next:], p)
		c.next = (c.next + k) % len(c.tail)
		p = p[k:]
	}
}

func (c *Capture) put(p []byte) {
	if c.err != nil {
		return
	}
	_, c.err = c.to.Write(p)
	c.sum.Write(p)
}

// Close writes the tail. The error is the first one that the file gave.
func (c *Capture) Close() (Captured, error) {
	left := c.wrote - c.kept - int64(len(c.tail))
	if left > 0 {
		c.put(fmt.Appendf(nil, "\n… %d bytes left out …\n", left))
	}
	c.put(c.tail[c.next:])
	c.put(c.tail[:c.next])
	c.kept += int64(len(c.tail))
	return Captured{Bytes: c.wrote, Kept: c.kept, SHA256: hex.EncodeToString(c.sum.Sum(nil))}, c.err
}
