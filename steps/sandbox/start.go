package sandbox

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrUnusable is wrapped by the error of [Start] for a command that asks for
// something that can't be had inside.
var ErrUnusable = errors.New("can't be used in the sandbox")

// Start starts cmd as [exec.Cmd.Start] does, inside the sandbox. What the
// kernel offers is enforced; ask [Available] first whether that is enough.
//
// Credential, Setsid, Setpgid, Dir, Env, pipes and writers work as always. The
// process gets descriptors 0, 1 and 2 and no others: ExtraFiles is refused, and
// everything that this program itself inherited is marked close-on-exec. Also
// refused are Pdeathsig (it would fire at once: the thread that it watches is
// the one that is thrown away), a controlling terminal, namespaces, chroot,
// cgroups, ptrace and ambient capabilities.
//
// An error of the start itself is os/exec's own, unwrapped.
func Start(cmd *exec.Cmd) error {
	k, err := detect()
	if err != nil {
		return err
	}
	return k.start(cmd)
}

func (k kernel) start(cmd *exec.Cmd) error {
	if err := usable(cmd); err != nil {
		return err
	}
	if err := closeInherited(); err != nil {
		return err
	}
	// os/exec tries pidfds out once, with calls that are refused inside, and
	// remembers the outcome for the whole process. Have it try here.
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Release()
	}
	switchUser := cmd.SysProcAttr != nil && cmd.SysProcAttr.Credential != nil
	var started error
	if err := k.restricted(switchUser, func() { started = cmd.Start() }); err != nil {
		return err
	}
	if started != nil {
		return started
	}
	// A crash must not write: the kernel takes a limit of 1 (not 0) to mean
	// that no core handler is called either. Limits belong to processes, so it
	// can't be set on the thread beforehand.
	_ = unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}, nil)
	return nil
}

// usable refuses what can't work inside, by name, before it fails with a bare
// "operation not permitted", or works and lets something out.
func usable(cmd *exec.Cmd) error {
	wants := func(what string) error { return fmt.Errorf("%s %w", what, ErrUnusable) }
	if len(cmd.ExtraFiles) > 0 {
		return wants("ExtraFiles")
	}
	a := cmd.SysProcAttr
	switch {
	case a == nil:
		return nil
	case a.Pdeathsig != 0:
		return wants("Pdeathsig")
	case a.Setctty || a.Foreground || a.Noctty:
		return wants("a controlling terminal")
	case a.Cloneflags != 0 || a.Unshareflags != 0 || a.UidMappings != nil || a.GidMappings != nil:
		return wants("a new namespace")
	case a.Chroot != "":
		return wants("Chroot")
	case a.UseCgroupFD:
		return wants("CgroupFD")
	case a.Ptrace:
		return wants("Ptrace")
	case a.AmbientCaps != nil:
		return wants("AmbientCaps")
	}
	return nil
}

// closeInherited marks every descriptor but the standard ones close-on-exec.
// Go opens its own that way; one that came from this program's parent (a log,
// a lock, a socket) would otherwise go on into the sandbox, open for writing.
func closeInherited() error {
	err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// Before Linux 5.11.
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("list open descriptors: %w", err)
	}
	for _, e := range entries {
		fd, err := strconv.ParseUint(e.Name(), 10, 31)
		if err != nil || fd < 3 {
			continue
		}
		// One that is gone by now needs nothing.
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil && !errors.Is(err, unix.EBADF) {
			return fmt.Errorf("mark descriptor %d close-on-exec: %w", fd, err)
		}
	}
	return nil
}
