package systemd

import (
	"math"
	"time"
)

// props are the D-Bus properties of a unit, of all its interfaces. A property that another version of systemd lacks, or
// another type of unit, reads as the zero value.
type props map[string]any

func (p props) text(name string) string {
	s, _ := p[name].(string)
	return s
}

func (p props) flag(name string) bool {
	b, _ := p[name].(bool)
	return b
}

func (p props) list(name string) []string {
	l, _ := p[name].([]string)
	return l
}

// rows reads an array of structures.
func (p props) rows(name string) [][]any {
	rows, _ := p[name].([][]any)
	return rows
}

func (p props) number(name string) int {
	n, _ := toInt(p[name])
	return n
}

// amount reads a number for which systemd says "not known" or "no limit" with the largest there is.
func (p props) amount(name string) *int {
	n, ok := toInt(p[name])
	if !ok {
		return nil
	}
	return &n
}

// limit reads a limit, 0 for none: systemd's own word for that is the greatest number there is.
func (p props) limit(name string) int {
	n, _ := toInt(p[name])
	return n
}

// moment reads a time in microseconds since 1970, the zero time when it never came.
func (p props) moment(name string) time.Time {
	us, ok := p[name].(uint64)
	if !ok || us == 0 || us > math.MaxInt64 {
		return time.Time{}
	}
	return time.UnixMicro(int64(us)).UTC()
}

// job is the number of the job that is queued or running for the unit, 0 for none.
func (p props) job() int {
	pair, _ := p["Job"].([]any)
	if len(pair) == 0 {
		return 0
	}
	n, _ := toInt(pair[0])
	return n
}

func toInt(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case int32:
		return int(n), true
	case uint32:
		return int(n), true
	case int64:
		return int(n), true
	case uint64:
		if n > math.MaxInt64 {
			return 0, false
		}
		return int(n), true
	default:
		return 0, false
	}
}

// stamp writes a time as the facts have it, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}
