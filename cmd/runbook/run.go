package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/cmd/runbook/internal/display"
	"runbook/cmd/runbook/internal/prompt"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/journal"
	"runbook/internal/host"
	"runbook/internal/runner"
)

func (p program) runCommand() command {
	return command{
		name: "run", args: "NAME [-p NAME=VALUE]… [--dry-run] [--yes] [--confirm STEP=TARGET]… [--no-input] [--report FILE] [--incident ID] [--json]",
		about:   "look, say why, ask, act, and look again",
		text:    "NAME is the name of a runbook, or the path of its file. Every change is asked for, at the terminal; no answer is No.",
		example: "runbook run frontend-not-starting --dry-run\nrunbook run frontend-not-starting -p port=3001",
		flags: append([]flag{
			{name: "param", short: "p", value: "NAME=VALUE", many: true, about: "the value of a parameter; may be given several times"},
			{name: "params-file", value: "FILE", about: "values of parameters, as YAML; -p comes before it"},
			{name: "dry-run", short: "n", about: "look for real, and only say what would be changed"},
			{name: "incident", value: "ID", about: "the incident that this run belongs to"},
			{name: "parallel", value: "N", about: "checks at the same time, 8 by default"},
			{name: "override-cooldown", value: "REASON", about: "do not wait for the runbook's cooldown, and record why"},
			dirFlag(),
		}, answerFlags()...),
		do: p.runBook,
	}
}

// answerFlags are those of every command that drives a run.
func answerFlags() []flag {
	return []flag{
		{name: "yes", about: "agree beforehand to changes of low and medium risk"},
		{name: "confirm", value: "STEP=TARGET", many: true, about: "agree beforehand to the change of high risk that this step makes to this target"},
		{name: "no-input", about: "ask nobody: a question ends the run, with exit code 7"},
		{name: "report", value: "FILE", about: "write the report here as well; - is stdout"},
		{name: "json", about: "print the outcome as JSON on stdout"},
		{name: "unsandboxed-reads", about: "let commands that only read run where the kernel can't hold them to it"},
	}
}

func (p program) resumeCommand() command {
	return command{
		name: "resume", args: "[RUN] [--yes] [--confirm STEP=TARGET]… [--no-input] [--report FILE] [--json]",
		about:   "go on with a run that was interrupted",
		text:    "RUN is the id of a run, a part of one, or last. Without one, it is the last that was interrupted. Checks are made anew; a change whose end nobody saw is looked at first, and never silently repeated.",
		example: "runbook resume",
		flags:   answerFlags(),
		do:      p.resume,
	}
}

func (p program) runBook(c *cli.Context) error {
	name, err := one(c, "the name of a runbook", "runbook run frontend-not-starting")
	if err != nil {
		return err
	}
	plan, err := p.toRun(c, name)
	if err != nil {
		return err
	}
	if abs, err := filepath.Abs(plan.Runbook.File); err == nil && !strings.HasPrefix(plan.Runbook.File, "shipped/") {
		plan.Runbook.File = abs // for the record: who resumes the run is in another folder
	}
	params, err := p.params(c, plan)
	if err != nil {
		return err
	}
	parallel, err := parallelOf(c)
	if err != nil {
		return err
	}
	confirm, err := confirmed(c, plan)
	if err != nil {
		return err
	}
	mode := engine.Live
	if c.Bool("dry-run") {
		mode = engine.DryRun
	}
	p.unfinished(plan.Runbook.Name.Value)
	return p.drive(c, plan.Runbook, func(ctx context.Context, o runner.Options) (runner.Outcome, error) {
		o.Plan, o.Params, o.Mode, o.Parallel = plan, params, mode, parallel
		o.Incident, o.Cooldown = c.String("incident"), c.String("override-cooldown")
		o.Answers.Confirm = confirm
		return runner.Run(ctx, o)
	})
}

func (p program) resume(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("", "only one run can be resumed at a time")
	}
	run, err := p.interrupted(c.Args().First())
	if err != nil {
		return err
	}
	h, err := p.history(run)
	if err != nil {
		return err
	}
	confirm, err := confirmed(c, h.Plan)
	if err != nil {
		return err
	}
	return p.drive(c, h.Plan.Runbook, func(ctx context.Context, o runner.Options) (runner.Outcome, error) {
		o.Answers.Confirm = confirm
		return runner.Resume(ctx, run.ID, o)
	}, h.Started)
}

// interrupted finds a run to go on with: the one that is named, or the last that was interrupted.
func (p program) interrupted(name string) (*journal.Run, error) {
	if name == "" {
		store, err := p.store()
		if err != nil {
			return nil, err
		}
		ids, err := store.List()
		if err != nil && len(ids) == 0 {
			return nil, err
		}
		for _, id := range slices.Backward(ids) {
			if r := past(store, id); r.State == string(engine.VerdictInterrupted) && r.Mode != string(engine.Drill) {
				return store.Open(id)
			}
		}
		return nil, usagef("runbook runs lists all", "no run was interrupted")
	}
	run, err := p.open(name)
	if err != nil {
		return nil, err
	}
	if v, ended := verdictOf(run); ended {
		return nil, usagef("runbook report "+run.ID+" shows it", "run %s has ended (%s): there is nothing to go on with", run.ID, v)
	}
	if store, err := p.store(); err == nil && past(store, run.ID).Mode == string(engine.Drill) {
		return nil, usagef("", "run %s was a drill: there is nothing to go on with", run.ID)
	}
	return run, nil
}

// unfinished tells a person who starts a runbook that its last run can be gone on with. Only live runs leave something
// to go on with. Nothing hangs on it, so what can't be read is passed over, and only the newest runs are looked at: a
// start must not wait for years of records.
func (p program) unfinished(name string) {
	store, err := p.store()
	if err != nil {
		return
	}
	const newest = 200
	ids, _ := store.List()
	for _, id := range slices.Backward(ids[max(len(ids)-newest, 0):]) {
		r := past(store, id)
		if r.Runbook != name || r.Mode != string(engine.Live) {
			continue
		}
		if r.State == string(engine.VerdictInterrupted) {
			s := p.screen()
			text := fmt.Sprintf("run %s of this runbook was interrupted; runbook resume %s goes on with it", id, id)
			_, _ = fmt.Fprintln(s, strings.Join(screen.Indent(screen.Wrap(text, s.Width-8), "NOTICE  "), "\n"))
		}
		return
	}
}

// params gives the parameters of a run their values: those of the file, and over them those of the command line.
func (p program) params(c *cli.Context, plan *engine.Plan) (map[string]any, error) {
	given := map[string]string{}
	if file := c.String("params-file"); file != "" {
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, usagef("", "read parameters: %s", err)
		}
		values, mistakes := engine.ParseParams(file, src)
		if len(mistakes) > 0 {
			_, _ = io.WriteString(p.stderr, engine.RenderAll(mistakes, src)+"\n")
			return nil, usagef("", "read parameters: %s in %s; nothing was run", count(len(mistakes), "mistake", "mistakes"), file)
		}
		maps.Copy(given, values)
	}
	seen := map[string]bool{}
	for _, pair := range c.StringSlice("param") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usagef("for example: -p port=3000", "-p %s has no value", pair)
		}
		if seen[name] {
			return nil, usagef("", "parameter %s is given twice", name)
		}
		seen[name] = true
		given[name] = value
	}
	params, err := engine.ResolveParams(plan.Runbook, given)
	if err != nil {
		return nil, usagef("runbook show "+plan.Runbook.Name.Value+" tells what each is for; nothing was run", "%s", err)
	}
	return params, nil
}

func parallelOf(c *cli.Context) (int, error) {
	if !c.IsSet("parallel") {
		return 0, nil
	}
	const most = 1000
	n, err := strconv.Atoi(c.String("parallel"))
	if err != nil || n < 1 || n > most {
		return 0, usagef("", "--parallel is %s: it must be a number from 1 to %d", c.String("parallel"), most)
	}
	return n, nil
}

// confirmed reads what was agreed to beforehand. A step that is not there, or is no fix, is a mistake: the person
// believes to have agreed to something.
func confirmed(c *cli.Context, plan *engine.Plan) (map[string]string, error) {
	out := map[string]string{}
	for _, pair := range c.StringSlice("confirm") {
		step, target, ok := strings.Cut(pair, "=")
		if !ok || step == "" || target == "" {
			return nil, usagef("for example: --confirm restart=nginx.service", "--confirm %s does not say what the change is made to", pair)
		}
		fixes := fixesOf(plan, "")
		if !slices.Contains(fixes, step) {
			hint := "runbook show " + plan.Runbook.Name.Value + " lists the steps"
			if near := books.Near(step, fixes); near != "" {
				hint = "did you mean " + near + "?"
			}
			return nil, usagef(hint, "--confirm %s: the runbook has no fix %s", pair, step)
		}
		out[step] = target
	}
	return out, nil
}

// fixesOf lists the paths of the steps that change the host.
func fixesOf(plan *engine.Plan, prefix string) []string {
	var out []string
	for _, s := range plan.Steps {
		path := prefix + s.ID.Value
		if s.Effect == engine.Changes {
			out = append(out, path)
		}
		if s.Book != nil {
			out = append(out, fixesOf(s.Book, path+"/")...)
		}
	}
	return out
}

// drive carries a run out in front of a person: display, questions, signals, report, and the last line.
func (p program) drive(c *cli.Context, rb *engine.Runbook, do func(context.Context, runner.Options) (runner.Outcome, error), known ...engine.RunStarted) error {
	if c.Bool("json") && c.String("report") == "-" {
		return usagef("give --report a file", "--json and --report - both want stdout")
	}
	s := p.screen()
	d := display.New(s, time.Now)
	for _, started := range known {
		d.Known(started)
	}
	d.Title(rb)
	o, err := p.options(c, d)
	if err != nil {
		d.Close()
		return err
	}
	began := time.Now()
	out, err := do(context.Background(), o)
	d.Close()
	if err != nil {
		if out.Run == "" {
			return err
		}
		_, _ = fmt.Fprintf(p.stderr, "runbook: %s\n", err)
		out.Verdict, out.Exit = engine.VerdictInterrupted, exitFault
	}
	out.Report = p.reported(c, o.Store, out)
	p.conclude(s, out, time.Since(began))
	if c.Bool("json") {
		if err := p.printJSON(outcomeJSON{out.Run, rb.Name.Value, string(out.Verdict), out.Exit, out.Why, out.Report, out.Notices}); err != nil {
			return err
		}
	}
	return exitWith(out.Exit)
}

type outcomeJSON struct {
	Run     string   `json:"run"`
	Runbook string   `json:"runbook"`
	Verdict string   `json:"verdict"`
	Exit    int      `json:"exit"`
	Why     []string `json:"why,omitempty"`
	Report  string   `json:"report,omitempty"`
	Notices []string `json:"notices,omitempty"`
}

// options is what every run is told, whether it starts or goes on.
func (p program) options(c *cli.Context, d *display.Display) (runner.Options, error) {
	kinds, err := p.kinds()
	if err != nil {
		return runner.Options{}, err
	}
	store, err := p.store()
	if err != nil {
		return runner.Options{}, err
	}
	who := p.person()
	hostname, _ := os.Hostname()
	ask := &prompt.Prompt{
		Open: prompt.Terminal, Had: prompt.Here(), Getenv: p.getenv, Host: hostname, User: who.User, By: who.Name(), Run: d.Run, Hold: d.Hold, Now: time.Now,
		Evidence: func(file string) (io.ReadCloser, error) {
			run, err := store.Open(d.Run())
			if err != nil {
				return nil, err
			}
			return run.ReadEvidence(file)
		},
	}
	return runner.Options{
		Kinds: kinds, Store: store, Version: version(), Who: who, Secrets: p.secrets(),
		Answers:     runner.Answers{Yes: c.Bool("yes"), NoInput: c.Bool("no-input")},
		Unsandboxed: c.Bool("unsandboxed-reads"),
		Ask:         ask, Watch: d.Watch, Begun: d.Begun, Output: d.Output, Signals: signals(),
		Report: func(run *journal.Run) (string, error) { return p.writeReport(run, kinds, c.String("report")) },
	}, nil
}

func (p program) secrets() host.Secrets {
	return host.Secrets{Getenv: p.getenv, Dir: filepath.Join("/etc/runbook", "secrets")}
}

// signals are those that a run decides about. A broken pipe is none: a run goes on when nobody reads what it says. A
// hang-up that was to be ignored, as under nohup, stays ignored.
func signals() <-chan os.Signal {
	c := make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(c, syscall.SIGHUP)
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return c
}
