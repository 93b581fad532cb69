package sandbox

import "golang.org/x/sys/unix"

// harmlessCall is a call that must not get as far as looking at its arguments,
// which are no good: whoever lets it in sees EFAULT, EBADF or EINVAL. So the
// reboot can be tried for real.
type harmlessCall struct {
	name string
	nr   uintptr
	args [6]uintptr
}

func harmlessCalls() []harmlessCall {
	const bad = 1       // a pointer to nowhere
	none := ^uintptr(0) // no descriptor, no process, no flag left out
	return []harmlessCall{
		{"settimeofday", unix.SYS_SETTIMEOFDAY, [6]uintptr{bad}},
		{"clock_settime", unix.SYS_CLOCK_SETTIME, [6]uintptr{0, bad}},
		{"adjtimex", unix.SYS_ADJTIMEX, [6]uintptr{bad}},
		{"clock_adjtime", unix.SYS_CLOCK_ADJTIME, [6]uintptr{0, bad}},
		{"sethostname", unix.SYS_SETHOSTNAME, [6]uintptr{bad, 1}},
		{"setdomainname", unix.SYS_SETDOMAINNAME, [6]uintptr{bad, 1}},
		{"reboot", unix.SYS_REBOOT, [6]uintptr{1, 2, 3}},
		{"mount", unix.SYS_MOUNT, [6]uintptr{bad, bad, bad}},
		{"umount2", unix.SYS_UMOUNT2, [6]uintptr{bad}},
		{"pivot_root", unix.SYS_PIVOT_ROOT, [6]uintptr{bad, bad}},
		{"chroot", unix.SYS_CHROOT, [6]uintptr{bad}},
		{"open_tree", unix.SYS_OPEN_TREE, [6]uintptr{none, bad}},
		{"move_mount", unix.SYS_MOVE_MOUNT, [6]uintptr{none, bad, none, bad}},
		{"fsopen", unix.SYS_FSOPEN, [6]uintptr{bad}},
		{"fsconfig", unix.SYS_FSCONFIG, [6]uintptr{none, 99}},
		{"fsmount", unix.SYS_FSMOUNT, [6]uintptr{none}},
		{"fspick", unix.SYS_FSPICK, [6]uintptr{none, bad}},
		{"mount_setattr", unix.SYS_MOUNT_SETATTR, [6]uintptr{none, bad, 0, bad, 1}},
		{"swapon", unix.SYS_SWAPON, [6]uintptr{bad}},
		{"swapoff", unix.SYS_SWAPOFF, [6]uintptr{bad}},
		{"quotactl", unix.SYS_QUOTACTL, [6]uintptr{none, bad}},
		{"acct", unix.SYS_ACCT, [6]uintptr{bad}},
		{"init_module", unix.SYS_INIT_MODULE, [6]uintptr{bad, 0, bad}},
		{"finit_module", unix.SYS_FINIT_MODULE, [6]uintptr{none, bad, none}},
		{"delete_module", unix.SYS_DELETE_MODULE, [6]uintptr{bad}},
		{"kexec_load", unix.SYS_KEXEC_LOAD, [6]uintptr{bad, 1, bad, none}},
		{"kexec_file_load", unix.SYS_KEXEC_FILE_LOAD, [6]uintptr{none, none, 0, 0, none}},
		{"syslog", unix.SYS_SYSLOG, [6]uintptr{99}},
		{"add_key", unix.SYS_ADD_KEY, [6]uintptr{bad, bad, bad, 1}},
		{"request_key", unix.SYS_REQUEST_KEY, [6]uintptr{bad, bad, bad}},
		{"keyctl", unix.SYS_KEYCTL, [6]uintptr{0xffff}},
		{"bpf", unix.SYS_BPF, [6]uintptr{0xffff, bad, 1}},
		{"perf_event_open", unix.SYS_PERF_EVENT_OPEN, [6]uintptr{bad}},
		{"userfaultfd", unix.SYS_USERFAULTFD, [6]uintptr{0xffffff}},
		{"io_uring_setup", unix.SYS_IO_URING_SETUP, [6]uintptr{1, bad}},
		{"io_uring_enter", unix.SYS_IO_URING_ENTER, [6]uintptr{none}},
		{"io_uring_register", unix.SYS_IO_URING_REGISTER, [6]uintptr{none, 1, bad, 1}},
		{"fanotify_init", unix.SYS_FANOTIFY_INIT, [6]uintptr{0xffffff}},
		{"open_by_handle_at", unix.SYS_OPEN_BY_HANDLE_AT, [6]uintptr{none, bad}},
		{"unshare", unix.SYS_UNSHARE, [6]uintptr{1}},
		{"setns", unix.SYS_SETNS, [6]uintptr{none}},
		{"process_vm_writev", unix.SYS_PROCESS_VM_WRITEV, [6]uintptr{1 << 22, bad, 1, bad, 1}},
		{"prctl PR_SCHED_CORE", unix.SYS_PRCTL, [6]uintptr{unix.PR_SCHED_CORE, 99}},
		{"process_madvise", unix.SYS_PROCESS_MADVISE, [6]uintptr{none}},
		{"process_mrelease", unix.SYS_PROCESS_MRELEASE, [6]uintptr{none}},
		{"pidfd_getfd", unix.SYS_PIDFD_GETFD, [6]uintptr{none}},
		{"migrate_pages", unix.SYS_MIGRATE_PAGES, [6]uintptr{1 << 22}},
		{"move_pages", unix.SYS_MOVE_PAGES, [6]uintptr{1 << 22}},
		{"semget", unix.SYS_SEMGET, [6]uintptr{0x7fff1234, 0, 0}},
		{"msgget", unix.SYS_MSGGET, [6]uintptr{0x7fff1234, 0, 0}},
		{"mq_unlink", unix.SYS_MQ_UNLINK, [6]uintptr{bad}},
		{"fcntl F_SETLEASE", unix.SYS_FCNTL, [6]uintptr{none, unix.F_SETLEASE}},
		{"ioctl FS_IOC_SETFLAGS", unix.SYS_IOCTL, [6]uintptr{none, unix.FS_IOC_SETFLAGS, bad}},
		{"ioctl TIOCSTI", unix.SYS_IOCTL, [6]uintptr{none, unix.TIOCSTI, bad}},
		{"ioctl TCSETS", unix.SYS_IOCTL, [6]uintptr{none, unix.TCSETS, bad}},
		{"ioctl RTC_SET_TIME", unix.SYS_IOCTL, [6]uintptr{none, unix.RTC_SET_TIME, bad}},
		{"ioctl, high bits set", unix.SYS_IOCTL, [6]uintptr{none, 1<<40 | unix.TIOCSTI, bad}},
		{"socket unix, high bits", unix.SYS_SOCKET, [6]uintptr{1<<40 | unix.AF_UNIX, 99, 0}},
	}
}
