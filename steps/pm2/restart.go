package pm2

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
	"runbook/steps/internal/proc"
)

type restartIn struct {
	User string `json:"user" required:"true" is:"user" doc:"whose pm2: the user that its daemon runs as"`
	Home string `json:"home" is:"path" doc:"the directory that .pm2 is in; the user's home when empty"`
	Name string `json:"name" required:"true" doc:"the process, exactly as pm2 names it; every process of that name"`
}

type restartOut struct {
	Changed    bool       `json:"changed" doc:"the daemon was asked to; false when there was nothing to do"`
	Processes  []state    `json:"processes" doc:"the processes of that name afterwards, by id; at most 50"`
	DaemonUnit *string    `json:"daemon_unit" doc:"the systemd unit that the daemon runs in, empty for none. null when that is not to be seen"`
	Survivors  []survivor `json:"survivors" doc:"what the old processes had started as the same user, and what was still there afterwards: it can hold a port that the new ones need; at most 50. For process.signal"`
}

type survivor struct {
	PID       int    `json:"pid" moves:"true" doc:"its process id"`
	StartTime string `json:"start_time" moves:"true" doc:"when it began, as process.signal takes it"`
	Process   string `json:"process" doc:"the kernel's name of it, at most 15 bytes"`
	Command   string `json:"command" key:"true" doc:"its command line, at most 256 bytes"`
}

func restartKind(h host) (engine.Kind, error) {
	return h.restartLike("restart", `Restarts the processes of one name, when the daemon is alive and has them.

It starts no daemon and adds no process: that is what pm2.resurrect is for. It has worked when every process is online
afterwards with another process id.

A program that hangs, like artisan serve, may leave what it had started behind: an orphan that holds the port, so that
the new process can't have it. `+"`survivors`"+` lists what is left. Restarting the boot unit ends it all.`)
}

func startKind(h host) (engine.Kind, error) {
	return h.restartLike("start", `Starts the processes of one name that are not online, when the daemon is alive and has them.

What is online is left alone. It starts no daemon and adds no process: that is what pm2.resurrect is for. It has worked
when every process is online afterwards. pm2 counts a process's failures anew from then on.`)
}

func (h host) restartLike(verb, doc string) (engine.Kind, error) {
	return engine.Define(engine.Definition[restartIn, restartOut]{
		Name:    "pm2." + verb,
		Doc:     doc,
		Effect:  engine.Changes,
		Timeout: 2 * time.Minute,
		Example: "user: deploy\nname: api\n",
		Describe: func(ctx context.Context, in restartIn, t engine.Task) (engine.Description, error) {
			return h.describeRestart(ctx, verb, in, t)
		},
		Before: func(ctx context.Context, in restartIn, t engine.Task) error {
			p, err := locate(ctx, in.User, in.Home, t.As)
			if err != nil {
				return err
			}
			files, _ := h.logFiles(ctx, p, in.Name) // without logs there is still the list
			return h.keep(ctx, p, files, t)
		},
		Do: func(ctx context.Context, in restartIn, t engine.Task) (restartOut, error) {
			return h.restart(ctx, verb, in, t)
		},
	})
}

// targets finds what is to be restarted or started.
func (h host) targets(ctx context.Context, verb string, in restartIn, as string) (place, view, []running, error) {
	p, err := locate(ctx, in.User, in.Home, as)
	if err != nil {
		return p, view{}, nil, err
	}
	v, err := h.look(ctx, p)
	if err != nil {
		return p, v, nil, err
	}
	named := v.named(in.Name)
	switch {
	case !v.alive:
		return p, v, nil, engine.Failf(engine.Missing, "%s %s: %s has no daemon, and none is started for this; pm2.resurrect does that", verb, in.Name, p)
	case len(named) == 0:
		return p, v, nil, engine.Failf(engine.Missing, "%s %s: %s does not have it; it has: %s", verb, in.Name, p,
			budget.Line(strings.Join(v.names(), ", "), 500))
	}
	if verb == "start" {
		named = slices.DeleteFunc(named, func(r running) bool { return r.status() == online })
	}
	return p, v, named, nil
}

func (h host) describeRestart(ctx context.Context, verb string, in restartIn, t engine.Task) (engine.Description, error) {
	p, v, targets, err := h.targets(ctx, verb, in, t.As)
	if err != nil {
		return engine.Description{}, err
	}
	d := engine.Description{Summary: fmt.Sprintf("%s %s of %s", verb, in.Name, p), Target: in.Name}
	if len(targets) == 0 {
		d.Summary += " (it is online: nothing is done)"
	}
	for _, r := range targets {
		d.Exact = append(d.Exact, fmt.Sprintf("restartProcessId(%d) over %s, as pm2 %s %s does; it is %s, process %d, restarted %d times",
			r.ID, p.path("rpc.sock"), verb, in.Name, r.status(), r.PID, r.Env.count("restart_time")))
	}
	for _, c := range p.descendants(ctx, targets) {
		d.Exact = append(d.Exact, fmt.Sprintf("its child, process %d, keeps its port if it does not end: %s", c.PID, c.Command))
	}
	if len(targets) > 0 {
		d.Exact = append(d.Exact, "asked for of "+daemonText(v))
	}
	return d, nil
}

func (h host) restart(ctx context.Context, verb string, in restartIn, t engine.Task) (restartOut, error) {
	p, v, targets, err := h.targets(ctx, verb, in, t.As)
	if err != nil {
		return restartOut{}, err
	}
	out := restartOut{Processes: states(v.named(in.Name)), DaemonUnit: v.unit}
	if len(targets) == 0 {
		return out, nil
	}
	family := p.descendants(ctx, targets)
	if out.Changed, err = p.askToRestart(ctx, v, targets, verb+" "+in.Name); err != nil {
		return out, err
	}
	after, err := h.settle(ctx, p, func(now view) string {
		for _, r := range now.named(in.Name) {
			if r.status() != online {
				return fmt.Sprintf("%s %s: it is %s afterwards", verb, in.Name, r.status())
			}
			if slices.ContainsFunc(targets, func(old running) bool { return old.PID > 0 && old.PID == r.PID }) {
				return fmt.Sprintf("%s %s: process %d is still the same", verb, in.Name, r.PID)
			}
		}
		if len(now.named(in.Name)) == 0 {
			return fmt.Sprintf("%s %s: %s does not have it any more", verb, in.Name, p)
		}
		return ""
	})
	out.Processes, out.DaemonUnit = states(after.named(in.Name)), after.unit
	out.Survivors = p.left(ctx, family)
	return out, err
}

// askToRestart asks the daemon that was looked at, and no other. asked tells that it may have restarted something.
func (p place) askToRestart(ctx context.Context, v view, targets []running, doing string) (asked bool, err error) {
	l, err := p.dial(ctx)
	if err != nil {
		return false, fmt.Errorf("%s: %w", doing, err)
	}
	defer l.close()
	if l.pid != v.pid {
		return false, engine.Failf(engine.Missing, "%s: the daemon of %s, process %d, has just gone", doing, p, v.pid)
	}
	for _, r := range targets {
		if r.status() == "waiting restart" {
			// Else its timer would start it a second time.
			err = l.call(ctx, "stopProcessId", r.ID, nil)
		}
		if err == nil {
			err = l.call(ctx, "restartProcessId", map[string]int{"id": r.ID}, nil)
		}
		switch {
		case ctx.Err() != nil:
			return true, engine.FailureOf(fmt.Errorf("%s: stopped waiting, pm2 goes on with it: %w", doing, ctx.Err()))
		case err != nil:
			return true, fmt.Errorf("%s: %w", doing, err)
		}
	}
	return true, nil
}

// descendants lists what some processes have started.
func (p place) descendants(ctx context.Context, of []running) []survivor {
	return p.family(ctx, func(table *proc.Table, s survivor) bool {
		above, err := table.Ancestors(s.PID)
		return err == nil && slices.ContainsFunc(of, func(r running) bool { return r.PID > 0 && slices.Contains(above, r.PID) })
	})
}

// left lists those of some processes that are still there.
func (p place) left(ctx context.Context, family []survivor) []survivor {
	return p.family(ctx, func(_ *proc.Table, s survivor) bool {
		return slices.ContainsFunc(family, func(old survivor) bool { return old.PID == s.PID && old.StartTime == s.StartTime })
	})
}

// family lists processes, of those that run as the user: a daemon could give any pid for one of its own, and what is
// listed may be ended next. It is for a better answer: what can't be seen is left out.
func (p place) family(ctx context.Context, belongs func(*proc.Table, survivor) bool) []survivor {
	found, _ := hostcall.Look(ctx, p.as, func() ([]survivor, error) {
		table, err := proc.Open()
		if err != nil {
			return nil, err
		}
		pids, err := table.PIDs()
		var out []survivor
		for _, pid := range pids {
			c, err := table.Process(pid)
			if err != nil || c.User != p.kernelName(table) || c.State == "Z" || c.Command == nil {
				continue
			}
			if s := (survivor{pid, c.Start.String(), c.Comm, *c.Command}); belongs(table, s) {
				out = append(out, s)
			}
		}
		return out, err
	})
	return budget.Items(found, 50, 20<<10)
}
