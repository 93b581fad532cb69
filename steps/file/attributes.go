package file

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// copyAttributes gives a new file the extended attributes of the old one: access lists and labels are part of who may
// do what with it.
func (p plan) copyAttributes(to *os.File) error {
	from, err := p.dir.OpenFile(p.name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("read the attributes of %s: %w", p, err)
	}
	defer func() { _ = from.Close() }()
	names, err := attributeNames(from)
	if err != nil {
		return fmt.Errorf("read the attributes of %s: %w", p, err)
	}
	for _, name := range names {
		if err := copyAttribute(from, to, name); err != nil {
			// What the kernel keeps for itself is not ours to copy.
			if !strings.HasPrefix(name, "system.") && !strings.HasPrefix(name, "user.") && errors.Is(err, os.ErrPermission) {
				continue
			}
			return fmt.Errorf("copy attribute %s of %s: %w", name, p, err)
		}
	}
	return nil
}

func attributeNames(f *os.File) ([]string, error) {
	buf := make([]byte, 64<<10) // the kernel's own limit
	n, err := unix.Flistxattr(int(f.Fd()), buf)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range bytes.SplitSeq(buf[:n], []byte{0}) {
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names, nil
}

func copyAttribute(from, to *os.File, name string) error {
	buf := make([]byte, 64<<10)
	n, err := unix.Fgetxattr(int(from.Fd()), name, buf)
	if errors.Is(err, unix.ENODATA) {
		return nil
	}
	if err != nil {
		return err
	}
	return unix.Fsetxattr(int(to.Fd()), name, buf[:n], 0)
}
