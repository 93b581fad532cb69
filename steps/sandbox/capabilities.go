package sandbox

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// kept is what a read keeps of root's capabilities, in and after exec.
//
// CAP_DAC_READ_SEARCH lets root read what belongs to others, which is what root
// is for here. CAP_DAC_OVERRIDE, which would do the same, also writes.
//
// Not kept, although reads exist that want them: CAP_SYSLOG (dmesg, but also
// /proc/kmsg, where reading takes messages away from the log daemon; ask
// `journalctl -k`), CAP_NET_RAW (ping, but also forged packets), CAP_SYS_PTRACE
// (other processes' open files; Landlock refuses those in any case).
const kept = uint64(1) << unix.CAP_DAC_READ_SEARCH

// switching is what changing the user takes between fork and exec, where
// os/exec applies a Credential.
const switching = uint64(1)<<unix.CAP_SETUID | uint64(1)<<unix.CAP_SETGID

// dropCapabilities leaves the calling thread, and whatever is executed from it,
// with those of its capabilities that a read keeps. The thread must have
// no_new_privs set: then an exec, even root's, never yields more than the
// permitted set before it.
//
// With switchUser the thread keeps CAP_SETUID and CAP_SETGID for the child to
// become another user. They are taken out of the bounding set, so they are gone
// after the exec; and leaving user 0 clears the permitted set anyway.
func dropCapabilities(has uint64, switchUser bool) error {
	if has&(1<<unix.CAP_SETPCAP) != 0 {
		for c := uintptr(0); c <= 63; c++ {
			if kept&(1<<c) != 0 {
				continue
			}
			err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
			if errors.Is(err, unix.EINVAL) { // past the last capability of this kernel
				break
			}
			if err != nil {
				return fmt.Errorf("drop capability %d from the bounding set: %w", c, err)
			}
		}
	}
	err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	if err != nil && !errors.Is(err, unix.EINVAL) { // kernels before 4.3 have none to clear
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	keep := has & kept
	if switchUser {
		keep |= has & switching
	}
	if err := setCapabilities(keep); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return nil
}

// permitted reads the calling thread's permitted set.
func permitted() (uint64, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, err
	}
	return uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32, nil
}

// setCapabilities makes keep the thread's permitted and effective sets and
// empties the inheritable one.
func setCapabilities(keep uint64) error {
	low, high := uint32(keep&0xffffffff), uint32(keep>>32)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: low, Permitted: low},
		{Effective: high, Permitted: high},
	}
	return unix.Capset(&header, &data[0])
}
