package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

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
		os.WriteFile(l.Path(), append(text, '\n'), fileMode) //nolint:errcheck // see above
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
		f, err := os.OpenFile(file, os.O_RDONLY|os.O_CREATE, fileMode)
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
		os.Truncate(f.Path(), 0) //nolint:errcheck // the text is for people
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
