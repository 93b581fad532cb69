package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// maxTorn is the most of a torn line that is set aside. No line is longer.
const maxTorn = maxLine

// openWriter opens the journal of a run that is held: it verifies all of it, sets a torn last line aside, and makes
// sure that what is read is also on the disk, since the process that wrote it may have died before it flushed.
func openWriter(run *Run, hold *flock.Flock) (*Writer, error) {
	w := &Writer{
		run:  run,
		hold: hold,
		kick: make(chan struct{}, 1),
		stop: make(chan struct{}),
		once: map[string]bool{},
	}
	if err := run.folder.locked(func() error { run.folder.sweep(); return nil }); err != nil {
		return nil, err
	}
	if err := w.openFile(); err != nil {
		return nil, err
	}
	end, err := readEnd(io.NewSectionReader(w.file, 0, math.MaxInt64), w.file.Name(), func(rec Record) {
		if rec.Once != "" {
			w.once[rec.Once] = true
		}
	})
	if err != nil {
		return nil, errors.Join(err, w.closeFiles())
	}
	w.seq, w.head, w.synced = end.Last.Seq, end.hash(), end.Size
	w.clock = StartClock(time.Now())
	if end.Last.Seq > 0 {
		w.clock = ContinueClock(end.Last, time.Now())
	}
	if err := w.repair(end); err != nil {
		return nil, errors.Join(err, w.closeFiles())
	}
	w.mu.Lock()
	w.tryHome()
	w.unlock()
	w.ending.Go(w.flushGroups)
	return w, nil
}

// openFile opens the journal where it lies: to append if that can be, else to read, and repair will then copy it.
func (w *Writer) openFile() error {
	for _, p := range w.run.folder.readOrder() {
		root, err := p.open(w.run.ID)
		if absent(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err = errors.Join(w.openIn(root), root.Close()); absent(err) {
			continue
		}
		w.at = p
		return err
	}
	return fmt.Errorf("open journal of run %s: %w", w.run.ID, fs.ErrNotExist)
}

func (w *Writer) openIn(root *os.Root) (err error) {
	w.flusher, err = root.Open(journalFile)
	if err != nil {
		return err
	}
	w.file, w.cantAppend = root.OpenFile(journalFile, os.O_RDWR|os.O_APPEND, 0)
	if w.cantAppend != nil {
		w.file, err = root.Open(journalFile)
	}
	return err
}

// repair sets a torn last line aside and makes the file end after the last good event, on the disk.
func (w *Writer) repair(end End) error {
	if end.Torn > 0 {
		if err := w.setAside(end); err != nil {
			return fmt.Errorf("set torn last line aside: %w", err)
		}
	}
	names, err := w.run.folder.list(".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if tornNumber(name) > 0 {
			w.torn = append(w.torn, name)
		}
	}
	slices.SortFunc(w.torn, func(a, b string) int { return tornNumber(a) - tornNumber(b) })
	err = w.cantAppend
	if err == nil {
		err = w.file.Truncate(end.Size)
	}
	if err == nil {
		err = syncData(w.file)
	}
	if err == nil {
		return nil
	}
	w.mu.Lock()
	defer w.unlock()
	if moved := w.flee(err); moved != nil {
		return errors.Join(err, moved)
	}
	return nil
}

const tornPrefix = "journal.torn-"

// setAside keeps the torn bytes in a file of their own. A crash before the journal is cut makes a second copy, which is
// better than none.
func (w *Writer) setAside(end End) error {
	torn := make([]byte, min(end.Torn, maxTorn))
	if _, err := w.file.ReadAt(torn, end.Size); err != nil {
		return err
	}
	f := w.run.folder
	return f.locked(func() error {
		names, err := f.list(".")
		if err != nil {
			return err
		}
		last := 0
		for _, name := range names {
			last = max(last, tornNumber(name))
		}
		return f.write(func(root *os.Root, _ bool) error {
			return replace(root, tornPrefix+strconv.Itoa(last+1), bytes.NewReader(torn), f.store.UID, nil)
		})
	})
}

// tornNumber is the number in the name of a file with a torn line; 0 when it is not one.
func tornNumber(name string) int {
	digits, found := strings.CutPrefix(name, tornPrefix)
	n, err := strconv.Atoi(digits)
	if !found || err != nil {
		return 0
	}
	return n
}

func (w *Writer) closeFiles() error { return errors.Join(w.file.Close(), w.flusher.Close()) }

// path is the folder in which the journal lies.
func (w *Writer) path() string { return filepath.Join(w.at.runs(), w.run.ID) }
