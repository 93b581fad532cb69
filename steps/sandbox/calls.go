package sandbox

import (
	"slices"

	"golang.org/x/sys/unix"
)

// self names the thread that is restricted and the process that it belongs to.
type self struct {
	pid, tid uint32
}

// rules says what is refused on a kernel with the given Landlock ABI. What
// Landlock can tell apart (a write to /dev/null from one to /etc, a signal to a
// process inside from one outside) is left to it; where it can't, the call is
// refused as a whole.
func rules(abi int, me self) []rule {
	return slices.Concat(
		attributes(),
		files(abi),
		signals(abi, me),
		sockets(),
		questions(),
		processes(),
		machine(),
		detours(),
		legacyCalls(abi),
	)
}

// attributes: modes, owners, times and extended attributes, which Landlock does
// not know, by path and by descriptor.
func attributes() []rule {
	return refuse(
		unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2,
		unix.SYS_FCHOWN, unix.SYS_FCHOWNAT,
		unix.SYS_UTIMENSAT,
		unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_SETXATTRAT,
		unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR, unix.SYS_REMOVEXATTRAT,
		unix.SYS_FILE_SETATTR,
	)
}

// openFlags are the tests on the flags of open and openat.
//
// Landlock judges a file by how it was opened, and up to ABI 2 a file that is
// opened for reading with O_TRUNC passes, and is truncated. Access mode 3
// (neither reading nor writing) truncates too. Without Landlock all opening for
// writing is refused.
func openFlags(abi, arg int, call uint32) rule {
	if abi < abiFiles {
		return rule{call: call, errno: unix.EPERM, unless: [][]test{{
			{arg: arg, mask: unix.O_ACCMODE | unix.O_CREAT | unix.O_TRUNC, values: []uint32{unix.O_RDONLY}},
		}}}
	}
	return rule{call: call, errno: unix.EPERM, when: [][]test{{
		{arg: arg, mask: unix.O_TRUNC, values: []uint32{unix.O_TRUNC}},
		{arg: arg, mask: unix.O_ACCMODE, values: []uint32{unix.O_RDONLY, unix.O_ACCMODE}},
	}}}
}

// files: what Landlock does on newer kernels, and always the ways to open that
// keep their flags where a filter can't look.
func files(abi int) []rule {
	list := []rule{
		// Callers fall back to openat, as on a kernel before 5.6.
		{call: unix.SYS_OPENAT2, errno: unix.ENOSYS},
		openFlags(abi, 2, unix.SYS_OPENAT),
		// Leases hold up other processes that open the file; write hints
		// change the inode; an owner can be sent any signal.
		{call: unix.SYS_FCNTL, errno: unix.EPERM, when: [][]test{{
			{arg: 1, values: []uint32{
				unix.F_SETLEASE, unix.F_SET_RW_HINT, unix.F_SET_FILE_RW_HINT,
				unix.F_SETOWN, unix.F_SETOWN_EX,
			}},
		}}},
	}
	list = append(list, refuse(unix.SYS_OPEN_BY_HANDLE_AT)...)
	if abi < abiTruncate {
		list = append(list, refuse(unix.SYS_TRUNCATE)...)
	}
	if abi < abiFiles {
		list = append(list, refuse(
			unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_UNLINKAT, unix.SYS_LINKAT,
			unix.SYS_SYMLINKAT, unix.SYS_RENAMEAT2,
		)...)
	}
	return list
}

// signals: Landlock keeps signals inside from ABI 6 on. Before, none is sent,
// not even between processes inside (`timeout` can't end its command; the
// step's own timeout can).
//
// The restricted thread itself stands inside until it dies, and a signal to it
// reaches the whole process that started the sandbox: its number and its
// process's are refused here. SIGURG is let through because a Go program sends
// it to its own threads, this one included; everywhere else it does nothing.
func signals(abi int, me self) []rule {
	if abi < abiScopes {
		probe := [][]test{{{arg: 1, values: []uint32{0}}}}
		return append([]rule{
			{call: unix.SYS_KILL, errno: unix.EPERM, unless: probe},
			{call: unix.SYS_TKILL, errno: unix.EPERM, unless: probe},
			{call: unix.SYS_TGKILL, errno: unix.EPERM, unless: [][]test{{
				{arg: 2, values: []uint32{0, uint32(unix.SIGURG)}},
			}}},
			{call: unix.SYS_PIDFD_SEND_SIGNAL, errno: unix.ENOSYS},
		}, refuse(unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO)...)
	}
	parent := []uint32{me.pid, me.tid, -me.pid}
	return []rule{
		{call: unix.SYS_KILL, errno: unix.EPERM, when: [][]test{{{arg: 0, values: parent}}}},
		{call: unix.SYS_TKILL, errno: unix.EPERM, when: [][]test{{{arg: 0, values: parent}}}},
		{call: unix.SYS_RT_SIGQUEUEINFO, errno: unix.EPERM, when: [][]test{{{arg: 0, values: parent}}}},
		{call: unix.SYS_RT_TGSIGQUEUEINFO, errno: unix.EPERM, when: [][]test{
			{{arg: 0, values: parent}},
			{{arg: 1, values: parent}},
		}},
		{call: unix.SYS_TGKILL, errno: unix.EPERM, when: [][]test{
			{{arg: 0, values: parent}, {arg: 2, not: true, values: []uint32{uint32(unix.SIGURG)}}},
			{{arg: 1, values: parent}, {arg: 2, not: true, values: []uint32{uint32(unix.SIGURG)}}},
		}},
		// It could name the thread by a descriptor. Callers fall back to kill.
		{call: unix.SYS_PIDFD_SEND_SIGNAL, errno: unix.ENOSYS},
	}
}

// sockets: TCP, UDP and ping; the two netlink families that answer questions
// (who changes anything through them needs CAP_NET_ADMIN, which is gone). Unix
// sockets only as connected pairs: a datagram pair could be pointed anywhere.
func sockets() []rule {
	const typeMask = 0xf // the rest are SOCK_CLOEXEC and SOCK_NONBLOCK
	list := []rule{
		{call: unix.SYS_SOCKET, errno: unix.EPERM, unless: [][]test{
			{
				{arg: 0, values: []uint32{unix.AF_INET, unix.AF_INET6}},
				{arg: 1, mask: typeMask, values: []uint32{unix.SOCK_STREAM, unix.SOCK_DGRAM}},
				{arg: 2, values: []uint32{
					0, unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMP, unix.IPPROTO_ICMPV6,
				}},
			},
			{
				{arg: 0, values: []uint32{unix.AF_NETLINK}},
				{arg: 2, values: []uint32{unix.NETLINK_ROUTE, unix.NETLINK_SOCK_DIAG}},
			},
		}},
		{call: unix.SYS_SOCKETPAIR, errno: unix.EPERM, unless: [][]test{{
			{arg: 1, mask: typeMask, values: []uint32{unix.SOCK_STREAM, unix.SOCK_SEQPACKET}},
		}}},
	}
	return append(list, refuse(unix.SYS_LISTEN)...)
}

// Questions that x/sys has no names for, or has them for one architecture only.
const (
	tcGets2        = 0x802c542a
	fioAsync       = 0x5452
	fioClex        = 0x5451
	fioNclex       = 0x5450
	fioNbio        = 0x5421
	fioQsize       = 0x5460
	tiocGsid       = 0x5429
	siocAtMark     = 0x8905
	siocOutqNsd    = 0x894b
	figetBsz       = 0x2
	fsGetVersion   = 0x80087601
	fsGetXattr     = 0x801c581f
	fsGetLabel     = 0x81009431
	fsGetUUID      = 0x80111500
	fsGetExtentMap = 0xc020660b
)

// questions: an ioctl can do anything (type on a terminal, flag a file
// immutable, snapshot a volume, set the hardware clock), mostly on descriptors
// that were opened for reading. So only these are allowed, which ask, or change
// nothing but the process's own descriptor.
func questions() []rule {
	return []rule{{call: unix.SYS_IOCTL, errno: unix.EPERM, unless: [][]test{{{arg: 1, values: []uint32{
		unix.TCGETS, tcGets2, unix.TIOCGWINSZ, unix.TIOCGPGRP, tiocGsid, unix.TIOCOUTQ, unix.TIOCINQ,
		fioClex, fioNclex, fioNbio, fioAsync, fioQsize,
		figetBsz, unix.FS_IOC_GETFLAGS, fsGetVersion, fsGetXattr, fsGetLabel, fsGetUUID, fsGetExtentMap,
		unix.SIOCGIFNAME, unix.SIOCGIFCONF, unix.SIOCGIFFLAGS, unix.SIOCGIFADDR, unix.SIOCGIFDSTADDR,
		unix.SIOCGIFBRDADDR, unix.SIOCGIFNETMASK, unix.SIOCGIFMETRIC, unix.SIOCGIFMTU, unix.SIOCGIFHWADDR,
		unix.SIOCGIFINDEX, unix.SIOCGIFTXQLEN, unix.SIOCGIFMAP, unix.SIOCGMIIPHY, unix.SIOCGMIIREG,
		unix.SIOCETHTOOL, // setting needs CAP_NET_ADMIN
		siocAtMark, siocOutqNsd,
		unix.NS_GET_USERNS, unix.NS_GET_PARENT, unix.NS_GET_NSTYPE, unix.NS_GET_OWNER_UID,
	}}}}}}
}

// processes: other processes' memory, limits, priority and placement, new
// namespaces, and IPC objects that outlive or belong to others.
func processes() []rule {
	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
	own := [][]test{{{arg: 0, values: []uint32{0}}}}
	list := []rule{
		// Its flags are in memory. Callers fall back to clone.
		{call: unix.SYS_CLONE3, errno: unix.ENOSYS},
		// CLONE_PARENT makes a child of whoever started the sandbox.
		{call: unix.SYS_CLONE, errno: unix.EPERM, unless: [][]test{{
			{arg: 0, mask: namespaces | unix.CLONE_PARENT, values: []uint32{0}},
		}}},
		{call: unix.SYS_SETPRIORITY, errno: unix.EPERM, unless: [][]test{{
			{arg: 0, values: []uint32{unix.PRIO_PROCESS}},
			{arg: 1, values: []uint32{0}},
		}}},
		{call: unix.SYS_IOPRIO_SET, errno: unix.EPERM, unless: [][]test{{
			{arg: 0, values: []uint32{1}}, // IOPRIO_WHO_PROCESS
			{arg: 1, values: []uint32{0}},
		}}},
		{call: unix.SYS_SCHED_SETPARAM, errno: unix.EPERM, unless: own},
		{call: unix.SYS_SCHED_SETSCHEDULER, errno: unix.EPERM, unless: own},
		{call: unix.SYS_SCHED_SETATTR, errno: unix.EPERM, unless: own},
		{call: unix.SYS_SCHED_SETAFFINITY, errno: unix.EPERM, unless: own},
		// Who may share a core with whom, another process included.
		{call: unix.SYS_PRCTL, errno: unix.EPERM, when: [][]test{{{arg: 0, values: []uint32{unix.PR_SCHED_CORE}}}}},
		// Own limits, or asking for another's (no new limit given).
		{call: unix.SYS_PRLIMIT64, errno: unix.EPERM, unless: [][]test{
			own[0],
			{{arg: 2, values: []uint32{0}}, {arg: 2, high: true, values: []uint32{0}}},
		}},
	}
	return append(list, refuse(
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
		unix.SYS_PROCESS_MADVISE, unix.SYS_PROCESS_MRELEASE, unix.SYS_PIDFD_GETFD,
		unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
		unix.SYS_UNSHARE, unix.SYS_SETNS,
		unix.SYS_LSM_SET_SELF_ATTR,
		unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL,
		unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_SEMCTL,
		unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_MSGCTL,
		unix.SYS_MQ_OPEN, unix.SYS_MQ_UNLINK, unix.SYS_MQ_TIMEDSEND, unix.SYS_MQ_TIMEDRECEIVE,
		unix.SYS_MQ_NOTIFY, unix.SYS_MQ_GETSETATTR,
	)...)
}

// machine: the clock, the host name, mounts, swap, modules, keys, reboot.
// Nearly all of it needs capabilities that are gone; one lock is not enough.
func machine() []rule {
	return refuse(
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME,
		unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
		unix.SYS_OPEN_TREE, unix.SYS_OPEN_TREE_ATTR, unix.SYS_MOVE_MOUNT, unix.SYS_MOUNT_SETATTR,
		unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK,
		unix.SYS_SWAPON, unix.SYS_SWAPOFF,
		unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_ACCT,
		unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
		unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT,
		unix.SYS_SYSLOG, unix.SYS_VHANGUP, unix.SYS_NFSSERVCTL,
		unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL,
	)
}

// detours: ways to have the kernel act where neither Landlock nor this filter
// looks.
func detours() []rule {
	return refuse(
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD,
		unix.SYS_FANOTIFY_INIT, unix.SYS_FANOTIFY_MARK,
		unix.SYS_LOOKUP_DCOOKIE,
	)
}
