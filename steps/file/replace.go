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
	"path"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"runbook/engine"
)

// content is a file as a write sees it. A nil text is no file.
type content struct {
	text     []byte
	mode     uint32 // with the set-id and sticky bits
	uid, gid int
}

// plan is a write that has been thought through and not begun.
type plan struct {
	place
	old, wanted content
	keep        bool // whether a backup is wanted
}

func (p plan) close() { _ = p.dir.Close() }

// look makes the plan of a write. It changes nothing.
func look(in writeInput) (plan, error) {
	at, err := findPlace(in.Path)
	if err != nil {
		return plan{}, err
	}
	p := plan{place: at, keep: in.Backup}
	if p.old, err = at.read(at.name); err == nil {
		p.wanted, err = wanted(in, at, p.old)
	}
	if err != nil {
		p.close()
		return plan{}, err
	}
	return p, nil
}

// wanted is what the file shall be.
func wanted(in writeInput, at place, old content) (content, error) {
	switch in.Restore {
	case "":
	case noFile:
		return content{}, nil
	default:
		return at.readBackup(in.Restore)
	}
	c := content{text: []byte(*in.Text), mode: 0o644, uid: syscall.Geteuid(), gid: syscall.Getegid()}
	if old.text != nil {
		c.mode, c.uid, c.gid = old.mode, old.uid, old.gid
	}
	var err error
	if in.Mode != "" {
		if c.mode, err = parseMode(in.Mode); err != nil {
			return c, err
		}
	}
	if c.uid, err = ownerID(in.Owner, c.uid); err != nil {
		return c, err
	}
	c.gid, err = groupID(in.Group, c.gid)
	return c, err
}

func (c content) equal(d content) bool {
	return (c.text == nil) == (d.text == nil) && string(c.text) == string(d.text) &&
		c.mode == d.mode && c.uid == d.uid && c.gid == d.gid
}

// read reads a file of the directory. That there is none is an empty content.
func (p place) read(name string) (content, error) {
	info, err := p.dir.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return content{}, nil
	}
	if err != nil {
		return content{}, fmt.Errorf("look at %s: %w", p, err)
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, _ := p.dir.Readlink(name)
		return content{}, engine.Failf(engine.Invalid, "write %s: it is a link to %s; name the file that it leads to", p, target)
	case !info.Mode().IsRegular():
		return content{}, engine.Failf(engine.Invalid, "write %s: it is a %s and not a file", p, typeName(info.Mode()))
	case info.Size() > mostReplaced:
		return content{}, engine.Failf(engine.Invalid, "write %s: it has %d bytes, more than %d are not replaced", p, info.Size(), mostReplaced)
	}
	f, err := p.dir.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return content{}, fmt.Errorf("read %s: %w", p, err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, mostReplaced))
	if err != nil {
		return content{}, fmt.Errorf("read %s: %w", p, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return content{}, fmt.Errorf("look at %s: %w", p, err)
	}
	return content{text: text, mode: st.Mode & 0o7777, uid: int(st.Uid), gid: int(st.Gid)}, nil
}

// backupName is where a file is kept: hidden, so that no program that reads a directory of settings takes it for one
// of them, and named by what it holds, so that it can be checked when it is put back.
func (p place) backupName(c content) string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%o %d %d\n", c.mode, c.uid, c.gid)
	_, _ = sum.Write(c.text)
	return "." + p.name + ".runbook-" + hex.EncodeToString(sum.Sum(nil)[:8])
}

// readBackup reads a backup of this file, and refuses one that is not what was kept.
func (p place) readBackup(file string) (content, error) {
	dir, name := path.Split(file)
	if path.Clean(dir) != p.path || !strings.HasPrefix(name, "."+p.name+".runbook-") {
		return content{}, engine.Failf(engine.Invalid, "restore %s: %s is no backup of it", p, file)
	}
	c, err := p.read(name)
	switch {
	case err != nil:
		return c, err
	case c.text == nil:
		return c, engine.Failf(engine.Missing, "restore %s: %s is not there", p, file)
	case p.backupName(c) != name:
		return c, engine.Failf(engine.Invalid, "restore %s: %s is not as it was kept", p, file)
	}
	return c, nil
}

// write carries a plan out, made from what the host looks like now.
func write(ctx context.Context, in writeInput) (writeOutput, error) {
	p, err := look(in)
	if err != nil {
		return writeOutput{}, err
	}
	defer p.close()
	out := writeOutput{Size: len(p.wanted.text)}
	if p.old.equal(p.wanted) {
		return out, nil
	}
	out.Created = p.old.text == nil
	if out.Backup, err = p.backup(); err != nil {
		return out, err
	}
	if p.wanted.text == nil {
		err = p.dir.Remove(p.name)
	} else {
		err = p.replace(ctx)
	}
	if err != nil {
		return out, err
	}
	out.Changed = true
	return out, p.sync()
}

// backup keeps the old file as a second name of it, which takes no room and keeps everything about it; as a copy where
// the file system has no second names.
func (p plan) backup() (string, error) {
	switch {
	case p.old.text == nil:
		return noFile, nil
	case !p.keep:
		return "", nil
	}
	name := p.backupName(p.old)
	err := p.dir.Link(p.name, name)
	switch {
	case err == nil:
	case errors.Is(err, fs.ErrExist):
		// The same file was kept before. What has its name and is something else stays in the way.
		kept, err := p.read(name)
		if err != nil {
			return "", err
		}
		if !kept.equal(p.old) {
			return "", engine.Failf(engine.Invalid, "keep %s: %s is in the way", p, path.Join(p.path, name))
		}
	default:
		if err := p.put(name, p.old, nil); err != nil {
			return "", fmt.Errorf("keep %s: %w", p, err)
		}
	}
	return path.Join(p.path, name), nil
}

// replace puts the wanted file in the place of the old one.
func (p plan) replace(ctx context.Context) error {
	return p.put(p.name, p.wanted, func(f *os.File) error {
		if p.old.text != nil {
			if err := p.copyAttributes(f); err != nil {
				return err
			}
		}
		return ctx.Err() // the last moment to stop: after it comes the rename
	})
}

// put writes a file beside its name and renames it to that name.
func (p place) put(name string, c content, last func(*os.File) error) error {
	f, err := renameio.NewPendingFile(name, renameio.WithRoot(p.dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return fmt.Errorf("write %s: %w", p, err)
	}
	defer func() { _ = f.Cleanup() }()
	if _, err := f.Write(c.text); err != nil {
		return fmt.Errorf("write %s: %w", p, err)
	}
	if err := f.Chown(c.uid, c.gid); err != nil {
		return fmt.Errorf("give %s to %s:%s: %w", p, userName(uint32(c.uid)), groupName(uint32(c.gid)), err) //nolint:gosec // ids have 32 bits
	}
	// After the owner, since changing that takes the set-id bits away.
	if err := unix.Fchmod(int(f.Fd()), c.mode); err != nil {
		return fmt.Errorf("set the mode of %s: %w", p, err)
	}
	if last != nil {
		if err := last(f.File); err != nil {
			return err
		}
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", p, err)
	}
	return nil
}

// sync makes the directory's new entry last.
func (p place) sync() error {
	d, err := p.dir.Open(".")
	if err != nil {
		return fmt.Errorf("flush %s: %w", p.path, err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems have nothing to flush
		return fmt.Errorf("flush %s: %w", p.path, err)
	}
	return nil
}
