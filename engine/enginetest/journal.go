package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"runbook/engine"
)

// ErrCrash is what a crashing journal answers: the process is dead from here on.
var ErrCrash = errors.New("crash")

// Journal keeps events in memory, encoded as in a file, and can crash at any append.
type Journal struct {
	Lines []Line
	// CrashAt is the append at which the process dies, counted from 1 over the journal's whole life; 0 for never.
	CrashAt int
	// Kept tells whether the event of that append is in the journal: a crash after it, not before it.
	Kept bool

	appends int
	dead    bool
}

// Line is one event as it is stored.
type Line struct {
	At   time.Time
	Mono time.Duration
	Type string
	Data []byte
}

// Record appends an event, or crashes.
func (j *Journal) Record(e engine.Stamped) (engine.Stamped, error) {
	if j.dead {
		return e, ErrCrash
	}
	typ, data, err := engine.Encode(e.Event)
	if err != nil {
		return e, err
	}
	j.appends++
	j.dead = j.appends == j.CrashAt
	if !j.dead || j.Kept {
		j.Lines = append(j.Lines, Line{e.At, e.Mono, typ, data})
		e.Seq = len(j.Lines)
	}
	if j.dead {
		return e, ErrCrash
	}
	return e, nil
}

// Revive makes the journal take events again: a new process has opened it.
func (j *Journal) Revive() { j.dead, j.CrashAt = false, 0 }

// Events decodes what is stored.
func (j *Journal) Events() ([]engine.Stamped, error) {
	out := make([]engine.Stamped, len(j.Lines))
	for i, l := range j.Lines {
		e, err := engine.Decode(l.Type, l.Data)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		out[i] = engine.Stamped{Seq: i + 1, At: l.At, Mono: l.Mono, Event: e}
	}
	return out, nil
}

// Clock is virtual time: it stands still until somebody sleeps, and then it is there at once.
type Clock struct{ now atomic.Int64 }

// Now gives the virtual time, counted from a fixed day.
func (c *Clock) Now() (time.Time, time.Duration) {
	mono := time.Duration(c.now.Load())
	return time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC).Add(mono), mono
}

// Sleep moves the clock to the moment.
func (c *Clock) Sleep(ctx context.Context, until time.Duration) error {
	for {
		now := c.now.Load()
		if now >= int64(until) || c.now.CompareAndSwap(now, int64(until)) {
			return ctx.Err()
		}
	}
}
