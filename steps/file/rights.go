package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"runbook/engine"
)

// rights are the owner, the group and the mode of an inode.
type rights struct {
	uid, gid uint32
	mode     uint32 // with the set-id and sticky bits; means nothing for a link
}

// wish is what rights inodes shall have. It is about one look or one change: it remembers names.
type wish struct {
	uid, gid  int // -1 for as it is
	mode      *modeRule
	hardLinks bool
	users     map[uint32]string
	groups    map[uint32]string
}

// wishFor finds the users and groups of an input.
func wishFor(in permissionsInput) (*wish, error) {
	w := wish{hardLinks: in.HardLinks, users: map[uint32]string{}, groups: map[uint32]string{}}
	var err error
	if w.uid, err = ownerID(in.Owner, -1); err != nil {
		return nil, err
	}
	if w.gid, err = groupID(in.Group, -1); err != nil {
		return nil, err
	}
	if w.mode, err = parseModeRule(in.Mode); err != nil {
		return nil, err
	}
	if w.hardLinks && syscall.Geteuid() == 0 {
		// Without this protection anybody who can write to the tree could have put a second name of a file of somebody
		// else into it, for us to give away.
		text, err := os.ReadFile("/proc/sys/fs/protected_hardlinks")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if strings.TrimSpace(string(text)) != "1" {
			return nil, engine.Failf(engine.Denied, "change files with several names as root: this kernel lets anybody give a second name to the files of others (fs.protected_hardlinks is not 1)")
		}
	}
	return &w, nil
}

// of gives the rights that an inode shall have. A new owner or group takes the set-id bits of a file away, as the kernel
// does, unless the mode names them.
func (w *wish) of(i inode) rights {
	old := i.rights()
	r := old
	if w.uid >= 0 {
		r.uid = uint32(w.uid) //nolint:gosec // ids have 32 bits
	}
	if w.gid >= 0 {
		r.gid = uint32(w.gid) //nolint:gosec // ids have 32 bits
	}
	if i.isLink() {
		return r
	}
	if !i.isDir() && (r.uid != old.uid || r.gid != old.gid) {
		r.mode &^= unix.S_ISUID
		if r.mode&0o010 != 0 {
			r.mode &^= unix.S_ISGID
		}
	}
	r.mode = w.mode.apply(r.mode, i.isDir())
	return r
}

// The reasons to leave an inode as it is.
const (
	leftMount   = "where another file system is mounted"
	leftDevice  = "devices"
	leftSeveral = "with several names (hard links), which may be files outside as well"
)

// leaves tells why an inode is not touched although it should be another, "" when it is.
func (w *wish) leaves(i inode) string {
	switch {
	case i.mounted:
		return leftMount
	case i.isDevice() && i.below:
		return leftDevice
	case !i.isDir() && i.st.Nlink > 1 && !w.hardLinks:
		return leftSeveral
	default:
		return ""
	}
}

// give changes the rights of an inode. It is the open inode that is changed, whoever has its name by now.
func (w *wish) give(i inode, r rights) error {
	old := i.rights()
	uid, gid := -1, -1
	if r.uid != old.uid {
		uid = int(r.uid)
	}
	if r.gid != old.gid {
		gid = int(r.gid)
	}
	if uid >= 0 || gid >= 0 {
		err := again(func() error { return unix.Fchownat(i.fd, "", uid, gid, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW) })
		if err != nil {
			return fmt.Errorf("give %s to %s:%s: %w", shown(i.path), w.user(r.uid), w.group(r.gid), err)
		}
	}
	// The kernel has taken the set-id bits by itself, so that only a mode that was asked for is set here.
	if w.mode == nil || i.isLink() || r.mode == old.mode && old.mode&setIDBits == 0 {
		return nil
	}
	err := again(func() error { return unix.Chmod(fmt.Sprintf("/proc/self/fd/%d", i.fd), r.mode) })
	if err != nil {
		return fmt.Errorf("set the mode of %s: %w", shown(i.path), err)
	}
	return nil
}

// difference tells how rights differ: "owner root -> deploy, mode 0600 -> 0640".
func (w *wish) difference(old, r rights) string {
	var parts []string
	if r.uid != old.uid {
		parts = append(parts, "owner "+w.user(old.uid)+" -> "+w.user(r.uid))
	}
	if r.gid != old.gid {
		parts = append(parts, "group "+w.group(old.gid)+" -> "+w.group(r.gid))
	}
	if r.mode != old.mode {
		parts = append(parts, fmt.Sprintf("mode %04o -> %04o", old.mode, r.mode))
	}
	return strings.Join(parts, ", ")
}

// takesBack tells how to have the old rights again.
func (w *wish) takesBack(old, r rights) string {
	var parts []string
	if r.uid != old.uid {
		parts = append(parts, "owner "+w.user(old.uid))
	}
	if r.gid != old.gid {
		parts = append(parts, "group "+w.group(old.gid))
	}
	if r.mode != old.mode {
		parts = append(parts, fmt.Sprintf("mode %04o", old.mode))
	}
	return "give it " + strings.Join(parts, ", ") + " again"
}

func (w *wish) user(uid uint32) string  { return remember(w.users, uid, userName) }
func (w *wish) group(gid uint32) string { return remember(w.groups, gid, groupName) }

func remember(names map[uint32]string, id uint32, find func(uint32) string) string {
	name, ok := names[id]
	if !ok {
		name = find(id)
		if len(names) < mostNames {
			names[id] = name
		}
	}
	return name
}
