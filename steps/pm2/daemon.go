package pm2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
	"runbook/steps/internal/proc"
)

// view is what one look at a pm2 saw.
type view struct {
	alive   bool
	pid     int     // of the daemon
	unit    *string // its systemd unit, "" for none; nil when not to be seen
	version string
	list    []running
}

// picked gives what is known of some processes.
func (v view) picked(by func(running) bool) []record {
	var out []record
	for _, r := range v.list {
		if by(r) {
			out = append(out, r.Env)
		}
	}
	return out
}

// records gives the processes that pm2 would save.
func (v view) records() []record { return v.picked(func(r running) bool { return !r.module() }) }

// named gives the processes of this name, all for "".
func (v view) named(name string) []running {
	return slices.DeleteFunc(slices.Clone(v.list), func(r running) bool { return name != "" && r.Env.name() != name })
}

// names lists the names of the processes.
func (v view) names() []string { return namesOf(v.picked(func(running) bool { return true })) }

// online lists the names whose processes are all online.
func (v view) online() []string {
	return without(v.names(), namesOf(v.picked(func(r running) bool { return r.status() != online })))
}

// look asks the daemon for its processes. When there is none, the view says so, and nothing was started. When there is
// one that does not answer, or answers for somebody else, look fails, and the view says that it is alive.
//
// A daemon that is just coming up or going away refuses for a moment, so one is sure only when no process is left that
// could be it.
func (h host) look(ctx context.Context, p place) (view, error) {
	asking, cancel := context.WithTimeout(ctx, h.answer)
	defer cancel()
	for {
		v, err := p.ask(asking)
		if v.alive {
			v.unit = p.unitOf(ctx, v.pid)
		}
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return v, engine.FailureOf(fmt.Errorf("ask %s: %w", p, ctx.Err()))
		case asking.Err() == nil && !nobodyThere(err):
			return v, fmt.Errorf("ask %s: %w", p, err)
		}
		pid := v.pid
		if !v.alive {
			pid, err = p.process(ctx)
			if err != nil || pid == 0 {
				return view{unit: new("")}, err
			}
		}
		if asking.Err() != nil || wait(asking, 100*time.Millisecond) != nil && ctx.Err() == nil {
			return view{alive: true, pid: pid, unit: p.unitOf(ctx, pid)}, engine.Failf(engine.Unreachable,
				"ask %s: its daemon, process %d, is alive and does not answer on %s", p, pid, p.path("rpc.sock"))
		}
	}
}

// nobodyThere knows the errors of a socket that nobody listens on, or that was closed meanwhile.
func nobodyThere(err error) bool {
	return slices.ContainsFunc([]error{
		fs.ErrNotExist, syscall.ECONNREFUSED, syscall.EAGAIN, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF,
	}, func(target error) bool { return errors.Is(err, target) })
}

// ask makes one attempt.
func (p place) ask(ctx context.Context) (view, error) {
	l, err := p.dial(ctx)
	if err != nil {
		return view{}, err
	}
	defer l.close()
	v := view{alive: true, pid: l.pid}
	if l.uid != p.uid {
		return v, engine.Failf(engine.Invalid, "%s is that of process %d, which belongs to another user: somebody started pm2 with this home",
			p.path("rpc.sock"), l.pid)
	}
	if err := l.call(ctx, "getVersion", struct{}{}, &v.version); err != nil {
		return v, err
	}
	var list json.RawMessage
	if err := l.call(ctx, "getMonitorData", struct{}{}, &list); err != nil {
		return v, err
	}
	v.version = budget.Line(v.version, 64)
	if v.list, err = parseList[running](list); err != nil {
		err = fmt.Errorf("read its list of processes: %w", err)
	}
	return v, err
}

// process finds a daemon that nobody reaches over its socket, 0 for none.
func (p place) process(ctx context.Context) (int, error) {
	return hostcall.Look(ctx, p.as, func() (int, error) {
		table, err := proc.Open()
		if err != nil {
			return 0, err
		}
		pids, err := table.PIDs()
		if err != nil {
			return 0, err
		}
		for _, pid := range pids {
			if command, err := table.CommandLine(pid); err != nil || !isDaemon(command, p.dir) {
				continue
			}
			if found, err := table.Process(pid); err == nil && found.User == p.kernelName(table) {
				return pid, nil
			}
		}
		return 0, nil
	})
}

var daemonTitle = regexp.MustCompile(`^PM2 v\S+: God Daemon \((.+)$`)

// isDaemon knows a daemon by what it puts in place of its command line. Node cuts that off where the command line ended
// that it was started with.
func isDaemon(command, dir string) bool {
	found := daemonTitle.FindStringSubmatch(strings.TrimSpace(command))
	if found == nil {
		return false
	}
	whole, ok := strings.CutSuffix(found[1], ")")
	return ok && whole == dir || strings.HasPrefix(dir, found[1])
}

// unitOf gives the systemd unit of a process, nil when that is not to be seen.
func (p place) unitOf(ctx context.Context, pid int) *string {
	unit, _ := hostcall.Look(ctx, p.as, func() (*string, error) {
		table, err := proc.Open()
		if err != nil {
			return nil, err
		}
		found, err := table.Process(pid)
		return found.Unit, err
	})
	return unit
}

// settle looks until what want misses is "", or its time is over. Then the failure says what is missing.
func (h host) settle(ctx context.Context, p place, want func(view) string) (view, error) {
	deadline := time.Now().Add(h.patience)
	for {
		v, err := h.look(ctx, p)
		missing := ""
		if err == nil {
			if missing = want(v); missing == "" {
				return v, nil
			}
			err = engine.Failf(engine.Exit, "%s", missing)
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return v, err
		}
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return v, engine.FailureOf(fmt.Errorf("look whether %s: %w", missing, err))
		}
	}
}
