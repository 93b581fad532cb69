package reports

import (
	"math"
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0 s"},
		{time.Nanosecond, "1 ms"},
		{350 * time.Millisecond, "350 ms"},
		{999_700 * time.Microsecond, "1.0 s"},
		{2_140 * time.Millisecond, "2.1 s"},
		{9_960 * time.Millisecond, "10 s"},
		{41_400 * time.Millisecond, "41 s"},
		{59_700 * time.Millisecond, "1 min"},
		{186 * time.Second, "3 min 6 s"},
		{3600*time.Second - time.Millisecond, "1 h"},
		{64 * time.Minute, "1 h 4 min"},
		{24*time.Hour - time.Second, "1 d"},
		{51 * time.Hour, "2 d 3 h"},
		{-41 * time.Second, "-41 s"},
		{math.MinInt64, "-106751 d 23 h"},
	} {
		if got := Span(c.d); got != c.want {
			t.Errorf("Span(%s) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestOffset(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{-time.Second, "+0:00"},
		{999 * time.Millisecond, "+0:00"},
		{106 * time.Second, "+1:46"},
		{3723 * time.Second, "+1:02:03"},
		{30 * time.Hour, "+30:00:00"},
	} {
		if got := offset(c.d); got != c.want {
			t.Errorf("offset(%s) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		n    int64
		want string
	}{
		{0, "0 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{12 << 10, "12 KiB"},
		{1<<20 - 1, "1.0 MiB"},
		{3 << 19, "1.5 MiB"},
		{1 << 60, "1048576 TiB"},
	} {
		if got := Size(c.n); got != c.want {
			t.Errorf("Size(%d) = %q, want %q", c.n, got, c.want)
		}
	}
}

func TestTimesAreUTC(t *testing.T) {
	at := time.Date(2026, 11, 20, 4, 12, 4, 0, time.FixedZone("CET", 3600))
	if got := timestamp(at); got != "2026-11-20 03:12:04 UTC" {
		t.Errorf("timestamp = %q", got)
	}
	if got := clock(at); got != "03:12:04" {
		t.Errorf("clock = %q", got)
	}
}
