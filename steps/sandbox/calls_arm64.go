package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// judgedCalls are the calls that rules was written against: those of Linux 7.0.
func judgedCalls() []span {
	return []span{{0, unix.SYS_KEXEC_FILE_LOAD}, {424, unix.SYS_RSEQ_SLICE_YIELD}}
}

// legacyCalls are the few older calls that this architecture has.
func legacyCalls(abi int) []rule {
	if abi < abiFiles {
		return refuse(unix.SYS_RENAMEAT)
	}
	return nil
}
