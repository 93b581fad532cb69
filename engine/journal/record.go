package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"
)

// Record is one event as the journal holds it. What an event means is the engine's business; the journal sees a type
// and a JSON object.
type Record struct {
	// Seq is 1 for the first event of a run and grows by one. Append sets it.
	Seq uint64
	// At is the time of day, in UTC, to the nanosecond. Append stamps At and Mono when At is zero.
	At time.Time
	// Mono is the time since the run began; see Clock. Never negative.
	Mono time.Duration
	// Type names the event: letters, digits, '_', '-', '.'.
	Type string
	// Once, unless empty, is a key that at most one event of a journal has; see Append.
	Once string
	// Data is a JSON object with the event's own fields, none of them named like a field of the envelope (seq, at,
	// mono, type, once, hash). Empty means no fields; a record that was read has at least {}.
	Data json.RawMessage
	// Hash is the SHA-256, in hex, of the hash before it and this line. Append sets it.
	Hash string
}

// Durability says when an event must be on disk.
type Durability int

const (
	// Later events are handed to the kernel before Append returns, so the death of the process loses none, and
	// are flushed to the disk together within about 100 ms. A power cut can lose them.
	Later Durability = iota
	// Now events, and all before them, are on the disk before Append returns.
	Now
)

// maxLine is the length of the longest line, its newline included. A longer one is damage.
const maxLine = 4 << 20

// firstHash stands for the hash before the first line.
const firstHash = "0000000000000000000000000000000000000000000000000000000000000000"

// The last field of a line is its hash. What the hash is made over is the line with this field cut out.
const (
	hashBefore = `,"hash":"`
	hashAfter  = `"}`
	hashField  = len(hashBefore) + len(firstHash) + len(hashAfter)
)

// encode writes the line of an event, with its newline. prev is the hash of the event before.
func encode(rec Record, prev string) (line []byte, hash string, err error) {
	if !plainName(rec.Type) {
		return nil, "", fmt.Errorf("encode event: type %q is not a plain name", rec.Type)
	}
	if rec.Once != "" && !plainName(rec.Once) {
		return nil, "", fmt.Errorf("encode %s event: once key %q is not a plain name", rec.Type, rec.Once)
	}
	if rec.Mono < 0 {
		return nil, "", fmt.Errorf("encode %s event: mono is negative: %d", rec.Type, rec.Mono)
	}
	if year := rec.At.UTC().Year(); year < 0 || year > 9999 {
		return nil, "", fmt.Errorf("encode %s event: year %d has no RFC 3339 form", rec.Type, year)
	}
	b := bytes.NewBuffer(make([]byte, 0, len(rec.Data)+256))
	b.WriteString(`{"seq":`)
	b.WriteString(strconv.FormatUint(rec.Seq, 10))
	b.WriteString(`,"at":"`)
	b.WriteString(rec.At.UTC().Format(time.RFC3339Nano))
	b.WriteString(`","mono":`)
	b.WriteString(strconv.FormatInt(int64(rec.Mono), 10))
	b.WriteString(`,"type":"`)
	b.WriteString(rec.Type)
	b.WriteByte('"')
	if rec.Once != "" {
		b.WriteString(`,"once":"`)
		b.WriteString(rec.Once)
		b.WriteByte('"')
	}
	if err := splice(b, rec.Data); err != nil {
		return nil, "", fmt.Errorf("encode %s event: %w", rec.Type, err)
	}
	if b.Len()+hashField+1 > maxLine {
		return nil, "", fmt.Errorf("encode %s event: line would have %d bytes, the most is %d", rec.Type, b.Len()+hashField+1, maxLine)
	}
	hash = chain(prev, b.Bytes())
	b.WriteString(hashBefore)
	b.WriteString(hash)
	b.WriteString(hashAfter)
	b.WriteByte('\n')
	return b.Bytes(), hash, nil
}

// splice adds the fields of an object to a line, each after a comma.
func splice(b *bytes.Buffer, data json.RawMessage) error {
	if len(data) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return fmt.Errorf("data is not a JSON object: %w", err)
	}
	if fields == nil {
		return errors.New("data is not a JSON object: null")
	}
	if !utf8.Valid(data) {
		return errors.New("data is not UTF-8")
	}
	for _, name := range []string{"seq", "at", "mono", "type", "once", "hash"} {
		if _, taken := fields[name]; taken {
			return fmt.Errorf("data has a field %q, which the journal writes itself", name)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	start := b.Len()
	if err := json.Compact(b, data); err != nil {
		return fmt.Errorf("compact data: %w", err)
	}
	b.Bytes()[start] = ','  // in place of the opening brace
	b.Truncate(b.Len() - 1) // the closing brace
	return nil
}

// chain is the hash of a line, given without its hash field and closing brace.
func chain(prev string, open []byte) string {
	h := sha256.New()
	h.Write([]byte(prev))
	h.Write(open)
	h.Write([]byte{'}'})
	return hex.EncodeToString(h.Sum(nil))
}

// decode reads a line, without its newline, and holds it against the seq and the hash that must come before it. The
// error says what is wrong with the line.
func decode(line []byte, seq uint64, prev string) (Record, error) {
	open := len(line) - hashField
	if open < 0 || string(line[open:open+len(hashBefore)]) != hashBefore || string(line[len(line)-len(hashAfter):]) != hashAfter {
		return Record{}, errors.New("not a line of a journal: it does not end in a hash")
	}
	rec := Record{Hash: string(line[open+len(hashBefore) : len(line)-len(hashAfter)])}
	rest, err := decodeEnvelope(line[:open], &rec)
	if err != nil {
		return Record{}, err
	}
	if rec.Seq != seq {
		return Record{}, fmt.Errorf("event %d stands where event %d belongs: lines are missing or were moved", rec.Seq, seq)
	}
	if chain(prev, line[:open]) != rec.Hash {
		return Record{}, errors.New("its hash does not fit: this line, or the hash before it, is not what was written")
	}
	rec.Data = make([]byte, 0, len(rest)+2)
	rec.Data = append(rec.Data, '{')
	rec.Data = append(rec.Data, rest[min(1, len(rest)):]...) // without its comma
	rec.Data = append(rec.Data, '}')
	if !json.Valid(rec.Data) {
		return Record{}, errors.New("not valid JSON")
	}
	return rec, nil
}

// decodeEnvelope reads the fields that begin every line, in their one order, and returns what follows them: nothing,
// or a comma and the event's own fields.
func decodeEnvelope(line []byte, rec *Record) ([]byte, error) {
	c := cutter{rest: line}
	seq := c.number(`{"seq":`)
	at := c.word(`,"at":"`)
	mono := c.number(`,"mono":`)
	rec.Type = c.word(`,"type":"`)
	if bytes.HasPrefix(c.rest, []byte(`,"once":"`)) {
		rec.Once = c.word(`,"once":"`)
	}
	if c.failed || len(c.rest) > 0 && c.rest[0] != ',' {
		return nil, errors.New("not a line of a journal: it does not begin with seq, at, mono, type")
	}
	var err error
	if rec.Seq, err = strconv.ParseUint(seq, 10, 64); err != nil {
		return nil, fmt.Errorf("read seq: %w", err)
	}
	if rec.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return nil, fmt.Errorf("read at: %w", err)
	}
	rec.At = rec.At.UTC()
	ns, err := strconv.ParseInt(mono, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read mono: %w", err)
	}
	rec.Mono = time.Duration(ns)
	return c.rest, nil
}

// cutter takes a line apart from its front.
type cutter struct {
	rest   []byte
	failed bool
}

func (c *cutter) number(label string) string {
	c.cut(label)
	n := 0
	for n < len(c.rest) && c.rest[n] >= '0' && c.rest[n] <= '9' {
		n++
	}
	s := string(c.rest[:n])
	c.rest = c.rest[n:]
	return s
}

func (c *cutter) word(label string) string {
	c.cut(label)
	word, rest, found := bytes.Cut(c.rest, []byte{'"'})
	if !found {
		c.failed = true
		return ""
	}
	c.rest = rest
	return string(word)
}

func (c *cutter) cut(label string) {
	rest, found := bytes.CutPrefix(c.rest, []byte(label))
	if !found {
		c.failed = true
	}
	c.rest = rest
}
