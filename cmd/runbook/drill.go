package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/cmd/runbook/internal/display"
	"runbook/cmd/runbook/internal/prompt"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/journal"
	"runbook/engine/scenario"
	"runbook/internal/runner"
)

func (p program) drillCommand() command {
	return command{
		name: "drill", args: "NAME [--scenario S]", about: "practise an incident: only your answers are real",
		text:    "NAME is the name of a runbook, or the path of its file. What has happened is one of its scenarios, a random one in which somebody is asked something. Nothing on this machine is looked at or changed, and it needs no root. At the end you see what you decided, how long it took you, and what the scenario wanted. The exit code is 0 when the drill has come to its end, whatever was decided.",
		example: "runbook drill frontend-not-starting",
		flags: []flag{
			{name: "scenario", value: "S", about: "this scenario, and not a random one"},
			dirFlag(),
		},
		do: p.drill,
	}
}

func (p program) drill(c *cli.Context) error {
	name, err := one(c, "the name of a runbook", "runbook drill frontend-not-starting")
	if err != nil {
		return err
	}
	plan, file, err := p.toDrill(c, name)
	if err != nil {
		return err
	}
	s, err := cast(file.Scenarios, c.String("scenario"))
	if err != nil {
		return err
	}
	if !prompt.Here() {
		_, _ = fmt.Fprintf(p.stderr, "runbook: drill %s: a drill needs a person at a terminal, and there is no terminal\n"+
			"         runbook test %s rehearses its scenarios without one\n", name, name)
		return exitWith(exitRefused)
	}
	return p.play(name, plan, s)
}

// toDrill finds a runbook and its scenarios. It runs nothing of them, so whoever may have written them.
func (p program) toDrill(c *cli.Context, name string) (*engine.Plan, *scenario.File, error) {
	kinds, err := p.kinds()
	if err != nil {
		return nil, nil, err
	}
	shelf := p.shelf(c)
	shelf.Root = false
	book, err := p.find(shelf, name)
	if err != nil {
		return nil, nil, err
	}
	v := newValidation(shelf.Beside(book), kinds)
	plan := v.load(book)
	if plan == nil {
		_, _ = io.WriteString(p.stderr, v.rendered()+"\n")
		return nil, nil, usagef("see also: runbook validate "+name, "load runbook %s: %s", book.Name, count(len(v.found), "mistake", "mistakes"))
	}
	file, err := v.scenarios(book, plan)
	switch {
	case err != nil:
		return nil, nil, err
	case len(v.found) > 0:
		_, _ = io.WriteString(p.stderr, v.rendered()+"\n")
		return nil, nil, usagef("see also: runbook validate "+name, "read the scenarios of %s: %s", book.Name, count(len(v.found), "mistake", "mistakes"))
	case file == nil:
		return nil, nil, usagef(blankScenario(plan, name), "drill %s: it has no scenarios: there is no %s", book.Name, books.Scenarios(book.File))
	}
	return plan, file, nil
}

// blankScenario shows how a first scenario of a runbook begins, with the lines that it cannot do without.
func blankScenario(plan *engine.Plan, name string) string {
	lines := []string{
		"Write it: what each check finds, and what is right to answer. It could begin so:",
		"scenarios:", "  first:", "    title: WHAT HAS HAPPENED TO THE HOST", "    sees:",
	}
	empty := &scenario.Scenario{Mode: engine.Live, Host: "host", Params: map[string]string{}}
	for _, problem := range scenario.Rehearse(plan, empty).Problems {
		if problem.Check {
			lines = append(lines, "      "+problem.Line)
		}
	}
	if fixes := fixesOf(plan, ""); len(fixes) > 0 {
		lines = append(lines, "    answers: {"+fixes[0]+": \"yes\"}")
	}
	lines = append(lines, "    expect: {verdict: "+string(engine.VerdictFixed)+"}", "runbook test "+name+" says what it lacks.")
	return strings.Join(lines, "\n")
}

// cast chooses the scenario of a drill: the one that is named, or a random one in which somebody decides something.
func cast(all []*scenario.Scenario, name string) (*scenario.Scenario, error) {
	var names []string
	var asking, live []*scenario.Scenario
	for _, s := range all {
		switch {
		case s.Mode != engine.Live:
			if s.Name.Value == name {
				return nil, usagef("choose another one", "scenario %s is a dry run, in which nobody decides anything", name)
			}
			continue
		case s.Name.Value == name:
			return s, nil
		case len(s.Answers) > 0:
			asking = append(asking, s)
		}
		names, live = append(names, s.Name.Value), append(live, s)
	}
	if name != "" {
		hint := "there are " + strings.Join(names, ", ")
		if near := books.Near(name, names); near != "" {
			hint = "did you mean " + near + "?"
		}
		return nil, usagef(hint, "there is no scenario %s", name)
	}
	if len(asking) == 0 {
		asking = live
	}
	if len(asking) == 0 {
		return nil, usagef("write one in which somebody decides something", "all scenarios of this runbook are dry runs")
	}
	return asking[rand.IntN(len(asking))], nil //nolint:gosec // a choice, not a secret
}

// play carries a drill out in front of a person, and tells how it went.
func (p program) play(name string, plan *engine.Plan, s *scenario.Scenario) error {
	params, err := engine.ResolveParams(plan.Runbook, s.Params)
	if err != nil {
		return usagef("give it in the scenario's params", "%s", err)
	}
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	store, err := p.drills()
	if err != nil {
		return err
	}
	world := scenario.NewWorld(plan, s)
	stage := runner.NewStage(&actor{world: world, looked: map[string]bool{}}, s.Host, s.Name.Value)
	scr, who := p.screen(), p.person()
	introduce(scr, plan.Runbook)
	d := display.New(scr, stage.Now)
	var events []engine.Stamped
	began := time.Now()
	out, err := runner.Run(context.Background(), runner.Options{
		Plan: plan, Kinds: kinds, Store: store, Params: params, Mode: engine.Drill, Version: version(), Who: who, Stage: stage,
		Ask: everybody{prompt.Prompt{
			Open: prompt.Terminal, Had: true, Getenv: p.getenv, Host: s.Host + " (simulated)", User: who.User, By: who.Name(),
			Run: d.Run, Hold: d.Hold, Now: stage.Now, Drill: true,
		}},
		Watch: func(e engine.Stamped, state *engine.State) {
			events = append(events, e)
			d.Watch(e, state)
		},
		Begun: d.Begun, Signals: signals(),
		Report: func(run *journal.Run) (string, error) { return p.writeReport(run, kinds, "") },
	})
	d.Close()
	if err != nil {
		return err
	}
	t := debriefing{Screen: scr, name: name, scenario: s, events: events, own: scenario.Rehearse(plan, s), unsaid: world.Problems(), took: time.Since(began)}
	t.tell(out)
	if out.Verdict == engine.VerdictInterrupted {
		return exitWith(out.Exit)
	}
	return nil
}

// drills is where the records of drills are kept: beside those of runs, where no command that deals with runs looks.
func (p program) drills() (journal.Store, error) {
	s, err := p.store()
	if err != nil {
		return s, err
	}
	s.Dir = filepath.Join(s.Dir, "drills")
	s.Fallbacks = slices.Clone(s.Fallbacks)
	for i := range s.Fallbacks {
		s.Fallbacks[i] += "-drills"
	}
	return s, nil
}

// introduce says what this is, before anything happens.
func introduce(s screen.Screen, rb *engine.Runbook) {
	first := s.Paint.Act("DRILL") + "  " + s.Paint.Strong(screen.Line(rb.Name.Value))
	if rb.Title.Value != "" {
		first += ": " + screen.Line(rb.Title.Value)
	}
	lines := append(screen.Wrap(first, s.Width), screen.Wrap("You are on call. The host is simulated: nothing on this machine is looked at or changed. "+
		"The questions are those of a run: answer as you would. Ctrl-C ends the drill.", s.Width)...)
	_, _ = io.WriteString(s, strings.Join(append(lines, ""), "\n")+"\n")
}
