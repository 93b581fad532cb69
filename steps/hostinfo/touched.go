package hostinfo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mostEntries is the most entries of one directory that are looked at.
const mostEntries = 5000

// dated is a change of a file with the later of its two times.
type dated struct {
	fileChange
	at time.Time
}

// touched collects files that were changed.
type touched struct {
	since  time.Time
	kind   string
	byPath map[string]dated
	owners map[uint32]string
	more   bool // a directory had more entries than are looked at
}

// addFiles looks at the unit files and at the watched paths.
func (h host) addFiles(ctx context.Context, since time.Time, paths []string, s *seen) error {
	f := touched{since: since, kind: "unit", byPath: map[string]dated{}, owners: map[uint32]string{}}
	for _, dir := range []string{"etc/systemd/system", "usr/local/lib/systemd/system", "run/systemd/system"} {
		if err := f.units(ctx, h.path(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	f.kind = "path"
	for _, path := range paths {
		err := f.watched(ctx, filepath.Clean(path))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			s.missing = append(s.missing, path)
		} else if err != nil {
			return err
		}
	}
	newest := slices.SortedFunc(maps.Values(f.byPath), func(a, b dated) int {
		return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.Path, b.Path))
	})
	s.count += len(newest)
	s.short = s.short || f.more || len(newest) > mostHeld
	s.files = []fileChange{}
	for _, change := range newest[:min(len(newest), mostHeld)] {
		s.files = append(s.files, change.fileChange)
	}
	return nil
}

// units looks at a directory of unit files: at the units, at their drop-ins, and at the links that enable them.
func (f *touched) units(ctx context.Context, dir string) error {
	return f.directory(ctx, dir, func(path string, info fs.FileInfo) error {
		for _, suffix := range []string{".d", ".wants", ".requires", ".upholds"} {
			if info.IsDir() && strings.HasSuffix(path, suffix) {
				return f.directory(ctx, path, nil)
			}
		}
		return nil
	})
}

// watched looks at a path, and at what is directly in it when it leads to a directory.
func (f *touched) watched(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return f.directory(ctx, path, nil)
	}
	return f.one(path)
}

// directory looks at a directory and what is directly in it, and calls each with that.
func (f *touched) directory(ctx context.Context, dir string, each func(path string, info fs.FileInfo) error) error {
	list, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = list.Close() }()
	if err := f.one(dir); err != nil {
		return err
	}
	names, err := list.Readdirnames(mostEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("look into %s: %w", dir, err)
	}
	if more, _ := list.Readdirnames(1); len(more) > 0 {
		f.more = true
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(dir, name)
		if err := f.one(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if each == nil {
			continue
		}
		info, err := os.Lstat(path)
		if err == nil {
			err = each(path, info)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// one looks at one path, and when that is a link, also at the file or directory that it leads to.
func (f *touched) one(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	f.add(path, info)
	if info.Mode()&fs.ModeSymlink == 0 {
		return nil
	}
	// A link that leads nowhere, or where nobody may look, says no more than itself.
	if info, err = os.Stat(path); err != nil || !info.Mode().IsRegular() && !info.IsDir() {
		return nil
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		f.add(real, info)
	}
	return nil
}

func (f *touched) add(path string, info fs.FileInfo) {
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	modified, changed := info.ModTime(), time.Unix(sys.Ctim.Unix())
	at := changed
	if modified.After(at) {
		at = modified
	}
	if at.Before(f.since) {
		return
	}
	if _, there := f.byPath[path]; there {
		return
	}
	f.byPath[path] = dated{at: at, fileChange: fileChange{
		Path: path, Kind: f.kind, Type: typeName(info.Mode()), Owner: f.owner(sys.Uid), Modified: stamp(modified), Changed: stamp(changed),
	}}
}

func (f *touched) owner(uid uint32) string {
	if name, ok := f.owners[uid]; ok {
		return name
	}
	name := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	f.owners[uid] = name
	return name
}

func typeName(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "file"
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "link"
	default:
		return "other"
	}
}
