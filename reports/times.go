package reports

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// clock is a time of day in UTC: "03:12:04".
func clock(t time.Time) string { return t.UTC().Format(time.TimeOnly) }

// timestamp is a day and a time of day in UTC: "2026-11-20 03:12:04 UTC".
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Span is a duration for people, in two units at most: "350 ms", "2.1 s", "41 s", "3 min 6 s", "1 h 4 min", "2 d 3 h".
// It is rounded to the last of them.
func Span(d time.Duration) string {
	if d < 0 {
		return "-" + Span(-max(d, -math.MaxInt64))
	}
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return "0 s"
	case d.Round(time.Millisecond) < time.Second:
		return strconv.FormatInt(max(d.Round(time.Millisecond).Milliseconds(), 1), 10) + " ms"
	case d.Round(100*time.Millisecond) < 10*time.Second:
		return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', 1, 64) + " s"
	case d.Round(time.Second) < time.Minute:
		return strconv.FormatInt(int64(d.Round(time.Second)/time.Second), 10) + " s"
	case d.Round(time.Second) < time.Hour:
		return twoUnits(d.Round(time.Second), time.Minute, "min", time.Second, "s")
	case d.Round(time.Minute) < day:
		return twoUnits(d.Round(time.Minute), time.Hour, "h", time.Minute, "min")
	default:
		return twoUnits(d.Round(time.Hour), day, "d", time.Hour, "h")
	}
}

func twoUnits(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	s := fmt.Sprintf("%d %s", d/large, largeName)
	if rest := d % large / small; rest > 0 {
		s += fmt.Sprintf(" %d %s", rest, smallName)
	}
	return s
}

// offset is a time since the start of a run: "+0:00", "+1:46", "+1:02:03". It is cut to whole seconds, as [clock] is.
func offset(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("+%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("+%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// Size is a number of bytes for people: "812 B", "12 KiB", "1.5 MiB".
func Size(n int64) string {
	const unit = 1024
	if n < unit {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, names := float64(n), []string{"KiB", "MiB", "GiB", "TiB"}
	for i, name := range names {
		value /= unit
		if i == len(names)-1 || value < unit-0.5 {
			if value < 9.95 {
				return strconv.FormatFloat(value, 'f', 1, 64) + " " + name
			}
			return strconv.FormatFloat(value, 'f', 0, 64) + " " + name
		}
	}
	return ""
}
