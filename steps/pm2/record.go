package pm2

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"runbook/engine"
	"runbook/steps/internal/budget"
)

// online is the status of a process that runs.
const online = "online"

// record is what pm2 keeps of a process (its pm2_env). It holds the whole environment of the process, twice: under env, and
// spread among the other keys. So only keys that pm2 itself sets are read, by their exact names: a struct would take the
// variable NAME for the name.
type record map[string]json.RawMessage

func (r record) text(key string) string {
	var s string
	_ = json.Unmarshal(r[key], &s) // what is no text says nothing
	return s
}

// number is nil for what is no number.
func (r record) number(key string) *int {
	var n *float64
	if json.Unmarshal(r[key], &n) != nil || n == nil {
		return nil
	}
	return new(int(*n))
}

func (r record) count(key string) int {
	if n := r.number(key); n != nil {
		return *n
	}
	return 0
}

func (r record) flag(key string) bool {
	var b bool
	_ = json.Unmarshal(r[key], &b)
	return b
}

// list joins what is a list or a text.
func (r record) list(key string) string {
	var parts []string
	if json.Unmarshal(r[key], &parts) != nil {
		return r.text(key)
	}
	return strings.Join(parts, " ")
}

func (r record) name() string { return r.text("name") }

// running is a process in the daemon's list.
type running struct {
	PID     int    `json:"pid"`
	ID      int    `json:"pm_id"`
	Env     record `json:"pm2_env"`
	Measure struct {
		Memory int `json:"memory"`
	} `json:"monit"`
}

// module tells the processes that extend pm2 itself: they are never saved.
func (r running) module() bool { return r.Env.flag("pmx_module") }

type process struct {
	Name             string `json:"name" key:"true" doc:"the name that pm2 has it under; the processes of a cluster share one"`
	ID               int    `json:"id" moves:"true" doc:"pm2's own number of it"`
	PID              int    `json:"pid" moves:"true" doc:"its process id, 0 when it does not run"`
	Status           string `json:"status" doc:"online, launching, waiting restart, stopping, stopped, errored. Online says that it was started, not that it works"`
	Restarts         int    `json:"restarts" moves:"true" doc:"how often pm2 has started it again since the daemon has it"`
	UnstableRestarts int    `json:"unstable_restarts" moves:"true" doc:"how often it ended within a second, as far as pm2 counts that: in the first 16 s after created_at. At 16 it becomes errored"`
	UptimeMS         int    `json:"uptime_ms" moves:"true" doc:"milliseconds since it was last started, 0 when it is not online"`
	CreatedAt        string `json:"created_at" moves:"true" doc:"when pm2 got it, or last restarted it on demand, in UTC; one that was brought back keeps the time of before, so it never becomes errored. Empty once it is errored"`
	Memory           int    `json:"memory" moves:"true" doc:"resident memory in bytes"`
	Script           string `json:"script" doc:"the file that it runs"`
	Args             string `json:"args" doc:"its arguments, at most 256 bytes"`
	Cwd              string `json:"cwd" doc:"its working directory"`
	ExecMode         string `json:"exec_mode" doc:"fork_mode or cluster_mode"`
	User             string `json:"user" doc:"the user who added it"`
	ExitCode         *int   `json:"exit_code" moves:"true" doc:"the exit code it last ended with. null when it has not ended yet, or a signal ended it"`
	Module           bool   `json:"module" doc:"it is a module of pm2, which is never in the dump"`
}

func (r running) process() process {
	text := func(key string) string { return budget.Line(r.Env.list(key), 256) }
	p := process{
		Name: text("name"), ID: r.ID, PID: r.PID, Status: r.status(), Module: r.module(),
		Restarts: r.Env.count("restart_time"), UnstableRestarts: r.Env.count("unstable_restarts"), Memory: r.Measure.Memory,
		Script: text("pm_exec_path"), Args: text("args"), Cwd: text("pm_cwd"), ExecMode: text("exec_mode"), User: text("username"),
		ExitCode: r.Env.number("exit_code"),
	}
	if at := r.Env.count("created_at"); at > 0 {
		p.CreatedAt = stamp(time.UnixMilli(int64(at)))
	}
	if at := r.Env.count("pm_uptime"); at > 0 && p.Status == online {
		p.UptimeMS = max(int(time.Now().UnixMilli())-at, 0)
	}
	return p
}

func (r running) status() string { return budget.Line(r.Env.text("status"), 64) }

// state is a process after a change.
type state struct {
	Name     string `json:"name" doc:"the name that pm2 has it under"`
	ID       int    `json:"id" moves:"true" doc:"pm2's own number of it"`
	PID      int    `json:"pid" moves:"true" doc:"its process id, 0 when it does not run"`
	Status   string `json:"status" doc:"as in pm2.list"`
	Restarts int    `json:"restarts" moves:"true" doc:"how often pm2 has started it again since the daemon has it"`
}

func states(list []running) []state {
	out := make([]state, len(list))
	for i, r := range list {
		p := r.process()
		out[i] = state{p.Name, p.ID, p.PID, p.Status, p.Restarts}
	}
	return budget.Items(out, 50, budget.Result/2)
}

// namesOf lists names once each, in order.
func namesOf(records []record) []string {
	var names []string
	seen := map[string]bool{}
	for _, r := range records {
		if name := r.name(); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

// without lists the names that others lacks.
func without(names, others []string) []string {
	gone := map[string]bool{}
	for _, name := range others {
		gone[name] = true
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return gone[name] })
}

// returning names those of a list that are started when it is brought back, with every process: pm2 leaves alone what it
// had stopped, and starts what it has given up again.
func returning(records []record) []string {
	resting := slices.DeleteFunc(slices.Clone(records), func(r record) bool {
		return r.text("status") != "stopped" && string(r["autostart"]) != "false"
	})
	return without(namesOf(records), namesOf(resting))
}

// How much of a list of processes is read, the daemon's or the saved one: some 10 KiB for each process are usual. Its
// user may fill it with anything, and who reads it may be root.
const (
	mostListBytes = 8 << 20
	mostProcesses = 2000
)

var errTooLarge = engine.Failf(engine.Invalid, "it is larger than the %d processes and %d MiB that are looked at", mostProcesses, mostListBytes>>20)

// parseList reads a list of processes as pm2 writes it, in JSON.
func parseList[T any](data []byte) ([]T, error) {
	var items []json.RawMessage
	switch err := json.Unmarshal(data, &items); {
	case err != nil:
		return nil, err
	case items == nil:
		return nil, errors.New("it is no list")
	case len(items) > mostProcesses:
		return nil, errTooLarge
	}
	list := make([]T, len(items))
	for i, item := range items {
		if err := json.Unmarshal(item, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}
