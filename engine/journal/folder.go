package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// maxFile is the most bytes of a question, an answer, a note, a claim or a result.
const maxFile = 1 << 20

// A folder is the folder of one run. It usually lies in the home place alone. When that can't be written, new files go
// to a second folder of the same run in a fallback place. One rule joins the two: a file in a fallback place stands
// before the one of the same name at home.
//
// A folder holds nothing open: each call finds the places anew, since any process may have moved files meanwhile.
type folder struct {
	store Store
	id    string
}

// readOrder are the places in the order in which a file is looked for.
func (f folder) readOrder() []place {
	all := f.store.places()
	return append(slices.Clone(all[1:]), all[0])
}

// find calls try with the folder in each place until one has what it wants. Only what is truly not in one place is
// looked for in the next: an older journal must never be taken because the newer one could not be opened just now.
//
// A home that can't be entered at all has no file of a run that lives in a fallback place: such a run was begun there.
func (f folder) find(try func(root *os.Root, p place) error) error {
	fled := false
	for _, p := range f.readOrder() {
		root, err := p.open(f.id)
		if fled && err != nil && !p.fallback && unreachable(err) {
			break
		}
		if err == nil {
			fled = fled || p.fallback
			err = errors.Join(try(root, p), root.Close())
		}
		if !absent(err) {
			return err
		}
	}
	return fs.ErrNotExist
}

// absent says whether an error means that something is not in a place of ours.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errNotOurs)
}

// unreachable says whether an error means that a place can't be entered, and not only this once.
func unreachable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EIO) || errors.Is(err, syscall.ESTALE)
}

// exists says whether a file is in any place.
func (f folder) exists(name string) (bool, error) {
	_, err := f.pathOf(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// pathOf is where a file is.
func (f folder) pathOf(name string) (at string, err error) {
	err = f.find(func(root *os.Root, _ place) error {
		at = filepath.Join(root.Name(), name)
		_, err := root.Stat(name)
		return err
	})
	return at, err
}

// open opens a file for reading.
func (f folder) open(name string) (file *os.File, err error) {
	err = f.find(func(root *os.Root, _ place) (err error) {
		file, err = root.Open(name)
		return err
	})
	return file, err
}

// read reads a small file.
func (f folder) read(name string) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("read %s: longer than %d bytes", file.Name(), maxFile)
	}
	return data, err
}

// list gives the names of the files in a directory of the run, sorted, without those in the making.
func (f folder) list(dir string) ([]string, error) {
	var names []string
	fled := false
	for _, p := range f.readOrder() {
		root, err := p.open(f.id)
		if absent(err) || err != nil && fled && unreachable(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		fled = fled || p.fallback
		entries, err := fs.ReadDir(root.FS(), dir)
		root.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if !hidden(e.Name()) {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// inFallback opens the folder in a fallback place if there is one; else the error is fs.ErrNotExist.
func (f folder) inFallback() (*os.Root, place, error) {
	for _, p := range f.store.places()[1:] {
		if root, err := p.open(f.id); !absent(err) {
			return root, p, err
		}
	}
	return nil, place{}, fs.ErrNotExist
}

// overflow opens the folder in a fallback place. It makes one, in the first place that lets it, if there is none.
func (f folder) overflow() (*os.Root, place, error) {
	if root, p, err := f.inFallback(); !errors.Is(err, fs.ErrNotExist) {
		return root, p, err
	}
	failed := []error{errors.New("no fallback place")}
	for _, p := range f.store.places()[1:] {
		root, err := p.make(f.id)
		if err == nil {
			return root, p, nil
		}
		failed = append(failed, err)
	}
	return nil, place{}, errors.Join(failed...)
}

// write calls put with the folder at home and, if that fails, with the one in a fallback place. fs.ErrExist from home
// is an answer and not a failure.
func (f folder) write(put func(root *os.Root, fallback bool) error) error {
	home, err := f.store.places()[0].open(f.id)
	if err == nil {
		err = errors.Join(put(home, false), home.Close())
		if err == nil || errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	over, _, overErr := f.overflow()
	if overErr == nil {
		overErr = errors.Join(put(over, true), over.Close())
		if overErr == nil || errors.Is(overErr, fs.ErrExist) {
			return overErr
		}
	}
	return errors.Join(err, overErr)
}

// create writes a file that must be in neither place. The caller holds the folder's lock.
func (f folder) create(name string, data []byte) error {
	return f.createWith(name, data, nil)
}

func (f folder) createWith(name string, data []byte, touch func(path string) error) error {
	if len(data) > maxFile {
		return fmt.Errorf("write %s: longer than %d bytes", name, maxFile)
	}
	if there, err := f.exists(name); err != nil {
		return err
	} else if there {
		return fs.ErrExist
	}
	return f.write(func(root *os.Root, _ bool) error { return putNew(root, name, data, f.store.UID, touch) })
}

// rewrite writes a file whether or not there is one.
func (f folder) rewrite(name string, data []byte) error {
	return f.write(func(root *os.Root, fallback bool) error {
		if err := replace(root, name, bytes.NewReader(data), f.store.UID, nil); err != nil || fallback {
			return err
		}
		return f.removeOver(name) // it would stand before the one just written
	})
}

// remove removes a file in all places.
func (f folder) remove(name string) error {
	err := f.removeOver(name)
	home, openErr := f.store.places()[0].open(f.id)
	if openErr != nil {
		return err
	}
	defer home.Close()
	if homeErr := home.Remove(name); homeErr != nil && !errors.Is(homeErr, fs.ErrNotExist) {
		return errors.Join(err, homeErr)
	}
	return errors.Join(err, syncDirOf(home, name))
}

func (f folder) removeOver(name string) error {
	var failed error
	for _, p := range f.store.places()[1:] {
		root, err := p.open(f.id)
		if err != nil {
			continue // not there
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
		root.Close()
	}
	return failed
}

// lockPath is where a lock of this run is: in a fallback place if it is there, else at home, where it is made if it is
// missing and can be.
func (f folder) lockPath(name string) (string, error) {
	found, err := f.pathOf(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	err = f.write(func(root *os.Root, _ bool) error {
		found = filepath.Join(root.Name(), name)
		file, err := root.OpenFile(name, os.O_RDONLY|os.O_CREATE, fileMode)
		if err != nil {
			return err
		}
		return errors.Join(own(file, f.store.UID), file.Close())
	})
	return found, err
}

// folderLock serialises what several processes write into one run, across both places. Nobody holds it for longer than
// a few file operations take.
const folderLock = "folder.lock"

// locked calls do with the folder's lock held.
func (f folder) locked(do func() error) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		l, err := tryLock(func() (string, error) { return f.lockPath(folderLock) }, exclusive)
		if err != nil {
			return err
		}
		if l != nil {
			return errors.Join(do(), l.Close())
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("lock folder of run %s: another process has held it for 10 s", f.id)
		}
		time.Sleep(time.Millisecond)
	}
}

// sweep removes files in the making that a killed process has left. The caller holds the folder's lock, so that none of
// them is still being made.
func (f folder) sweep() {
	for _, p := range f.store.places() {
		root, err := p.open(f.id)
		if err != nil {
			continue
		}
		for _, dir := range []string{".", "decisions", "notes", "changes", "evidence"} {
			sweepDir(root, dir)
		}
		root.Close()
	}
}

func sweepDir(root *os.Root, dir string) {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case e.IsDir() && dir == "changes":
			sweepDir(root, name)
		case !e.IsDir() && hidden(name):
			root.Remove(name) //nolint:errcheck // a leftover that does no harm
		}
	}
}
