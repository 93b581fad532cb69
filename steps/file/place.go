package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"runbook/engine"
)

// mostLinks is how many links a path may lead through, as in the kernel.
const mostLinks = 40

// place is a name in an open directory: whatever happens to the path that led there, it stays this directory.
type place struct {
	dir  *os.Root
	path string // of the directory, without a link in it
	name string
}

// findPlace opens the directory of a path. A link on the way must belong to root or to the one who acts: anybody else
// could have planted it to lead the write to a file of their choice.
func findPlace(file string) (place, error) {
	cut := strings.LastIndex(file, "/")
	dir, err := withoutLinks(file[:cut+1], syscall.Geteuid())
	if err != nil {
		return place{}, err
	}
	root, err := openDir(dir)
	if err != nil {
		return place{}, fmt.Errorf("open the directory of %s: %w", file, err)
	}
	return place{dir: root, path: dir, name: file[cut+1:]}, nil
}

func (p place) String() string { return path.Join(p.path, p.name) }

// withoutLinks follows the links in an absolute path, as long as they belong to root or to uid.
func withoutLinks(dir string, uid int) (string, error) {
	at, todo, links := "/", strings.Split(dir, "/"), 0
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, part)
		info, err := os.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok || owner.Uid != 0 && int(owner.Uid) != uid {
			return "", engine.Failf(engine.Denied, "follow %s: it is a link that belongs to %s; name the file by the path it really has",
				next, userName(owner.Uid))
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if links++; links > mostLinks {
			return "", engine.Failf(engine.Invalid, "follow %s: too many links", dir)
		}
		if path.IsAbs(target) {
			at = "/"
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return at, nil
}

// openDir opens a directory by a path that must not have a link in it any more.
func openDir(dir string) (*os.Root, error) {
	fd, err := unix.Openat2(unix.AT_FDCWD, dir, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_SYMLINKS,
	})
	if errors.Is(err, unix.ENOSYS) {
		return os.OpenRoot(dir) // a kernel before 5.6
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	return os.OpenRoot(fmt.Sprintf("/proc/self/fd/%d", fd))
}
