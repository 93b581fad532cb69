package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// reserveStep is how much room on the disk is asked for ahead of the journal's end, so that a disk that fills up
	// in the middle of a run leaves room for the events around its changes.
	reserveStep = 256 << 10
	// homeMargin is the room that must be free at home beyond what is moved there, lest the run have to leave again.
	homeMargin = 1 << 20
)

// reserve asks for room before it is needed. A disk that has none to spare is left alone until the next step.
func (w *Writer) reserve() {
	if w.at.fallback || w.size()+reserveStep/4 < w.reserved {
		return
	}
	from := max(w.reserved, w.size())
	w.reserved = w.size() + reserveStep
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) { //nolint:errcheck // a journal without reserve works as well
		unix.Fallocate(int(fd), unix.FALLOC_FL_KEEP_SIZE, from, w.reserved-from) //nolint:errcheck // as above
	})
}

// flee moves the journal to the other place, because it can't be written here.
func (w *Writer) flee(why error) error {
	if w.at.fallback {
		home := w.run.folder.store.places()[0]
		root, err := home.open(w.run.ID)
		if err != nil {
			return err
		}
		defer root.Close()
		return w.comeHome(root, home)
	}
	root, p, err := w.run.folder.overflow()
	if err != nil {
		return fmt.Errorf("go on in a fallback place: %w", err)
	}
	defer root.Close()
	if err := w.relocate(root, p); err != nil {
		return fmt.Errorf("go on in %s: %w", p.dir, err)
	}
	w.nextHome = time.Now().Add(w.run.folder.store.retry())
	w.notices = append(w.notices, Notice{Run: w.run.ID, Fallback: true, Path: w.path(), Err: why})
	return nil
}

// relocate writes the whole journal anew in a place, verifies it there, and goes on in it. Where it was it stays as it
// is. What is not known to be on the disk is taken from memory: a write or a flush has failed, and what the file would
// give there is anybody's guess.
func (w *Writer) relocate(root *os.Root, p place) error {
	whole := io.MultiReader(io.NewSectionReader(w.file, 0, w.synced), bytes.NewReader(w.unsynced))
	err := replace(root, journalFile, whole, p.uid, func(f *os.File) error {
		end, err := readEnd(io.NewSectionReader(f, 0, w.size()), f.Name(), func(Record) {})
		if err == nil && (end.Last.Seq != w.seq || end.hash() != w.head) {
			err = fmt.Errorf("copy of the journal ends with event %d, not %d", end.Last.Seq, w.seq)
		}
		return err
	})
	if err != nil {
		return err
	}
	file, err := root.OpenFile(journalFile, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	flusher, err := root.Open(journalFile)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	w.closeFiles() //nolint:errcheck // nothing that counts is left to be written there
	w.file, w.flusher, w.at, w.gen, w.reserved = file, flusher, p, w.gen+1, 0
	w.synced, w.unsynced = w.size(), nil
	return nil
}

// comeHome moves the journal from a fallback place home.
func (w *Writer) comeHome(root *os.Root, home place) error {
	if err := w.relocate(root, home); err != nil {
		return fmt.Errorf("come home: %w", err)
	}
	// Until the other one is gone it stands before this one.
	if err := w.run.folder.removeOver(journalFile); err != nil {
		w.broken = fmt.Errorf("come home: %w", err)
		return w.broken
	}
	w.notices = append(w.notices, Notice{Run: w.run.ID, Path: w.path()})
	return nil
}

// tryHome moves what lies in a fallback place home if there is room. That it can't be done yet is no error.
func (w *Writer) tryHome() {
	now := time.Now()
	if w.broken != nil || now.Before(w.nextHome) {
		return
	}
	w.nextHome = now.Add(w.run.folder.store.retry())
	over, _, err := w.run.folder.inFallback()
	if err != nil {
		return
	}
	defer over.Close()
	home := w.run.folder.store.places()[0]
	if !room(home, over) {
		return
	}
	root, err := home.make(w.run.ID)
	if err != nil {
		return
	}
	defer root.Close()
	if w.at.fallback && w.comeHome(root, home) != nil {
		return
	}
	// What fails here stays where it is, is found there, and is tried again.
	w.run.folder.locked(func() error { return w.moveFiles(over, root) }) //nolint:errcheck // see above
}

// room says whether home has room for the folder in a fallback place, and some to spare.
func room(home place, over *os.Root) bool {
	need := int64(homeMargin)
	err := fs.WalkDir(over.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			need += info.Size() + 4096
		}
		return err
	})
	if err != nil {
		return false
	}
	dir := home.dir
	for {
		var st unix.Statfs_t
		err := unix.Statfs(dir, &st)
		if err == nil {
			free := st.Bavail
			if os.Geteuid() == 0 {
				free = st.Bfree
			}
			return st.Flags&unix.ST_RDONLY == 0 && free > uint64(need)/uint64(max(st.Bsize, 1))
		}
		if above := filepath.Dir(dir); above != dir && errors.Is(err, fs.ErrNotExist) {
			dir = above // the place itself is not there yet
			continue
		}
		return false
	}
}

// moveFiles moves all files but the journal from a fallback place home, and removes that folder when it is empty. The
// caller holds the folder's lock.
func (w *Writer) moveFiles(over, home *os.Root) error {
	var dirs []string
	err := fs.WalkDir(over.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			dirs = append(dirs, name)
			return nil
		case name == holdLock, name == folderLock:
			return nil
		case hidden(name):
			return over.Remove(name)
		}
		return w.moveFile(over, home, name)
	})
	if err != nil {
		return err
	}
	if err := w.moveLocks(over, home); err != nil {
		return err
	}
	for i := len(dirs) - 1; i > 0; i-- {
		over.Remove(dirs[i]) //nolint:errcheck // not empty: a file in it is in use
	}
	os.Remove(over.Name())
	return nil
}

// moveFile moves one file, unless a process holds a lock on it because it writes there.
func (w *Writer) moveFile(over, home *os.Root, name string) error {
	l, err := tryLock(func() (string, error) { return filepath.Join(over.Name(), name), nil }, exclusive)
	if err != nil || l == nil {
		return err
	}
	defer l.Close()
	src, err := over.Open(name)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := replace(home, name, src, w.run.folder.store.UID, nil); err != nil {
		return err
	}
	return over.Remove(name)
}

// moveLocks makes the locks at home the ones that count. The run's own is taken there before the other one goes, so
// that the run is held all the time.
func (w *Writer) moveLocks(over, home *os.Root) error {
	if _, err := over.Stat(holdLock); err == nil {
		if err := touch(home, holdLock, w.run.folder.store.UID); err != nil {
			return err
		}
		atHome, err := tryLockFirmly(func() (string, error) { return filepath.Join(home.Name(), holdLock), nil })
		if err != nil || atHome == nil {
			return errors.Join(errors.New("lock the run at home"), err)
		}
		if err := over.Remove(holdLock); err != nil {
			return errors.Join(err, atHome.Close())
		}
		if err := w.hold.Close(); err != nil {
			return err
		}
		w.hold = atHome
	}
	if _, err := over.Stat(folderLock); err != nil {
		return nil //nolint:nilerr // it is at home already
	}
	if err := touch(home, folderLock, w.run.folder.store.UID); err != nil {
		return err
	}
	return over.Remove(folderLock)
}

// touch makes an empty file if there is none.
func touch(root *os.Root, name string, uid int) error {
	f, err := root.OpenFile(name, os.O_RDONLY|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	return errors.Join(own(f, uid), f.Close())
}
