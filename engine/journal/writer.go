package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// ErrClosed is in the error of a Writer that has been closed.
var ErrClosed = errors.New("journal is closed")

// ErrOnce is in the error of Append when an event with that Once key is in the journal already. Nothing was written.
var ErrOnce = errors.New("event is in the journal already")

const (
	// groupDelay is how long an event that need not be on disk at once waits for others to be flushed with it.
	groupDelay = 100 * time.Millisecond
	// maxUnsynced is how many bytes wait at most: then an Append flushes them itself.
	maxUnsynced = 1 << 20
)

// Writer drives one run: it alone appends to the run's journal, and no other process can become the run's driver until
// it is closed or its process has ended. All its methods may be called from any goroutine.
type Writer struct {
	run    *Run
	torn   []string
	kick   chan struct{} // something waits to be flushed
	stop   chan struct{}
	ending sync.WaitGroup

	mu   sync.Mutex
	hold *flock.Flock
	// file is the journal in the place where it now lives. gen counts the places.
	file *os.File
	// flusher is the same file opened once more, for flushing in the background: the kernel tells of a failed write
	// once to each open file, and what the background hears must not be lost to a Now.
	flusher    *os.File
	cantAppend error // why file could only be opened to read
	at         place
	gen        int
	reserved   int64 // up to this offset blocks were asked for
	// seq and head are the last event's. The file is unsynced's beginning, known to be on the disk, and unsynced.
	seq      uint64
	head     string
	synced   int64
	unsynced []byte
	once     map[string]bool
	clock    Clock
	nextHome time.Time // when to try next to come home
	broken   error     // what is in the file is not known any more
	closed   bool
	notices  []Notice
}

// Create begins a run with an empty journal, driven by the caller. Folder and journal are on the disk when it returns:
// in the home place or, when that can't be written for whatever reason, in a fallback place, which Store.Notice hears.
func (s Store) Create(id string, by Holder) (*Writer, error) {
	if _, err := ParseID(id); err != nil {
		return nil, err
	}
	run := &Run{ID: id, folder: folder{store: s, id: id}}
	if there, err := run.folder.exists("."); there && err == nil {
		return nil, fmt.Errorf("create run %s: %w", id, ErrExists)
	}
	var failed []error
	for _, p := range s.places() {
		err := p.create(id)
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create run %s: %w", id, ErrExists)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		w, err := run.Hold(by)
		if err != nil {
			failed = append(failed, err, p.removeRun(id))
			continue
		}
		if p.fallback {
			w.mu.Lock()
			w.notices = append(w.notices, Notice{Run: id, Fallback: true, Path: w.path(), Err: failed[0]})
			w.unlock()
		}
		return w, nil
	}
	return nil, fmt.Errorf("create run %s: %w", id, errors.Join(failed...))
}

// create makes the folder of a new run with what every run has. The folder gets its name when it is complete, so nobody
// ever sees half a run.
func (p place) create(id string) error {
	if err := p.makeDir("runs"); err != nil {
		return err
	}
	runs, err := os.OpenRoot(p.runs())
	if err != nil {
		return err
	}
	defer runs.Close()
	making := "." + id
	if err := runs.Mkdir(making, dirMode); err != nil {
		return err
	}
	err = p.fill(runs, making)
	if err == nil {
		err = runs.Rename(making, id)
	}
	if err != nil {
		return errors.Join(err, runs.RemoveAll(making))
	}
	return syncDirOf(runs, id)
}

func (p place) fill(runs *os.Root, name string) error {
	if os.Geteuid() == 0 && p.uid != 0 {
		if err := runs.Lchown(name, p.uid, -1); err != nil {
			return err
		}
	}
	root, err := runs.OpenRoot(name)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range []string{holdLock, folderLock, journalFile} {
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
		if err != nil {
			return err
		}
		if err := errors.Join(own(f, p.uid), f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return syncDirOf(root, journalFile)
}

func (p place) removeRun(id string) error {
	runs, err := os.OpenRoot(p.runs())
	if err != nil {
		return err
	}
	return errors.Join(runs.RemoveAll(id), runs.Close())
}

// Run is the run that is driven.
func (w *Writer) Run() *Run { return w.run }

// Torn names the files in the run's folder that hold last lines which were torn, by this and by earlier crashes, oldest
// first.
func (w *Writer) Torn() []string { return w.torn }

// Head is the seq and the hash of the last event; 0 and sixty-four zeros before the first.
func (w *Writer) Head() (seq uint64, hash string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seq, w.head
}

// Stamp gives the times of an event that happens now, as Append does when the event has none.
func (w *Writer) Stamp() (at time.Time, mono time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock.Stamp(time.Now())
}

// Append adds an event and returns it with its Seq and Hash. When it returns without an error, the event is in the
// journal: with Now on the disk, with Later in the kernel.
//
// If rec.Once is set and an event with that key is in the journal, nothing is written and the error is ErrOnce: for
// what comes from outside and is handed over again after a crash.
//
// When the journal can't be written where it lives, all of it is copied to the other place and goes on there; the
// caller hears it from Store.Notice. Only when no place takes it does Append fail, and then the event is not in the
// journal.
func (w *Writer) Append(rec Record, d Durability) (Record, error) {
	w.mu.Lock()
	defer w.unlock()
	rec, err := w.append(rec, d)
	if err != nil {
		return Record{}, fmt.Errorf("append to journal of run %s: %w", w.run.ID, err)
	}
	return rec, nil
}

func (w *Writer) append(rec Record, d Durability) (Record, error) {
	switch {
	case w.closed:
		return Record{}, ErrClosed
	case w.broken != nil:
		return Record{}, w.broken
	case rec.Once != "" && w.once[rec.Once]:
		return Record{}, fmt.Errorf("%s: %w", rec.Once, ErrOnce)
	}
	if rec.At.IsZero() {
		rec.At, rec.Mono = w.clock.Stamp(time.Now())
	}
	rec.At = rec.At.UTC()
	rec.Seq = w.seq + 1
	line, hash, err := encode(rec, w.head)
	if err != nil {
		return Record{}, err
	}
	rec.Hash = hash
	if err := w.put(line, hash, d); err != nil {
		return Record{}, err
	}
	if rec.Once != "" {
		w.once[rec.Once] = true
	}
	if d == Now {
		w.tryHome()
	}
	return rec, nil
}

// put writes a line, here or in the other place. It has either happened or not when it returns.
func (w *Writer) put(line []byte, hash string, d Durability) error {
	seq, head := w.seq, w.head
	w.reserve()
	w.seq, w.head = w.seq+1, hash
	w.unsynced = append(w.unsynced, line...)
	flushed := false
	_, err := w.file.Write(line)
	if err == nil && (d == Now || len(w.unsynced) > maxUnsynced) {
		flushed = true
		err = w.sync()
	}
	if err != nil {
		moved := w.flee(err)
		if moved == nil {
			return nil
		}
		err = errors.Join(err, moved)
		w.seq, w.head = seq, head
		w.unsynced = w.unsynced[:len(w.unsynced)-len(line)]
		// Whatever part of the line has been written is taken back, and with it the room that was reserved.
		w.reserved = 0
		if cut := w.file.Truncate(w.size()); cut != nil {
			w.broken = errors.Join(err, cut)
		} else if flushed {
			// After a flush has failed the kernel may take pages for written that are not.
			w.broken = err
		}
		return err
	}
	if !flushed {
		select {
		case w.kick <- struct{}{}:
		default:
		}
	}
	return nil
}

// size is the length of the journal.
func (w *Writer) size() int64 { return w.synced + int64(len(w.unsynced)) }

// sync flushes the file, with the mutex held.
func (w *Writer) sync() error {
	if len(w.unsynced) == 0 {
		return nil
	}
	if err := syncData(w.file); err != nil {
		return err
	}
	w.synced += int64(len(w.unsynced))
	w.unsynced = nil
	return nil
}

// Flush puts every event so far on the disk.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.unlock()
	if w.closed {
		return fmt.Errorf("flush journal of run %s: %w", w.run.ID, ErrClosed)
	}
	return w.flush()
}

func (w *Writer) flush() error {
	if w.broken != nil {
		return w.broken
	}
	err := w.sync()
	if err == nil {
		return nil
	}
	if moved := w.flee(err); moved != nil {
		w.broken = fmt.Errorf("flush journal of run %s: %w", w.run.ID, errors.Join(err, moved))
		return w.broken
	}
	return nil
}

// flushGroups flushes what Append has left for later, without keeping an Append waiting meanwhile.
func (w *Writer) flushGroups() {
	for {
		select {
		case <-w.kick:
		case <-w.stop:
			return
		}
		delay := time.NewTimer(groupDelay)
		select {
		case <-delay.C:
		case <-w.stop:
			delay.Stop()
			return
		}
		w.flushGroup()
	}
}

func (w *Writer) flushGroup() {
	w.mu.Lock()
	file, gen, upTo := w.flusher, w.gen, w.size()
	w.mu.Unlock()
	err := syncData(file)
	w.mu.Lock()
	defer w.unlock()
	switch {
	case w.closed || w.broken != nil || w.gen != gen:
		// The journal was copied to another place meanwhile, and flushed there.
	case err != nil:
		if moved := w.flee(err); moved != nil {
			w.broken = fmt.Errorf("flush journal of run %s: %w", w.run.ID, errors.Join(err, moved))
		}
	case upTo > w.synced: // else a Now was faster
		w.unsynced = append([]byte(nil), w.unsynced[upTo-w.synced:]...)
		w.synced = upTo
	}
}

// unlock gives the mutex back and then tells the notices, so that who hears them can append.
func (w *Writer) unlock() {
	notices := w.notices
	w.notices = nil
	w.mu.Unlock()
	if w.run.folder.store.Notice == nil {
		return
	}
	for _, n := range notices {
		w.run.folder.store.Notice(n)
	}
}

// Close flushes the journal, brings it home if there is room, and lets go of the run. Notes that came meanwhile are
// still taken in. The Writer can't be used afterwards, whatever the error.
func (w *Writer) Close() error {
	if err := w.letGo(); err != nil {
		return err
	}
	_, err := w.run.takeInLateNotes()
	return err
}

func (w *Writer) letGo() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return fmt.Errorf("close journal of run %s: %w", w.run.ID, ErrClosed)
	}
	err := w.flush()
	w.nextHome = time.Time{}
	w.tryHome()
	w.closed = true
	if w.broken == nil && w.reserved > 0 {
		// Room that was asked for beyond the end is given back. To fail here costs nothing but that room.
		w.file.Truncate(w.size()) //nolint:errcheck // see above
	}
	w.run.folder.remove(holderFile) //nolint:errcheck // the lock is what counts
	err = errors.Join(err, w.closeFiles(), w.hold.Close())
	close(w.stop)
	w.unlock()
	w.ending.Wait()
	if err != nil {
		return fmt.Errorf("close journal of run %s: %w", w.run.ID, err)
	}
	return nil
}
