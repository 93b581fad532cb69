package journal

import "time"

// Clock gives events their times: At, the time of day, and Mono, the time since the run began. It is a value; the time
// itself is passed in.
//
// Mono is counted on the process's monotonic clock, so a step of the wall clock changes no duration. Across two
// processes there is no such clock (after a reboot there is none at all): a run that is taken up again goes on from
// its last event by the wall-clock time that has passed since, or by nothing when the clock went back. Mono therefore
// never falls, and only the one gap at a resume depends on the wall clock.
type Clock struct {
	base  time.Duration
	start time.Time
}

// StartClock is the clock of a run that begins now.
func StartClock(now time.Time) Clock { return Clock{start: now} }

// ContinueClock is the clock of a run that goes on now after its last event.
func ContinueClock(last Record, now time.Time) Clock {
	gap := now.Round(0).Sub(last.At)
	return Clock{base: last.Mono + max(gap, 0), start: now}
}

// Stamp turns now, as time.Now gives it, into the times of an event.
func (c Clock) Stamp(now time.Time) (at time.Time, mono time.Duration) {
	return now.UTC().Round(0), c.base + max(now.Sub(c.start), 0)
}
