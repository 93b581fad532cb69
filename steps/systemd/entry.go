package systemd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The most of one entry that is looked at. journalctl prints a byte that is not UTF-8 as up to four characters.
const (
	maxEntryJSON = 1 << 20
	maxMessage   = 64 << 10
)

// The catalogue's id of the entry in which journald says that it threw messages of a service away.
const messagesDropped = "a596d6fe7bfa4994828e72309e95d61e"

// The fields of an entry that are read; journalctl adds the cursor, the times and the boot by itself.
const entryFields = "MESSAGE,PRIORITY,_PID,SYSLOG_IDENTIFIER,_COMM,MESSAGE_ID,N_DROPPED,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT," +
	"_SYSTEMD_INVOCATION_ID,INVOCATION_ID,USER_INVOCATION_ID,OBJECT_SYSTEMD_INVOCATION_ID"

// entry is one entry of the journal.
type entry struct {
	at       time.Time
	priority int // 0 emerg … 7 debug
	pid      int // 0 when not known
	from     string
	message  string // without escape sequences, at most maxMessage bytes
	cut      bool   // the message was longer
	cursor   string
	boot     string
	dropped  int // messages that journald says it threw away

	unit      string // whose process wrote it
	run       string // the run of that unit
	aboutRun  string // the run that it is about: systemd and journald write about the runs of others
	ofSystemd bool   // written by process 1, or by a user's systemd
}

// invocation is the run of a unit that an entry belongs to, "" when the entry does not say. A process that ends at once
// is gone before journald has asked which run it was of.
func (e entry) invocation(unit string) string {
	if e.aboutRun == "" && e.unit == unit {
		return e.run
	}
	return e.aboutRun
}

// readEntry reads one line of `journalctl -o json`. A field can be a string, null when journalctl left it out for its
// length, an array of bytes when it is not UTF-8, and an array of those when the entry has it more than once.
func readEntry(line []byte) (entry, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return entry{}, fmt.Errorf("read an entry of the journal: %w", err)
	}
	text := func(name string) string { return fieldText(fields[name]) }
	us, err := strconv.ParseInt(text("__REALTIME_TIMESTAMP"), 10, 64)
	if err != nil {
		return entry{}, fmt.Errorf("read an entry of the journal: it has no time: %w", err)
	}
	e := entry{
		at: time.UnixMicro(us).UTC(), priority: 6,
		from:   oneLine(firstOf(text("SYSLOG_IDENTIFIER"), text("_COMM")), 64),
		cursor: text("__CURSOR"), boot: text("_BOOT_ID"),
		unit:     firstOf(text("_SYSTEMD_USER_UNIT"), text("_SYSTEMD_UNIT")),
		run:      text("_SYSTEMD_INVOCATION_ID"),
		aboutRun: firstOf(text("INVOCATION_ID"), text("USER_INVOCATION_ID"), text("OBJECT_SYSTEMD_INVOCATION_ID")),
	}
	if n, err := strconv.Atoi(text("PRIORITY")); err == nil && n >= 0 && n <= 7 {
		e.priority = n
	}
	e.pid, _ = strconv.Atoi(text("_PID"))
	e.ofSystemd = e.from == "systemd"
	message := clean(text("MESSAGE"))
	e.message = short(message, maxMessage)
	e.cut = len(message) > maxMessage
	if text("MESSAGE_ID") == messagesDropped {
		e.dropped, _ = strconv.Atoi(text("N_DROPPED"))
	}
	return e, nil
}

func fieldText(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || bytes.Equal(raw, []byte("null")):
		return ""
	case raw[0] != '[':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return string(raw)
		}
		return s
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil || len(items) == 0 {
		return ""
	}
	if c := items[0][0]; c >= '0' && c <= '9' {
		var numbers []uint8Value
		if json.Unmarshal(raw, &numbers) != nil {
			return ""
		}
		b := make([]byte, len(numbers))
		for i, n := range numbers {
			b[i] = byte(n)
		}
		return string(b)
	}
	values := make([]string, len(items))
	for i, item := range items {
		values[i] = fieldText(item)
	}
	return strings.Join(values, "\n")
}

// uint8Value keeps encoding/json from taking a list of bytes for base64.
type uint8Value uint8

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// lineSplitter calls each with every whole line that is written to it, the last one at Close. A line longer than the
// limit is not kept: overlong is called in its place.
type lineSplitter struct {
	limit    int
	each     func(line []byte)
	overlong func()

	part     []byte
	skipping bool
}

func (s *lineSplitter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		line, after, whole := bytes.Cut(rest, []byte{'\n'})
		rest = after
		switch {
		case s.skipping:
		case len(s.part)+len(line) > s.limit:
			s.part, s.skipping = nil, true
			s.overlong()
		case whole && len(s.part) == 0:
			s.each(line)
		default:
			s.part = append(s.part, line...)
			if whole {
				s.each(s.part)
				s.part = s.part[:0]
			}
		}
		if whole {
			s.skipping = false
		}
	}
	return len(p), nil
}

func (s *lineSplitter) Close() error {
	if len(s.part) > 0 {
		s.each(s.part)
		s.part = nil
	}
	return nil
}

// writeEntry writes an entry for people, as evidence has it.
func writeEntry(w io.Writer, e entry) {
	pid := ""
	if e.pid != 0 {
		pid = fmt.Sprintf("[%d]", e.pid)
	}
	_, _ = fmt.Fprintf(w, "%s %s%s: %s\n", e.at.Format("2006-01-02T15:04:05.000000Z"), e.from, pid,
		strings.ReplaceAll(e.message, "\n", "\n    "))
}
