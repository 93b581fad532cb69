package file

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
)

// mostHashed is the size of the largest file that is hashed.
const mostHashed = 256 << 20

type statInput struct {
	Path   string `json:"path" required:"true" is:"path" doc:"the file or directory, an absolute path; a link is followed"`
	SHA256 bool   `json:"sha256" doc:"read the file and give its digest, up to 256 MiB"`
}

type statOutput struct {
	Exists     bool    `json:"exists" doc:"there is something at path; a link that leads nowhere is nothing"`
	Type       string  `json:"type" doc:"file, directory, socket, pipe or device; empty when it does not exist"`
	Size       int     `json:"size" doc:"bytes"`
	Mode       string  `json:"mode" doc:"permissions in octal, like 0644"`
	Owner      string  `json:"owner" doc:"the user it belongs to, the number when it has no name"`
	Group      string  `json:"group" doc:"the group it belongs to, the number when it has no name"`
	Modified   string  `json:"modified" doc:"when its content last changed, in UTC, like 2026-11-20T12:00:00Z"`
	AgeSeconds int     `json:"age_seconds" moves:"true" doc:"seconds since then, negative for a time in the future"`
	Link       string  `json:"link" doc:"where path leads when it is a link itself, as written in the link"`
	SHA256     *string `json:"sha256" doc:"the digest in hex. null when it was not asked for, or the file is larger than 256 MiB or not a file"`
}

func statKind() engine.Definition[statInput, statOutput] {
	return engine.Definition[statInput, statOutput]{
		Name:   "file.stat",
		Effect: engine.Reads,
		Expect: "exists",
		Doc: `Looks whether a file or directory is there, and whose it is.

That it is not there is an answer. No permission to look is none: the check is unknown.`,
		Example: "path: /var/www/app/.next/BUILD_ID",
		Check:   func(in statInput) error { return checkPath(in.Path) },
		Do: func(ctx context.Context, in statInput, t engine.Task) (statOutput, error) {
			return hostcall.Look(ctx, t.As, func() (statOutput, error) { return stat(ctx, in, time.Now()) })
		},
	}
}

// checkPath wants a path that means the same from every directory, and that one can read on a screen.
func checkPath(path string) error {
	switch {
	case !filepath.IsAbs(path):
		return fmt.Errorf("path %q is not absolute", path)
	case budget.Line(path, len(path)) != path:
		return fmt.Errorf("path %q has control characters in it", path)
	}
	return nil
}

func stat(ctx context.Context, in statInput, now time.Time) (statOutput, error) {
	var out statOutput
	if link, err := os.Readlink(in.Path); err == nil {
		out.Link = link
	}
	info, err := os.Stat(in.Path)
	if isAbsent(err) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Exists = true
	out.Type = typeName(info.Mode())
	out.Size = int(info.Size())
	out.Mode = modeText(info.Mode())
	out.Modified = info.ModTime().UTC().Format(time.RFC3339)
	out.AgeSeconds = int(now.Sub(info.ModTime()).Seconds())
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		out.Owner, out.Group = userName(sys.Uid), groupName(sys.Gid)
	}
	if in.SHA256 && info.Mode().IsRegular() && info.Size() <= mostHashed {
		sum, err := digest(ctx, in.Path)
		if err != nil {
			return out, err
		}
		out.SHA256 = &sum
	}
	return out, nil
}

// isAbsent tells "nothing is there" from "it could not be looked at". A part of the path that is a file leads nowhere.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func digest(ctx context.Context, path string) (string, error) {
	f, err := openRegular(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(&cancellable{ctx, f}, mostHashed)); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// openRegular opens a file and nothing else: opening a pipe could wait for ever, and reading a device could do
// anything.
func openRegular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = engine.Failf(engine.Invalid, "read %s: it is a %s and not a file", path, typeName(info.Mode()))
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// cancellable is a reader that ends with its context.
type cancellable struct {
	ctx context.Context //nolint:containedctx // a reader has nowhere else to take it from
	r   io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

func typeName(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "file"
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "link"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeNamedPipe != 0:
		return "pipe"
	default:
		return "device"
	}
}

// modeText writes permissions as chmod takes them.
func modeText(mode fs.FileMode) string {
	bits := uint32(mode.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&flag != 0 {
			bits |= bit
		}
	}
	return fmt.Sprintf("%04o", bits)
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}
