package run

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// family is a process and all that it started, however they went away from it.
type family struct {
	first     int           // pid of the process, and of its group and session
	mark      string        // the variable that it was started with
	known     map[same]bool // all that were ever seen
	strangers map[same]bool // that were looked at and don't have the mark
	since     uint64        // when the first one started; no other is older
	blank     map[same]time.Time
}

func newFamily(pid int, mark string) *family {
	f := &family{first: pid, mark: mark, known: map[same]bool{}, strangers: map[same]bool{}, blank: map[same]time.Time{}}
	if p, ok := readProcess(pid); ok {
		f.known[p.same()] = true
		f.since = p.started
	}
	return f
}

// alive finds the members that are alive. If it is not sure there may be more:
// the table moved while it was read, or somebody was changing programs.
func (f *family) alive() (alive []process, sure bool, err error) {
	table, sure, err := processTable()
	if err != nil {
		return nil, false, fmt.Errorf("list processes: %w", err)
	}
	self, adopts := os.Getpid(), subreaper()
	// A number is not used again while it is that of a group or session. So if
	// somebody else has it, both are empty, and theirs is none of ours.
	used := slices.ContainsFunc(table, func(p process) bool { return p.pid == f.first && !f.known[p.same()] })
	table = slices.DeleteFunc(table, func(p process) bool { return p.started < f.since || p.pid == self || p.kernel })
	member := map[int]bool{}
	related := func(p process) bool {
		return f.known[p.same()] || member[p.parent] ||
			!used && (p.group == f.first || p.session == f.first) ||
			adopts && p.parent == self
	}
	// A child of a member is one, in whatever order the table has them.
	for grown := true; grown; {
		grown = false
		for _, p := range table {
			if member[p.pid] {
				continue
			}
			if !related(p) {
				marked, known := f.marked(p)
				sure = sure && known
				if !marked {
					continue
				}
			}
			member[p.pid], f.known[p.same()], grown = true, true, true
			switch {
			case !p.dead():
				alive = append(alive, p)
			case adopts && p.parent == self && p.pid != f.first:
				// An orphan that is ours to bury. The first one is os/exec's.
				_, _ = unix.Wait4(p.pid, nil, unix.WNOHANG, nil)
			}
		}
	}
	return alive, sure, nil
}

// marked tells whether a process has the family's mark, if that is known. One
// that has not won't get it: it is not of the family, nor are its children. One
// that is executing another program has no environment at that moment.
func (f *family) marked(p process) (yes, known bool) {
	if p.dead() || f.strangers[p.same()] {
		return false, true
	}
	env, readable := environmentOf(p.pid)
	if slices.Contains(env, f.mark) {
		return true, true
	}
	if readable && len(env) == 0 {
		const longExec = 100 * time.Millisecond
		first, seen := f.blank[p.same()]
		if !seen {
			first = time.Now()
			f.blank[p.same()] = first
		}
		if time.Since(first) < longExec {
			return false, false
		}
	}
	f.strangers[p.same()] = true
	return false, true
}

// subreaper tells whether this process adopts orphans.
func subreaper() bool {
	var yes int32
	err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&yes)), 0, 0, 0) //nolint:gosec // G103: the kernel takes an address
	return err == nil && yes != 0
}

// end ends the family: TERM, and KILL after the grace time. Its error says who
// is still there a while after that: what hangs in the kernel, or belongs to
// somebody whom we may not signal.
func (f *family) end(grace time.Duration) error {
	left, err := f.tell(unix.SIGTERM, time.Now().Add(grace))
	if err == nil && len(left) > 0 {
		const patience = 3 * time.Second
		left, err = f.tell(unix.SIGKILL, time.Now().Add(patience))
	}
	if err != nil {
		// Without /proc the group is all that can be reached.
		_ = unix.Kill(-f.first, unix.SIGKILL)
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("%d of its processes can't be ended, for instance %d", len(left), left[0].pid)
	}
	return nil
}

// tell signals all members, and those that turn up later, until nobody is left
// or the time is over. It returns who is left.
func (f *family) tell(sig unix.Signal, until time.Time) ([]process, error) {
	// How long to look for somebody while the host is so busy that one can't be
	// sure that nobody is there.
	const doubt = 200 * time.Millisecond
	var nobody time.Time // since when, if so
	told := map[same]bool{}
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		left, sure, err := f.alive()
		if err != nil {
			return nil, err
		}
		for _, p := range left {
			if !told[p.same()] {
				told[p.same()] = true
				signal(p, sig)
			}
		}
		now := time.Now()
		switch {
		case len(left) > 0 && !now.Before(until):
			return left, nil
		case len(left) > 0:
			nobody = time.Time{}
			time.Sleep(min(pause, until.Sub(now)))
		case sure, !nobody.IsZero() && now.Sub(nobody) > doubt:
			return nil, nil
		default:
			if nobody.IsZero() {
				nobody = now
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// signal signals a process, and not another one that has its number by now.
func signal(p process, sig unix.Signal) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	send := func(s unix.Signal) { _ = unix.PidfdSendSignal(fd, s, nil, 0) }
	switch {
	case errors.Is(err, unix.ENOSYS): // before Linux 5.3
		send = func(s unix.Signal) { _ = unix.Kill(p.pid, s) }
	case err != nil:
		return
	default:
		defer func() { _ = unix.Close(fd) }()
	}
	if now, ok := readProcess(p.pid); !ok || now.same() != p.same() {
		return
	}
	send(sig)
	if sig == unix.SIGTERM {
		send(unix.SIGCONT) // a stopped process does not hear it otherwise
	}
}
