package host

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"runbook/lab/image"
)

//go:embed start.sh
var startScript string

// patience is how long a host may take to boot, or to show a fault, when the caller's context sets no earlier end.
const patience = 3 * time.Minute

// Options say what to boot. The zero value is a host with a generated name that dies with this process's Close.
type Options struct {
	Name  string    // [a-z][a-z0-9-]*, at most 40 bytes; generated when empty
	Cache string    // folder of images and hosts; image.CacheDir when empty
	Log   io.Writer // progress of an image build, for people; nil discards it
	Keep  bool      // the host outlives this process and is removed by Remove alone
}

// Host is one running host. Its methods may be used from several goroutines; Close and Reboot must not run beside others.
// A host that nobody holds any more counts as left behind, like one whose process died.
type Host struct {
	Name string

	dir    string       // disk, mount points, console
	image  string       // the tree below the overlay
	groups []string     // its cgroup in every hierarchy
	leader int          // its PID 1, as the machine numbers it
	lock   *flock.Flock // held while the process that booted it lives; nil for a host that Open found
}

// Boot builds the image if there is none, removes what dead processes left behind, boots a host and returns when it is
// healthy. A failure takes everything back and quotes the console.
func Boot(ctx context.Context, o Options) (*Host, error) {
	ctx, cancel := context.WithTimeout(ctx, imagePatience)
	defer cancel()
	h, err := create(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("boot a lab host: %w", err)
	}
	if err = h.start(ctx); err == nil {
		err = h.Await(ctx, healthy())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("boot the lab host %s: %w%s", h.Name, err, h.console()), h.Close())
	}
	return h, nil
}

// imagePatience is how long a first Boot may take in which the image is built.
const imagePatience = 20 * time.Minute

// Reboot kills the host as a power cut would and boots it again from the same disk. It returns when PID 1 has started
// everything it wanted to start; whether the host is then healthy is the caller's question.
func (h *Host) Reboot(ctx context.Context) error {
	if err := killGroups(h.groups); err != nil {
		return fmt.Errorf("reboot the lab host %s: %w", h.Name, err)
	}
	if err := h.start(ctx); err != nil {
		return fmt.Errorf("reboot the lab host %s: %w%s", h.Name, err, h.console())
	}
	return nil
}

// Close kills the host and removes all that was its own.
func (h *Host) Close() error {
	err := killGroups(h.groups)
	if err == nil {
		err = os.RemoveAll(h.dir)
	}
	if h.lock != nil {
		_ = h.lock.Unlock()
	}
	if err != nil {
		return fmt.Errorf("remove the lab host %s: %w", h.Name, err)
	}
	return nil
}

// start boots the host's disk and returns when PID 1 is done starting.
func (h *Host) start(ctx context.Context) error {
	if err := makeGroups(h.groups); err != nil {
		return err
	}
	console, err := os.Create(filepath.Join(h.dir, "console.log"))
	if err != nil {
		return fmt.Errorf("keep its console: %w", err)
	}
	defer console.Close()
	argv := append([]string{"-c", startScript, "start.sh", h.dir, h.image, h.Name}, h.groups...)
	// Not bound to ctx: the host outlives the call, and with Keep the process.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", argv...)
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Unshareflags: syscall.CLONE_NEWNS}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start systemd-nspawn: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !h.up(ctx) {
		select {
		case err := <-ended:
			return fmt.Errorf("systemd-nspawn ended at once: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("wait for systemd: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// up says whether PID 1 has finished starting the host. Before PID 1 is systemd nobody may enter: a process that is
// still on its way there may stand in the machine's own file tree.
func (h *Host) up(ctx context.Context) bool {
	h.leader = leaderOf(h.groups)
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", h.leader))
	if err != nil || string(comm) != "systemd\n" {
		return false
	}
	// Exits 1 when a unit failed, which is no reason to wait longer.
	state, _ := h.Command(ctx, "systemctl", "is-system-running").Output()
	word := strings.TrimSpace(state)
	return word == "running" || word == "degraded"
}

// console returns the end of what the host printed, for an error message.
func (h *Host) console() string {
	text, err := os.ReadFile(filepath.Join(h.dir, "console.log"))
	if err != nil || len(text) == 0 {
		return ""
	}
	text = regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAll(text, nil)
	if cut := len(text) - 1500; cut > 0 {
		text = text[cut:]
	}
	return "\nits console said:\n" + string(bytes.TrimSpace(text))
}

// cache returns the folder of images and hosts.
func (o Options) cache() (string, error) {
	if o.Cache != "" {
		return filepath.Abs(o.Cache)
	}
	return image.CacheDir()
}
