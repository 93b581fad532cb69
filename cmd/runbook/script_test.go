package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"runbook/cmd/runbook/internal/ttytest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"runbook": main})
}

// TestScripts runs the stories below testdata/script: one for each behaviour. Beside testscript's own words they have
//
//	exits N COMMAND…     runs a command that has no terminal, and must end with this code
//	tty [-exit N] SCRIPT COMMAND…
//	                     runs a command at a terminal, with a person who does what the script says: see person_test.go
//	[root]               a line for root
//	scrub FILE           makes ids, times, paths and host names of a file alike, so that it can be compared
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("RUNBOOK_STATE", filepath.Join(e.WorkDir, "state"))
			e.Setenv("TERM", "xterm")
			e.Setenv("TZ", "UTC")
			e.Setenv("SUDO_USER", "anna")
			e.Defer(func() { forget(e) })
			return settle(e.WorkDir)
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("there is no condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "tty": atTerminal, "scrub": scrub},
	})
}

// forget removes what stands in for the state of a script where it can't be written: it lies in memory, outside of the
// script's folder.
func forget(e *testscript.Env) {
	store, err := program{getenv: e.Getenv}.store()
	if err != nil {
		return
	}
	for _, dir := range store.Fallbacks {
		_ = os.RemoveAll(dir)
	}
}

// settle makes a script's folder one that root runs runbooks from, and puts its path where the files say @WORK@.
func settle(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, bytes.ReplaceAll(text, []byte("@WORK@"), []byte(dir)), 0o644)
	})
}

// exits runs a command without any terminal, and holds its exit code against the one that must come.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N command…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*ttytest.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args[2:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), environ(ts), ts.Stdout(), ts.Stderr()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	code := 0
	err = cmd.Run()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		code = e.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", code, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// What differs from run to run, and from machine to machine.
var volatile = []struct {
	found *regexp.Regexp
	like  string
}{
	{regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-z]{4}`), "RUN"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`), "DAY"},
	{regexp.MustCompile(`\d\d:\d\d:\d\d`), "HH:MM:SS"},
	{regexp.MustCompile(`\b\d+ min(?: \d+ s)?|\b\d+(?:\.\d)? m?s\b`), "TIME"},
	{regexp.MustCompile(`(?m) +TIME$`), ""}, // behind a step that took long
}

// scrub writes FILE anew, with everything that differs from run to run replaced by a word.
func scrub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: scrub file")
	}
	text := ts.ReadFile(args[0])
	text = strings.ReplaceAll(text, ts.Getenv("WORK"), "WORK")
	if host, err := os.Hostname(); err == nil {
		text = regexp.MustCompile(`(on|ON    ) `+regexp.QuoteMeta(host)+`\b`).ReplaceAllString(text, "$1 HOST")
	}
	for _, v := range volatile {
		text = v.found.ReplaceAllString(text, v.like)
	}
	if args[0] == "stdout" || args[0] == "stderr" {
		ts.Fatalf("copy %s to a file first", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func atTerminal(ts *testscript.TestScript, neg bool, args []string) {
	want := 0
	if len(args) > 2 && args[0] == "-exit" {
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		want, args = n, args[2:]
	}
	if neg || len(args) < 2 {
		ts.Fatalf("usage: tty [-exit N] script command…")
	}
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	p := person{
		command: append([]string{path}, args[2:]...), dir: ts.MkAbs("."), env: environ(ts),
		elsewhere: func(line string) error { return ts.Exec("sh", "-c", line) },
	}
	code, err := p.follow(ts.ReadFile(args[0]))
	screen := p.screen()
	_, _ = fmt.Fprint(ts.Stdout(), screen)
	if err != nil {
		ts.Fatalf("%v\nthe screen:\n%s", err, screen)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d\nthe screen:\n%s", code, want, screen)
	}
}

// environ is the environment of a script.
func environ(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "WORK", "RUNBOOK_STATE", "TERM", "TZ", "SUDO_USER", "NO_COLOR"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}
