package run

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"syscall"
	"time"

	"runbook/engine"
	"runbook/steps/sandbox"
)

// Spec is one process to run.
type Spec struct {
	Argv    []string
	Dir     string // "/" when ""
	Env     []string
	User    string // Unix user to become, "" for the one we are
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Grace   time.Duration // between TERM and KILL; 5s when 0
	Sandbox bool          // it only reads, and the kernel holds it to that
}

// Exit is how a process ended.
type Exit struct {
	Code     int    // 0 to 255; -1 when a signal ended it
	Signal   string // "killed", "" when none did
	Duration time.Duration
}

const (
	defaultGrace = 5 * time.Second
	// outputGrace is how long a process that has ended may leave its output open in the hands of its descendants.
	outputGrace = time.Second
	cookieName  = "RUNBOOK_PROCESS"
)

// Run runs a process to its end. Its error says that the process could not be run, or was stopped because the context
// ended: engine.Missing, engine.Denied, engine.Invalid, engine.Timeout, engine.Cancelled. Another exit code than 0 is
// no error.
func Run(ctx context.Context, s Spec) (Exit, error) {
	cmd, cookie, err := s.command()
	if err != nil {
		return Exit{}, err
	}
	if err := ctx.Err(); err != nil {
		return Exit{}, stopped(ctx, s.Argv[0])
	}
	began := time.Now()
	start := cmd.Start
	if s.Sandbox {
		start = func() error { return sandbox.Start(cmd) }
	}
	if err := start(); err != nil {
		return Exit{}, startFailure(s.Argv[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-ctx.Done():
		grace := s.Grace
		if grace == 0 {
			grace = defaultGrace
		}
		tree{leader: cmd.Process.Pid, cookie: cookie}.end(grace, ended)
		return exitOf(cmd, began), stopped(ctx, s.Argv[0])
	}
	if s.Sandbox {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what only looks leaves nothing behind
	}
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok && !errors.Is(err, exec.ErrWaitDelay) {
		return exitOf(cmd, began), fmt.Errorf("run %s: %w", s.Argv[0], err)
	}
	return exitOf(cmd, began), nil
}

// command prepares the process, marked so that its descendants can be told from everybody else's.
func (s Spec) command() (cmd *exec.Cmd, cookie string, err error) {
	if len(s.Argv) == 0 || s.Argv[0] == "" {
		return nil, "", engine.Failf(engine.Invalid, "run a command: it has no name")
	}
	who, err := accountOf(s.User)
	if err != nil {
		return nil, "", err
	}
	cookie = cookieName + "=" + rand.Text()
	env := append(who.environment(), s.Env...)
	path, err := lookPath(s.Argv[0], env)
	if err != nil {
		return nil, "", err
	}
	cmd = &exec.Cmd{
		Path: path, Args: s.Argv, Dir: s.Dir, Env: append(env, cookie),
		Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr, WaitDelay: outputGrace,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true, Credential: who.credential},
	}
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	return cmd, cookie, nil
}

func exitOf(cmd *exec.Cmd, began time.Time) Exit {
	e := Exit{Code: -1, Duration: time.Since(began)}
	if cmd.ProcessState == nil {
		return e
	}
	e.Code = cmd.ProcessState.ExitCode()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Signal = status.Signal().String()
	}
	return e
}

// stopped is the failure of a process that the end of its context ended.
func stopped(ctx context.Context, name string) error {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return engine.Fail(engine.Timeout, fmt.Errorf("run %s: %w", name, cause))
	}
	return engine.Fail(engine.Cancelled, fmt.Errorf("run %s: %w", name, cause))
}

func startFailure(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return engine.Fail(engine.Missing, fmt.Errorf("start %s: %w", name, err))
	case errors.Is(err, fs.ErrPermission):
		return engine.Fail(engine.Denied, fmt.Errorf("start %s: %w", name, err))
	default:
		return engine.Fail(engine.Invalid, fmt.Errorf("start %s: %w", name, err))
	}
}
