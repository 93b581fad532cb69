package pm2

import (
	"context"
	"fmt"
	"slices"
	"time"

	"runbook/engine"
	"runbook/steps/internal/budget"
)

type listIn struct {
	User  string          `json:"user" required:"true" is:"user" doc:"whose pm2: the user that its daemon runs as"`
	Home  string          `json:"home" is:"path" doc:"the directory that .pm2 is in; the user's home when empty"`
	Name  string          `json:"name" doc:"only the processes of this name; dump stays as it is"`
	Watch engine.Duration `json:"watch" doc:"look twice, so long apart, and say in restarting what was started again meanwhile; at most 1m" default:"0s"`
}

func (in listIn) check() error {
	if in.Watch < 0 || time.Duration(in.Watch) > time.Minute {
		return fmt.Errorf("watch is %s: it must be 0s to 1m", time.Duration(in.Watch))
	}
	return nil
}

type listOut struct {
	Daemon     bool    `json:"daemon" doc:"a daemon is alive. Without one, nothing is in processes and names"`
	DaemonPID  int     `json:"daemon_pid" moves:"true" doc:"its process id, 0 for none"`
	DaemonUnit *string `json:"daemon_unit" doc:"the systemd unit that it runs in: the boot unit, or that of the session in which somebody called pm2, like session-3.scope. Empty for none, null when that is not to be seen"`
	Version    string  `json:"version" doc:"the daemon's version of pm2, empty without one"`

	Processes  []process `json:"processes" doc:"what the daemon has, by id; at most 50"`
	Names      []string  `json:"names" restates:"processes" doc:"the names of these, once each"`
	Online     []string  `json:"online" restates:"processes" doc:"those of the names whose processes are all online. For: \"api\" in online"`
	Restarting *[]string `json:"restarting" doc:"with watch, the names of which a process was started again, or came or went, between the two looks; a program that ends again and again is online most of the time. null without watch"`

	Dump dump `json:"dump" doc:"the saved list, dump.pm2, which is brought back after a reboot"`

	MissingInDump []string `json:"missing_in_dump" doc:"names that the daemon has and that would not come back after a reboot: the dump lacks them, or has them as stopped and they run now. Modules of pm2 are not among them"`
	MissingNow    []string `json:"missing_now" doc:"names in the dump that the daemon lacks; all of them when there is no daemon"`

	BootUnit        string `json:"boot_unit" doc:"the name of the unit that brings the processes back after a reboot, as pm2 startup calls it"`
	BootUnitExists  bool   `json:"boot_unit_exists" doc:"there is a file for it, which is not masked and is for this PM2_HOME"`
	BootUnitEnabled bool   `json:"boot_unit_enabled" doc:"it is started at boot"`
}

func listKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[listIn, listOut]{
		Name: "pm2.list",
		Doc: `Lists the processes that the pm2 of a user has, and those that it has saved.

It never starts a daemon, and it changes nothing. No daemon is an answer: ` + "`daemon`" + ` is false. A daemon that is alive
and does not answer is none: the check is unknown, as unreachable.

Online is less than it seems: a program that ends as soon as it is started is online most of the time. Look twice, by
` + "`watch: 3s`" + `, and expect ` + "`len(restarting) == 0`" + `. The environment of the processes is never shown; their arguments
are, as everybody on the host can see them. Lists of names hold at most 4 KiB.`,
		Effect:  engine.Reads,
		Example: "user: deploy\nwatch: 3s\n",
		Check:   listIn.check,
		Do:      h.list,
	})
}

func (h host) list(ctx context.Context, in listIn, t engine.Task) (listOut, error) {
	p, err := locate(ctx, in.User, in.Home, t.As)
	if err != nil {
		return listOut{}, err
	}
	unit, err := h.bootUnit(ctx, p)
	if err != nil {
		return listOut{}, err
	}
	out := listOut{BootUnit: unit.name, BootUnitExists: unit.exists, BootUnitEnabled: unit.enabled}
	last, err := p.readDump(ctx)
	if err != nil {
		return out, err
	}
	out.Dump = last.dump()
	v, err := h.look(ctx, p)
	if err == nil && in.Watch > 0 {
		before := v.named(in.Name)
		if v.alive {
			if err := wait(ctx, time.Duration(in.Watch)); err != nil {
				return out, engine.FailureOf(err)
			}
			v, err = h.look(ctx, p)
		}
		out.Restarting = new(shortList(restarted(before, v.named(in.Name))))
	}
	out.Daemon, out.DaemonPID, out.DaemonUnit = v.alive, v.pid, v.unit
	if err != nil {
		out.Restarting = nil
		return out, err
	}
	out.fill(v, last, in.Name)
	return out, nil
}

func (out *listOut) fill(v view, last saved, name string) {
	out.Version = v.version
	v.list = v.named(name)
	for _, r := range v.list {
		out.Processes = append(out.Processes, r.process())
	}
	const room = 24 << 10
	out.Processes = budget.Items(out.Processes, 50, room)
	out.Names, out.Online = shortList(v.names()), shortList(v.online())
	absent, resting := without(namesOf(v.records()), last.names()), without(returning(v.records()), returning(last.records))
	out.MissingInDump = shortList(append(absent, without(resting, absent)...))
	out.MissingNow = shortList(without(slices.DeleteFunc(last.names(), func(n string) bool { return name != "" && n != name }), v.names()))
}

// restarted names what was started again between two looks.
func restarted(before, after []running) []string {
	var moved []record
	life := func(r running) [3]int { return [3]int{r.ID, r.PID, r.Env.count("restart_time")} }
	differs := func(a, b []running) {
		same := map[[3]int]bool{}
		for _, r := range b {
			same[life(r)] = true
		}
		for _, r := range a {
			if !same[life(r)] {
				moved = append(moved, r.Env)
			}
		}
	}
	differs(before, after)
	differs(after, before)
	return namesOf(moved)
}
