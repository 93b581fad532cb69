package systemd

import (
	"cmp"
	"context"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/budget"
)

type bootIn struct{}

type bootOut struct {
	State    string `json:"state" doc:"the host in systemd's word: initializing and starting while it comes up, running, degraded when it is up and units have failed, maintenance, stopping"`
	Finished bool   `json:"finished" doc:"the boot is over: all that was to be started has been, or has failed"`
	BootID   string `json:"boot_id" moves:"true" doc:"id of this boot, 32 hex digits and dashes"`
	BootedAt string `json:"booted_at" moves:"true" doc:"when the host began to boot, RFC 3339 in UTC, by its clock of then"`
	UptimeS  int    `json:"uptime_s" moves:"true" doc:"seconds since then"`
	BootMS   *int   `json:"boot_ms" moves:"true" doc:"milliseconds that the boot took, from the kernel's start (in a container: systemd's) until it was finished; null when it is not"`

	Failed      []failedUnit    `json:"failed_units" doc:"the units that have failed, by name, those with a unit file first; at most 200"`
	FailedCount int             `json:"failed_count" restates:"failed_units" doc:"how many have failed, also when not all are listed"`
	Enabled     *[]string       `json:"enabled" doc:"the units that are enabled: started at the next boot, or when what they wait for happens. Units that are enabled until the next boot only are not among them. For: \"nginx.service\" in enabled. Null when there are too many to list"`
	Transient   []transientUnit `json:"transient" doc:"the units that were made at run time (systemd-run) and are gone after the next boot, unless something makes them again; by name, at most 50"`
	Order       []startedUnit   `json:"order" moves:"true" doc:"the services that were started since the boot, in the order of their last start; at most 150"`
	Via         string          `json:"via" doc:"how systemd was reached: bus, or private socket when the bus does not answer"`
}

type failedUnit struct {
	Unit   string `json:"unit" key:"true" doc:"its name"`
	Result string `json:"result" doc:"how it failed: exit-code, signal, timeout, oom-kill, …; empty when it is of a type that has no result"`
}

type transientUnit struct {
	Unit    string `json:"unit" key:"true" doc:"its name"`
	Active  string `json:"active" doc:"systemd's ActiveState"`
	Command string `json:"command" doc:"services: the command, secrets blanked, at most 256 bytes"`
}

type startedUnit struct {
	Unit      string `json:"unit" key:"true" doc:"its name"`
	Active    string `json:"active" doc:"systemd's ActiveState: a service that has done its work is inactive"`
	StartedMS int    `json:"started_ms" moves:"true" doc:"milliseconds from the start of the boot until systemd began to start it"`
}

// How much of a host goes into the facts: items of each list, and bytes of JSON. Together they stay below
// [budget.Result].
const (
	maxFailed, maxFailedBytes       = 200, 12 << 10
	maxEnabled, maxEnabledBytes     = 600, 20 << 10
	maxTransient, maxTransientBytes = 50, 12 << 10
	maxOrder, maxOrderBytes         = 150, 16 << 10
	maxCommandText                  = 256
)

func bootKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[bootIn, bootOut]{
		Name: "systemd.boot",
		Doc: `Looks at the boot as a whole: whether it is over, what failed, what is enabled, and in which order services came up.

It has no expectation of its own: give one, like ` + "`finished and len(failed_units) == 0`" + `. A unit is enabled when its own file is;
an instance of a template when it is wanted by name (getty@tty1.service). A service that was restarted has its place in
the order by its last start.`,
		Effect:  engine.Reads,
		Example: "{}\n",
		Do:      h.boot,
	})
}

// bootFacts is what systemd tells of a boot.
type bootFacts struct {
	manager props
	units   []dbus.UnitStatus
	files   map[string]string // what is-enabled says of each unit file, by name
	details map[string]props  // of the units that more is told of
	bootID  string
	clock   clocks
	via     string
}

// clocks is now, by the clock that stops while the host sleeps and by the one that does not, in microseconds since the
// kernel's start.
type clocks struct{ monotonic, boottime int }

func (h host) boot(ctx context.Context, _ bootIn, t engine.Task) (bootOut, error) {
	m, err := h.connect(ctx, "", t.As)
	if err != nil {
		return bootOut{}, err
	}
	defer m.close()
	f := bootFacts{via: m.via, details: map[string]props{}}
	if f.manager, err = m.own(ctx); err != nil {
		return bootOut{}, err
	}
	if f.units, err = m.units(ctx); err != nil {
		return bootOut{}, err
	}
	if f.files, err = m.files(ctx); err != nil {
		return bootOut{}, err
	}
	for _, w := range f.wanted() {
		v, err := m.property(ctx, w)
		if err != nil {
			return bootOut{}, err
		}
		if f.details[w.unit] == nil {
			f.details[w.unit] = props{}
		}
		f.details[w.unit][w.name] = v
	}
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return bootOut{}, err
	}
	f.bootID = strings.TrimSpace(string(id))
	if f.clock, err = readClocks(); err != nil {
		return bootOut{}, err
	}
	return f.output(), nil
}

// own gives the properties of systemd itself.
func (m *manager) own(ctx context.Context) (props, error) {
	ctx, cancel := m.quick(ctx)
	defer cancel()
	all := map[string]godbus.Variant{}
	systemd := m.raw.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	err := systemd.CallWithContext(ctx, "org.freedesktop.DBus.Properties.GetAll", 0, "org.freedesktop.systemd1.Manager").Store(&all)
	if err != nil {
		return nil, failed(ctx, "look at systemd", err, engine.Invalid)
	}
	p := props{}
	for name, v := range all {
		p[name] = v.Value()
	}
	return p, nil
}

// units lists the units that systemd holds.
func (m *manager) units(ctx context.Context) ([]dbus.UnitStatus, error) {
	ctx, cancel := m.quick(ctx)
	defer cancel()
	units, err := m.conn.ListUnitsContext(ctx)
	return units, failed(ctx, "list units", err, engine.Invalid)
}

// files lists all unit files, with what is-enabled says of each.
func (m *manager) files(ctx context.Context) (map[string]string, error) {
	ctx, cancel := m.quick(ctx)
	defer cancel()
	files, err := m.conn.ListUnitFilesContext(ctx)
	states := make(map[string]string, len(files))
	for _, f := range files {
		states[path.Base(f.Path)] = f.Type
	}
	return states, failed(ctx, "list unit files", err, engine.Invalid)
}

func readClocks() (clocks, error) {
	var c clocks
	for id, into := range map[int32]*int{unix.CLOCK_MONOTONIC: &c.monotonic, unix.CLOCK_BOOTTIME: &c.boottime} {
		var now unix.Timespec
		if err := unix.ClockGettime(id, &now); err != nil {
			return c, err
		}
		*into = int(time.Duration(now.Nano()).Microseconds())
	}
	return c, nil
}

// property names one property of a unit, and the part of its interface that it is in: Unit, or the type of the unit.
type property struct{ unit, of, name string }

// wanted lists what more has to be known. Asking for all properties of all units would have systemd read half of /sys and
// all folders of unit files for each.
func (f bootFacts) wanted() []property {
	var out []property
	for _, u := range f.units {
		kind := u.Name[strings.LastIndexByte(u.Name, '.')+1:]
		of := strings.ToUpper(kind[:1]) + kind[1:]
		loaded, service := u.LoadState == "loaded", kind == "service"
		if service && loaded {
			out = append(out, property{u.Name, "Unit", "InactiveExitTimestampMonotonic"})
		}
		if service && f.isTransient(u.Name) {
			out = append(out, property{u.Name, of, "ExecStart"})
		}
		if loaded && strings.Contains(u.Name, "@") {
			out = append(out, property{u.Name, "Unit", "UnitFileState"})
		}
		if u.ActiveState == stateFailed && slices.Contains([]string{"service", "socket", "mount", "automount", "swap", "path", "timer", "scope"}, kind) {
			out = append(out, property{u.Name, of, "Result"})
		}
	}
	return out
}

func (m *manager) property(ctx context.Context, w property) (any, error) {
	ctx, cancel := m.quick(ctx)
	defer cancel()
	p, err := m.conn.GetUnitTypePropertyContext(ctx, w.unit, w.of, w.name)
	if err != nil {
		return nil, failed(ctx, "look at "+w.unit, err, engine.Invalid)
	}
	return p.Value.Value(), nil
}

// isTransient tells of a unit, not of what logins and slices consist of, that it was made at run time.
func (f bootFacts) isTransient(name string) bool {
	return f.files[name] == "transient" && !strings.HasSuffix(name, ".scope") && !strings.HasSuffix(name, ".slice")
}

func (f bootFacts) output() bootOut {
	start, at := f.start()
	out := bootOut{
		State: f.manager.text("SystemState"), BootID: f.bootID, BootedAt: stamp(at), UptimeS: f.uptime(start),
		Enabled: f.enabled(), Transient: f.transient(), Order: f.order(start), Via: f.via,
	}
	out.Failed, out.FailedCount = f.failed()
	if end := f.manager.micros("FinishTimestampMonotonic"); end > start {
		out.Finished, out.BootMS = true, new((end-start)/1000)
	}
	return out
}

// start is when the boot began, in microseconds since the kernel's start and as a time. A container has no kernel of its
// own that could have started, and begins with systemd.
func (f bootFacts) start() (since int, at time.Time) {
	if at := f.manager.moment("KernelTimestamp"); !at.IsZero() {
		return f.manager.micros("KernelTimestampMonotonic"), at
	}
	return f.manager.micros("UserspaceTimestampMonotonic"), f.manager.moment("UserspaceTimestamp")
}

func (f bootFacts) uptime(start int) int {
	const second = 1_000_000
	if start == 0 {
		return f.clock.boottime / second
	}
	return (f.clock.monotonic - start) / second
}

func (f bootFacts) failed() ([]failedUnit, int) {
	out := []failedUnit{}
	for _, u := range f.units {
		if u.ActiveState == stateFailed {
			out = append(out, failedUnit{u.Name, f.details[u.Name].text("Result")})
		}
	}
	noFile := func(u failedUnit) int {
		if state := f.files[u.Unit]; state == "" && !strings.Contains(u.Unit, "@") || state == "transient" {
			return 1
		}
		return 0
	}
	slices.SortFunc(out, func(a, b failedUnit) int {
		return cmp.Or(noFile(a)-noFile(b), strings.Compare(a.Unit, b.Unit))
	})
	return budget.Items(out, maxFailed, maxFailedBytes), len(out)
}

func (f bootFacts) enabled() *[]string {
	names := []string{}
	for name, state := range f.files {
		if state == "enabled" {
			names = append(names, name)
		}
	}
	for name, p := range f.details {
		if strings.Contains(name, "@") && p.text("UnitFileState") == "enabled" {
			names = append(names, name) // the file that is listed is the template's
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(budget.Items(names, maxEnabled, maxEnabledBytes)) < len(names) {
		return nil // "not enabled" must not be said of one that found no room
	}
	return &names
}

func (f bootFacts) transient() []transientUnit {
	out := []transientUnit{}
	for _, u := range f.units {
		if f.isTransient(u.Name) {
			var s unitState
			s.commands(f.details[u.Name])
			out = append(out, transientUnit{u.Name, u.ActiveState, fit(s.CommandLine, maxCommandText)})
		}
	}
	slices.SortFunc(out, func(a, b transientUnit) int { return strings.Compare(a.Unit, b.Unit) })
	return budget.Items(out, maxTransient, maxTransientBytes)
}

func (f bootFacts) order(start int) []startedUnit {
	out := []startedUnit{}
	began := map[string]int{}
	for _, u := range f.units {
		at := f.details[u.Name].micros("InactiveExitTimestampMonotonic")
		if !strings.HasSuffix(u.Name, ".service") || at == 0 {
			continue
		}
		began[u.Name] = at
		out = append(out, startedUnit{u.Name, u.ActiveState, max(at-start, 0) / 1000})
	}
	slices.SortFunc(out, func(a, b startedUnit) int {
		return cmp.Or(cmp.Compare(began[a.Unit], began[b.Unit]), strings.Compare(a.Unit, b.Unit))
	})
	return budget.Items(out, maxOrder, maxOrderBytes)
}

// micros reads a time in microseconds since the kernel's start, 0 when it never came.
func (p props) micros(name string) int { return p.number(name) }
