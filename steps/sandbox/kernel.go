package sandbox

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock ABIs that matter here, and the first kernels that had them.
const (
	abiFiles    = 1 // 5.13: writes, creation, removal
	abiTruncate = 3 // 6.2
	abiTCP      = 4 // 6.7: bind
	abiScopes   = 6 // 6.12: signals and abstract sockets
	abiResolve  = 9 // connecting to Unix sockets by path
)

// kernel is what the running kernel, the build and the process's own rights
// allow. Everything else in this package is decided from it, so that tests can
// run what an older kernel would have run.
type kernel struct {
	landlock int    // ABI; 0: none
	why      string // why there is no Landlock, in words
	seccomp  bool   // filters are there, and this architecture has one
	whyNot   string // why there is no filter, in words
	caps     uint64 // permitted capabilities of this process
	uid      int
}

// detect asks the kernel. It changes nothing, in the process or outside.
func detect() (kernel, error) {
	var k kernel
	abi, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	switch errno {
	case 0:
		k.landlock = int(abi)
	case unix.ENOSYS:
		k.why = "the kernel has no Landlock"
	case unix.EOPNOTSUPP:
		k.why = "Landlock is switched off at boot"
	default:
		k.why = "Landlock is refused: " + errno.Error()
	}

	action := uint32(unix.SECCOMP_RET_ERRNO)
	_, _, errno = unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0,
		uintptr(unsafe.Pointer(&action))) //nolint:gosec // G103: the kernel takes an address
	switch {
	case errno != 0:
		k.whyNot = "the kernel has no seccomp filters: " + errno.Error()
	case auditArch == 0:
		k.whyNot = "there is no seccomp filter for this architecture"
	default:
		k.seccomp = true
	}

	caps, err := permitted()
	if err != nil {
		return kernel{}, fmt.Errorf("read own capabilities: %w", err)
	}
	k.caps = caps
	k.uid = unix.Geteuid()
	return k, nil
}
