package books

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// UntrustedError says why root does not run a file.
type UntrustedError struct {
	File string // that was to be run
	Path string // that somebody else can change: the file, a folder above it, or a link on the way
	Why  string
	Fix  string // a command
}

func (e *UntrustedError) Error() string {
	what := e.Path
	if e.Path != e.File {
		what = fmt.Sprintf("%s, on the way to %s,", e.Path, e.File)
	}
	return fmt.Sprintf("%s %s, so another user could make root run anything; to fix it: %s, or move the runbook to /etc/runbook/runbooks",
		what, e.Why, e.Fix)
}

// mostLinks is how many links may lie on a way, as in the kernel.
const mostLinks = 40

// trusted tells whether root alone can change what a path leads to. Every folder on the way is looked at, and so is
// every link: whoever can put another in its place decides where the way leads.
func trusted(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	rest := strings.Split(strings.Trim(path, "/"), "/")
	at, links := "/", 0
	if err := mine(path, at); err != nil {
		return err
	}
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		if err := mine(path, next); err != nil {
			return err
		}
		target, err := os.Readlink(next)
		if err != nil { // no link
			at = next
			continue
		}
		if links++; links > mostLinks {
			return fmt.Errorf("%s leads through too many links", path)
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return nil
}

// mine tells whether root alone can change one thing on the way to a file.
func mine(file, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("this system does not tell whose files are")
	}
	no := func(why, fix string) error {
		return &UntrustedError{File: file, Path: path, Why: why, Fix: fix + " " + path}
	}
	mode := info.Mode()
	switch {
	case stat.Uid != 0 && mode&fs.ModeSymlink != 0:
		return no(fmt.Sprintf("belongs to uid %d", stat.Uid), "chown -h root")
	case stat.Uid != 0:
		return no(fmt.Sprintf("belongs to uid %d", stat.Uid), "chown root")
	case mode&fs.ModeSymlink != 0: // its mode means nothing
	case mode.IsDir() && mode&fs.ModeSticky != 0: // what is root's in it, nobody else can move
	case mode.Perm()&0o002 != 0:
		return no("can be written by everybody", "chmod o-w")
	case mode.Perm()&0o020 != 0:
		return no("can be written by its group", "chmod g-w")
	}
	return nil
}
