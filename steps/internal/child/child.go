package child

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"runbook/engine"
	"runbook/internal/run"
	"runbook/steps/internal/stream"
)

// Spec is a process to run.
type Spec struct {
	Argv  []string
	Dir   string // the user's home when empty
	Env   map[string]string
	Stdin string // nothing to read when empty
}

// Result is how it ended and what it said.
type Result struct {
	Exit           run.Exit
	Stdout, Stderr string // as a result shows them
	JSON           []byte // standard output, when all of it is shown
	StdoutBytes    int
	StderrBytes    int

	said string // its last line
}

// Run runs a process to its end, or to the end of ctx. An error says that it could not be started or was stopped, and
// is a [engine.Failure]; an exit code is none. Both outputs become evidence, "stdout" and "stderr".
func Run(ctx context.Context, t engine.Task, s Spec) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, engine.FailureOf(err)
	}
	user, err := run.UserNamed(t.As)
	if err != nil {
		return Result{}, failure(err)
	}
	hidden := stream.Hidden(append(slices.Collect(maps.Values(s.Env)), s.Stdin)...)
	var stdin io.Reader
	if s.Stdin != "" {
		stdin = strings.NewReader(s.Stdin)
	}
	stdout, stderr := stream.Open(t, "stdout"), stream.Open(t, "stderr")
	exit, err := run.Run(ctx, run.Spec{
		Argv: s.Argv, Dir: s.Dir, Env: assignments(s.Env), User: user, Sandbox: t.Sandboxed,
		Stdin: stdin, Stdout: stdout, Stderr: stderr,
	})
	stdout.Close()
	stderr.Close()
	r := Result{
		Exit:   exit,
		Stdout: stdout.Text(hidden), StdoutBytes: stdout.Bytes(),
		Stderr: stderr.Text(hidden), StderrBytes: stderr.Bytes(),
		said: stderr.LastLine(hidden),
	}
	if whole, ok := stdout.Whole(); ok {
		r.JSON = whole
	}
	if r.said == "" {
		r.said = stdout.LastLine(hidden)
	}
	return r, failure(err)
}

// Failure is what an exit means that is not 0, nil when it is. name says what has ended.
func (r Result) Failure(name string) error {
	how := "ended with exit code " + strconv.Itoa(r.Exit.Code)
	switch {
	case r.Exit.Signal != "":
		how = "was ended by the signal " + r.Exit.Signal
	case r.Exit.Code == 0:
		return nil
	}
	if r.said != "" {
		how += ": " + r.said
	}
	return engine.Failf(engine.Exit, "%s %s", name, how)
}

// failure gives an error of package run its kind of failure.
func failure(err error) error {
	if e, ok := errors.AsType[*run.Error](err); ok {
		return engine.Fail(engine.FailureKind(e.Kind), err)
	}
	return err
}

func assignments(env map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
