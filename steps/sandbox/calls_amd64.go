package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// judgedCalls are the calls that rules was written against: those of Linux 7.0.
// x32 calls (from 0x40000000) are not among them.
func judgedCalls() []span { return []span{{0, 334}, {424, unix.SYS_RSEQ_SLICE_YIELD}} }

// legacyCalls are the calls that newer architectures don't have.
func legacyCalls(abi int) []rule {
	list := append(
		refuse(
			unix.SYS_CHMOD, unix.SYS_CHOWN, unix.SYS_LCHOWN,
			unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_FUTIMESAT,
			unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_USELIB, unix.SYS__SYSCTL,
			unix.SYS_CREATE_MODULE, unix.SYS_GET_KERNEL_SYMS, unix.SYS_QUERY_MODULE,
		),
		openFlags(abi, 1, unix.SYS_OPEN),
	)
	if abi < abiFiles {
		list = append(list, refuse(
			unix.SYS_CREAT, unix.SYS_MKDIR, unix.SYS_RMDIR, unix.SYS_MKNOD,
			unix.SYS_LINK, unix.SYS_UNLINK, unix.SYS_SYMLINK, unix.SYS_RENAME, unix.SYS_RENAMEAT,
		)...)
	}
	return list
}
