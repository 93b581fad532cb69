package sandbox

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// restricted calls work on a thread that has every restriction on it that k
// knows. The thread is gone afterwards.
func (k kernel) restricted(switchUser bool, work func()) error {
	set := -1
	if k.landlock >= abiFiles {
		var err error
		if set, err = openRuleset(k.landlock); err != nil {
			return err
		}
		defer func() { _ = unix.Close(set) }()
	}
	failed := make(chan error, 1)
	throwaway(func() {
		if err := k.restrict(set, switchUser); err != nil {
			failed <- err
			return
		}
		work()
		failed <- nil
	})
	return <-failed
}

// throwaway calls work on a thread of its own, which ends with it: a goroutine
// that returns without unlocking takes its thread along. Go starts new threads
// from a clean template while a thread is locked, so nothing is inherited.
//
// The main thread can't end that way (it would be parked, restricted, for good,
// and it stands for the whole process towards signals): if the goroutine
// happens to run there, it keeps the main thread busy until the work has found
// another one.
func throwaway(work func()) {
	locked := make(chan struct{})
	var begin func()
	begin = func() {
		runtime.LockOSThread()
		if unix.Gettid() == os.Getpid() {
			go begin()
			<-locked
			runtime.UnlockOSThread()
			return
		}
		close(locked)
		work()
	}
	go begin()
}

// restrict puts the restrictions on the calling thread, for good.
func (k kernel) restrict(set int, switchUser bool) error {
	// Without it, an unprivileged process may set neither Landlock nor a
	// filter. With it, no exec gains rights, root's included, which is what
	// makes the dropping of capabilities stick; so it is always set.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	if set >= 0 {
		if err := enterRuleset(set); err != nil {
			return err
		}
	}
	if err := dropCapabilities(k.caps, switchUser); err != nil {
		return err
	}
	if !k.seccomp {
		return nil
	}
	me := self{pid: uint32(os.Getpid()), tid: uint32(unix.Gettid())} //nolint:gosec // G115: process numbers
	return installFilter(assemble(auditArch, judgedCalls(), rules(k.landlock, me)))
}
