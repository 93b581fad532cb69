package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	readFile  = uint64(unix.LANDLOCK_ACCESS_FS_READ_FILE)
	writeFile = uint64(unix.LANDLOCK_ACCESS_FS_WRITE_FILE)
	truncate  = uint64(unix.LANDLOCK_ACCESS_FS_TRUNCATE)
)

// grant gives access to a path and, when it is a directory, to all beneath it.
type grant struct {
	path   string
	access uint64
}

// ruleset says what is refused unless granted, for a Landlock ABI.
//
// Reading directories and executing are not in it: they change nothing.
// Reading files is, for the sake of /dev (see grants). Device ioctls are left
// to the filter, which knows them by name on every kernel.
func ruleset(abi int) unix.LandlockRulesetAttr {
	var a unix.LandlockRulesetAttr
	if abi >= abiFiles {
		a.Handled_access_fs = readFile | writeFile |
			unix.LANDLOCK_ACCESS_FS_REMOVE_DIR |
			unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
			unix.LANDLOCK_ACCESS_FS_MAKE_CHAR |
			unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
			unix.LANDLOCK_ACCESS_FS_MAKE_REG |
			unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
			unix.LANDLOCK_ACCESS_FS_MAKE_FIFO |
			unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
			unix.LANDLOCK_ACCESS_FS_MAKE_SYM
		// Moving a file to another directory is refused from ABI 1 on, always.
	}
	if abi >= abiTruncate {
		a.Handled_access_fs |= truncate
	}
	if abi >= abiTCP {
		a.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP
	}
	if abi >= abiScopes {
		a.Scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	if abi >= abiResolve {
		a.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
	}
	return a
}

// grants says what may be read: everything but devices. Opening a device can
// act: a watchdog that is opened and closed again reboots the host, a loop
// control makes devices, a terminal gives away the operator's keys. Landlock
// knows no "all but", so every directory at the root but /dev is named.
//
// A file system that is mounted on a directory at the root after this is not
// readable to this one process.
func grants(root string) ([]grant, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("list the root directory: %w", err)
	}
	dev := filepath.Join(root, "dev")
	list := []grant{
		{filepath.Join(dev, "null"), readFile | writeFile | truncate},
		{filepath.Join(dev, "zero"), readFile | writeFile | truncate},
		{filepath.Join(dev, "full"), readFile | writeFile | truncate},
		{filepath.Join(dev, "random"), readFile},
		{filepath.Join(dev, "urandom"), readFile},
		{filepath.Join(dev, "kmsg"), readFile},
		{filepath.Join(dev, "shm"), readFile},
		{filepath.Join(dev, "mqueue"), readFile},
	}
	for _, e := range entries {
		if e.Name() != "dev" && e.Type()&os.ModeSymlink == 0 {
			list = append(list, grant{filepath.Join(root, e.Name()), readFile})
		}
	}
	return list, nil
}

// openRuleset builds the ruleset for the whole tree and returns its descriptor.
// Nothing is restricted yet.
func openRuleset(abi int) (int, error) {
	attr := ruleset(abi)
	r, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0) //nolint:gosec // G103: the kernel takes an address
	if errno != 0 {
		return -1, fmt.Errorf("create a Landlock ruleset: %w", errno)
	}
	set := int(r)
	list, err := grants("/")
	if err != nil {
		_ = unix.Close(set)
		return -1, err
	}
	for _, g := range list {
		if err := addGrant(set, g, attr.Handled_access_fs); err != nil {
			_ = unix.Close(set)
			return -1, err
		}
	}
	return set, nil
}

// addGrant adds one path. One that is not there needs no grant.
func addGrant(set int, g grant, handled uint64) error {
	// Without O_DIRECTORY this does not trigger an automount, which could hang.
	fd, err := unix.Open(g.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", g.path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	rule := unix.LandlockPathBeneathAttr{
		Allowed_access: g.access & handled,
		Parent_fd:      int32(fd), //nolint:gosec // G115: a file descriptor
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE,
		uintptr(set), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0) //nolint:gosec // G103: the kernel takes an address
	if errno != 0 {
		return fmt.Errorf("allow reading %s: %w", g.path, errno)
	}
	return nil
}

// enterRuleset puts the ruleset on the calling thread.
func enterRuleset(set int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(set), 0, 0); errno != 0 {
		return fmt.Errorf("enter the Landlock ruleset: %w", errno)
	}
	return nil
}
