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

// explain says why a program did not start. The kernel has one word for many
// reasons: ENOENT is a missing program, directory or interpreter, EACCES a
// directory that may not be entered or a file that may not be executed.
func explain(err error, name, program, dir string, u User) error {
	reason, ok := errors.AsType[syscall.Errno](err)
	if at, start := errors.AsType[*fs.PathError](err); !ok || !start || at.Op != "fork/exec" {
		return fail(kindOf(err), "start %s: %w", name, err)
	}
	because := func(kind Kind, format string, args ...any) error {
		return fail(kind, "start %s: %s: %w", name, fmt.Sprintf(format, args...), reason)
	}
	info, dirErr := os.Stat(dir)
	switch {
	case errors.Is(dirErr, fs.ErrNotExist):
		return because(Missing, "directory %s is not there", dir)
	case dirErr == nil && !info.IsDir(), errors.Is(dirErr, syscall.ENOTDIR):
		return because(Invalid, "%s is not a directory", dir)
	}
	//exhaustive:ignore // an errno is a number
	switch reason {
	case syscall.ENOENT, syscall.ENOTDIR:
		if interpreter := interpreterOf(program); interpreter != "" && !exists(interpreter) {
			return because(Missing, "%s wants the interpreter %s, which is not there", program, interpreter)
		}
		if exists(program) {
			return because(Missing, "%s wants a loader that is not there", program)
		}
		return because(Missing, "%s is not there", program)
	case syscall.EACCES:
		if closed := closedTo(u, dir); closed != "" {
			return because(Denied, "user %s may not enter %s", u.Name, closed)
		}
		if closed := closedTo(u, filepath.Dir(program)); closed != "" {
			return because(Denied, "user %s may not enter %s", u.Name, closed)
		}
		if info, err := os.Stat(program); err == nil && !allows(info, u, 1) {
			return because(Denied, "user %s may not execute %s", u.Name, program)
		}
		return because(Denied, "as user %s in %s", u.Name, dir)
	case syscall.EPERM:
		if u.credential() != nil {
			return because(Denied, "become user %s", u.Name)
		}
		return because(Denied, "as user %s", u.Name)
	case syscall.ENOEXEC:
		return because(Invalid, "%s is no program, and no script with a #! line", program)
	case syscall.E2BIG:
		return because(Invalid, "arguments and environment are too long")
	case syscall.EAGAIN:
		return because(Denied, "user %s has too many processes", u.Name)
	}
	return fail(kindOf(reason), "start %s: %w", name, reason)
}

// interpreterOf is the program in a script's first line.
func interpreterOf(script string) string {
	f, err := os.Open(script) //nolint:gosec // G304: the step's own program
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
