package nginx

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
	"runbook/steps/internal/proc"
)

const (
	// How long nginx may take from the signal to its new workers. It reads its whole configuration in between.
	patience = 15 * time.Second
	// How often it is looked at meanwhile.
	every = 100 * time.Millisecond
)

type reloadInput struct {
	Config string `json:"config" is:"path" doc:"the configuration file that the running nginx uses, an absolute path; when empty the one that it was started with, or nginx's own"`
	Unit   string `json:"unit" default:"nginx.service" is:"unit" doc:"the systemd unit that nginx runs in. When none of its processes is nginx, one that was started by hand is looked for"`
}

func (in reloadInput) check() error {
	if in.Config != "" && !filepath.IsAbs(in.Config) {
		return fmt.Errorf("config %q is not absolute", in.Config)
	}
	if !strings.HasSuffix(in.Unit, ".service") || strings.HasPrefix(in.Unit, "-") || strings.ContainsAny(in.Unit, "/*?[ \n\x00") {
		return fmt.Errorf("unit %q is not the full name of a service, like nginx.service", in.Unit)
	}
	return nil
}

type reloadOutput struct {
	Changed  bool      `json:"changed" doc:"nginx has taken the configuration: all workers that take connections are new"`
	Through  string    `json:"through" doc:"how it was told: a systemctl command, or the signal HUP to its master process when no unit runs it; empty when it was not"`
	Master   int       `json:"master" moves:"true" doc:"process id of the master process"`
	Workers  int       `json:"workers" doc:"how many workers take connections"`
	Leaving  int       `json:"leaving" moves:"true" doc:"how many old workers only finish their connections"`
	Warnings []message `json:"warnings" doc:"what nginx -t found odd, at most 20"`
	TookMS   int       `json:"took_ms" moves:"true" doc:"milliseconds from the signal until the new workers were seen"`
}

func reloadKind() engine.Definition[reloadInput, reloadOutput] {
	return engine.Definition[reloadInput, reloadOutput]{
		Name:   "nginx.reload",
		Effect: engine.Changes,
		Doc: `Makes a running nginx take its configuration, if ` + "`nginx -t`" + ` finds nothing wrong with it.

When the test fails, or nginx does not run, nothing is reloaded. A reload that was accepted can still fail, for example
because another program holds a port: nginx goes on with its old configuration then, and says so only in its error log.
So the step waits until all workers are new ones. Old workers may go on for a while: they finish their connections.

nginx that a unit runs is reloaded by systemctl. One that was started by hand, by root or by the step's user, gets the
signal of ` + "`nginx -s reload`" + `, but as the process that was found, whatever a stale pid file says.`,
		Example:  "unit: nginx.service",
		Check:    reloadInput.check,
		Describe: describeReload,
		Before:   keepProcesses,
		Do:       reload,
	}
}

// teller tells a master to reload.
type teller struct {
	master master
	argv   []string // nil for the signal
}

func (in reloadInput) teller(m master) teller {
	if m.unit == in.Unit {
		return teller{m, []string{"systemctl", "--no-ask-password", "reload", in.Unit}}
	}
	return teller{m, nil}
}

func (w teller) String() string {
	if w.argv != nil {
		return strings.Join(w.argv, " ")
	}
	return fmt.Sprintf("kill -HUP %d", w.master.pid)
}

// configOr is the file to test: what the step says, or what nginx was started with.
func (in reloadInput) configOr(m master) string {
	if in.Config != "" {
		return in.Config
	}
	return m.config
}

func describeReload(ctx context.Context, in reloadInput, t engine.Task) (engine.Description, error) {
	d := engine.Description{Summary: "reload nginx", Target: in.Unit}
	m, err := hostcall.Look(ctx, t.As, in.find)
	if err != nil {
		if ctx.Err() != nil {
			return d, err
		}
		d.Summary += ": it will be refused, because " + err.Error()
		return d, nil
	}
	w := in.teller(m)
	if w.argv == nil {
		d.Target = fmt.Sprintf("nginx (process %d)", m.pid)
	}
	d.Summary = "reload " + d.Target + ", if its configuration passes the test"
	d.Exact = []string{strings.Join(testArgv(in.configOr(m)), " "), w.String()}
	return d, nil
}

// keepProcesses keeps which processes nginx has: a reload ends the workers. There is nothing to keep of an nginx that
// does not run.
func keepProcesses(ctx context.Context, in reloadInput, t engine.Task) error {
	m, err := hostcall.Look(ctx, t.As, in.find)
	if err != nil {
		return err
	}
	c, err := crewOf(ctx, m.pid, t.As)
	if err != nil {
		return err
	}
	w := t.Keep("processes")
	_, _ = fmt.Fprintf(w, "%d %s\n%s\n", m.pid, m.title, c)
	return w.Close()
}

func reload(ctx context.Context, in reloadInput, t engine.Task) (reloadOutput, error) {
	m, err := hostcall.Look(ctx, t.As, in.find)
	if err != nil {
		return reloadOutput{}, prefixed(err)
	}
	out := reloadOutput{Master: m.pid}
	tested, err := test(ctx, in.configOr(m), t)
	out.Warnings = tested.Warnings
	switch {
	case err != nil:
		return out, prefixed(err)
	case !tested.OK:
		return out, engine.Failf(engine.Exit, "reload nginx: not done, because the configuration is wrong: %s", tested.Text)
	case tested.Untested != "":
		return out, engine.Failf(engine.Denied, "reload nginx: not done, because the configuration could not be tested: %s", tested.Untested)
	}
	before, err := crewOf(ctx, m.pid, t.As)
	if err != nil {
		return out, prefixed(err)
	}
	log, err := hostcall.Look(ctx, t.As, func() (errorLog, error) { return openErrorLog(m.pid), nil })
	if err != nil {
		return out, prefixed(err)
	}
	w := in.teller(m)
	start := time.Now()
	if err := w.tell(ctx, t); err != nil {
		return out, err
	}
	out.Through = w.String()
	now, err := wait(ctx, before, log, m, t)
	out.TookMS = int(time.Since(start).Milliseconds())
	out.Workers, out.Leaving = len(now.serving), len(now.leaving)
	out.Changed = err == nil
	return out, err
}

// tell makes the master reload. It returns when it was told, not when it has done it.
func (w teller) tell(ctx context.Context, t engine.Task) error {
	if w.argv == nil {
		_, err := hostcall.Act(ctx, t.As, func() (struct{}, error) { return struct{}{}, w.master.signal() })
		return prefixed(err)
	}
	var heard listener
	exit, err := process{argv: w.argv, evidence: "systemctl", to: &heard}.run(ctx, t)
	switch {
	case err != nil:
		return sorted("reload nginx", err)
	case exit.Code != 0:
		return engine.Failf(engine.Exit, "reload nginx: systemctl ended with code %d%s", exit.Code, after(heard.stray))
	}
	return nil
}

// signal sends HUP to the process that was found, unless its number has become another's.
func (m master) signal() error {
	table, err := proc.Open()
	if err != nil {
		return err
	}
	if title, err := table.CommandLine(m.pid); err != nil || title != m.title {
		return engine.Failf(engine.Missing, "process %d is not nginx any longer", m.pid)
	}
	if err := syscall.Kill(m.pid, syscall.SIGHUP); err != nil {
		return fmt.Errorf("send HUP to process %d: %w", m.pid, err)
	}
	return nil
}

// wait waits until all workers are new ones, seen twice: a worker that can't go on ends at once.
func wait(ctx context.Context, before crew, log errorLog, m master, t engine.Task) (crew, error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var now crew
	for {
		seen := now
		var why complaint
		var err error
		if now, err = crewOf(ctx, m.pid, t.As); err == nil {
			why, err = hostcall.Look(ctx, t.As, func() (complaint, error) { return log.complaint(), nil })
		}
		switch {
		case ctx.Err() != nil:
			return now, engine.FailureOf(fmt.Errorf("reload nginx: it was told, and its new workers were not waited for: %w", ctx.Err()))
		case err != nil:
			return now, prefixed(err)
		case now.renewed(before) && seen.renewed(before):
			return now, nil
		case why.final:
			return now, notTaken(now, why)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-deadline.C:
			return now, notTaken(now, why)
		}
	}
}

func notTaken(now crew, why complaint) error {
	text := fmt.Sprintf("reload nginx: it was told to, and goes on as before (%s)", now)
	if why.text != "" {
		return engine.Failf(engine.Exit, "%s; its error log: %s", text, why.text)
	}
	return engine.Failf(engine.Exit, "%s: its error log may tell why", text)
}

func prefixed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("reload nginx: %w", err)
}
