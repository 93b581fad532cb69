package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Cmd is a command that will run inside the host; set its fields before it starts. It works like an exec.Cmd, and its
// process is a direct child of this one: signals, exit status and a terminal reach it with nothing between. It does not
// offer the exec.Cmd itself, which anybody could start on the machine by mistake.
type Cmd struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Dir            string   // inside the host; /root unless set
	Env            []string // the whole environment; an administrator's login unless set

	cmd    *exec.Cmd
	leader int
}

// Command returns a command of root's inside the host. A name without a slash is looked for there. When ctx ends the
// process is killed. It works with a dead D-Bus and a dead PID 1.
func (h *Host) Command(ctx context.Context, argv ...string) *Cmd {
	// env looks up the name inside the host and then becomes the command.
	cmd := exec.CommandContext(ctx, "/usr/bin/env", argv...)
	cmd.WaitDelay = 5 * time.Second
	return &Cmd{
		Dir: "/root",
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash", "LANG=C.UTF-8", "TERM=xterm-256color",
		},
		cmd:    cmd,
		leader: h.leader,
	}
}

// Run runs a command inside and returns what it printed to stdout. The error holds stderr.
func (h *Host) Run(ctx context.Context, argv ...string) (string, error) {
	cmd := h.Command(ctx, argv...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("run %q on the lab host %s: %w: %s", argv, h.Name, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// CopyIn copies a file of the machine into the host, folders on the way included.
func (h *Host) CopyIn(ctx context.Context, src, dst string, mode fs.FileMode) error {
	file, err := os.Open(src)
	if err != nil {
		return fmt.Errorf("copy into the lab host %s: %w", h.Name, err)
	}
	defer file.Close()
	cmd := h.Command(ctx, "install", "-D", "-m", fmt.Sprintf("%04o", mode.Perm()), "/dev/stdin", dst)
	cmd.Stdin = file
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("copy %s into the lab host %s: %w: %s", src, h.Name, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}

// Start starts the command inside the host.
//
// Namespaces belong to a thread. One thread enters the host, starts the process there and ends with its goroutine;
// nothing else of this program ever sees the host's files or process ids.
func (c *Cmd) Start() error {
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr, c.cmd.Dir, c.cmd.Env = c.Stdin, c.Stdout, c.Stderr, c.Dir, c.Env
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		if err := enter(c.leader); err != nil {
			result <- fmt.Errorf("enter the lab host: %w", err)
			return
		}
		result <- c.cmd.Start()
	}()
	return <-result
}

// enter moves the calling thread into the namespaces and the root folder of the host's PID 1.
func enter(leader int) error {
	proc := fmt.Sprintf("/proc/%d/", leader)
	root, err := unix.Open(proc+"root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open its root folder: %w", err)
	}
	defer unix.Close(root)
	// mnt comes last: afterwards /proc is the host's.
	for _, name := range []string{"uts", "ipc", "net", "pid", "cgroup", "mnt"} {
		ns, err := unix.Open(proc+"ns/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open its %s namespace: %w", name, err)
		}
		if name == "mnt" {
			err = unix.Unshare(unix.CLONE_FS) // threads share root and working folder until then
		}
		if err == nil {
			err = unix.Setns(ns, 0)
		}
		_ = unix.Close(ns)
		if err != nil {
			return fmt.Errorf("join its %s namespace: %w", name, err)
		}
	}
	if err := unix.Fchdir(root); err != nil {
		return fmt.Errorf("go to its root folder: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("make its root folder the root: %w", err)
	}
	return nil
}

// Wait waits for a started command; its error is an exec.ExitError when the command failed.
func (c *Cmd) Wait() error { return c.cmd.Wait() }

// Process is the started process, numbered as on the machine.
func (c *Cmd) Process() *os.Process { return c.cmd.Process }

// Run starts the command and waits for its end.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the command and returns what it printed to stdout.
func (c *Cmd) Output() (string, error) {
	var out strings.Builder
	c.Stdout = &out
	err := c.Run()
	return out.String(), err
}
