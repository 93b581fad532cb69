package screen

import (
	"strings"
	"time"

	"runbook/reports"
)

// Moment is a time of day in UTC, with the person's own beside it where that is another: 03:12:04 UTC (04:12:04 CET).
func (s Screen) Moment(t time.Time) string {
	text := t.UTC().Format("15:04:05 UTC")
	if local, ok := s.local(t); ok {
		text += " (" + local.Format("15:04:05 MST") + ")"
	}
	return text
}

// Day is [Screen.Moment] with the day: 2026-11-20 03:12:04 UTC (04:12:04 CET).
func (s Screen) Day(t time.Time) string { return t.UTC().Format("2006-01-02 ") + s.Moment(t) }

// local is the time on the clock of the person at the terminal. Who reads a file later is somewhere else.
func (s Screen) local(t time.Time) (time.Time, bool) {
	if !s.Terminal || s.Zone == nil {
		return t, false
	}
	local := t.In(s.Zone)
	_, offset := local.Zone()
	return local, offset != 0
}

// Span is a length of time for people: "350 ms", "2.1 s", "5 s", "3 min 6 s".
func Span(d time.Duration) string { return strings.Replace(reports.Span(d), ".0 s", " s", 1) }
