package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
	"runbook/steps/internal/proc"
)

// The most processes in one result, and the most bytes of JSON they may take.
const (
	mostListed      = 50
	mostListedBytes = budget.Result - 4<<10
)

type listInput struct {
	Match string `json:"match" is:"regexp" doc:"a regular expression (RE2) that the command line must match somewhere; empty for every process"`
	User  string `json:"user" is:"user" doc:"only the processes of this user"`
}

type listOutput struct {
	Processes []process `json:"processes" doc:"the processes, by pid; at most 50. This tool and the command that started it are left out"`
	Count     int       `json:"count" restates:"processes" doc:"how many there are, also when not all of them are listed"`
}

type process struct {
	PID         int     `json:"pid" moves:"true" doc:"its number"`
	Parent      int     `json:"parent" moves:"true" doc:"the pid of its parent"`
	Process     string  `json:"process" doc:"the kernel's name of it, at most 15 bytes"`
	Command     string  `json:"command" key:"true" doc:"its command line, at most 256 bytes; its name in brackets for a thread of the kernel"`
	User        string  `json:"user" key:"true" doc:"its effective user, the number when it has no name"`
	Unit        *string `json:"unit" doc:"its systemd unit, empty when it has none. null when that is not to be seen"`
	UserUnit    *string `json:"user_unit" doc:"when unit is user@UID.service: the unit of that user's own systemd. null as unit"`
	State       string  `json:"state" moves:"true" doc:"R running, S sleeping, D waiting for a disk, T stopped, Z ended and not yet collected"`
	StartTime   string  `json:"start_time" moves:"true" doc:"when it began, as process.signal takes it: ticks since boot, and the boot"`
	AgeSeconds  int     `json:"age_seconds" moves:"true" doc:"seconds since it began"`
	MemoryBytes int     `json:"memory_bytes" moves:"true" doc:"resident memory in bytes, roughly"`
}

func listKind() engine.Definition[listInput, listOutput] {
	return engine.Definition[listInput, listOutput]{
		Name:   "process.list",
		Effect: engine.Reads,
		Doc: `Lists the processes of this host whose command line matches.

It has no expectation of its own: give one, like ` + "`count == 1`" + `. When /proc hides the processes of other users, the check
is unknown, because nobody can say how many there are.`,
		Example: "match: next-server\nuser: deploy",
		Check: func(in listInput) error {
			_, err := regexp.Compile(in.Match)
			return err
		},
		Do: func(ctx context.Context, in listInput, t engine.Task) (listOutput, error) {
			return hostcall.Look(ctx, t.As, func() (listOutput, error) { return list(ctx, in) })
		},
	}
}

func list(ctx context.Context, in listInput) (listOutput, error) {
	match, err := regexp.Compile(in.Match)
	if err != nil {
		return listOutput{}, engine.Fail(engine.Invalid, err)
	}
	table, err := proc.Open()
	if err != nil {
		return listOutput{}, err
	}
	pids, err := table.PIDs()
	if err != nil {
		return listOutput{}, err
	}
	ours, err := ourselves(table)
	if err != nil {
		return listOutput{}, err
	}
	out := listOutput{Processes: []process{}}
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return listOutput{}, err
		}
		if ours[pid] {
			continue
		}
		p, ok, err := matching(table, pid, match, in.User)
		if err != nil {
			return listOutput{}, err
		}
		if !ok {
			continue
		}
		out.Count++
		if len(out.Processes) < mostListed {
			out.Processes = append(out.Processes, p)
		}
	}
	out.Processes = budget.Items(out.Processes, mostListed, mostListedBytes)
	return out, nil
}

// matching looks at one process. One that ends meanwhile does not match.
func matching(table *proc.Table, pid int, match *regexp.Regexp, user string) (process, bool, error) {
	line, err := table.CommandLine(pid)
	if errors.Is(err, fs.ErrNotExist) {
		return process{}, false, nil
	}
	if err != nil {
		return process{}, false, err
	}
	if !match.MatchString(line) {
		return process{}, false, nil
	}
	p, err := table.Process(pid)
	if errors.Is(err, fs.ErrNotExist) {
		return process{}, false, nil
	}
	if err != nil || user != "" && user != p.User {
		return process{}, false, err
	}
	return process{
		PID: p.PID, Parent: p.Parent, Process: p.Comm, Command: budget.Line(line, proc.CommandSize), User: p.User,
		Unit: p.Unit, UserUnit: p.UserUnit, State: p.State,
		StartTime: p.Start.String(), AgeSeconds: p.AgeSeconds, MemoryBytes: p.Memory,
	}, true, nil
}

// ourselves finds this process, and those of its ancestors whose command line says what ours says: sudo, a shell -c,
// timeout. They would match `frontend` in `sudo runbook run frontend-not-starting`. Other ancestors are processes like
// any other: sshd is one.
func ourselves(table *proc.Table) (map[int]bool, error) {
	own := map[int]bool{os.Getpid(): true}
	line, err := table.CommandLine(os.Getpid())
	if err != nil {
		return nil, fmt.Errorf("look at this process: %w", err)
	}
	ancestors, err := table.Ancestors(os.Getpid())
	if err != nil {
		return nil, fmt.Errorf("look at what started this process: %w", err)
	}
	for _, pid := range ancestors {
		if theirs, err := table.CommandLine(pid); err == nil && strings.Contains(theirs, line) {
			own[pid] = true
		}
	}
	return own, nil
}
