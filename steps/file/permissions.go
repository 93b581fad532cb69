package file

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
)

const (
	mostExamples   = 20              // of what was changed or left, in the result
	exampleSize    = 256             // bytes of one
	describeWithin = 2 * time.Second // how long a large tree is looked at before it is described by what was seen
)

type permissionsInput struct {
	Path      string `json:"path" required:"true" is:"path" doc:"the file or directory, an absolute path that does not end in a link"`
	Owner     string `json:"owner" doc:"the user it shall belong to, or a number; without it the owner stays"`
	Group     string `json:"group" doc:"the group it shall belong to, or a number; without it the group stays"`
	Mode      string `json:"mode" doc:"octal permissions like 0640, or changes to those that are there like u+rw,o-w, with u, g, o, a, then +, - or =, then r, w, x, X; X is x for directories and for files that somebody may execute. With recursive only changes, and X in place of x after + and =, like u=rwX,g=rX,o=. Without it the mode stays"`
	Recursive bool   `json:"recursive" doc:"also everything below the directory"`
	HardLinks bool   `json:"hard_links" doc:"also files that have several names, which may be files outside of the tree as well: those of pnpm in node_modules are also those in its store"`
}

type permissionsOutput struct {
	Changed  bool     `json:"changed" doc:"something was changed; false when all was as it should be"`
	Count    int      `json:"count" doc:"how many files, directories and links were changed, also when the step failed on its way"`
	Looked   int      `json:"looked" doc:"how many there are, the path itself included"`
	Examples []string `json:"examples" doc:"the first 20 of those that were changed, like ./.env: owner root -> deploy; the evidence holds all of them, and of more than 1 MiB the first and the last"`
	Left     int      `json:"left" doc:"how many were left as they are although they should be others: devices, files with several names unless hard_links is true, and places where another file system is mounted"`
	LeftOver []string `json:"left_examples" doc:"the first 20 of those"`
	OldOwner string   `json:"old_owner" doc:"who path itself belonged to before, for an undo of one path"`
	OldGroup string   `json:"old_group" doc:"the group that it belonged to before"`
	OldMode  string   `json:"old_mode" doc:"its mode before, in octal"`
}

func permissionsKind() engine.Definition[permissionsInput, permissionsOutput] {
	return engine.Definition[permissionsInput, permissionsOutput]{
		Name:   "file.permissions",
		Effect: engine.Changes,
		Doc: `Changes the owner, the group or the mode of a file or directory, or of a whole tree.

Shows what changes first, and touches only what is not yet as it should be. In a tree no link is followed, a link itself
gets owner and group but has no mode, and no other file system is entered. Refuses a path that ends in a link, one that
leads through links which belong neither to root nor to the one who acts, and the whole of a directory like /etc or
/usr.

A file with several names is left alone unless ` + "`hard_links`" + ` is true: its other names may be anywhere on the same disk, and
what is changed here is changed there. With ` + "`hard_links`" + ` root does it only where the kernel keeps people from giving
second names to the files of others. Devices in a tree are always left alone. A new owner or group takes the set-id bits
and the capabilities of a program away, as always on Linux; the description shows the bits. Access lists are not looked
at.

A failure ends the step at once: what was changed until then stays changed, ` + "`count`" + ` and the evidence say how much that is,
and doing it again goes on from there. The evidence holds what everything had before: what is most common, and each
exception to it. One path is taken back by another file.permissions with ` + "`old_owner`, `old_group` and `old_mode`" + `; a tree is
put right by a person.`,
		Example:  "path: /var/www/app\nowner: deploy\ngroup: deploy\nmode: u+rwX\nrecursive: true",
		Check:    checkPermissions,
		Describe: describePermissions,
		Before:   beforePermissions,
		Do: func(ctx context.Context, in permissionsInput, t engine.Task) (permissionsOutput, error) {
			out, err := hostcall.Act(ctx, t.As, func() (permissionsOutput, error) { return permit(ctx, in, t) })
			return out, writeFailure(in.Path, err)
		},
	}
}

func checkPermissions(in permissionsInput) error {
	if err := checkPath(in.Path); err != nil {
		return err
	}
	if in.Owner == "" && in.Group == "" && in.Mode == "" {
		return errors.New("give an owner, a group or a mode")
	}
	if path.Clean(in.Path) == "/" {
		return errors.New("path / is the whole host: name what is meant below it")
	}
	rule, err := parseModeRule(in.Mode)
	if err != nil || !in.Recursive {
		return err
	}
	if err := rule.fitsTree(); err != nil {
		return err
	}
	return ofTheSystem(path.Clean(in.Path))
}

// ofTheSystem refuses the directories that a host is made of. Whoever means one of them means a part of it.
func ofTheSystem(dir string) error {
	system := []string{
		"/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/proc", "/root", "/run", "/sbin",
		"/sys", "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/log",
		"/var/tmp",
	}
	if slices.Contains(system, dir) {
		return engine.Failf(engine.Invalid, "path %s is a directory of the system: with recursive name what is meant below it", dir)
	}
	return nil
}

// job is a change of rights that has been thought through and not begun.
type job struct {
	place
	in   permissionsInput
	wish *wish
}

func jobFor(in permissionsInput) (job, error) {
	w, err := wishFor(in)
	if err != nil {
		return job{}, err
	}
	at, err := findPlace(path.Clean(in.Path))
	if err != nil {
		return job{}, err
	}
	if in.Recursive {
		err = ofTheSystem(at.String())
	}
	if err != nil {
		_ = at.dir.Close()
	}
	return job{place: at, in: in, wish: w}, err
}

// label is the path of an inode for people: in a tree as it is seen from its top.
func (j job) label(i inode) string {
	if !j.in.Recursive {
		return shown(i.path)
	}
	return shown("." + strings.TrimPrefix(i.path, j.String()))
}

// each visits what is not as it should be, and what stays so for a reason.
func (j job) each(ctx context.Context, looked *int, change func(i inode, r rights) error, leave func(i inode, reason string)) error {
	return j.walk(ctx, j.in.Recursive, func(i inode) error {
		*looked++
		r := j.wish.of(i)
		if r == i.rights() && !i.mounted {
			return nil
		}
		reason := j.wish.leaves(i)
		switch {
		case reason == "":
			return change(i, r)
		case !i.below:
			return engine.Failf(engine.Invalid, "change %s: it has %d names, and what changes for one changes for all; say hard_links: true if that is meant",
				j, i.st.Nlink)
		default:
			leave(i, reason)
			return nil
		}
	})
}

// permit changes everything that is not as it should be, and keeps a line of each change.
func permit(ctx context.Context, in permissionsInput, t engine.Task) (permissionsOutput, error) {
	out := permissionsOutput{Examples: []string{}, LeftOver: []string{}}
	j, err := jobFor(in)
	if err != nil {
		return out, err
	}
	defer func() { _ = j.dir.Close() }()
	// What can't be looked at is found out before anything is changed.
	s, err := j.survey(ctx)
	if err != nil {
		return out, err
	}
	if err := j.noteOld(ctx, &out); err != nil || s.changes+len(s.left) == 0 {
		out.Looked = s.looked
		return out, err
	}
	w := t.Keep("changes")
	defer func() { _ = w.Close() }()
	err = j.each(ctx, &out.Looked, func(i inode, r rights) error {
		if err := j.wish.give(i, r); err != nil {
			return err
		}
		out.Count++
		out.Changed = true
		line := j.label(i) + ": " + j.wish.difference(i.rights(), r)
		_, _ = fmt.Fprintln(w, line)
		if len(out.Examples) < mostExamples {
			out.Examples = append(out.Examples, budget.Line(line, exampleSize))
		}
		return nil
	}, func(i inode, reason string) {
		out.Left++
		line := j.label(i) + ": left, as it is one of those " + reason
		_, _ = fmt.Fprintln(w, line)
		if len(out.LeftOver) < mostExamples {
			out.LeftOver = append(out.LeftOver, budget.Line(line, exampleSize))
		}
	})
	if err != nil && out.Changed {
		err = fmt.Errorf("%w (after %d of %d changes, which stay)", err, out.Count, s.changes)
	}
	return out, err
}

// noteOld notes what the path itself has before the change.
func (j job) noteOld(ctx context.Context, out *permissionsOutput) error {
	return j.walk(ctx, false, func(i inode) error {
		old := i.rights()
		out.OldOwner, out.OldGroup, out.OldMode = j.wish.user(old.uid), j.wish.group(old.gid), fmt.Sprintf("%04o", old.mode)
		return nil
	})
}
