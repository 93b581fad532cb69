package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

const (
	journalFile = "journal.jsonl"
	holdLock    = "hold.lock"
	holderFile  = "holder.json"
)

// Run is one run, seen from any process: to read it, to answer its questions, to claim its changes. It holds nothing
// open and needs no closing. Only a Writer appends to the journal.
type Run struct {
	ID     string
	folder folder
}

// Path is the folder in which the journal lies now.
func (r *Run) Path() (string, error) {
	file, err := r.folder.pathOf(journalFile)
	if err != nil {
		return "", fmt.Errorf("find journal of run %s: %w", r.ID, err)
	}
	return filepath.Dir(file), nil
}

// Records reads and verifies the journal, as Reader.Records does. It may be called while another process writes.
func (r *Run) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f, err := r.folder.open(journalFile)
		if err != nil {
			yield(Record{}, fmt.Errorf("open journal of run %s: %w", r.ID, err))
			return
		}
		defer f.Close()
		NewReader(f, f.Name()).Records()(yield)
	}
}

// First is the first event, and Seq 0 when there is none. It reads one line.
func (r *Run) First() (Record, error) {
	for rec, err := range r.Records() {
		return rec, err
	}
	return Record{}, nil
}

// Last is the last event, and Seq 0 when there is none. It reads the end of the file and verifies that one event, so a
// list of a thousand runs is cheap; damage before it goes unnoticed.
func (r *Run) Last() (Record, error) {
	f, err := r.folder.open(journalFile)
	if err != nil {
		return Record{}, fmt.Errorf("open journal of run %s: %w", r.ID, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Record{}, fmt.Errorf("read journal of run %s: %w", r.ID, err)
	}
	rec, err := readLast(f, info.Size(), f.Name())
	if _, damaged := errors.AsType[*DamageError](err); damaged {
		// Torn by a power cut, or damaged: reading all of it tells which, and where.
		end, err := readEnd(io.NewSectionReader(f, 0, info.Size()), f.Name(), func(Record) {})
		return end.Last, err
	}
	return rec, err
}

// Holder says which process drives the run now, and whether any does. A run that nobody drives and whose journal has no
// end was interrupted.
func (r *Run) Holder() (Holder, bool, error) {
	l, err := tryLock(func() (string, error) { return r.folder.lockPath(holdLock) }, shared)
	if err != nil {
		return Holder{}, false, fmt.Errorf("look who drives run %s: %w", r.ID, err)
	}
	if l == nil {
		return r.lastHolder(), true, nil
	}
	if err := l.Close(); err != nil {
		return Holder{}, false, fmt.Errorf("look who drives run %s: %w", r.ID, err)
	}
	return Holder{}, false, nil
}

func (r *Run) lastHolder() Holder {
	var h Holder
	text, err := r.folder.read(holderFile)
	if err != nil || json.Unmarshal(text, &h) != nil {
		return Holder{} // not written yet, or no room for it: the lock is what counts
	}
	return h
}

// Hold makes the caller the one that drives the run, until it closes the Writer or dies. The journal is verified and
// its torn last line, if any, set aside; Writer.Torn tells. The error is a *HeldError when another process drives the
// run, and a *DamageError when the journal can't be gone on with.
func (r *Run) Hold(by Holder) (*Writer, error) {
	hold, err := r.hold(by)
	if err != nil {
		return nil, err
	}
	w, err := openWriter(r, hold)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take up run %s: %w", r.ID, err), hold.Close())
	}
	return w, nil
}

// patience is how long a process is waited for that holds a run only to add a note, or to move it, or that has not
// written its name yet.
const patience = 2 * time.Second

func (r *Run) hold(by Holder) (*flock.Flock, error) {
	by.Run = r.ID
	by = by.filled()
	deadline := time.Now().Add(patience)
	for {
		l, err := tryLockFirmly(func() (string, error) { return r.folder.lockPath(holdLock) })
		if err != nil {
			return nil, fmt.Errorf("hold run %s: %w", r.ID, err)
		}
		if l == nil {
			holder := r.lastHolder()
			if holder.For == "" && holder.alive() || time.Now().After(deadline) {
				return nil, &HeldError{Holder: holder}
			}
			time.Sleep(5 * time.Millisecond)
			continue
		}
		text, err := json.Marshal(by)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("encode holder: %w", err), l.Close())
		}
		// Best effort: the name is for people, and the lock holds without it.
		r.folder.rewrite(holderFile, append(text, '\n')) //nolint:errcheck // see above
		return l, nil
	}
}

// bringHome moves what lies in a fallback place home, unless somebody drives the run.
func (r *Run) bringHome() error {
	w, err := r.Hold(Holder{For: "move"})
	if _, held := errors.AsType[*HeldError](err); held {
		return nil // its driver does it
	}
	if err != nil {
		return err
	}
	// To open a writer is to try, and to close it is to try again.
	if err := w.Close(); err != nil {
		return err
	}
	if root, _, err := r.folder.inFallback(); err == nil {
		return errors.Join(errors.New("no room, or a change still writes there"), root.Close())
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
