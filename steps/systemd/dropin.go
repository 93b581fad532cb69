package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/google/renameio/v2"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

// Where an administrator's unit files and drop-ins are, below the root. Packages and generators use other places.
const unitFiles = "etc/systemd/system"

// How much of a drop-in file is read: one that is longer is not ours to change.
const maxDropIn = 256 << 10

type dropInIn struct {
	Unit     string              `json:"unit" doc:"full name of the unit, like nginx.service. A template (app@.service) stands for all its instances" required:"true" is:"unit"`
	Name     string              `json:"name" doc:"name of the file, like 50-ipv4; .conf is added. Files apply in the order of their names" required:"true"`
	Sections map[string][]string `json:"sections" doc:"for each section its settings as in a unit file, Key=Value, in order. Key= with nothing after it takes back what was set before: ExecStart= must come before a new ExecStart=…"`
	Remove   bool                `json:"remove" doc:"delete the file instead, and its folder when nothing else is in it"`
}

func (in dropInIn) check() error {
	_, err := in.plan()
	return err
}

// dropIn is what a step wants of one drop-in file.
type dropIn struct {
	unit, folder, file string // app.service, app.service.d, 50-ipv4.conf
	text               string // "" when there shall be no file
}

func (in dropInIn) plan() (dropIn, error) {
	d := dropIn{unit: in.Unit, folder: in.Unit + ".d"}
	err := checkUnitOrTemplate(in.Unit)
	if err != nil {
		return d, err
	}
	if d.file, err = dropInFile(in.Name); err != nil {
		return d, err
	}
	switch {
	case in.Remove && len(in.Sections) > 0:
		return d, errors.New("with remove there is nothing to write: leave sections out")
	case in.Remove:
		return d, nil
	case len(in.Sections) == 0:
		return d, errors.New("sections says what to write: it is empty")
	}
	d.text, err = renderDropIn(in.Sections)
	return d, err
}

func (d dropIn) path() string { return "/" + path.Join(unitFiles, d.folder, d.file) }

type dropInOut struct {
	Unit       string `json:"unit" doc:"the full name of the unit"`
	Path       string `json:"path" doc:"full path of the drop-in file"`
	Changed    bool   `json:"changed" doc:"the file was written or deleted; false when it was as wanted"`
	Diff       string `json:"diff" doc:"what was changed, as a unified diff of at most 4096 bytes; empty when nothing was"`
	Reloaded   bool   `json:"reloaded" doc:"systemd has read its files again"`
	NeedReload bool   `json:"need_reload" doc:"systemd still holds something else than the files say"`
	Restart    bool   `json:"restart" doc:"the unit runs: what was changed counts from its next start"`
	Via        string `json:"via" doc:"how systemd was reached: bus, or private socket when the bus does not answer"`
}

func dropInKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[dropInIn, dropInOut]{
		Name: "systemd.dropin",
		Doc: `Writes a drop-in file that changes some settings of a unit, and makes systemd read it.

The file is /etc/systemd/system/UNIT.d/NAME.conf, written at once or not at all, and readable by all: it is no place for
secrets. A file that is as wanted already is left alone. A running unit goes on with its old settings until it is
restarted. With ` + "`remove: true`" + ` the same step takes the file away again, which makes it its own undo. Only files of
the host's systemd are written, not those of users.`,
		Effect: engine.Changes,
		Example: `unit: app.service
name: 50-ipv4
sections:
  Service:
    - Environment=HOSTNAME=127.0.0.1
    - ExecStart=
    - ExecStart=/usr/bin/node server.js -H 127.0.0.1
`,
		Check:    dropInIn.check,
		Describe: h.describeDropIn,
		Before:   h.keepDropIn,
		Do:       h.dropIn,
	})
}

func (h host) describeDropIn(ctx context.Context, in dropInIn, t engine.Task) (engine.Description, error) {
	want, err := in.plan()
	if err != nil {
		return engine.Description{}, err
	}
	now, err := hostcall.Look(ctx, t.As, func() (string, error) { return h.readDropIn(want) })
	if err != nil {
		return engine.Description{}, err
	}
	d := engine.Description{Summary: "write " + want.path(), Target: want.unit, Undo: "systemd.dropin with remove: true deletes " + want.path()}
	switch {
	case now == want.text:
		d.Summary, d.Undo = "leave "+want.path()+" as it is (it is as wanted), and make systemd read it if it has not", ""
	case want.text == "":
		d.Summary, d.Undo = "delete "+want.path(), ""
	case now != "":
		d.Summary += ", which is there already"
		d.Undo = "" // deleting it would not bring back what it said
	}
	if diff := strings.TrimSuffix(clean(diffOf(want, now)), "\n"); diff != "" {
		d.Exact = strings.Split(diff, "\n")
	}
	d.Exact = append(d.Exact, "org.freedesktop.systemd1.Manager.Reload()", systemctl("", "daemon-reload"))
	return d, nil
}

// diffOf shows the change as a unified diff.
func diffOf(want dropIn, now string) string {
	from, to := want.path(), want.path()
	if now == "" {
		from = "/dev/null"
	}
	if want.text == "" {
		to = "/dev/null"
	}
	return udiff.Unified(from, to, now, want.text)
}

func (h host) keepDropIn(ctx context.Context, in dropInIn, t engine.Task) error {
	want, err := in.plan()
	if err != nil {
		return err
	}
	now, err := hostcall.Look(ctx, t.As, func() (string, error) { return h.readDropIn(want) })
	if err != nil || now == "" {
		return err
	}
	w := t.Keep("previous")
	_, _ = io.WriteString(w, now)
	return w.Close()
}

func (h host) dropIn(ctx context.Context, in dropInIn, t engine.Task) (dropInOut, error) {
	want, err := in.plan()
	if err != nil {
		return dropInOut{}, err
	}
	out := dropInOut{Unit: want.unit, Path: want.path()}
	// A file that systemd can't be told of is worse than none: make sure first that it answers.
	m, err := h.connect(ctx, "", t.As)
	if err != nil {
		return out, err
	}
	defer m.close()
	out.Via = m.via
	out.Diff, err = hostcall.Act(ctx, t.As, func() (string, error) { return h.writeDropIn(want) })
	if err != nil {
		return out, err
	}
	out.Changed = out.Diff != ""
	out.Diff = short(out.Diff, maxLine)
	now := unitState{NeedReload: out.Changed}
	if !isTemplate(want.unit) {
		if now, err = m.look(ctx, want.unit); err != nil {
			return out, err
		}
	}
	if out.Changed || now.NeedReload {
		if err := m.reload(ctx); err != nil {
			out.NeedReload = true
			return out, fmt.Errorf("%s is written, but systemd has not read it: %w", out.Path, err)
		}
		out.Reloaded = true
		if !isTemplate(want.unit) {
			if now, err = m.look(ctx, want.unit); err != nil {
				return out, err
			}
		}
	}
	out.NeedReload = now.NeedReload && !isTemplate(want.unit)
	out.Restart = out.Changed && now.Active == stateActive
	return out, nil
}

// readDropIn gives the text of a drop-in file, "" when there is none. It refuses what is not a plain file.
func (h host) readDropIn(d dropIn) (string, error) {
	root, err := os.OpenRoot(h.path(unitFiles))
	if err != nil {
		return "", fmt.Errorf("open /%s: %w", unitFiles, err)
	}
	defer root.Close()
	return readIn(root, d)
}

func readIn(root *os.Root, d dropIn) (string, error) {
	name := path.Join(d.folder, d.file)
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read %s: %w", d.path(), err)
	case !info.Mode().IsRegular():
		return "", engine.Failf(engine.Invalid, "read %s: it is not a plain file (%s): somebody has to look at it", d.path(), info.Mode().Type())
	case info.Size() > maxDropIn:
		return "", engine.Failf(engine.Invalid, "read %s: it has %d bytes, which is no drop-in file", d.path(), info.Size())
	}
	text, err := root.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", d.path(), err)
	}
	return string(text), nil
}

// writeDropIn makes the file what it shall be, and gives the difference, "" when it was so already. Nothing outside the
// folder of unit files is reached, whatever links are in it.
func (h host) writeDropIn(want dropIn) (string, error) {
	root, err := os.OpenRoot(h.path(unitFiles))
	if err != nil {
		return "", fmt.Errorf("open /%s: %w", unitFiles, err)
	}
	defer root.Close()
	now, err := readIn(root, want)
	if err != nil || now == want.text {
		return "", err
	}
	diff := diffOf(want, now)
	if want.text == "" {
		return diff, remove(root, want)
	}
	made := false
	switch err := root.Mkdir(want.folder, 0o755); {
	case err == nil:
		made = true
		// Mkdir obeys the umask, and systemd's files are for all to read.
		if err := root.Chmod(want.folder, 0o755); err != nil {
			return "", fmt.Errorf("make /%s/%s: %w", unitFiles, want.folder, err)
		}
	case !errors.Is(err, fs.ErrExist):
		return "", fmt.Errorf("make /%s/%s: %w", unitFiles, want.folder, err)
	}
	if err := replace(root, want); err != nil {
		if made {
			_ = root.Remove(want.folder)
		}
		return "", fmt.Errorf("write %s: %w", want.path(), err)
	}
	return diff, syncFolder(root, want.folder)
}

// replace puts the whole file in its place in one step. Until then it is a hidden file beside it, which systemd ignores.
func replace(root *os.Root, want dropIn) error {
	folder, err := root.OpenRoot(want.folder)
	if err != nil {
		return err
	}
	defer folder.Close()
	return renameio.WriteFile(want.file, []byte(want.text), 0o644,
		renameio.WithRoot(folder), renameio.WithStaticPermissions(0o644))
}

func remove(root *os.Root, d dropIn) error {
	if err := root.Remove(path.Join(d.folder, d.file)); err != nil {
		return fmt.Errorf("delete %s: %w", d.path(), err)
	}
	if err := root.Remove(d.folder); err == nil {
		return syncFolder(root, ".")
	}
	return syncFolder(root, d.folder) // something else is in it
}

// syncFolder makes a change of names in a folder outlast a power cut.
func syncFolder(root *os.Root, name string) error {
	folder, err := root.Open(name)
	if err != nil {
		return fmt.Errorf("open /%s/%s: %w", unitFiles, name, err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("flush /%s/%s to disk: %w", unitFiles, name, err)
	}
	return nil
}
