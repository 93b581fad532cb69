package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"runbook/engine"
)

// Host performs calls with the step kinds of this machine.
type Host struct {
	Kinds   engine.Kinds
	Secrets Secrets
	// Keep opens a new file of evidence for a step. Its name is taken as the run numbers them.
	Keep func(step string) (File, error)
	// Output is told the last line that a running step printed. May be nil; it is called from several goroutines.
	Output func(step, line string)
	// Unsandboxed lets checks start processes outside the read sandbox. Only for kernels that have none, when a person
	// said so.
	Unsandboxed bool
}

// File is one file of evidence, below the run's folder.
type File interface {
	io.WriteCloser
	Name() string
}

// Perform looks, prepares or acts. A person is asked elsewhere.
func (h *Host) Perform(ctx context.Context, c engine.Call) engine.Result {
	kind, ok := h.Kinds.Find(c.Kind)
	if !ok {
		return failed(engine.Failf(engine.Invalid, "there is no kind %s", c.Kind))
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.Timeout, &timeout{c.Timeout})
		defer cancel()
	}
	inputs, used, err := h.Secrets.fill(c.Inputs)
	if err != nil {
		return failed(err)
	}
	kept := &keeper{host: h, step: c.Step, secrets: used}
	task := engine.Task{
		Step: c.Step, Attempt: c.Attempt, As: c.As, Reads: c.Reads, Sandboxed: c.Reads && !h.Unsandboxed, Keep: kept.keep,
	}
	var r engine.Result
	switch c.Verb {
	case engine.Look, engine.Act:
		r.Output, err = kind.Do(ctx, inputs, task)
		r.Failure = failureOf(ctx, err)
	case engine.Prepare:
		r = prepare(ctx, kind, inputs, task, kept)
	case engine.Confirm, engine.Attach:
		return failed(engine.Failf(engine.Invalid, "a host can't %s", c.Verb))
	}
	r.Evidence = kept.close()
	return clean(used, r)
}

// prepare describes a change, and then keeps what it will destroy. What could not be kept is said, and holds nobody up.
func prepare(ctx context.Context, kind engine.Kind, inputs map[string]any, task engine.Task, kept *keeper) engine.Result {
	d, err := kind.Describe(ctx, inputs, task)
	if err != nil {
		return engine.Result{Failure: failureOf(ctx, err)}
	}
	kept.limit = beforeLimit
	if err := kind.Before(ctx, inputs, task); err != nil {
		kept.failed("before", err)
	}
	return engine.Result{Description: &d}
}

func failed(err error) engine.Result { return engine.Result{Failure: engine.FailureOf(err)} }

// timeout is the cause of a call that took too long.
type timeout struct{ after time.Duration }

func (t *timeout) Error() string { return fmt.Sprintf("it did not end within %s", t.after) }

// failureOf sorts an error, and lets the reason why the context ended speak before what it led to.
func failureOf(ctx context.Context, err error) *engine.Failure {
	if err == nil {
		return nil
	}
	f := engine.FailureOf(err)
	cause := context.Cause(ctx)
	if t, ok := errors.AsType[*timeout](cause); ok {
		return &engine.Failure{Kind: engine.Timeout, Message: t.Error()}
	}
	if cause != nil {
		return &engine.Failure{Kind: engine.Cancelled, Message: "the run was stopped"}
	}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
		if f.Kind == engine.Invalid && errors.Is(err, full) {
			f.Kind = engine.Denied // the disk does not let anybody write, and nothing is wrong with the inputs
		}
	}
	return f
}

// DryRun performs checks on the host and only describes changes: it has no code that could make one.
func DryRun(h *Host) engine.Performer {
	return engine.PerformerFunc(func(ctx context.Context, c engine.Call) engine.Result {
		switch c.Verb {
		case engine.Look:
			return h.Perform(ctx, c)
		case engine.Prepare:
			r := describe(ctx, h, c)
			r.Only = true
			return r
		case engine.Confirm:
			return engine.Result{Answer: &engine.Answer{Value: engine.Would, Via: "dry run"}}
		case engine.Act, engine.Attach:
		}
		return failed(engine.Failf(engine.Denied, "a dry run makes no change"))
	})
}

// describe tells what a change would do, and keeps nothing: nothing is about to be destroyed.
func describe(ctx context.Context, h *Host, c engine.Call) engine.Result {
	kind, ok := h.Kinds.Find(c.Kind)
	if !ok {
		return failed(engine.Failf(engine.Invalid, "there is no kind %s", c.Kind))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, &timeout{c.Timeout})
	defer cancel()
	task := engine.Task{Step: c.Step, Attempt: c.Attempt, As: c.As, Sandboxed: !h.Unsandboxed, Keep: discard}
	d, err := kind.Describe(ctx, c.Inputs, task)
	if err != nil {
		return engine.Result{Failure: failureOf(ctx, err)}
	}
	return engine.Result{Description: &d}
}

func discard(string) io.WriteCloser { return nowhere{io.Discard} }

type nowhere struct{ io.Writer }

func (nowhere) Close() error { return nil }
