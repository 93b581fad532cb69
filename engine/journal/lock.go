package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// Holder says who holds a lock or drives a run.
type Holder struct {
	Run   string    `json:"run"`           // id of the run
	By    string    `json:"by"`            // who, as they are to be shown to others
	PID   int       `json:"pid"`           // the process; filled in when 0
	Since time.Time `json:"since"`         // UTC; filled in when zero
	For   string    `json:"for,omitempty"` // what for, when it is not to drive the run: "note", "move"
}

func (h Holder) filled() Holder {
	if h.PID == 0 {
		h.PID = os.Getpid()
	}
	if h.Since.IsZero() {
		h.Since = time.Now()
	}
	h.Since = h.Since.UTC().Round(0)
	return h
}

// alive says whether the process lives. A name that one has left who was killed stands until the next has written his.
func (h Holder) alive() bool {
	return h.PID > 0 && !errors.Is(unix.Kill(h.PID, 0), unix.ESRCH)
}

// HeldError says that a lock, or a run, is held by a live process.
type HeldError struct {
	Lock   string // name of the lock; empty: the run itself
	Holder Holder // zero when the holder could not write its name
	Change string // step of a change of that run which still goes on under its supervisor, the run itself being dead
}

func (e *HeldError) Error() string {
	h := e.Holder
	var s strings.Builder
	switch {
	case e.Lock == "" && h == Holder{}:
		return "this run is already driven, by a process that could not leave its name"
	case e.Lock == "":
		s.WriteString("this run is already driven")
	case h == Holder{}:
		return "lock " + e.Lock + " is held by a process that could not leave its name"
	default:
		fmt.Fprintf(&s, "lock %s is held by run %s", e.Lock, h.Run)
	}
	if h.By != "" {
		s.WriteString(", by " + h.By)
	}
	fmt.Fprintf(&s, " (process %d), since %s", h.PID, h.Since.Format("2006-01-02 15:04:05 UTC"))
	if e.Change != "" {
		fmt.Fprintf(&s, "; the process is gone, but its change %s still goes on", e.Change)
	}
	return s.String()
}

type lockKind bool

const (
	exclusive lockKind = true
	shared    lockKind = false
)

// tryLock locks the file that path names, without waiting; nil means that somebody else has it. The file may be moved
// to another place between finding and locking it: then the lock is one that nobody else will look at, and is taken
// anew.
//
// The lock is flock(2) on a descriptor that no child inherits (os.OpenFile opens with O_CLOEXEC). It ends with the
// process, however that ends.
func tryLock(find func() (string, error), kind lockKind) (*flock.Flock, error) {
	for tries := 0; ; tries++ {
		at, err := find()
		if err != nil {
			return nil, err
		}
		l := flock.New(at, flock.SetFlag(os.O_RDONLY), flock.SetPermissions(fileMode))
		try := l.TryRLock
		if kind == exclusive {
			try = l.TryLock
		}
		got, err := try()
		if errors.Is(err, fs.ErrNotExist) && tries < 100 {
			continue // moved away since it was found
		}
		if err != nil || !got {
			return nil, err
		}
		mine, err := l.Stat()
		if err == nil {
			var now string
			if now, err = find(); err == nil {
				var there fs.FileInfo
				if there, err = os.Stat(now); err == nil && os.SameFile(mine, there) {
					return l, nil
				}
			}
		}
		if closeErr := l.Close(); closeErr != nil {
			return nil, closeErr
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// probing is how long it may take until a lock can be told from somebody's look at it.
const probing = 2 * time.Second

// tryLockFirmly is tryLock for a lock whose holder keeps it. Whoever looks whether it is held shares it for an instant;
// that is not to be held, and is waited for. nil means that somebody holds it.
func tryLockFirmly(find func() (string, error)) (*flock.Flock, error) {
	deadline := time.Now().Add(probing)
	for {
		l, err := tryLock(find, exclusive)
		if l != nil || err != nil {
			return l, err
		}
		l, err = tryLock(find, shared)
		if l == nil || err != nil {
			return nil, err
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, nil
		}
		time.Sleep(rand.N(time.Millisecond)) //nolint:gosec // so that two who try do not keep step
	}
}

// Lock is a named lock that is held.
type Lock struct {
	name  string
	files []*flock.Flock
}

// Lock takes the lock of that name, which may be any text, for by.Run. It does not wait: when a live run holds the
// lock, the error is a *HeldError. A run whose process is gone still holds it while a change of that run goes on under
// its supervisor; the same run can take it up again at any time.
//
// A lock is one file in the home place and one in each fallback place, and is held when all that can be had are held:
// so a run that came when the disk was read-only and one that came after do not miss each other.
func (s Store) Lock(name string, by Holder) (*Lock, error) {
	by = by.filled()
	held := &Lock{name: name}
	var failed []error
	for _, p := range s.places() {
		l, err := s.lockAt(p, name)
		if _, ok := errors.AsType[*HeldError](err); ok {
			return nil, errors.Join(err, held.close())
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		held.files = append(held.files, l)
	}
	if len(held.files) == 0 {
		return nil, fmt.Errorf("take lock %s: %w", name, errors.Join(failed...))
	}
	if before, found := s.lastHolder(name); found && before.Run != by.Run {
		if step, changing := s.changing(before.Run); changing {
			return nil, errors.Join(&HeldError{Lock: name, Holder: before, Change: step}, held.close())
		}
	}
	text, err := json.Marshal(by)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("encode holder: %w", err), held.close())
	}
	for _, l := range held.files {
		// Best effort: the name is for people, and on a full disk the fallback place still takes it.
		os.WriteFile(l.Path(), append(text, '\n'), fileMode) //nolint:errcheck,gosec // see above
	}
	return held, nil
}

func (s Store) lockAt(p place, name string) (*flock.Flock, error) {
	file := p.lockPath(name)
	find := func() (string, error) {
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return file, err // an old one can be locked on a read-only disk too
		}
		if err := p.makeDir("locks"); err != nil {
			return "", err
		}
		f, err := os.OpenFile(file, os.O_RDONLY|os.O_CREATE, fileMode) //nolint:gosec // fileName made the name safe
		if err != nil {
			return "", err
		}
		return file, errors.Join(own(f, p.uid), f.Close())
	}
	if err := p.trusted(); errors.Is(err, errNotOurs) {
		return nil, err
	}
	l, err := tryLockFirmly(find)
	if err != nil {
		return nil, err
	}
	if l == nil {
		return nil, &HeldError{Lock: name, Holder: s.presentHolder(name)}
	}
	return l, nil
}

// presentHolder is who holds a lock that was found held. Between taking it and writing its name a holder has none. In
// another pid namespace than ours he looks dead, and is believed after a while.
func (s Store) presentHolder(name string) Holder {
	deadline := time.Now().Add(patience)
	for {
		holder, _ := s.lastHolder(name)
		if holder.alive() || time.Now().After(deadline) {
			return holder
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (p place) lockPath(name string) string {
	return filepath.Join(p.dir, "locks", fileName(name)+".lock")
}

// lastHolder is who took a lock last, and has not given it back. The newest text counts: in a place that could not be
// written, an older one may have stayed.
func (s Store) lastHolder(name string) (last Holder, found bool) {
	for _, p := range s.places() {
		if p.trusted() != nil {
			continue
		}
		text, err := os.ReadFile(p.lockPath(name))
		var h Holder
		if err != nil || json.Unmarshal(text, &h) != nil {
			continue // empty: given back
		}
		if !found || h.Since.After(last.Since) {
			last, found = h, true
		}
	}
	return last, found
}

// changing says whether a run has a change under way, and names the step.
func (s Store) changing(id string) (step string, changing bool) {
	run, err := s.Open(id)
	if err != nil {
		return "", false
	}
	changes, err := run.Changes()
	if err != nil {
		return "", false
	}
	for _, c := range changes {
		if c.State == Running {
			return c.Step, true
		}
	}
	return "", false
}

// LockHolder says who holds a lock now, and whether anybody does.
func (s Store) LockHolder(name string) (Holder, bool, error) {
	for _, p := range s.places() {
		file := p.lockPath(name)
		l, err := tryLock(func() (string, error) {
			if err := p.trusted(); err != nil {
				return "", err
			}
			_, err := os.Stat(file)
			return file, err
		}, shared)
		if absent(err) {
			continue
		}
		if err != nil {
			return Holder{}, false, fmt.Errorf("look at lock %s: %w", name, err)
		}
		if l == nil {
			return s.presentHolder(name), true, nil
		}
		if err := l.Close(); err != nil {
			return Holder{}, false, fmt.Errorf("look at lock %s: %w", name, err)
		}
	}
	if last, found := s.lastHolder(name); found {
		if _, changing := s.changing(last.Run); changing {
			return last, true, nil
		}
	}
	return Holder{}, false, nil
}

// Name is the name of the lock.
func (l *Lock) Name() string { return l.name }

// Release gives the lock back.
func (l *Lock) Release() error {
	for _, f := range l.files {
		os.Truncate(f.Path(), 0) //nolint:errcheck,gosec // the text is for people
	}
	if err := l.close(); err != nil {
		return fmt.Errorf("release lock %s: %w", l.name, err)
	}
	return nil
}

func (l *Lock) close() error {
	var failed []error
	for _, f := range l.files {
		failed = append(failed, f.Close())
	}
	l.files = nil
	return errors.Join(failed...)
}
