package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
	"runbook/steps/internal/proc"
)

type signalInput struct {
	PID       int             `json:"pid" required:"true" doc:"the process, as process.list or net.listeners gave it"`
	StartTime string          `json:"start_time" required:"true" doc:"when that process began, from the same look; when the pid belongs to another process by now, nothing is sent"`
	Signal    string          `json:"signal" default:"TERM" enum:"TERM,INT,QUIT,KILL,HUP,USR1,USR2,STOP,CONT" doc:"what to send"`
	Wait      engine.Duration `json:"wait" default:"10s" doc:"how long to wait for the end of the process; only for TERM, INT, QUIT and KILL"`
}

type signalOutput struct {
	Sent bool `json:"sent" doc:"the signal was sent; false when the process had ended before"`
	Gone bool `json:"gone" doc:"the process has ended"`
}

func signalKind() engine.Definition[signalInput, signalOutput] {
	return engine.Definition[signalInput, signalOutput]{
		Name:   "process.signal",
		Effect: engine.Changes,
		Doc: `Sends a signal to one process, and waits for its end.

A pid is given again to another process once its own has ended. So it goes together with the start time, and nothing is
sent when that is another one. This tool, the processes that started it and process 1 are never sent anything. A process
that is still there after ` + "`wait`" + ` is an answer: ` + "`gone`" + ` is false.`,
		Example:  "pid: 4711\nstart_time: 48213@3f2a9c1d\nsignal: TERM",
		Check:    checkSignal,
		Describe: describeSignal,
		Before:   beforeSignal,
		Do: func(ctx context.Context, in signalInput, t engine.Task) (signalOutput, error) {
			return hostcall.Act(ctx, t.As, func() (signalOutput, error) { return send(ctx, in) })
		},
	}
}

func checkSignal(in signalInput) error {
	if in.PID <= 1 {
		return fmt.Errorf("pid %d: signals go to one process, and never to process 1", in.PID)
	}
	if in.Wait < 0 {
		return fmt.Errorf("wait %s is negative", time.Duration(in.Wait))
	}
	if number(in.Signal) == 0 {
		return fmt.Errorf("signal %q is not one that is sent", in.Signal)
	}
	_, err := proc.ParseStart(in.StartTime)
	return err
}

// number is the number of a signal, 0 for one that is not sent.
func number(name string) unix.Signal { return unix.SignalNum("SIG" + name) }

// ends tells whether a signal is meant to end the process.
func ends(name string) bool { return slices.Contains([]string{"TERM", "INT", "QUIT", "KILL"}, name) }

// meant makes sure that the pid is the process that was meant, and that it may be sent signals. Its error is
// [fs.ErrNotExist] when the process has ended.
func meant(table *proc.Table, in signalInput) (proc.Process, error) {
	want, err := proc.ParseStart(in.StartTime)
	if err != nil {
		return proc.Process{}, engine.Fail(engine.Invalid, err)
	}
	p, err := table.Process(in.PID)
	if err != nil {
		return p, err
	}
	if p.Start != want {
		return p, engine.Failf(engine.Missing, "signal process %d: the pid belongs to another process by now: %s, which began at %s and not at %s",
			in.PID, p.Comm, p.Start, want)
	}
	if p.State == "Z" || p.State == "X" {
		return p, fmt.Errorf("signal process %d: it has ended: %w", in.PID, fs.ErrNotExist)
	}
	ancestors, err := table.Ancestors(os.Getpid())
	if err != nil {
		return p, fmt.Errorf("look at what started this process: %w", err)
	}
	switch {
	case in.PID == os.Getpid():
		return p, engine.Failf(engine.Invalid, "signal process %d: it is this tool", in.PID)
	case slices.Contains(ancestors, in.PID):
		return p, engine.Failf(engine.Invalid, "signal process %d: this tool was started from it (%s)", in.PID, p.Comm)
	}
	return p, nil
}

func describeSignal(ctx context.Context, in signalInput, t engine.Task) (engine.Description, error) {
	return hostcall.Look(ctx, t.As, func() (engine.Description, error) {
		table, err := proc.Open()
		if err != nil {
			return engine.Description{}, err
		}
		p, err := meant(table, in)
		if errors.Is(err, fs.ErrNotExist) {
			return engine.Description{Summary: fmt.Sprintf("send nothing: process %d has ended", in.PID)}, nil
		}
		if err != nil {
			return engine.Description{}, err
		}
		d := engine.Description{
			Summary: fmt.Sprintf("send %s to process %d (%s of %s)", in.Signal, in.PID, p.Comm, p.User),
			Exact:   []string{fmt.Sprintf("pidfd_send_signal(%d, SIG%s)", in.PID, in.Signal)},
			Target:  p.Comm,
		}
		if p.Command != nil {
			d.Exact = append(d.Exact, fmt.Sprintf("process %d: %s", in.PID, *p.Command))
		}
		if p.Unit != nil && *p.Unit != "" {
			d.Exact = append(d.Exact, "unit "+*p.Unit)
		}
		return d, nil
	})
}

// beforeSignal keeps what /proc tells about a process that may be about to end.
func beforeSignal(ctx context.Context, in signalInput, t engine.Task) error {
	text, err := hostcall.Look(ctx, t.As, func() (string, error) {
		var b strings.Builder
		for _, name := range []string{"cmdline", "cgroup", "status"} {
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", in.PID, name))
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "== %s\n%s\n", name, strings.ReplaceAll(string(data), "\x00", " "))
		}
		return b.String(), nil
	})
	if err != nil {
		return err
	}
	w := t.Keep("process")
	_, _ = w.Write([]byte(text))
	return w.Close()
}

func send(ctx context.Context, in signalInput) (signalOutput, error) {
	// From here on the kernel does not give the number to another process under our hands. What has it is looked at
	// only afterwards.
	fd, err := unix.PidfdOpen(in.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return signalOutput{Gone: true}, nil
	}
	if err != nil {
		return signalOutput{}, fmt.Errorf("open process %d: %w", in.PID, err)
	}
	defer func() { _ = unix.Close(fd) }()
	table, err := proc.Open()
	if err != nil {
		return signalOutput{}, err
	}
	if _, err := meant(table, in); err != nil {
		// Either way the process that was meant has ended.
		if errors.Is(err, fs.ErrNotExist) {
			return signalOutput{Gone: true}, nil
		}
		return signalOutput{}, err
	}
	err = unix.PidfdSendSignal(fd, number(in.Signal), nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return signalOutput{Gone: true}, nil
	}
	if err != nil {
		return signalOutput{}, fmt.Errorf("send %s to process %d: %w", in.Signal, in.PID, err)
	}
	out := signalOutput{Sent: true}
	if ends(in.Signal) {
		out.Gone, err = awaitEnd(ctx, fd, time.Duration(in.Wait))
	}
	return out, err
}

// awaitEnd waits until a process has ended. That it has not after so long is an answer; only a cancelled step is an
// error.
func awaitEnd(ctx context.Context, fd int, wait time.Duration) (bool, error) {
	const slice = 20 * time.Millisecond // how late a cancellation may be noticed
	deadline := time.Now().Add(wait)
	for {
		left := min(max(time.Until(deadline), 0), slice)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds())) //nolint:gosec // a file descriptor is small
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("wait for the end of the process: %w", err)
		case n > 0:
			return true, nil
		case ctx.Err() != nil:
			return false, engine.FailureOf(ctx.Err())
		case !time.Now().Before(deadline):
			return false, nil
		}
	}
}
