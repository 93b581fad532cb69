package file

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

const (
	mostWritten  = 1 << 20 // bytes of text
	mostReplaced = 4 << 20 // bytes of a file that is replaced
)

// noFile stands in place of a backup where there was no file to keep.
const noFile = "none"

type writeInput struct {
	Path    string  `json:"path" required:"true" is:"path" doc:"the file, an absolute path in a directory that exists"`
	Text    *string `json:"text" doc:"all that the file shall hold, up to 1 MiB"`
	Restore string  `json:"restore" doc:"in place of text: the output backup of an earlier file.write to this path, whose file is put back with its mode and owner; none removes the file, as there was none. Meant for undo"`
	Mode    string  `json:"mode" doc:"permissions in octal, like 0640; without it those of the file that is there, or 0644"`
	Owner   string  `json:"owner" doc:"a user or a number; without it that of the file that is there, or the one who writes"`
	Group   string  `json:"group" doc:"a group or a number; without it that of the file that is there, or of the one who writes"`
	Backup  bool    `json:"backup" default:"true" doc:"keep the file that was there, hidden beside it"`
}

type writeOutput struct {
	Changed bool   `json:"changed" doc:"the file was replaced, created or removed; false when all was as it should be"`
	Created bool   `json:"created" doc:"there was no file before"`
	Backup  string `json:"backup" doc:"where the file that was there is kept, none when there was no file; empty when nothing changed or nothing was kept"`
	Size    int    `json:"size" doc:"bytes of the file now"`
}

func writeKind() engine.Definition[writeInput, writeOutput] {
	return engine.Definition[writeInput, writeOutput]{
		Name:   "file.write",
		Effect: engine.Changes,
		Doc: `Replaces the text of a file, whole or not at all.

Shows the difference first. Keeps mode, owner and extended attributes of the file that is there, and the file itself
beside it under a hidden name. Writes nothing when the file is already as it should be. Refuses a path that ends in a
link, and one that leads through links which belong neither to root nor to the one who writes.

What it did is undone by another file.write to the same ` + "`path`" + `, whose ` + "`restore`" + ` is the ` + "`backup`" + ` of this one.`,
		Example:  "path: /etc/default/app\ntext: |\n  HOSTNAME=127.0.0.1\n  PORT=3000",
		Check:    checkWrite,
		Describe: describeWrite,
		Before:   beforeWrite,
		Do: func(ctx context.Context, in writeInput, t engine.Task) (writeOutput, error) {
			out, err := hostcall.Act(ctx, t.As, func() (writeOutput, error) { return write(ctx, in) })
			return out, writeFailure(in.Path, err)
		},
	}
}

func checkWrite(in writeInput) error {
	if err := checkPath(in.Path); err != nil {
		return err
	}
	last := in.Path[strings.LastIndex(in.Path, "/")+1:]
	switch {
	case last == "" || last == "." || last == "..":
		return fmt.Errorf("path %q does not name a file", in.Path)
	case in.Text == nil && in.Restore == "":
		return errors.New("give text, or restore")
	case in.Text != nil && in.Restore != "":
		return errors.New("give text or restore, not both")
	case in.Text != nil && len(*in.Text) > mostWritten:
		return fmt.Errorf("text has %d bytes: more than %d are not written", len(*in.Text), mostWritten)
	case in.Restore != "" && (in.Mode != "" || in.Owner != "" || in.Group != ""):
		return errors.New("restore brings its own mode and owner")
	}
	if _, err := parseMode(in.Mode); err != nil {
		return err
	}
	if in.Restore != "" && in.Restore != noFile {
		return checkPath(in.Restore)
	}
	return nil
}

// parseMode reads permissions in octal. "" is none.
func parseMode(text string) (uint32, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n > 0o7777 {
		return 0, fmt.Errorf("mode %q is not octal permissions like 0644: quote it in YAML", text)
	}
	return uint32(n), nil
}

// ownerID gives the number of a user, and keep when none is named.
func ownerID(name string, keep int) (int, error) {
	if name == "" {
		return keep, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return parseID("user", name)
	}
	return strconv.Atoi(u.Uid)
}

// groupID gives the number of a group, and keep when none is named.
func groupID(name string, keep int) (int, error) {
	if name == "" {
		return keep, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		g, err = user.LookupGroupId(name)
	}
	if err != nil {
		return parseID("group", name)
	}
	return strconv.Atoi(g.Gid)
}

// parseID reads the number of a user or group that has no name.
func parseID(what, text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, engine.Failf(engine.Missing, "find %s %s: there is none of that name", what, text)
	}
	return int(n), nil
}

func describeWrite(ctx context.Context, in writeInput, t engine.Task) (engine.Description, error) {
	d, err := hostcall.Look(ctx, t.As, func() (engine.Description, error) {
		p, err := look(in)
		if err != nil {
			return engine.Description{}, err
		}
		defer p.close()
		return p.describe(), nil
	})
	return d, writeFailure(in.Path, err)
}

// beforeWrite keeps the text that is about to be replaced.
func beforeWrite(ctx context.Context, in writeInput, t engine.Task) error {
	old, err := hostcall.Look(ctx, t.As, func() ([]byte, error) {
		p, err := look(in)
		if err != nil {
			return nil, err
		}
		defer p.close()
		return p.old.text, nil
	})
	if err != nil || old == nil {
		return writeFailure(in.Path, err)
	}
	w := t.Keep("before")
	_, _ = w.Write(old)
	return w.Close()
}

// writeFailure sorts what only writing can fail with.
func writeFailure(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return engine.Fail(engine.Missing, fmt.Errorf("write %s: no room on the disk: %w", path, err))
	case errors.Is(err, syscall.EROFS):
		return engine.Fail(engine.Denied, fmt.Errorf("write %s: %w", path, err))
	default:
		return err
	}
}
