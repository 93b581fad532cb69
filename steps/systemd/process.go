package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"runbook/engine"
	"runbook/internal/run"
)

// journalctl runs it and gives what it prints to w. It only reads, and is held to that when the step is.
func journalctl(ctx context.Context, args []string, w io.Writer, t engine.Task) error {
	const grace = 50 * time.Millisecond // it holds nothing that it would have to put down
	var complaints head
	user, err := run.UserNamed(t.As)
	if err != nil {
		return notRun(err)
	}
	exit, err := run.Run(ctx, run.Spec{
		Argv: append([]string{"journalctl"}, args...), Env: []string{"TZ=UTC"}, User: user,
		Stdout: w, Stderr: &complaints, Grace: grace, Sandbox: t.Sandboxed,
	})
	switch {
	case err != nil:
		return notRun(err)
	case exit.Signal != "":
		return engine.Failf(engine.Exit, "read the journal: journalctl was ended by a signal (%s)", exit.Signal)
	case exit.Code != 0:
		return engine.Failf(engine.Exit, "read the journal: journalctl ended with code %d: %s", exit.Code, oneLine(string(complaints), maxArg))
	default:
		return nil
	}
}

// notRun gives an error of package run its kind of failure.
func notRun(err error) error {
	doing := fmt.Errorf("read the journal: %w", err)
	if e, ok := errors.AsType[*run.Error](err); ok {
		return engine.Fail(engine.FailureKind(e.Kind), doing)
	}
	return engine.FailureOf(doing)
}

// head keeps the first bytes that are written to it.
type head []byte

func (h *head) Write(p []byte) (int, error) {
	*h = append(*h, p[:min(len(p), maxLine-len(*h))]...)
	return len(p), nil
}
