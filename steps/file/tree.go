package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/budget"
)

const (
	mostDeep  = 200  // directories in each other
	mostNames = 1000 // names of a directory that are held in memory
)

// inode is a file, a directory or a link that is held open: whatever happens to the names that led to it, it stays this
// one.
type inode struct {
	path    string // for people
	fd      int    // opened with O_PATH: it can neither be read nor written by it
	st      unix.Statx_t
	below   bool // it is not what the walk was started for
	mounted bool // another file system is mounted on it, and begins here
}

func (i inode) isDir() bool  { return i.st.Mode&unix.S_IFMT == unix.S_IFDIR }
func (i inode) isLink() bool { return i.st.Mode&unix.S_IFMT == unix.S_IFLNK }

func (i inode) isDevice() bool {
	kind := i.st.Mode & unix.S_IFMT
	return kind == unix.S_IFBLK || kind == unix.S_IFCHR
}

func (i inode) rights() rights {
	return rights{uid: i.st.Uid, gid: i.st.Gid, mode: uint32(i.st.Mode) & modeBits}
}

// shown is a path as a line of text can hold it, such that no other path looks the same.
func shown(path string) string {
	if budget.Line(path, len(path)) == path {
		return path
	}
	return strconv.Quote(path)
}

// walk visits an inode, and with deep what is below it, a directory before what it holds. It follows no link and enters
// no other file system. What vanishes meanwhile is not visited. Its memory does not grow with the tree.
func (p place) walk(ctx context.Context, deep bool, visit func(inode) error) error {
	dir, err := p.dir.Open(".")
	if err != nil {
		return fmt.Errorf("open %s: %w", p.path, err)
	}
	defer func() { _ = dir.Close() }()
	top, err := openInode(int(dir.Fd()), p.name, p.String())
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(top.fd) }()
	if top.isLink() {
		target, _ := p.dir.Readlink(p.name)
		return engine.Failf(engine.Invalid, "look at %s: it is a link to %s; name what it leads to", p, shown(target))
	}
	w := walker{ctx: ctx, top: top.st, visit: visit}
	return w.inode(top, deep, 0)
}

type walker struct {
	ctx   context.Context //nolint:containedctx // it lives for one walk
	top   unix.Statx_t
	visit func(inode) error
}

func (w walker) inode(i inode, deep bool, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return engine.FailureOf(err)
	}
	deep = deep && i.isDir() && !i.mounted
	if !deep {
		return w.visit(i)
	}
	if depth == mostDeep {
		return engine.Failf(engine.Invalid, "look into %s: it is more than %d directories deep", shown(i.path), mostDeep)
	}
	list, err := i.list()
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }()
	if err := w.visit(i); err != nil {
		return err
	}
	for {
		names, err := list.Readdirnames(mostNames)
		slices.Sort(names)
		for _, name := range names {
			if err := w.child(list, name, i.path, depth); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look into %s: %w", shown(i.path), err)
		}
	}
}

func (w walker) child(dir *os.File, name, above string, depth int) error {
	i, err := openInode(int(dir.Fd()), name, path.Join(above, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(i.fd) }()
	i.below, i.mounted = true, !sameMount(w.top, i.st)
	return w.inode(i, true, depth+1)
}

// openInode opens what a directory has under a name, and not what a link under that name leads to. A name has no slash in
// it and is not "..", so there is no other way out of the directory than a mount.
func openInode(dir int, name, path string) (inode, error) {
	i := inode{path: path}
	err := again(func() (err error) {
		i.fd, err = unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return i, fmt.Errorf("open %s: %w", shown(path), err)
	}
	err = again(func() error {
		const flags = unix.AT_EMPTY_PATH | unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
		return unix.Statx(i.fd, "", flags, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &i.st)
	})
	if err != nil {
		_ = unix.Close(i.fd)
		return i, fmt.Errorf("look at %s: %w", shown(path), err)
	}
	return i, nil
}

// list opens a directory for reading.
func (i inode) list() (*os.File, error) {
	var fd int
	err := again(func() (err error) {
		fd, err = unix.Openat(i.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look into %s: %w", shown(i.path), err)
	}
	return os.NewFile(uintptr(fd), i.path), nil
}

// sameMount tells whether two inodes are seen through one mount. A kernel before 5.8 does not number its mounts, and
// only another device can be noticed.
func sameMount(a, b unix.Statx_t) bool {
	if a.Mask&b.Mask&unix.STATX_MNT_ID != 0 {
		return a.Mnt_id == b.Mnt_id
	}
	return a.Dev_major == b.Dev_major && a.Dev_minor == b.Dev_minor
}

func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
