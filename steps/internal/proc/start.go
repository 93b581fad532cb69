package proc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Start is when a process began, in ticks since a boot. Pids are given out again; a pid with a Start is one process and
// no other.
type Start struct {
	Ticks uint64
	Boot  string // the first 8 hex digits of /proc/sys/kernel/random/boot_id
}

var startForm = regexp.MustCompile(`^[0-9]{1,19}@[0-9a-f]{8}$`)

func (s Start) String() string { return strconv.FormatUint(s.Ticks, 10) + "@" + s.Boot }

// ParseStart reads what String wrote.
func ParseStart(text string) (Start, error) {
	if !startForm.MatchString(text) {
		return Start{}, fmt.Errorf("read start time %q: take it from process.list or net.listeners, like 48213@3f2a9c1d", text)
	}
	count, boot, _ := strings.Cut(text, "@")
	n, err := strconv.ParseUint(count, 10, 64)
	if err != nil {
		return Start{}, fmt.Errorf("read start time %q: %w", text, err)
	}
	return Start{Ticks: n, Boot: boot}, nil
}
