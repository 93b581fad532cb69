package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

const (
	dirMode  = 0o700
	fileMode = 0o600
)

// A place is a directory that can hold run folders: the home place, or a fallback in memory.
type place struct {
	dir      string
	uid      int
	fallback bool
}

func (p place) runs() string { return filepath.Join(p.dir, "runs") }

var errNotOurs = errors.New("not a directory of that user alone")

// trusted refuses a fallback place that another user could have made: /dev/shm is open to everybody.
func (p place) trusted() error {
	if !p.fallback {
		return nil
	}
	info, err := os.Lstat(p.dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int64(st.Uid) != int64(p.uid) || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("use %s for user %d: %w", p.dir, p.uid, errNotOurs)
	}
	return nil
}

// list gives the entries of the place's runs directory; none when there is no such place.
func (p place) list() ([]fs.DirEntry, error) {
	err := p.trusted()
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(p.runs())
	if absent(err) {
		return nil, nil
	}
	return entries, err
}

// open opens the folder of a run below which all access stays.
func (p place) open(id string) (*os.Root, error) {
	if err := p.trusted(); err != nil {
		return nil, err
	}
	return os.OpenRoot(filepath.Join(p.runs(), id))
}

// make is open, with all directories made that are missing, durably.
func (p place) make(id string) (*os.Root, error) {
	if err := p.makeDir("runs/" + id); err != nil {
		return nil, err
	}
	return p.open(id)
}

// makeDir makes a directory of the place and those above it. Each new one is on the disk when it returns.
func (p place) makeDir(name string) error {
	if err := p.makeTop(p.dir); err != nil {
		return err
	}
	if err := p.trusted(); err != nil {
		return err
	}
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return makeDir(root, name, p.uid)
}

// makeTop makes the place itself.
func (p place) makeTop(dir string) error {
	switch info, err := os.Stat(dir); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if above := filepath.Dir(dir); above != dir {
		if err := p.makeTop(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if os.Geteuid() == 0 && p.uid != 0 {
		if err := os.Lchown(dir, p.uid, -1); err != nil {
			return err
		}
	}
	above, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return err
	}
	return errors.Join(syncDir(above), above.Close())
}

// makeDir makes a directory below root, and those above it, durably and for user uid.
func makeDir(root *os.Root, name string, uid int) error {
	if info, err := root.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	above := path.Dir(name)
	if above != "." {
		if err := makeDir(root, above, uid); err != nil {
			return err
		}
	}
	if err := root.Mkdir(name, dirMode); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil // by another process, this moment
		}
		return err
	}
	if os.Geteuid() == 0 && uid != 0 {
		if err := root.Lchown(name, uid, -1); err != nil {
			return err
		}
	}
	return syncDirOf(root, name)
}

// hidden says whether a file is one in the making, which nobody may take for a finished one.
func hidden(name string) bool { return strings.HasPrefix(path.Base(name), ".") }

// putNew writes a file that must not be there yet: whole and on the disk, or not at all. Of several processes that try,
// one succeeds and the others get fs.ErrExist. touch, unless nil, is called with the file before it gets its name.
func putNew(root *os.Root, name string, data []byte, uid int, touch func(path string) error) error {
	if err := makeDir(root, path.Dir(name), uid); err != nil {
		return err
	}
	temp := path.Join(path.Dir(name), "."+strconv.FormatUint(rand.Uint64(), 36)) //nolint:gosec // a name, not a secret
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	defer root.Remove(temp) //nolint:errcheck // swept when the run is next held
	_, err = f.Write(data)
	if err == nil {
		err = own(f, uid)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if touch != nil {
		if err := touch(filepath.Join(root.Name(), temp)); err != nil {
			return err
		}
	}
	if err := root.Link(temp, name); err != nil {
		return err
	}
	return syncDirOf(root, name)
}

// replace writes a file anew out of src: a reader finds the old one or the new one whole, and the new one is on the
// disk when replace returns. check, unless nil, looks at the new file before it takes the old one's name.
func replace(root *os.Root, name string, src io.Reader, uid int, check func(*os.File) error) error {
	if err := makeDir(root, path.Dir(name), uid); err != nil {
		return err
	}
	f, err := renameio.NewPendingFile(name, renameio.WithRoot(root), renameio.WithStaticPermissions(fileMode))
	if err != nil {
		return err
	}
	defer f.Cleanup() //nolint:errcheck // swept when the run is next held
	if _, err := io.Copy(f, src); err != nil {
		return err
	}
	if err := own(f.File, uid); err != nil {
		return err
	}
	if check != nil {
		if err := check(f.File); err != nil {
			return err
		}
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return syncDirOf(root, name)
}

// own gives a file that root has made to the user whose run it is part of.
func own(f *os.File, uid int) error {
	if os.Geteuid() != 0 || uid == 0 {
		return nil
	}
	return f.Chown(uid, -1)
}

// syncDirOf puts the directory entry of a file on the disk.
func syncDirOf(root *os.Root, name string) error {
	dir, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(syncDir(dir), dir.Close())
}

// syncDir flushes a directory. Some file systems have nothing to flush and say EINVAL.
func syncDir(dir *os.File) error {
	if err := dir.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// syncData flushes a file's content and length, and not its times.
func syncData(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		for {
			failed = unix.Fdatasync(int(fd))
			if !errors.Is(failed, syscall.EINTR) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return failed
}
