package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/coreos/go-systemd/v22/unit"
	godbus "github.com/godbus/dbus/v5"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
)

type enableOut struct {
	Unit    string `json:"unit" doc:"the full name of the unit"`
	Changed bool   `json:"changed" doc:"links were made; false when it was enabled already"`
	Was     string `json:"was" doc:"what is-enabled said before: enabled, disabled, indirect, …"`
	Enabled string `json:"enabled" doc:"what is-enabled says afterwards"`
	Links   []link `json:"links" doc:"the links that were made, those of units that its Also= names among them; at most 50"`
	Via     string `json:"via" doc:"how systemd was reached: bus, or private socket when the bus does not answer or a user's systemd was asked"`
}

type link struct {
	Path   string `json:"path" key:"true" doc:"where the link is"`
	Target string `json:"target" doc:"the unit file that it points to"`
}

// How many links go into the facts, and how many bytes of JSON they may take.
const (
	maxLinks     = 50
	maxLinkBytes = 16 << 10
)

func enableKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[changeIn, enableOut]{
		Name: "systemd.enable",
		Doc: `Enables a unit, so that it is started at the next boot, and makes systemd read that.

The links that the unit's [Install] section asks for are made below /etc/systemd/system, and those of the units that it
names with Also=. The unit is not started now: that is systemd.start. A unit without an [Install] section (static), a
masked one, a transient one and one that has no file can't be enabled, and the failure says which of these it is.`,
		Effect:   engine.Changes,
		Example:  "unit: nginx.service\n",
		Check:    changeIn.check,
		Describe: h.describeEnable,
		Do:       h.enable,
	})
}

func (h host) describeEnable(ctx context.Context, in changeIn, t engine.Task) (engine.Description, error) {
	name := in.Unit
	d := engine.Description{
		Summary: "enable " + name + ofUser(in.User) + ", so that it is started at boot",
		Target:  name,
		Exact: []string{
			fmt.Sprintf("org.freedesktop.systemd1.Manager.EnableUnitFiles([%q], false, false)", name),
			"org.freedesktop.systemd1.Manager.Reload()",
			systemctl(in.User, "enable", name),
		},
		Undo: systemctl(in.User, "disable", name),
	}
	now, err := h.glance(ctx, name, in.User, t.As)
	if err != nil {
		return d, nil //nolint:nilerr // it is only about now: the change will meet the same error itself
	}
	switch why := cannotEnable(now.Enabled, now.State); {
	case why != "":
		d.Summary, d.Undo = d.Summary+": it will be refused, because "+why, ""
	case now.Enabled == "enabled":
		d.Summary, d.Undo = d.Summary+" (it is already)", ""
	default:
		d.Exact = append(d.Exact, installed(now, in.User, h.installSection(ctx, now, t))...)
	}
	return d, nil
}

// cannotEnable tells what is in the way, by what is-enabled says, and by the state when it says nothing.
func cannotEnable(enabled, state string) string {
	switch enabled {
	case "static":
		return "it has no [Install] section, so that nothing starts it at boot but another unit"
	case "masked", "masked-runtime":
		return "it is masked"
	case "transient":
		return "it is transient: what made it has to make it again at boot"
	case "generated":
		return "its file is made at boot by a generator, from fstab or a script in /etc/init.d"
	case "bad":
		return "its file makes no sense"
	case "":
		if state == stateAbsent || state == "" {
			return "there is no such unit"
		}
		return "it has no file"
	default:
		return ""
	}
}

// installSection reads what the unit's files say of its installation. What can't be read is not shown.
func (h host) installSection(ctx context.Context, s unitState, t engine.Task) []*unit.UnitOption {
	options, err := hostcall.Look(ctx, t.As, func() ([]*unit.UnitOption, error) {
		var all []*unit.UnitOption
		for _, file := range append([]string{s.Fragment}, s.DropIns...) {
			f, err := os.Open(h.path(file))
			if err != nil {
				return all, err
			}
			options, err := unit.DeserializeOptions(io.LimitReader(f, maxDropIn))
			_ = f.Close()
			if err != nil {
				return all, err
			}
			all = append(all, options...)
		}
		return all, nil
	})
	if err != nil {
		return nil
	}
	return options
}

// installed shows the links that an [Install] section asks for. Specifiers are left to systemd.
func installed(s unitState, owner string, options []*unit.UnitOption) []string {
	folder := "/" + unitFiles
	if owner != "" {
		folder = "~" + owner + "/.config/systemd/user"
	}
	var out []string
	for _, o := range options {
		if o.Section != "Install" {
			continue
		}
		for name := range strings.FieldsSeq(o.Value) {
			at := ""
			switch o.Name {
			case "WantedBy":
				at = path.Join(folder, name+".wants", s.ID)
			case "RequiredBy":
				at = path.Join(folder, name+".requires", s.ID)
			case "Alias":
				at = path.Join(folder, name)
			case "Also":
				out = append(out, oneLine("and the links of "+name+" (Also=)", maxArg))
				continue
			default:
				continue
			}
			out = append(out, oneLine("ln -s "+s.Fragment+" "+at, maxArg))
		}
	}
	return budget.Items(out, maxLinks, maxLine)
}

func (h host) enable(ctx context.Context, in changeIn, t engine.Task) (enableOut, error) {
	name, doing := in.Unit, "enable "+in.Unit
	m, err := h.connect(ctx, in.User, t.As)
	if err != nil {
		return enableOut{}, err
	}
	defer m.close()
	out := enableOut{Unit: name, Via: m.via, Links: []link{}}
	if out.Was, err = m.fileState(ctx, name); err != nil {
		return out, err
	}
	out.Enabled = out.Was
	if why := cannotEnable(out.Was, stateAbsent); why != "" {
		kind := engine.Exit
		switch out.Was {
		case "":
			kind = engine.Missing
		case "masked", "masked-runtime":
			kind = engine.Denied
		}
		return out, engine.Failf(kind, "%s: %s", doing, why)
	}
	calling, cancel := m.quick(ctx)
	defer cancel()
	installable, changes, err := m.conn.EnableUnitFilesContext(calling, []string{name}, false, false)
	if err != nil {
		return out, failed(calling, doing, err, engine.Exit)
	}
	out.Links = linksOf(changes)
	out.Changed = len(changes) > 0
	if !installable && !out.Changed {
		return out, engine.Failf(engine.Exit, "%s: %s", doing, cannotEnable("static", ""))
	}
	if err := m.reload(ctx); err != nil {
		return out, fmt.Errorf("%s is enabled, but systemd has not read that: %w", name, err)
	}
	out.Enabled, err = m.fileState(ctx, name)
	return out, err
}

func linksOf(changes []dbus.EnableUnitFileChange) []link {
	out := []link{}
	for _, c := range changes {
		if c.Type == "symlink" {
			out = append(out, link{c.Filename, c.Destination})
		}
	}
	return budget.Items(out, maxLinks, maxLinkBytes)
}

// fileState is what is-enabled says of a unit, "" when there is no file of it. systemd looks at the disk for it.
func (m *manager) fileState(ctx context.Context, name string) (string, error) {
	ctx, cancel := m.quick(ctx)
	defer cancel()
	state := ""
	systemd := m.raw.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	err := systemd.CallWithContext(ctx, "org.freedesktop.systemd1.Manager.GetUnitFileState", 0, name).Store(&state)
	if e, ok := errors.AsType[godbus.Error](err); ok {
		switch e.Name {
		case "org.freedesktop.DBus.Error.FileNotFound":
			return "", nil
		case "org.freedesktop.DBus.Error.InconsistentMessage":
			return "bad", nil
		}
	}
	return state, failed(ctx, "look at the file of "+name, err, engine.Invalid)
}
