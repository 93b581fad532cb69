package hostcall

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"runbook/engine"
)

// account is a Unix user with its groups, as a thread can take them on.
type account struct {
	name     string
	uid, gid uint32
	groups   []uint32
}

// lookUp finds the account to become, nil when the program's own user will do.
func lookUp(name string) (*account, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // no account to become is an answer
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, engine.Fail(engine.Missing, fmt.Errorf("find user %s: %w", name, err))
	}
	a := &account{name: name}
	if a.uid, err = id(u.Uid); err != nil {
		return nil, fmt.Errorf("read the uid of %s: %w", name, err)
	}
	if a.gid, err = id(u.Gid); err != nil {
		return nil, fmt.Errorf("read the gid of %s: %w", name, err)
	}
	if int(a.uid) == os.Geteuid() {
		return nil, nil //nolint:nilnil // this is who we are
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("find the groups of %s: %w", name, err)
	}
	for _, g := range groups {
		gid, err := id(g)
		if err != nil {
			return nil, fmt.Errorf("read the groups of %s: %w", name, err)
		}
		a.groups = append(a.groups, gid)
	}
	if len(a.groups) == 0 {
		a.groups = []uint32{a.gid}
	}
	return a, nil
}

func id(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err
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
