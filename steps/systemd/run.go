package systemd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"runbook/engine"
)

// How long the arguments and the environment of a command may be together, in bytes: far more than a command needs, and
// little enough to be sent in one piece to a bus that does not read.
const maxCommand = 64 << 10

type runIn struct {
	Unit        string            `json:"unit" doc:"full name for the new unit, like app-worker.service, which must be free" required:"true" is:"unit"`
	Argv        []string          `json:"argv" doc:"the program, by its full path, and its arguments. They are passed as they are: no shell, no variables, no % specifiers" required:"true"`
	Dir         string            `json:"dir" doc:"working directory (WorkingDirectory=); / when empty" is:"path"`
	Env         map[string]string `json:"env" doc:"environment variables (Environment=). Not for secrets: every user of the host can read the environment of a unit"`
	RunAs       string            `json:"run_as" doc:"the Unix user that the program runs as (User=), root for the host's systemd when empty" is:"user"`
	User        string            `json:"user" doc:"run it in this user's own systemd (systemd-run --user) instead of the host's. Root can, and the user" is:"user"`
	Type        string            `json:"type" doc:"when the unit counts as started (Type=): exec once the program runs, simple at once, oneshot when it has ended, notify when it says so, forking when it has forked" default:"exec" enum:"exec,simple,oneshot,notify,forking"`
	Restart     string            `json:"restart" doc:"when systemd restarts it by itself (Restart=)" default:"no" enum:"no,on-failure,on-abnormal,always"`
	RemainAfter bool              `json:"remain_after_exit" doc:"keep it active after its program has ended (RemainAfterExit=)"`
	Collect     bool              `json:"collect" doc:"unload it when it fails too, so that its name is free again (CollectMode=inactive-or-failed). How it failed is then only in the journal"`
	Description string            `json:"description" doc:"its Description=; the command when empty"`
}

func (in runIn) check() error {
	if err := checkUnit(in.Unit); err != nil {
		return err
	}
	if !strings.HasSuffix(in.Unit, ".service") {
		return fmt.Errorf("unit %s is not a service: only a service runs a program", in.Unit)
	}
	if len(in.Argv) == 0 || !filepath.IsAbs(in.Argv[0]) {
		return errors.New("argv begins with the full path of a program, like /usr/bin/node")
	}
	if in.Dir != "" && !filepath.IsAbs(in.Dir) {
		return fmt.Errorf("dir %q is not a full path", in.Dir)
	}
	if in.User != "" && in.RunAs != "" {
		return errors.New("a user's own systemd runs everything as that user: leave run_as out, or user")
	}
	size := 0
	for _, arg := range in.Argv {
		if size += len(arg); strings.ContainsRune(arg, 0) {
			return errors.New("an argument can't hold a NUL")
		}
	}
	for name, value := range in.Env {
		if size += len(name) + len(value); !isEnvName(name) || strings.ContainsRune(value, 0) {
			return fmt.Errorf("%q can't be an environment variable", name)
		}
	}
	if size > maxCommand {
		return fmt.Errorf("argv and env have %d bytes together: %d is the most", size, maxCommand)
	}
	return nil
}

func isEnvName(name string) bool {
	for i, r := range name {
		if r != '_' && !isAlphanumeric(r) || i == 0 && r >= '0' && r <= '9' {
			return false
		}
	}
	return name != ""
}

func runKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[runIn, changeOut]{
		Name: "systemd.run",
		Doc: `Runs a program in a new transient service, as systemd-run does, and waits until it counts as started.

The program belongs to systemd: it outlives the runbook, its output goes to the journal, and its unit is unloaded when it
ends well. When it ends badly the unit stays as failed until systemd.reset-failed, unless ` + "`collect`" + ` is set. A name
that is taken makes the step fail, and the failure says by what.

Stopping the unit takes it back.`,
		Effect: engine.Changes,
		Example: `unit: app-worker.service
argv: [/usr/bin/node, worker.js, --port, "3000"]
dir: /srv/app
env: {NODE_ENV: production}
run_as: www-data
`,
		Check:    runIn.check,
		Describe: describeRun,
		Do:       h.run,
	})
}

func describeRun(_ context.Context, in runIn, _ engine.Task) (engine.Description, error) {
	name := in.Unit
	d := engine.Description{
		Summary: fmt.Sprintf("run %s as %s%s", oneLine(strings.Join(hideAll(in.Argv), " "), maxArg), name, ofUser(in.User)),
		Target:  name,
		Exact:   []string{fmt.Sprintf("org.freedesktop.systemd1.Manager.StartTransientUnit(%q, %q, properties, [])", name, jobMode)},
		Undo:    systemctl(in.User, "stop", name),
	}
	for _, p := range in.settings() {
		d.Exact = append(d.Exact, "  "+p.text)
	}
	d.Exact = append(d.Exact, systemdRun(in, name))
	return d, nil
}

// setting is one property of a new unit, with the line that shows it.
type setting struct {
	property dbus.Property
	text     string
	option   []string // what systemd-run would be told
}

func (in runIn) settings() []setting {
	var out []setting
	add := func(name string, value any, shown string, option ...string) {
		out = append(out, setting{dbus.Property{Name: name, Value: godbus.MakeVariant(value)}, name + "=" + shown, option})
	}
	property := func(name string, value any, shown string) { add(name, value, shown, "-p", name+"="+shown) }
	if in.Description != "" {
		add("Description", in.Description, in.Description, "--description="+in.Description)
	}
	property("Type", in.Type, in.Type)
	if in.RunAs != "" {
		add("User", in.RunAs, in.RunAs, "--uid="+in.RunAs)
	}
	if in.Dir != "" {
		add("WorkingDirectory", in.Dir, in.Dir, "--working-directory="+in.Dir)
	}
	var env, options []string
	for _, name := range slices.Sorted(maps.Keys(in.Env)) {
		env = append(env, name+"="+in.Env[name])
		options = append(options, "--setenv="+name+"="+in.Env[name])
	}
	if len(env) > 0 {
		add("Environment", env, strings.Join(quoted(hideAll(env)), " "), options...)
	}
	if in.Restart != "no" {
		property("Restart", in.Restart, in.Restart)
	}
	if in.RemainAfter {
		add("RemainAfterExit", true, "yes", "--remain-after-exit")
	}
	if in.Collect {
		add("CollectMode", "inactive-or-failed", "inactive-or-failed", "--collect")
	}
	// With no-env-expand systemd takes the arguments as they are; specifiers are not looked for in what comes by D-Bus.
	add("ExecStartEx", []execCommand{{in.Argv[0], in.Argv, []string{"no-env-expand"}}}, strings.Join(quoted(hideAll(in.Argv)), " "))
	return out
}

// execCommand is a command line as ExecStartEx takes it.
type execCommand struct {
	Path  string
	Args  []string
	Flags []string
}

// systemdRun writes the command that would do the same.
func systemdRun(in runIn, name string) string {
	words := []string{"systemd-run"}
	if in.User != "" {
		words = append(words, "--user", "--machine="+in.User+"@.host")
	}
	words = append(words, "--unit="+name)
	for _, s := range in.settings() {
		words = append(words, s.option...)
	}
	words = append(words, "--")
	for _, arg := range in.Argv {
		words = append(words, strings.ReplaceAll(arg, "$", "$$")) // systemd-run expands variables
	}
	return strings.Join(quoted(hideAll(words)), " ")
}

// quoted writes words as a shell would want them.
func quoted(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		w = clean(w)
		if w == "" || strings.ContainsFunc(w, func(r rune) bool { return !strings.ContainsRune(`-_=+:,./@%*`, r) && !isAlphanumeric(r) }) {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out[i] = w
	}
	return out
}

func (h host) run(ctx context.Context, in runIn, t engine.Task) (changeOut, error) {
	name := in.Unit
	m, err := h.connect(ctx, in.User, t.As)
	if err != nil {
		return changeOut{}, err
	}
	job := &jobRun{host: h, manager: m, owner: in.User, as: t.As, doing: "run " + name, kind: "start"}
	defer func() { job.manager.close() }()
	before, err := m.look(ctx, name)
	if err != nil {
		return changeOut{}, err
	}
	out := changeOut{Job: "none"}
	out.fill(before)
	if why := taken(before); why != "" {
		return out, engine.Failf(engine.Exit, "run %s: the name is taken: %s", name, why)
	}
	properties := []dbus.Property{{Name: "AddRef", Value: godbus.MakeVariant(true)}} // as manager.hold
	if m.via != viaBus {
		properties = nil // only a bus can tell systemd when we are gone
	}
	for _, s := range in.settings() {
		properties = append(properties, s.property)
	}
	after, err := job.see(ctx, name, &out, func(ctx context.Context, c *dbus.Conn, done chan<- string) (int, error) {
		return c.StartTransientUnitContext(ctx, name, jobMode, properties, done)
	})
	if err != nil {
		return out, err
	}
	out.Changed = out.Job == jobDone || after.Exists
	v := verb{name: "run", holds: func(s unitState) bool { return s.Active == "active" }}
	return out, h.judge(ctx, v, out, after, in.User, t)
}

// taken tells what keeps systemd from making a new unit of that name, "" for nothing.
func taken(s unitState) string {
	switch {
	case !s.Exists:
		return ""
	case s.State == stateMasked:
		return "the unit is masked (" + s.Fragment + ")"
	case s.Transient && s.State == stateFailed:
		return "a failed transient unit holds it, which systemd.reset-failed would unload"
	case s.Transient:
		return "a transient unit holds it, which is " + s.Text
	case s.Fragment != "":
		return "there is a unit file of that name (" + s.Fragment + ")"
	default:
		return "it is " + s.Text
	}
}
