package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"runbook/lab/host"
)

// run runs a command on the host. From a terminal it gets a terminal of the host's, with this one passing keys and
// screen through; otherwise it gets this process's streams as they are.
func run(cmd *host.Cmd) error {
	in, out := int(os.Stdin.Fd()), int(os.Stdout.Fd())
	if !term.IsTerminal(in) || !term.IsTerminal(out) {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		return cmd.Run()
	}
	if kind := os.Getenv("TERM"); kind != "" {
		cmd.Env = append(cmd.Env, "TERM="+kind)
	}
	columns, rows, err := term.GetSize(out)
	if err != nil {
		return err
	}
	remote, err := cmd.StartInTerminal(uint16(columns), uint16(rows)) //nolint:gosec // the kernel's own 16 bits
	if err != nil {
		return err
	}
	defer remote.Close()
	state, err := term.MakeRaw(in)
	if err != nil {
		return err
	}
	defer func() { _ = term.Restore(in, state) }()

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go followSize(ctx, out, remote)
	go func() { _, _ = io.Copy(remote, os.Stdin) }()
	_, _ = io.Copy(os.Stdout, remote) // ends with EIO when the command and its children are gone
	return cmd.Wait()
}

// followSize tells the host's terminal whenever this one changes its size.
func followSize(ctx context.Context, local int, remote *os.File) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
			columns, rows, err := term.GetSize(local)
			if err != nil {
				continue
			}
			size := &unix.Winsize{Col: uint16(columns), Row: uint16(rows)} //nolint:gosec // the kernel's own 16 bits
			raw, err := remote.SyscallConn()
			if err != nil {
				return
			}
			_ = raw.Control(func(fd uintptr) { _ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
		}
	}
}
