package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// File describes one entry of the file tree; two that are equal are the same in all that somebody could have changed.
type File struct {
	Removed    bool        // it is in the image and no longer on the host; nothing else is set then
	Mode       fs.FileMode // kind and permissions
	UID, GID   uint32
	Size       int64     // in bytes, of a plain file
	Changed    time.Time // of the content; of a folder: when an entry came or went
	Digest     string    // SHA-256 in hex, of a plain file up to hashLimit
	Target     string    // of a symbolic link
	Attributes string    // extended attributes, "name=hex" sorted, joined by commas
}

// hashLimit keeps a snapshot quick on a host whose disk somebody has filled; of larger files size and time must do.
const hashLimit = 16 << 20

// String is one line such as "-rw-r--r-- 0:0 12 bytes 2026-01-02T03:04:05.6Z sha256 ab12…".
func (f File) String() string {
	if f.Removed {
		return "removed"
	}
	s := fmt.Sprintf("%s %d:%d", f.Mode, f.UID, f.GID)
	if f.Mode.IsRegular() {
		s += fmt.Sprintf(" %d bytes", f.Size)
	}
	s += " " + f.Changed.UTC().Format(time.RFC3339Nano)
	if f.Digest != "" {
		s += " sha256 " + f.Digest[:12]
	}
	if f.Target != "" {
		s += " -> " + f.Target
	}
	if f.Attributes != "" {
		s += " " + f.Attributes
	}
	return s
}

// An Exclusion is a path that snapshots leave out, with all below it.
type Exclusion struct{ Path, Reason string }

// Exclusions returns what moves on a host that nobody touches, and what holds no files.
func Exclusions() []Exclusion {
	return []Exclusion{
		{"/var/log/journal", "each message that a unit logs is written there"},
		{"/var/log/nginx", "each request that somebody looks with is written there"},
		{"/home/deploy/.pm2/logs", "and each request that the backend answers"},
	}
}

// files returns what differs from the image on the disk, and all of /run and /dev/shm, which live in memory. /proc, /sys
// and the rest of /dev hold no files.
//
// The disk is read where the overlay keeps it, as it was mounted for systemd-nspawn: every change of the tree, by
// whatever way it came about, has put its path there.
func (h *Host) files() (map[string]File, error) {
	nspawn, err := parent(h.leader)
	if err != nil {
		return nil, err
	}
	files := map[string]File{}
	upper := fmt.Sprintf("/proc/%d/root%s/disk/upper", nspawn, h.dir)
	err = walk(upper, "/", func(path, at string, info fs.FileInfo) error {
		switch path {
		case "/dev", "/proc", "/run", "/sys": // where other file systems are mounted
			return fs.SkipDir
		}
		original, inImage, err := describeIfThere(h.image + path)
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode()&fs.ModeCharDevice != 0 && st.Rdev == 0 {
			if inImage { // overlayfs marks a removed path with such a device
				files[path] = File{Removed: true}
			}
			return nil
		}
		file, err := describe(at, info)
		if err == nil && (!inImage || file != original) {
			files[path] = file
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"/run", "/dev/shm"} {
		err := walk(fmt.Sprintf("/proc/%d/root%s", h.leader, dir), dir, func(path, at string, info fs.FileInfo) error {
			file, err := describe(at, info)
			if err == nil {
				files[path] = file
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// walk visits all that stands below top, under the names it has on the host. What vanishes on the way is passed over.
func walk(top, base string, visit func(path, at string, info fs.FileInfo) error) error {
	return filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		path := filepath.Join(base, strings.TrimPrefix(at, top))
		if err == nil && slices.ContainsFunc(Exclusions(), func(e Exclusion) bool { return e.Path == path }) {
			return fs.SkipDir
		}
		if err == nil {
			err = visit(path, at, info)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

func describeIfThere(path string) (File, bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return File{}, false, nil
	}
	if err != nil {
		return File{}, false, err
	}
	file, err := describe(path, info)
	return file, err == nil, err
}

func describe(path string, info fs.FileInfo) (File, error) {
	f := File{Mode: info.Mode(), Changed: info.ModTime().UTC()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		f.UID, f.GID = st.Uid, st.Gid
	}
	var err error
	switch {
	case f.Mode.IsRegular():
		f.Size = info.Size()
		if f.Size <= hashLimit {
			f.Digest, err = digest(path)
		}
	case f.Mode&fs.ModeSymlink != 0:
		f.Target, err = os.Readlink(path)
	}
	if err == nil {
		f.Attributes, err = attributes(path)
	}
	return f, err
}

func digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// attributes leaves out overlayfs's own notes.
func attributes(path string) (string, error) {
	names := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, names)
	if errors.Is(err, unix.ENOTSUP) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("list the attributes of %s: %w", path, err)
	}
	var all []string
	for name := range bytes.SplitSeq(names[:n], []byte{0}) {
		if len(name) == 0 || bytes.HasPrefix(name, []byte("trusted.overlay.")) {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, string(name), value)
		if err != nil {
			return "", fmt.Errorf("read attribute %s of %s: %w", name, path, err)
		}
		all = append(all, fmt.Sprintf("%s=%x", name, value[:n]))
	}
	slices.Sort(all)
	return strings.Join(all, ","), nil
}

// parent returns the parent of a process: of the host's PID 1, systemd-nspawn.
func parent(pid int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("find systemd-nspawn: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		var ppid int
		if _, err := fmt.Sscanf(line, "PPid: %d", &ppid); err == nil {
			return ppid, nil
		}
	}
	return 0, fmt.Errorf("find systemd-nspawn: process %d names no parent", pid)
}
