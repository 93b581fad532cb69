package run

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// findProgram finds what argv[0] means: a name is looked up in the process's
// own PATH, not in ours; a path that is not absolute starts in dir.
func findProgram(name, path, dir string) (string, error) {
	if name == "" {
		return "", fail(Invalid, "start a process: no program is named")
	}
	if strings.Contains(name, "/") {
		if filepath.IsAbs(name) {
			return name, nil
		}
		return filepath.Join(dir, name), nil
	}
	for _, folder := range filepath.SplitList(path) {
		if !filepath.IsAbs(folder) {
			continue // an empty one means "here", which is no place to look
		}
		file := filepath.Join(folder, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fail(Missing, "start %s: not found in PATH, which is %s: %w", name, path, fs.ErrNotExist)
}

// attempt is a start that failed.
type attempt struct {
	name    string // as the caller wrote it
	program string
	dir     string
	user    User
}

// explain says why a program did not start. The kernel has one word for many
// reasons: ENOENT is a missing program, directory or interpreter, EACCES a
// directory that may not be entered or a file that may not be executed.
func (a attempt) explain(err error) error {
	reason, ok := errors.AsType[syscall.Errno](err)
	if at, start := errors.AsType[*fs.PathError](err); !ok || !start || at.Op != "fork/exec" {
		return fail(kindOf(err), "start %s: %w", a.name, err)
	}
	kind, because := a.because(reason)
	if because == "" {
		return fail(kindOf(reason), "start %s: %w", a.name, reason)
	}
	return fail(kind, "start %s: %s: %w", a.name, because, reason)
}

func (a attempt) because(reason syscall.Errno) (Kind, string) {
	info, err := os.Stat(a.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Missing, fmt.Sprintf("directory %s is not there", a.dir)
	case err == nil && !info.IsDir(), errors.Is(err, syscall.ENOTDIR):
		return Invalid, a.dir + " is not a directory"
	case reason == syscall.ENOENT, reason == syscall.ENOTDIR:
		return Missing, a.missing()
	case reason == syscall.EACCES:
		return Denied, a.denied()
	case reason == syscall.EPERM && a.user.credential() != nil:
		return Denied, "become user " + a.user.Name
	case reason == syscall.ENOEXEC:
		return Invalid, a.program + " is no program, and no script with a #! line"
	case reason == syscall.E2BIG:
		return Invalid, "arguments and environment are too long"
	case reason == syscall.EAGAIN:
		return Denied, fmt.Sprintf("user %s has too many processes", a.user.Name)
	}
	return "", ""
}

// missing says what is not there, of a program and what it takes to run it.
func (a attempt) missing() string {
	if interpreter := interpreterOf(a.program); interpreter != "" && !exists(interpreter) {
		return fmt.Sprintf("%s wants the interpreter %s, which is not there", a.program, interpreter)
	}
	if exists(a.program) {
		return a.program + " wants a loader that is not there"
	}
	return a.program + " is not there"
}

// denied says what the user may not.
func (a attempt) denied() string {
	for _, dir := range []string{a.dir, filepath.Dir(a.program)} {
		if closed := closedTo(a.user, dir); closed != "" {
			return fmt.Sprintf("user %s may not enter %s", a.user.Name, closed)
		}
	}
	if info, err := os.Stat(a.program); err == nil && !allows(info, a.user, 1) {
		return fmt.Sprintf("user %s may not execute %s", a.user.Name, a.program)
	}
	return fmt.Sprintf("as user %s in %s", a.user.Name, a.dir)
}

// interpreterOf is the program in a script's first line.
func interpreterOf(script string) string {
	f, err := os.Open(script)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	const longest = 256
	line, _ := bufio.NewReaderSize(f, longest).ReadSlice('\n')
	rest, ok := strings.CutPrefix(string(line), "#!")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return ""
	}
	return fields[0]
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// closedTo is the first directory on the way to dir, dir included, that the
// user may not enter, by mode bits; empty if there is none. It is for telling
// people, not for deciding: it knows no access control lists.
func closedTo(u User, dir string) string {
	var way []string
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		way = append(way, at)
		if at == "/" || at == "." {
			break
		}
	}
	for _, at := range slices.Backward(way) {
		if info, err := os.Stat(at); err == nil && !allows(info, u, 1) {
			return at
		}
	}
	return ""
}

// allows looks at one bit (4 read, 2 write, 1 execute or enter) for the user.
func allows(info fs.FileInfo, u User, bit fs.FileMode) bool {
	if u.UID == 0 && (info.IsDir() || bit != 1) {
		return true
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	switch {
	case !ok:
		return true
	case u.UID == 0:
		return mode&0o111 != 0
	case owner.Uid == u.UID:
		return mode>>6&bit != 0
	case owner.Gid == u.GID || slices.Contains(u.Groups, owner.Gid):
		return mode>>3&bit != 0
	}
	return mode&bit != 0
}
