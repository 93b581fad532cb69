package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/journal"
	"runbook/internal/runner"
	"runbook/reports"
)

// defaultBook is the runbook whose checks a snapshot makes when none is named.
const defaultBook = "health"

// exitDrift and exitBlind are those of not-fixed and undecided: something is not as it should be, and nobody knows.
const (
	exitDrift = 3
	exitBlind = 8
)

func (p program) snapshotCommand() command {
	return command{
		name: "snapshot", args: "[NAME] [-p NAME=VALUE]… > PAGE | [NAME] --check PAGE [--json]",
		about: "write down what runs on a host, and see what has drifted",
		text: "Makes the checks of a runbook (" + defaultBook + " when none is named) as a dry run does, and prints a Markdown page of what they saw. " +
			"With --check, it makes them again with the parameters of the page, and says what is different: exit 0 when nothing is, " +
			"3 when something is, 8 when nothing is but not everything could be compared. What moves by itself (process ids, ages, " +
			"memory, latency) is not compared. No run is kept.",
		example: "runbook snapshot > host.md\nrunbook snapshot --check host.md",
		flags: []flag{
			{name: "check", value: "PAGE", about: "compare the host with this page; - is stdin"},
			{name: "json", about: "with --check: print what is different as JSON on stdout"},
			{name: "param", short: "p", value: "NAME=VALUE", many: true, about: "the value of a parameter; may be given several times"},
			{name: "params-file", value: "FILE", about: "values of parameters, as YAML; -p comes before it"},
			{name: "parallel", value: "N", about: "checks at the same time, 8 by default"},
			{name: "unsandboxed-reads", about: "let commands that only read run where the kernel can't hold them to it"},
			dirFlag(),
		},
		do: p.snapshot,
	}
}

func (p program) snapshot(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("for example: runbook snapshot health > host.md", "only one runbook is wanted, and there are %d: %s", c.NArg(), strings.Join(c.Args().Slice(), " "))
	}
	if c.IsSet("check") {
		return p.snapshotCheck(c)
	}
	if c.Bool("json") {
		return usagef("runbook snapshot --check PAGE --json", "--json is for --check: a page is Markdown, with its values in it as JSON")
	}
	name := c.Args().First()
	if name == "" {
		name = defaultBook
	}
	plan, err := p.toRun(c, name)
	if err != nil {
		return err
	}
	if !looks(plan) {
		return usagef("", "runbook %s has no checks: there is nothing to put on a page", plan.Runbook.Name.Value)
	}
	params, err := p.params(c, plan)
	if err != nil {
		return err
	}
	h, err := p.lookAt(c, plan, params)
	if err != nil {
		return err
	}
	page, err := reports.Snapshot(h.Plan, h.Events)
	if err != nil {
		return err
	}
	if _, err := p.stdout.Write(page); err != nil {
		return fmt.Errorf("print the page: %w", err)
	}
	return p.seen(reports.NewValues(h.Plan, h.Events))
}

// looks tells whether a runbook has checks, of its own or in the runbooks that it runs.
func looks(p *engine.Plan) bool {
	return slices.ContainsFunc(p.Steps, func(s *engine.PlanStep) bool { return s.Effect == engine.Reads || s.Book != nil && looks(s.Book) })
}

// seen says on stderr what is not well on a page, which went to a file: a page of a host that is not well is a page, and
// one with checks that could not look is not whole.
func (p program) seen(v reports.Values) error {
	var bad, blind []string
	for _, c := range v.Checks {
		switch {
		case c.Blind():
			blind = append(blind, c.Step)
		case c.Outcome == engine.OutcomeUnhealthy:
			bad = append(bad, c.Step)
		}
	}
	s, code := p.screen(), exitOK
	var lines []string
	if len(bad) > 0 {
		lines = append(lines, worded(s, "UNHEALTHY", s.Paint.Bad, strings.Join(bad, ", ")+": the page says so")...)
	}
	if len(blind) > 0 {
		code = exitBlind
		lines = append(lines, worded(s, "UNKNOWN", s.Paint.Warn, strings.Join(blind, ", ")+": could not be looked at; the page says why")...)
	}
	for _, line := range lines {
		_, _ = fmt.Fprintln(s, line)
	}
	return exitWith(code)
}

// lookAt makes the checks of a runbook, as a dry run does, and gives what was recorded. Nothing of it is kept: a look
// every hour must not hide the runs of people among its own, and what it saw is on the page.
func (p program) lookAt(c *cli.Context, plan *engine.Plan, params map[string]any) (runner.History, error) {
	var h runner.History
	kinds, err := p.kinds()
	if err != nil {
		return h, err
	}
	parallel, err := parallelOf(c)
	if err != nil {
		return h, err
	}
	store, remove, err := passingStore()
	if err != nil {
		return h, err
	}
	defer remove()
	if s := p.screen(); s.Terminal {
		host, _ := os.Hostname()
		_, _ = fmt.Fprintf(s, "looking at %s with %s\n", screen.Line(host), screen.Line(plan.Runbook.Name.Value))
	}
	out, err := runner.Run(context.Background(), runner.Options{
		Plan: plan, Kinds: kinds, Store: store, Params: params, Mode: engine.DryRun, Parallel: parallel, Version: version(),
		Who: p.person(), Answers: runner.Answers{NoInput: true}, Unsandboxed: c.Bool("unsandboxed-reads"), Secrets: p.secrets(), Signals: signals(),
	})
	if err != nil {
		return h, err
	}
	if out.Verdict == engine.VerdictInterrupted || out.Verdict == engine.VerdictRefused {
		for _, why := range out.Why {
			_, _ = fmt.Fprintln(p.stderr, "runbook: "+screen.Line(why))
		}
		_, _ = fmt.Fprintf(p.stderr, "runbook: %s: not everything was looked at, so there is nothing to show\n", out.Verdict)
		return h, exitWith(out.Exit)
	}
	run, err := store.Open(out.Run)
	if err != nil {
		return h, err
	}
	return runner.Read(run, kinds)
}

// passingStore is a place for the journal of a look, which ends with the look: in memory where that can be, since the
// disk of a host in trouble may be full.
func passingStore() (store journal.Store, remove func(), err error) {
	var failed error
	for _, above := range []string{"/dev/shm", os.TempDir()} {
		dir, err := os.MkdirTemp(above, "runbook-snapshot-")
		if err == nil {
			return journal.Store{Dir: dir, UID: os.Geteuid()}, func() { _ = os.RemoveAll(dir) }, nil
		}
		failed = errors.Join(failed, err)
	}
	return journal.Store{}, nil, fmt.Errorf("find a place for the journal of a look: %w", failed)
}

// snapshotCheck holds the host against a page.
func (p program) snapshotCheck(c *cli.Context) error {
	file := c.String("check")
	if c.IsSet("param") || c.IsSet("params-file") {
		return usagef("", "the page says with which parameters to look: -p and --params-file are not for --check")
	}
	page, err := p.readPage(file)
	if err != nil {
		return err
	}
	name := c.Args().First()
	if name == "" {
		name = page.Runbook
	}
	plan, err := p.toRun(c, name)
	if e, ok := errors.AsType[*usageError](err); ok && name == page.Runbook {
		e.hint = strings.TrimPrefix(e.hint+"\n", "\n") + "the page is of that runbook; to say where it is: runbook snapshot FILE.yaml --check " + file
		return e
	}
	if err != nil {
		return err
	}
	if have := plan.Runbook.Name.Value; have != page.Runbook {
		return usagef("", "%s is a page of runbook %s, and this is %s", file, page.Runbook, have)
	}
	given, dropped := paramsOf(plan, page)
	params, err := engine.ResolveParams(plan.Runbook, given)
	if err != nil {
		return usagef("the runbook has changed since; take the page anew: runbook snapshot "+name+" > "+file, "%s does not fit its runbook any more: %s", file, err)
	}
	h, err := p.lookAt(c, plan, params)
	if err != nil {
		return err
	}
	d := reports.Compare(page, h.Plan, h.Events)
	for _, name := range dropped {
		d.Notes = append(d.Notes, "the runbook has no parameter "+name+" any more")
	}
	code := exitOK
	switch {
	case len(d.Checks) > 0:
		code = exitDrift
	case len(d.Unseen) > 0:
		code = exitBlind
	}
	if c.Bool("json") {
		if err := p.printJSON(driftOf(file, page, d, code)); err != nil {
			return err
		}
		return exitWith(code)
	}
	newDriftScreen(screen.New(p.stdout, p.getenv), file, page, d).print(code)
	return exitWith(code)
}

// mostPage is how long a page may be, in bytes.
const mostPage = 16 << 20

// readPage reads the values of a page. A page that is none, or was edited until it can't be read, is a mistake of whoever
// named it.
func (p program) readPage(file string) (reports.Values, error) {
	in, name := io.Reader(os.Stdin), "stdin"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return reports.Values{}, usagef("runbook snapshot > "+file+" writes it", "read the page: %s", err)
		}
		defer f.Close()
		in, name = f, file
	}
	raw, err := io.ReadAll(io.LimitReader(in, mostPage+1))
	if err != nil {
		return reports.Values{}, usagef("", "read the page: %s", err)
	}
	if len(raw) > mostPage {
		return reports.Values{}, usagef("", "%s is longer than any page: %d MiB", name, mostPage>>20)
	}
	v, err := reports.ReadValues(raw)
	if err != nil {
		return v, usagef("take the page anew with runbook snapshot, or put the block of values back as it was", "%s: %s", name, err)
	}
	return v, nil
}

// paramsOf are the parameters that a page was written with, as far as the runbook still has them.
func paramsOf(plan *engine.Plan, page reports.Values) (given map[string]string, dropped []string) {
	given = map[string]string{}
	for _, p := range plan.Runbook.Params {
		if v, ok := page.Params[p.Name.Value]; ok && !p.Secret {
			given[p.Name.Value] = v
		}
	}
	for _, name := range slices.Sorted(maps.Keys(page.Params)) {
		if _, ok := given[name]; !ok {
			dropped = append(dropped, name)
		}
	}
	return given, dropped
}
