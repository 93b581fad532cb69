package pm2

import (
	"context"
	"fmt"
	"strings"
	"time"

	"runbook/engine"
)

// The ways in which a change is made, as the output through gives them.
const (
	throughUnit = "boot unit"
	throughPM2  = "pm2"
)

type resurrectIn struct {
	User string `json:"user" required:"true" is:"user" doc:"whose pm2: the user that its daemon runs as"`
	Home string `json:"home" is:"path" doc:"the directory that .pm2 is in; the user's home when empty"`
}

type resurrectOut struct {
	Changed    bool     `json:"changed" doc:"the daemon is another one, or has processes that it lacked"`
	Through    string   `json:"through" doc:"how they were brought back: boot unit or pm2; empty when there was nothing to do"`
	Processes  []state  `json:"processes" doc:"what the daemon has afterwards, by id; at most 50"`
	Online     []string `json:"online" doc:"the names of these whose processes are all online"`
	DaemonUnit *string  `json:"daemon_unit" doc:"the systemd unit that the daemon runs in afterwards, empty for none. null when that is not to be seen"`
}

func resurrectKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[resurrectIn, resurrectOut]{
		Name: "pm2.resurrect",
		Doc: `Brings back the processes that the pm2 of a user has saved and does not have now.

Where the boot unit of pm2 is there (pm2-USER.service), a daemon that is dead is started by it, which takes root, and
never in the session of whoever runs this. A daemon outside the unit keeps the unit from starting: one without a process
is ended first; one that has processes gets the others too, stays where it is, and ` + "`daemon_unit`" + ` says so.

Refuses when the saved list is missing, broken or empty: pm2 would report success, and delete a broken one. It has worked
when the daemon has every saved name afterwards, online unless it was saved as stopped. A program that ends as soon as it
is started is online for a moment: let ` + "`verify`" + ` look with pm2.list and ` + "`watch`" + `.`,
		Effect:   engine.Changes,
		Timeout:  3 * time.Minute,
		Example:  "user: deploy\n",
		Describe: h.describeRevival,
		Before: func(ctx context.Context, in resurrectIn, t engine.Task) error {
			p, err := locate(ctx, in.User, in.Home, t.As)
			if err != nil {
				return err
			}
			return h.keep(ctx, p, []logFile{{"out", p.path("pm2.log")}}, t) // it tells why the daemon ended
		},
		Do: h.resurrect,
	})
}

// revival is what there is, and what is to be done about it.
type revival struct {
	place   place
	view    view
	dump    saved
	unit    bootUnit
	missing []string // saved, and not there
	through string   // "" when nothing is missing
	stray   bool     // the daemon that is there is to be ended first
	program string   // pm2, where it is needed
}

// survey decides how the processes are brought back, or why they can't be. It changes nothing.
func (h host) survey(ctx context.Context, in resurrectIn, as string) (revival, error) {
	p, err := locate(ctx, in.User, in.Home, as)
	if err != nil {
		return revival{}, err
	}
	r := revival{place: p}
	if r.unit, err = h.bootUnit(ctx, p); err != nil {
		return r, err
	}
	if r.dump, err = p.readDump(ctx); err == nil {
		err = r.dump.usable(p)
	}
	if err != nil {
		return r, err
	}
	if r.view, err = h.look(ctx, p); err != nil {
		return r, err
	}
	if r.missing = without(r.dump.names(), r.view.names()); len(r.missing) == 0 {
		return r, nil
	}
	r.through = throughPM2
	// An empty daemon in the unit is one that is about to end: to stop it, the unit runs `pm2 kill`, which starts one first.
	if r.unit.exists && len(r.view.records()) == 0 {
		r.through, r.stray = throughUnit, r.view.alive && !r.unit.holds(r.view)
		if !p.root {
			return r, engine.Failf(engine.Denied, "bring back the processes of %s: %s must start the daemon, which takes root", p.user, r.unit.name)
		}
	}
	if r.through == throughPM2 || r.stray {
		r.program, err = h.program(ctx, p, r.view, r.unit)
	}
	return r, err
}

func (h host) describeRevival(ctx context.Context, in resurrectIn, t engine.Task) (engine.Description, error) {
	r, err := h.survey(ctx, in, t.As)
	if err != nil {
		return engine.Description{}, err
	}
	d := engine.Description{
		Summary: "bring back the saved processes of " + r.place.String() + ": " + strings.Join(shortList(r.missing), ", "),
		Target:  r.place.user,
	}
	if r.through == "" {
		d.Summary = fmt.Sprintf("bring back the saved processes of %s (it has them all: nothing is done)", r.place)
		return d, nil
	}
	as := " as " + r.place.user + " in " + r.place.home
	if r.stray {
		d.Exact = append(d.Exact, r.program+" kill"+as, "it ends "+daemonText(r.view)+", which has no application, and keeps "+r.unit.name+" from starting")
	}
	switch {
	case r.through == throughUnit:
		d.Exact = append(d.Exact, "systemctl reset-failed "+r.unit.name, "systemctl restart "+r.unit.name)
	case !r.view.alive:
		d.Exact = append(d.Exact, r.program+" ping"+as, "it starts the daemon, in this session", r.program+" resurrect"+as)
	default:
		d.Exact = append(d.Exact, r.program+" resurrect"+as, "it fills "+daemonText(r.view))
		if r.unit.exists && !r.unit.holds(r.view) {
			d.Exact = append(d.Exact, "it stays outside "+r.unit.name+", because it has processes: "+strings.Join(shortList(r.view.names()), ", "))
		}
	}
	d.Exact = append(d.Exact, "from "+r.place.path(dumpFile)+", saved "+stamp(r.dump.modified))
	return d, nil
}

func (h host) resurrect(ctx context.Context, in resurrectIn, t engine.Task) (resurrectOut, error) {
	r, err := h.survey(ctx, in, t.As)
	if err != nil {
		return resurrectOut{}, err
	}
	out := resurrectOut{Through: r.through}
	if r.through == "" {
		out.fill(r, r.view)
		return out, nil
	}
	if err := h.revive(ctx, r, t); err != nil {
		after, _ := h.look(context.WithoutCancel(ctx), r.place) // what came of it until then
		out.fill(r, after)
		return out, err
	}
	after, err := h.settle(ctx, r.place, r.lacks)
	out.fill(r, after)
	return out, err
}

// revive does what the survey has decided.
func (h host) revive(ctx context.Context, r revival, t engine.Task) error {
	if r.stray {
		if err := r.place.call(ctx, t, r.program, "kill"); err != nil {
			return err
		}
		if _, err := h.settle(ctx, r.place, func(v view) string {
			if v.alive && v.pid == r.view.pid {
				return fmt.Sprintf("end the daemon of %s: process %d is still there", r.place, v.pid)
			}
			return ""
		}); err != nil {
			return err
		}
	}
	if r.through == throughUnit {
		// A unit that has failed too often refuses to start. One that has not failed refuses to be reset, which is no matter.
		_ = systemctl(ctx, t, "reset-failed", r.unit.name)
		return systemctl(ctx, t, "restart", r.unit.name)
	}
	if !r.view.alive {
		// By itself, so that a resurrect that has to be stopped does not take the daemon with it: a daemon that is told to
		// end saves the processes that it has by then, in place of those that there were.
		if err := r.place.call(ctx, t, r.program, "ping"); err != nil {
			return err
		}
	}
	return r.place.call(ctx, t, r.program, "resurrect")
}

// lacks tells what is not as it should be afterwards.
func (r revival) lacks(v view) string {
	missing, down := without(r.dump.names(), v.names()), without(returning(r.dump.records), v.online())
	begun := "bring back the processes of " + r.place.user + ": "
	switch {
	case !v.alive:
		return begun + "there is no daemon afterwards"
	case len(missing) > 0:
		return begun + "the daemon lacks " + strings.Join(shortList(missing), ", ")
	case len(down) > 0:
		return begun + "not online: " + strings.Join(shortList(down), ", ")
	case r.through == throughUnit && v.unit != nil && !r.unit.holds(v):
		return begun + "they run under " + daemonText(v) + ", and not in " + r.unit.name
	default:
		return ""
	}
}

func (out *resurrectOut) fill(r revival, v view) {
	out.Changed = v.pid != r.view.pid || len(without(r.missing, v.names())) < len(r.missing)
	out.Processes, out.Online, out.DaemonUnit = states(v.list), shortList(v.online()), v.unit
}
