package systemd

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"runbook/steps/internal/budget"
)

// The states of a unit, as the field `state` gives them: systemd's own active states, and three for a unit that does not
// run and has no proper file.
const (
	stateActive = "active"
	stateFailed = "failed"
	stateAbsent = "absent" // systemd holds nothing under this name, and there is no file
	stateMasked = "masked" // an administrator forbade it
	stateBroken = "broken" // its file can't be read or makes no sense
)

// How much of a unit goes into the facts: of one text and of one list, in bytes of JSON, and how many items of a list.
const (
	maxArg     = 512
	maxLine    = 4 << 10
	maxList    = 6 << 10
	maxEntries = 100
)

// unitState is a unit as systemd tells of it.
type unitState struct {
	Unit  string `json:"unit" doc:"the full name that was asked for"`
	ID    string `json:"id" doc:"the name that systemd knows it by: another one when the unit was asked for by an alias"`
	State string `json:"state" restates:"active" doc:"the unit in one word: active, reloading, activating, deactivating, maintenance, inactive, failed; or, when it is not running, absent (no such unit), masked, broken (its file makes no sense)"`
	Text  string `json:"text" moves:"true" doc:"the same in one line for people, with the time since and how the main process ended"`

	Exists    bool   `json:"exists" doc:"false when the state is absent. A unit that exists keeps its name from being used by systemd-run"`
	Transient bool   `json:"transient" doc:"it was made at run time by systemd-run, and has no file outside /run"`
	Gone      *bool  `json:"gone" doc:"it is absent, but the journal of this boot knows it: a transient unit that ended well, or was reset, and was unloaded. Null when it is absent and the journal can't be read"`
	Load      string `json:"load" doc:"systemd's LoadState: loaded, not-found, masked, bad-setting, error, merged"`
	Active    string `json:"active" doc:"systemd's ActiveState: active, reloading, inactive, failed, activating, deactivating, maintenance"`
	Sub       string `json:"sub" doc:"systemd's SubState, which depends on the type of unit: running, exited, dead, failed, auto-restart, listening"`
	Result    string `json:"result" doc:"how it ended last: success, exit-code, signal, core-dump, watchdog, timeout, oom-kill, start-limit-hit, protocol, resources. On a host with cgroup v1 a kill for lack of memory is signal"`
	Enabled   string `json:"enabled" doc:"what is-enabled says: enabled, disabled, static, masked, transient, generated, indirect, linked, alias; empty when there is no file"`
	LoadError string `json:"load_error" doc:"why systemd could not load it; empty when it could"`

	Fragment   string   `json:"fragment" doc:"path of its unit file; empty when there is none"`
	DropIns    []string `json:"dropins" doc:"paths of the drop-in files that systemd read"`
	NeedReload bool     `json:"need_reload" doc:"the files on disk are not what systemd holds: a daemon-reload is due"`

	Description string            `json:"description" doc:"its Description="`
	Type        string            `json:"type" doc:"services: Type=, like simple, exec, notify, oneshot, forking"`
	RemainAfter bool              `json:"remain_after_exit" doc:"services: RemainAfterExit=. Such a unit is active (exited) once its command has ended, whatever became of what it began; starting it then does nothing"`
	RunsAs      string            `json:"runs_as" doc:"services: User=; empty for the user of the manager"`
	Dir         string            `json:"dir" doc:"services: WorkingDirectory="`
	Command     []string          `json:"command" restates:"commands" doc:"services: the arguments of the first ExecStart=, the program first, variables not expanded, secrets blanked. For: \"-H\" in command"`
	CommandLine string            `json:"command_line" restates:"commands" doc:"services: the same as one string, joined by spaces. For: command_line contains \"-H 127.0.0.1\""`
	Commands    []string          `json:"commands" doc:"services: every ExecStart= as one string each"`
	Environment []string          `json:"environment" restates:"env" doc:"services: Environment= as NAME=value, secrets blanked. Not what EnvironmentFile= adds"`
	Env         map[string]string `json:"env" doc:"services: the same by name. For: env[\"PORT\"] == \"3000\""`

	MainPID    int    `json:"main_pid" moves:"true" doc:"process id of the main process, 0 for none"`
	Restarts   int    `json:"restarts" doc:"services: how often systemd has restarted it by itself since it was last started by hand"`
	ExitCode   string `json:"exit_code" doc:"services: how the main process ended: exited, killed, dumped; empty when it runs or never ran"`
	ExitStatus int    `json:"exit_status" doc:"services: its exit status, or the number of the signal that killed it; 0 when exit_code is empty"`
	ExitText   string `json:"exit_text" restates:"exit_status" doc:"services: the same in the journal's words: status=203/EXEC, signal=SIGKILL"`
	StatusText string `json:"status_text" moves:"true" doc:"services: what the service last said of itself (sd_notify STATUS=)"`
	Condition  string `json:"condition" doc:"the Condition…= because of which systemd skipped the last start, like ConditionPathExists=/etc/app; empty when none did"`

	Since      string `json:"since" moves:"true" doc:"when it came into this active state, RFC 3339 in UTC; empty when it has not changed since boot"`
	AgeSeconds *int   `json:"age_seconds" moves:"true" doc:"for how many seconds it has been in this active state; null when it has not changed since boot"`
	Invocation string `json:"invocation" moves:"true" doc:"id of its last or present run, 32 hex digits: a filter for systemd.journal; empty when it never ran"`
	Job        int    `json:"job" moves:"true" doc:"number of the job that is queued or running for it, 0 for none"`

	Slice       string `json:"slice" doc:"the slice it belongs to"`
	Cgroup      string `json:"cgroup" restates:"slice" doc:"its control group; empty when it has none"`
	Memory      *int   `json:"memory" moves:"true" doc:"memory in use, in bytes; null when systemd has no figure"`
	MemoryLimit int    `json:"memory_limit" doc:"MemoryMax= in bytes; 0 when there is no limit"`
	Tasks       *int   `json:"tasks" moves:"true" doc:"number of its processes and threads; null when systemd has no figure"`

	Via string `json:"via" doc:"how systemd was reached: bus, or private socket when the bus does not answer or a user's systemd was asked"`
}

// stateOf reads a unit's properties. It knows nothing of the journal: Gone is for the caller.
func stateOf(name, via string, p props, now time.Time) unitState {
	s := unitState{
		Unit: name, ID: p.text("Id"), Via: via,
		Transient: p.flag("Transient"),
		Load:      p.text("LoadState"), Active: p.text("ActiveState"), Sub: p.text("SubState"), Result: p.text("Result"),
		Enabled: p.text("UnitFileState"), LoadError: loadError(p),
		Fragment: p.text("FragmentPath"), DropIns: budget.Items(p.list("DropInPaths"), maxEntries, maxLine), NeedReload: p.flag("NeedDaemonReload"),
		Description: fit(hide(p.text("Description")), maxArg),
		Type:        p.text("Type"), RemainAfter: p.flag("RemainAfterExit"),
		RunsAs: p.text("User"), Dir: p.text("WorkingDirectory"),
		MainPID: p.number("MainPID"), Restarts: p.number("NRestarts"),
		ExitCode: exitCode(p.number("ExecMainCode")), ExitStatus: p.number("ExecMainStatus"),
		ExitText:   exitText(p.number("ExecMainCode"), p.number("ExecMainStatus")),
		StatusText: fit(hide(p.text("StatusText")), maxArg), Condition: unmet(p),
		Job:   p.job(),
		Slice: p.text("Slice"), Cgroup: p.text("ControlGroup"),
		Memory: p.amount("MemoryCurrent"), MemoryLimit: p.limit("MemoryMax"), Tasks: p.amount("TasksCurrent"),
	}
	if id, ok := p["InvocationID"].([]byte); ok {
		s.Invocation = hex.EncodeToString(id)
	}
	s.State = stateWord(s.Load, s.Active)
	s.Exists = s.State != stateAbsent
	s.commands(p)
	s.environment(p)
	since := sinceOf(s.Active, p)
	s.Since = stamp(since)
	if !since.IsZero() {
		age := max(int(now.Sub(since).Seconds()), 0)
		s.AgeSeconds = &age
	}
	s.Text = s.describe(since, now)
	return s
}

// stateWord is the unit in one word. What systemd is doing with it counts for more than what its file is like: a service
// whose file was masked or deleted while it runs is active.
func stateWord(load, active string) string {
	if active != "inactive" {
		return active
	}
	switch load {
	case "not-found":
		return stateAbsent
	case "masked":
		return stateMasked
	case "error", "bad-setting":
		return stateBroken
	default:
		return active
	}
}

// sinceOf is when the unit came into its active state, as `systemctl status` counts it.
func sinceOf(active string, p props) time.Time {
	switch active {
	case "active", "reloading":
		return p.moment("ActiveEnterTimestamp")
	case "inactive", "failed":
		return p.moment("InactiveEnterTimestamp")
	case "activating":
		return p.moment("InactiveExitTimestamp")
	case "deactivating":
		return p.moment("ActiveExitTimestamp")
	default:
		return p.moment("StateChangeTimestamp")
	}
}

func loadError(p props) string {
	pair, _ := p["LoadError"].([]any)
	if len(pair) < 2 {
		return ""
	}
	text, _ := pair[1].(string)
	return fit(text, maxArg)
}

// unmet finds the condition that made systemd skip the last start. A row is type, trigger, negate, parameter, and what
// became of it: below 0 when it did not hold.
func unmet(p props) string {
	if p.flag("ConditionResult") || p.moment("ConditionTimestamp").IsZero() {
		return ""
	}
	for _, row := range p.rows("Conditions") {
		if len(row) < 5 {
			continue
		}
		if state, ok := toInt(row[4]); ok && state < 0 {
			kind, _ := row[0].(string)
			param, _ := row[3].(string)
			if negate, _ := row[2].(bool); negate {
				param = "!" + param
			}
			return fit(kind+"="+param, maxArg)
		}
	}
	return "unknown"
}

func (s *unitState) commands(p props) {
	rows := p.rows("ExecStart")
	for i, row := range rows[:min(len(rows), maxEntries)] {
		if len(row) < 2 {
			continue
		}
		argv, _ := row[1].([]string)
		argv = hideAll(argv[:min(len(argv), maxEntries)])
		line := fit(strings.Join(argv, " "), maxLine)
		if i == 0 {
			s.CommandLine = line
			s.Command = facts(argv)
		}
		s.Commands = append(s.Commands, line)
	}
	s.Commands = budget.Items(s.Commands, maxEntries, maxList)
}

func (s *unitState) environment(p props) {
	all := p.list("Environment")
	s.Environment = facts(hideAll(all[:min(len(all), maxEntries)]))
	s.Env = map[string]string{}
	for _, entry := range s.Environment {
		if name, value, ok := strings.Cut(entry, "="); ok {
			s.Env[name] = value
		}
	}
}

// facts makes a list short enough for the facts.
func facts(items []string) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = short(item, maxArg)
	}
	return budget.Items(out, maxEntries, maxList)
}

// describe tells the unit in one line.
func (s *unitState) describe(since, now time.Time) string {
	var b strings.Builder
	b.WriteString(s.State)
	switch {
	case s.State == stateAbsent:
		b.WriteString(": systemd holds no such unit, and there is no file of it")
		return b.String()
	case s.State == stateMasked:
		fmt.Fprintf(&b, " (%s)", s.Fragment)
		return b.String()
	case s.State == stateBroken:
		fmt.Fprintf(&b, ": %s", s.LoadError)
		return b.String()
	case s.State == stateFailed && s.Result != "":
		fmt.Fprintf(&b, " (%s)", s.Result)
	case s.Sub != "" && s.Sub != s.State:
		fmt.Fprintf(&b, " (%s)", s.Sub)
	}
	if !since.IsZero() {
		fmt.Fprintf(&b, " since %s, for %s", since.UTC().Format("2006-01-02 15:04:05 UTC"), max(now.Sub(since), 0).Truncate(time.Second))
	}
	switch {
	case s.MainPID != 0:
		fmt.Fprintf(&b, "; main process %d", s.MainPID)
	case s.ExitText != "":
		fmt.Fprintf(&b, "; main process %s, %s", s.ExitCode, s.ExitText)
	}
	if s.Restarts > 0 {
		fmt.Fprintf(&b, "; restarted %d times", s.Restarts)
	}
	if s.Load != "loaded" && s.Load != "" {
		fmt.Fprintf(&b, "; its file is %s", s.Load)
	}
	if s.NeedReload {
		b.WriteString("; its file was changed since systemd read it")
	}
	return b.String()
}
