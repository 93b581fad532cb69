package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// FailureKind says in one word why a step could not be performed.
type FailureKind string

// The kinds of failure. "The check says no" is none of them: that is an output.
const (
	Exit        FailureKind = "exit"        // the process ended with a code that was not expected
	Timeout     FailureKind = "timeout"     // it did not end in time
	Cancelled   FailureKind = "cancelled"   // the run was stopped
	Denied      FailureKind = "denied"      // no permission
	Missing     FailureKind = "missing"     // what it needs is not there
	Unreachable FailureKind = "unreachable" // nobody answers
	Invalid     FailureKind = "invalid"     // the inputs, or what came back, make no sense
)

// Failure is why a step could not be performed. It is an error, and it is stored with the step's result.
type Failure struct {
	Kind    FailureKind `json:"kind"`
	Message string      `json:"message"`
	cause   error
}

func (f *Failure) Error() string { return f.Message }

// Unwrap gives the error that the failure was made from, as long as it has not been through a journal.
func (f *Failure) Unwrap() error { return f.cause }

// Fail gives an error its kind of failure.
func Fail(kind FailureKind, err error) error {
	return &Failure{Kind: kind, Message: err.Error(), cause: err}
}

// Failf makes a failure from a message.
func Failf(kind FailureKind, format string, args ...any) error {
	return Fail(kind, fmt.Errorf(format, args...))
}

// FailureOf is the failure that an error carries. An error without one is sorted by what it wraps; what can't be
// sorted is Invalid.
func FailureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	kind := Invalid
	if f, ok := errors.AsType[*Failure](err); ok {
		return &Failure{Kind: f.Kind, Message: err.Error(), cause: err}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		kind = Timeout
	case errors.Is(err, context.Canceled):
		kind = Cancelled
	case errors.Is(err, fs.ErrPermission):
		kind = Denied
	case errors.Is(err, fs.ErrNotExist):
		kind = Missing
	}
	return &Failure{Kind: kind, Message: err.Error(), cause: err}
}
