package nginx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
	"runbook/steps/internal/proc"
)

// How nginx's processes call themselves (ngx_setproctitle), for all to see in their command lines.
const (
	masterTitle = "nginx: master process"
	workerTitle = "nginx: worker process"
	leaving     = " is shutting down"
)

// master is an nginx that runs.
type master struct {
	pid    int
	title  string
	ours   bool   // it is root's, or that of the user who acts
	unit   string // the systemd unit that it is in, "" for none
	config string // what it was given with -c, "" for nothing
}

var configOption = regexp.MustCompile(` -c ?(\S+)`)

// crew are the workers of a master: those that take connections, and those that only finish theirs.
type crew struct{ serving, leaving []int }

// find looks for the nginx that a step is about: the one in the unit, or else the one that was started by hand with the
// same configuration.
func (in reloadInput) find() (master, error) {
	all, err := masters()
	if err != nil {
		return master{}, err
	}
	ours := slices.DeleteFunc(slices.Clone(all), func(m master) bool { return m.unit != in.Unit })
	if len(ours) == 0 {
		ours = slices.DeleteFunc(slices.Clone(all), func(m master) bool { return m.config != in.Config || !m.byHand() || !m.ours })
	}
	switch {
	case len(ours) == 1:
	case len(ours) > 1:
		return master{}, engine.Failf(engine.Invalid, "there are %d nginx that it could be, for instance processes %d and %d: stop those that should not run", len(ours), ours[0].pid, ours[1].pid)
	case len(all) > 0:
		return master{}, engine.Failf(engine.Missing, "the nginx of %s is not running: there is another one (process %d in unit %q: %s)", in.Unit, all[0].pid, all[0].unit, budget.Line(all[0].title, mostText))
	default:
		return master{}, engine.Failf(engine.Missing, "nginx is not running")
	}
	if m := ours[0]; in.Config != "" && m.config != "" && m.config != in.Config {
		return m, engine.Failf(engine.Invalid, "the nginx of %s uses the configuration %s, and not %s", in.Unit, m.config, in.Config)
	}
	return ours[0], nil
}

// byHand tells that no service of its own runs it. With -c it is the one that was meant, whatever unit it is in.
func (m master) byHand() bool {
	return m.config != "" || !strings.HasSuffix(m.unit, ".service") || strings.HasPrefix(m.unit, "user@")
}

// masters lists the nginx of this host. Those in containers can be seen as well, and are somebody else's.
func masters() ([]master, error) {
	table, err := proc.Open()
	if err != nil {
		return nil, err
	}
	pids, err := table.PIDs()
	if err != nil {
		return nil, err
	}
	var all []master
	for _, pid := range pids {
		title, err := table.CommandLine(pid)
		if err != nil || !strings.HasPrefix(title, masterTitle) || contained(pid) {
			continue
		}
		p, err := table.Process(pid)
		if err != nil {
			continue // it has just ended
		}
		// Anybody can call a process nginx.
		m := master{pid: pid, title: title, ours: p.User == table.User(0) || p.User == table.User(uint64(os.Geteuid()))} //nolint:gosec // not negative
		if p.Unit != nil {
			m.unit = *p.Unit
		}
		if c := configOption.FindStringSubmatch(title); c != nil {
			m.config = c[1]
		}
		all = append(all, m)
	}
	return all, nil
}

// contained tells that a process is in a container: it has a number there as well.
func contained(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return true // it is no more, or not for us
	}
	for line := range strings.Lines(string(status)) {
		if numbers, ok := strings.CutPrefix(line, "NSpid:"); ok {
			return len(strings.Fields(numbers)) > 1
		}
	}
	return false
}

// crewOf looks at the workers of a master.
func crewOf(ctx context.Context, pid int, as string) (crew, error) {
	return hostcall.Look(ctx, as, func() (crew, error) {
		table, err := proc.Open()
		if err != nil {
			return crew{}, err
		}
		if _, err := table.Start(pid); err != nil {
			return crew{}, err
		}
		pids, err := table.PIDs()
		if err != nil {
			return crew{}, err
		}
		var c crew
		for _, worker := range pids {
			p, err := table.Process(worker)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return crew{}, err
			}
			switch {
			case p.Parent != pid || p.Command == nil || !strings.HasPrefix(*p.Command, workerTitle):
			case strings.HasSuffix(*p.Command, leaving):
				c.leaving = append(c.leaving, worker)
			default:
				c.serving = append(c.serving, worker)
			}
		}
		return c, nil
	})
}

// renewed tells that all who take connections came after those of before.
func (c crew) renewed(before crew) bool {
	old := func(pid int) bool {
		return slices.Contains(before.serving, pid) || slices.Contains(before.leaving, pid)
	}
	return len(c.serving) > 0 && !slices.ContainsFunc(c.serving, old)
}

func (c crew) String() string {
	return fmt.Sprintf("%s, and %d that only finish their connections", numbers(c.serving), len(c.leaving))
}

func numbers(pids []int) string {
	if len(pids) == 0 {
		return "no workers"
	}
	texts := make([]string, len(pids))
	for i, pid := range pids {
		texts[i] = strconv.Itoa(pid)
	}
	return "workers " + strings.Join(texts, ", ")
}
