package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Kind is a kind of failure, in the word that conditions and reports use.
type Kind string

// The kinds of failure that running a process can have.
const (
	Missing   Kind = "missing"   // the program, its interpreter, the directory or the user is not there
	Denied    Kind = "denied"    // it is there, and this user may not
	Timeout   Kind = "timeout"   // it was stopped because the time was over
	Cancelled Kind = "cancelled" // it was stopped because somebody wanted it
	Invalid   Kind = "invalid"   // what was asked for makes no sense
)

// Error is why a process did not run, or not to its end.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives errors.Is what the kernel or the context said.
func (e *Error) Unwrap() error { return e.Err }

// Is makes an error one of the standard library's that says the same, whatever
// it wraps: who sorts errors need not know this package.
func (e *Error) Is(target error) bool {
	switch e.Kind {
	case Missing:
		return target == fs.ErrNotExist
	case Denied:
		return target == fs.ErrPermission
	case Timeout:
		return target == context.DeadlineExceeded
	case Cancelled:
		return target == context.Canceled
	case Invalid:
	}
	return false
}

func fail(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Err: fmt.Errorf(format, args...)}
}

// kindOf sorts an error of the operating system.
func kindOf(err error) Kind {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Missing
	case errors.Is(err, fs.ErrPermission):
		return Denied
	}
	return Invalid
}

// stopped is the failure of a process that the context ended.
func stopped(ctx context.Context, name string) *Error {
	kind, how := Cancelled, "stopped"
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind, how = Timeout, "stopped, the time was over"
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) { // it says nothing more
		return &Error{Kind: kind, Err: fmt.Errorf("run %s: %s: %w", name, how, cause)}
	}
	return &Error{Kind: kind, Err: fmt.Errorf("run %s: %s: %w (%w)", name, how, cause, ctx.Err())}
}
