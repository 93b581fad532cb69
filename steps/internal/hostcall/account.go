package hostcall

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/internal/run"
)

// account is a Unix user with its groups, as a thread can take them on.
type account struct {
	name     string
	uid, gid uint32
	groups   []uint32
}

// lookUp finds the account to become, nil when the program's own user will do.
func lookUp(name string) (*account, error) {
	u, err := run.UserNamed(name)
	if failure, ok := errors.AsType[*run.Error](err); ok {
		return nil, engine.Fail(engine.FailureKind(failure.Kind), err)
	}
	if err != nil || u == nil || int(u.UID) == os.Geteuid() {
		return nil, err
	}
	a := &account{name: u.Name, uid: u.UID, gid: u.GID, groups: u.Groups}
	if len(a.groups) == 0 {
		a.groups = []uint32{a.gid}
	}
	return a, nil
}

// apply changes the user of the calling thread, and of no other. The calls are raw because those of package syscall
// change every thread of the program.
func (a *account) apply() error {
	calls := []struct {
		nr      uintptr
		x, y, z uintptr
	}{
		{unix.SYS_SETGROUPS, uintptr(len(a.groups)), uintptr(unsafe.Pointer(&a.groups[0])), 0}, //nolint:gosec // the kernel takes the list by address
		{unix.SYS_SETRESGID, uintptr(a.gid), uintptr(a.gid), uintptr(a.gid)},
		{unix.SYS_SETRESUID, uintptr(a.uid), uintptr(a.uid), uintptr(a.uid)},
	}
	for _, c := range calls {
		if _, _, errno := unix.RawSyscall(c.nr, c.x, c.y, c.z); errno != 0 {
			kind := engine.Invalid
			if errors.Is(errno, fs.ErrPermission) {
				kind = engine.Denied
			}
			return engine.Fail(kind, fmt.Errorf("become user %s: %w", a.name, errno))
		}
	}
	return nil
}
