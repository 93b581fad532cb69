package main

import (
	"errors"
	"fmt"
	"strings"

	"runbook/cmd/runbook/internal/screen"
)

// The exit codes that are not those of a verdict: see [engine.Verdict.ExitCode].
const (
	exitOK      = 0
	exitFault   = 1 // an error of the tool itself, or of what it needs
	exitUsage   = 2 // a command line, or a runbook, that makes no sense
	exitRefused = 7
)

// usageError is a command line that makes no sense. It says what to do.
type usageError struct {
	message string
	hint    string // a sentence, or a command to try
}

func (e *usageError) Error() string { return e.message }

func usagef(hint, format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...), hint: hint}
}

// exitError ends the program with a code, after all has been said.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

func exitWith(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code}
}

// failed says what went wrong, once, and gives the exit code.
func (p program) failed(err error) int {
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	code, hint := exitFault, ""
	if e, ok := errors.AsType[*usageError](err); ok {
		code, hint = exitUsage, e.hint
	}
	lines := strings.Split(screen.Clean(err.Error()), "\n")
	_, _ = fmt.Fprintln(p.stderr, "runbook: "+strings.Join(lines, "\n         "))
	if hint != "" {
		_, _ = fmt.Fprintln(p.stderr, "         "+strings.ReplaceAll(hint, "\n", "\n         "))
	}
	return code
}
