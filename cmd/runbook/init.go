package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/screen"
	"runbook/cmd/runbook/internal/starter"
)

func (p program) initCommand() command {
	return command{
		name: "init", args: "[DIR]", about: "make a folder with a runbook to begin with, and what CI runs",
		text: "Without a DIR it is ./" + runbooksDir + ", where the other commands look. A small runbook with comments, its scenarios, the schemas that " +
			"editors read, and ci.sh are written. Nothing is ever written over: where one of the files is there already, none is written.",
		example: "runbook init && runbook test",
		do:      p.initFolder,
	}
}

// runbooksDir is where runbooks are looked for first.
const runbooksDir = "runbooks"

func (p program) initFolder(c *cli.Context) error {
	dir := runbooksDir
	if c.NArg() > 0 {
		var err error
		if dir, err = one(c, "a folder", "runbook init runbooks"); err != nil {
			return err
		}
	}
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	files, err := starter.Files(kinds, filepath.ToSlash(filepath.Clean(dir)), time.Now().UTC())
	if err != nil {
		return err
	}
	if err := writeAll(dir, files); err != nil {
		return err
	}
	s := p.screen()
	for _, f := range files {
		_, _ = fmt.Fprintln(s, "wrote "+screen.Line(filepath.Join(dir, f.Name)))
	}
	name, where := starter.Runbook, ""
	if filepath.Clean(dir) != runbooksDir {
		name, where = filepath.Join(dir, name+".yaml"), " "+dir+"/"
	}
	_, _ = fmt.Fprintf(s, "\nnext:\n  runbook test%s\n  runbook drill %s\n  runbook run %s --dry-run\nThen make %s yours, and call %s from CI.\n",
		where, name, name, screen.Line(filepath.Join(dir, starter.Runbook+".yaml")), screen.Line(filepath.Join(dir, "ci.sh")))
	return nil
}

// writeAll writes files into a folder: all of them, or none where one is there already or can't be written.
func writeAll(dir string, files []starter.File) error {
	var there []string
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, f.Name)); err == nil {
			there = append(there, filepath.Join(dir, f.Name))
		}
	}
	if len(there) > 0 {
		return usagef("another folder: runbook init DIR", "nothing was written, because this is there already: %s", strings.Join(there, ", "))
	}
	_, before := os.Lstat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // runbooks are for everybody to read
		return fmt.Errorf("make the folder: %w", err)
	}
	for i, f := range files {
		err := create(filepath.Join(dir, f.Name), f)
		if err == nil {
			continue
		}
		for _, written := range files[:i] {
			err = errors.Join(err, os.Remove(filepath.Join(dir, written.Name)))
		}
		if errors.Is(before, os.ErrNotExist) {
			err = errors.Join(err, os.Remove(dir))
		}
		return fmt.Errorf("write the files: %w", err)
	}
	return nil
}

// create writes a file that is not there yet.
func create(path string, f starter.File) error {
	mode := os.FileMode(0o644)
	if f.Executable {
		mode = 0o755
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := out.Write(f.Text); err != nil {
		return errors.Join(err, out.Close(), os.Remove(path))
	}
	if err := out.Close(); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
