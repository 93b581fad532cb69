package systemd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"

	"runbook/engine"
)

type changeIn struct {
	Unit string `json:"unit" doc:"full name of the unit, like nginx.service" required:"true" is:"unit"`
	User string `json:"user" doc:"act on this user's own systemd (systemctl --user) instead of the host's. Root can, and the user" is:"user"`
}

func (in changeIn) check() error { return checkUnit(in.Unit) }

type changeOut struct {
	Unit       string `json:"unit" doc:"the full name of the unit"`
	Job        string `json:"job" doc:"how systemd's job ended: done, failed, timeout, dependency, canceled, skipped, assert; none when there was nothing to do; unseen when the connection was lost meanwhile"`
	Changed    bool   `json:"changed" doc:"the unit is in another state, or in another run of its program, than before"`
	State      string `json:"state" doc:"the unit afterwards in one word, as in systemd.unit"`
	Text       string `json:"text" doc:"the same in one line for people"`
	Active     string `json:"active" doc:"systemd's ActiveState afterwards"`
	Sub        string `json:"sub" doc:"systemd's SubState afterwards"`
	Result     string `json:"result" doc:"how the unit ended last: success, exit-code, signal, oom-kill, …"`
	MainPID    int    `json:"main_pid" doc:"process id of the main process afterwards, 0 for none"`
	Invocation string `json:"invocation" doc:"id of the run afterwards, 32 hex digits: a filter for systemd.journal"`
	TookMS     int    `json:"took_ms" doc:"how long systemd took, in milliseconds"`
	Via        string `json:"via" doc:"how systemd was reached: bus, or private socket when the bus does not answer or a user's systemd was asked"`
}

func (o *changeOut) fill(s unitState) {
	o.Unit, o.State, o.Text, o.Active, o.Sub, o.Result = s.Unit, s.State, s.Text, s.Active, s.Sub, s.Result
	o.MainPID, o.Invocation, o.Via = s.MainPID, s.Invocation, s.Via
}

// verb is one way to change a unit's state.
type verb struct {
	name   string // start
	method string // StartUnit
	doc    string
	undo   string // the verb that takes it back, "" for none
	call   func(c *dbus.Conn, ctx context.Context, name, mode string, done chan<- string) (int, error)
	// idle tells why the verb would do nothing, or less than one thinks, in this state; "" when it does its work.
	idle func(unitState) string
	// holds tells whether the state is what the verb is for.
	holds func(unitState) bool
}

// The mode of all jobs: they take the place of those that contradict them, as systemctl asks for by default.
const jobMode = "replace"

func verbs() []verb {
	up := func(s unitState) bool { return s.Active == "active" || s.Active == "reloading" }
	down := func(s unitState) bool { return s.Active == "inactive" || s.Active == "failed" }
	return []verb{
		{
			name: "start", method: "StartUnit", undo: "stop", call: (*dbus.Conn).StartUnitContext, holds: up,
			doc: `Starts a unit, and waits until systemd is done with it.

A unit that is active already is left as it is, and ` + "`changed`" + ` is false. That goes for a launcher that is
active (exited) too: it has to be restarted.`,
			idle: func(s unitState) string {
				switch {
				case s.Active == "active" && s.Sub == "exited":
					return "it is active (exited): starting it does nothing, restarting it would"
				case s.Active == "active":
					return "it is active already: starting it does nothing"
				default:
					return ""
				}
			},
		},
		{
			name: "stop", method: "StopUnit", undo: "start", call: (*dbus.Conn).StopUnitContext, holds: down,
			doc: `Stops a unit, and waits until its processes are gone.

A unit that does not run is left as it is, and ` + "`changed`" + ` is false. A transient unit is unloaded when it has
stopped: it can't be started again by its name.`,
			idle: func(s unitState) string {
				if down(s) {
					return "it is " + s.State + ": stopping it does nothing"
				}
				return ""
			},
		},
		{
			name: "restart", method: "RestartUnit", call: (*dbus.Conn).RestartUnitContext, holds: up,
			doc: `Stops a unit and starts it again, and waits until it is up. One that does not run is started.`,
		},
		{
			name: "reload", method: "ReloadUnit", call: (*dbus.Conn).ReloadUnitContext, holds: up,
			doc: `Asks a running service to read its configuration again, without a restart. Services that can't do that, and
units that do not run, make it fail.`,
		},
	}
}

func verbKind(h host, v verb) (engine.Kind, error) {
	return engine.Define(engine.Definition[changeIn, changeOut]{
		Name:    "systemd." + v.name,
		Doc:     v.doc,
		Effect:  engine.Changes,
		Example: "unit: nginx.service\n",
		Check:   changeIn.check,
		Describe: func(ctx context.Context, in changeIn, t engine.Task) (engine.Description, error) {
			return h.describe(ctx, v, in, t)
		},
		Before: func(ctx context.Context, in changeIn, t engine.Task) error {
			return h.keepUnit(ctx, in.Unit, in.User, t)
		},
		Do: func(ctx context.Context, in changeIn, t engine.Task) (changeOut, error) {
			return h.change(ctx, v, in, t)
		},
	})
}

// change performs a verb, waits for the end of its job, and tells what the unit is then.
func (h host) change(ctx context.Context, v verb, in changeIn, t engine.Task) (changeOut, error) {
	name := in.Unit
	m, err := h.connect(ctx, in.User, t.As)
	if err != nil {
		return changeOut{}, err
	}
	job := &jobRun{host: h, manager: m, owner: in.User, as: t.As, doing: v.name + " " + name, kind: v.name}
	defer func() { job.manager.close() }()
	before, err := m.look(ctx, name)
	if err != nil {
		return changeOut{}, err
	}
	out := changeOut{Job: "none"}
	out.fill(before)
	if v.name == "stop" && before.State == stateAbsent {
		return out, nil // what was to be stopped has ended and was unloaded
	}
	if v.name != "stop" {
		m.hold(ctx, name)
	}
	after, err := job.see(ctx, name, &out, func(ctx context.Context, c *dbus.Conn, done chan<- string) (int, error) {
		return v.call(c, ctx, name, jobMode, done)
	})
	if err != nil {
		return out, err
	}
	out.Changed = after.Active != before.Active || after.Invocation != before.Invocation ||
		v.name == "reload" && out.Job == jobDone
	return out, h.judge(ctx, v, out, after, in.User, t)
}

// see runs the job, and tells in out how it went and what the unit is then.
func (j *jobRun) see(ctx context.Context, name string, out *changeOut, queue func(context.Context, *dbus.Conn, chan<- string) (int, error)) (after unitState, err error) {
	start := time.Now()
	out.Job, err = j.run(ctx, queue)
	out.TookMS = int(time.Since(start).Milliseconds())
	if err != nil {
		if out.Job == "" {
			out.Job = jobUnseen
		}
		return after, err
	}
	after, err = j.manager.look(ctx, name)
	if err == nil {
		out.fill(after)
	}
	return after, err
}

// judge makes a failure of a job that did not end well.
func (h host) judge(ctx context.Context, v verb, out changeOut, after unitState, owner string, t engine.Task) error {
	ok := out.Job == jobDone || out.Job == jobUnseen && v.holds(after)
	switch {
	case ok && v.name != "stop" && after.State == "inactive" && after.Condition != "":
		return engine.Failf(engine.Exit, "%s %s: systemd skipped it, because %s does not hold", v.name, out.Unit, after.Condition)
	case ok:
		return nil
	}
	kind := engine.Exit
	switch out.Job {
	case "timeout":
		kind = engine.Timeout
	case jobUnseen:
		kind = engine.Unreachable
	}
	text := fmt.Sprintf("%s %s: %s; it is %s", v.name, out.Unit, whyNot(out.Job), after.Text)
	if last := h.lastWords(ctx, after, owner, t); len(last) > 0 {
		text += "; its journal: " + strings.Join(last, " | ")
	}
	return engine.Failf(kind, "%s", text)
}

// describe tells what a verb would do. What the unit is now makes the description better, and nothing worse when it
// can't be seen.
func (h host) describe(ctx context.Context, v verb, in changeIn, t engine.Task) (engine.Description, error) {
	name := in.Unit
	d := engine.Description{
		Summary: v.name + " " + name + ofUser(in.User),
		Target:  name,
		Exact: []string{
			fmt.Sprintf("org.freedesktop.systemd1.Manager.%s(%q, %q)", v.method, name, jobMode),
			systemctl(in.User, v.name, name),
		},
	}
	if v.undo != "" {
		d.Undo = systemctl(in.User, v.undo, name)
	}
	now, err := h.glance(ctx, name, in.User, t.As)
	if err != nil {
		return d, nil //nolint:nilerr // it is only about now: the change will meet the same error itself
	}
	if v.idle != nil {
		if why := v.idle(now); why != "" {
			d.Summary += " (" + why + ")"
			d.Undo = ""
		}
	}
	if v.name == "stop" && now.Transient {
		d.Summary += " (a transient unit: it is unloaded then)"
		d.Undo = ""
	}
	return d, nil
}

// glance reads a unit's state for a description, where waiting is not worth much.
func (h host) glance(ctx context.Context, name, owner, as string) (unitState, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	m, err := h.connect(ctx, owner, as)
	if err != nil {
		return unitState{}, err
	}
	defer m.close()
	return m.look(ctx, name)
}

// systemctl writes the command that would do the same.
func systemctl(owner string, words ...string) string {
	command := []string{"systemctl"}
	if owner != "" {
		command = append(command, "--user", "--machine="+owner+"@.host")
	}
	return strings.Join(append(command, words...), " ")
}

func ofUser(owner string) string {
	if owner == "" {
		return ""
	}
	return " of user " + owner
}
