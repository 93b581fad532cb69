package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runbook/steps/sandbox"
)

// DefaultGrace is the time between TERM and KILL if nothing else is said.
const DefaultGrace = 5 * time.Second

// Patience with a process that has ended while another one still holds its
// output open: for those that end a little later, not for daemons.
const (
	patience        = 2 * time.Second
	patienceStopped = 200 * time.Millisecond // everybody was killed
)

// Spec says what to run.
type Spec struct {
	// Argv is the program, by path or looked up in the environment's PATH, and
	// its arguments. There is no shell.
	Argv []string
	// Dir is the working directory. Empty: the user's home, or / if that is
	// not there.
	Dir string
	// Env are variables, NAME=value, besides those that every process gets.
	Env []string
	// Stdin is what it can read; nil: nothing. A Read that blocks for ever
	// leaves a goroutine behind.
	Stdin io.Reader
	// User to run as; nil: the user that this program runs as. Others take root.
	User *User
	// Stdout and Stderr are written to by at most one goroutine each, and if
	// they are the same writer by one in all, in the order of the output. Nil:
	// thrown away. They should take everything, as a capture does, and must
	// not block.
	Stdout, Stderr io.Writer
	// Grace is the time between TERM and KILL; 0: DefaultGrace; below 0: none.
	Grace time.Duration
	// Sandbox starts it in the read sandbox, and leaves nothing behind.
	Sandbox bool
}

// Exit says how a process ended, by itself or not.
type Exit struct {
	// Code is the exit code; 128 and its number if it died by a signal, as
	// shells have it.
	Code int
	// Signal that it died by, like "KILL"; empty if it did not.
	Signal string
	// PID is what its number was.
	PID int
	// Duration is from start to end of the process, User and System the
	// processor time of it and those of its children that it waited for.
	Duration, User, System time.Duration
	// OutputOpen is true if the process had ended and another one, which it
	// left behind, still held its output: what that one prints is not kept.
	OutputOpen bool
}

// Run runs a process and waits for its end. A process that ended by itself is
// no error, whatever its code. Otherwise the error is an [*Error]; if the
// process was stopped, the Exit is filled too. An error that is no *Error is
// about our side of its input and output.
func Run(ctx context.Context, spec Spec) (Exit, error) {
	if len(spec.Argv) == 0 {
		return Exit{}, fail(Invalid, "start a process: no program is named")
	}
	if ctx.Err() != nil {
		return Exit{}, stopped(ctx, spec.Argv[0])
	}
	p, err := spec.start()
	if err != nil {
		return Exit{}, err
	}
	return p.wait(ctx)
}

// running is a process that was started.
type running struct {
	spec   Spec
	cmd    *exec.Cmd
	begun  time.Time
	family *family
	pipes  *pipes
	ended  chan Exit
}

func (spec Spec) start() (*running, error) {
	var u User
	if spec.User != nil {
		u = *spec.User
	} else {
		var err error
		if u, err = CurrentUser(); err != nil {
			return nil, err
		}
	}
	name := spec.Argv[0]
	mark := newMark()
	env, err := environment(u, spec.Env, mark)
	if err != nil {
		return nil, err
	}
	dir, err := spec.dir(u)
	if err != nil {
		return nil, err
	}
	program, err := findProgram(name, get(env, "PATH"), dir)
	if err != nil {
		return nil, err
	}
	p := &running{spec: spec, pipes: new(pipes), ended: make(chan Exit, 1)}
	p.cmd = &exec.Cmd{
		Path: program, Args: spec.Argv, Env: env, Dir: dir,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Credential: u.credential()},
	}
	if err := p.connect(u); err != nil {
		p.pipes.abandon()
		return nil, fail(kindOf(err), "start %s: %w", name, err)
	}
	start := p.cmd.Start
	if spec.Sandbox {
		start = func() error { return sandbox.Start(p.cmd) }
	}
	p.begun = time.Now()
	if err := start(); err != nil {
		p.pipes.abandon()
		return nil, attempt{name, program, dir, u}.explain(err)
	}
	p.family = newFamily(p.cmd.Process.Pid, mark)
	p.pipes.begin()
	go func() {
		// Its error says nothing that the state does not.
		_ = p.cmd.Wait()
		p.ended <- exitOf(p.cmd.ProcessState, time.Since(p.begun))
	}()
	return p, nil
}

// connect makes the pipes. Equal writers share one, so that their order stays.
func (p *running) connect(u User) error {
	stdin, err := p.pipes.input(u, p.spec.Stdin)
	if err != nil {
		return err
	}
	if stdin != nil {
		p.cmd.Stdin = stdin
	}
	stdout, err := p.pipes.output(u, p.spec.Stdout)
	if err != nil {
		return err
	}
	p.cmd.Stdout, p.cmd.Stderr = stdout, stdout
	if equal(p.spec.Stdout, p.spec.Stderr) {
		return nil
	}
	stderr, err := p.pipes.output(u, p.spec.Stderr)
	if err != nil {
		return err
	}
	p.cmd.Stderr = stderr
	return nil
}

// equal compares writers, of which some can't be compared.
func equal(a, b io.Writer) (same bool) {
	defer func() {
		if recover() != nil {
			same = false
		}
	}()
	return a == b
}

func (spec Spec) dir(u User) (string, error) {
	if spec.Dir != "" {
		dir, err := filepath.Abs(spec.Dir)
		if err != nil {
			return "", fail(kindOf(err), "find directory %s: %w", spec.Dir, err)
		}
		return dir, nil
	}
	if info, err := os.Stat(u.Home); err == nil && info.IsDir() {
		return u.Home, nil
	}
	return "/", nil
}

// wait waits for the end, and brings it about when the context ends.
func (p *running) wait(ctx context.Context) (Exit, error) {
	select {
	case exit := <-p.ended:
		var err error
		if p.spec.Sandbox {
			err = p.family.end(-1)
		}
		exit.OutputOpen = !p.pipes.finish(patience)
		return exit, errors.Join(err, p.pipes.err())
	case <-ctx.Done():
		return p.stop(ctx)
	}
}

func (p *running) stop(ctx context.Context) (Exit, error) {
	grace := p.spec.Grace
	if grace == 0 {
		grace = DefaultGrace
	}
	stopped := stopped(ctx, p.spec.Argv[0])
	if err := p.family.end(grace); err != nil {
		stopped.Err = fmt.Errorf("%w; %w", stopped.Err, err)
	}
	open := !p.pipes.finish(patienceStopped)
	select {
	case exit := <-p.ended:
		exit.OutputOpen = open
		return exit, stopped
	case <-time.After(patienceStopped):
		// It can't be killed. Its end is awaited on the side.
		return Exit{Code: -1, PID: p.family.first, Duration: time.Since(p.begun), OutputOpen: open}, stopped
	}
}

func exitOf(s *os.ProcessState, took time.Duration) Exit {
	e := Exit{Code: s.ExitCode(), PID: s.Pid(), Duration: took, User: s.UserTime(), System: s.SystemTime()}
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		e.Code = 128 + int(status.Signal())
		e.Signal = strings.TrimPrefix(unix.SignalName(status.Signal()), "SIG")
		if e.Signal == "" {
			e.Signal = fmt.Sprint(int(status.Signal())) // a real-time signal
		}
	}
	return e
}
