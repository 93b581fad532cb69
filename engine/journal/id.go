package journal

import (
	"fmt"
	"strings"
	"time"
)

// idTime is the first part of an id: UTC to the second. It has no punctuation that a shell or a double click would stop at.
const idTime = "20060102T150405Z"

// idLetters are the letters of the second part. i, l, o and u are missing, so that an id can be read out over the phone.
const idLetters = "0123456789abcdefghjkmnpqrstvwxyz"

// idLength is the length of every id.
const idLength = len(idTime) + 1 + 4

// NewID makes the id of a run that starts at the given time, such as 20261123T031045Z-k3f7. Ids sort by time, to the
// millisecond, which the first two letters hold: so "last" is the last one, also of two runs in one second. Ten bits of
// random tell apart the runs of one millisecond; Create refuses an id that is taken, and the caller tries another.
func NewID(at time.Time, random uint32) string {
	milli := uint32(at.Nanosecond() / int(time.Millisecond)) //nolint:gosec // below 1000
	word := milli<<10 | random&(1<<10-1)
	var b strings.Builder
	b.WriteString(at.UTC().Format(idTime))
	b.WriteByte('-')
	for shift := 15; shift >= 0; shift -= 5 {
		b.WriteByte(idLetters[word>>shift&31])
	}
	return b.String()
}

// ParseID tells when the run of that id began, in UTC, and refuses what is not an id. An id is safe as a file name.
func ParseID(id string) (time.Time, error) {
	if len(id) != idLength || id[len(idTime)] != '-' || strings.Trim(id[len(idTime)+1:], idLetters) != "" {
		return time.Time{}, fmt.Errorf("read run id %q: want one such as 20261123T031045Z-k3f7", id)
	}
	at, err := time.Parse(idTime, id[:len(idTime)])
	if err != nil {
		return time.Time{}, fmt.Errorf("read run id %q: %w", id, err)
	}
	return at, nil
}
