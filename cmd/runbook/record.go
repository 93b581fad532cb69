package main

import (
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine/scenario"
	"runbook/reports"
)

func (p program) recordCommand() command {
	return command{
		name: "record", args: "[RUN] [--name NAME] [--all] [--entry]", about: "make a scenario of a past run, on stdout",
		text:    "RUN is the id of a run, a part of one, or last, which is what is meant without one. The scenario holds what the checks found, as far as the runbook looks at it, what people answered, and what came of it; it has been rehearsed, and passes. Secrets were cut out when the run was kept, and what looks like one by its name is blanked; read it all the same before you pass it on. When no scenario can be made of a run, the exit code is 7.",
		example: "runbook record k3f7 > runbooks/frontend-not-starting.scenarios.yaml\nrunbook record k3f7 --name build_lost --entry >> runbooks/frontend-not-starting.scenarios.yaml",
		flags: []flag{
			{name: "name", value: "NAME", about: "the scenario's name; without it, the run's"},
			{name: "all", about: "everything that was seen, also what the runbook does not look at"},
			{name: "entry", about: "the scenario alone, to append to a file whose last key is scenarios:"},
		},
		do: p.record,
	}
}

func (p program) record(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("", "only one run can be recorded at a time")
	}
	if name := c.String("name"); c.IsSet("name") && !scenario.IsName(name) {
		return usagef("use small letters, digits and _, and begin with a letter", "%q can't be the name of a scenario", name)
	}
	r, err := p.recording(c.Args().First())
	if err != nil {
		return err
	}
	text, err := r.Record(c.String("name"), c.Bool("all"), reports.BlankSecrets)
	s := p.screen()
	if err != nil {
		_, _ = io.WriteString(s, strings.Join(worded(s, "REFUSED", s.Paint.Warn, err.Error()), "\n")+"\n")
		return exitWith(exitRefused)
	}
	if c.Bool("entry") {
		_, entry, _ := strings.Cut(string(text), "\nscenarios:\n")
		text = []byte(entry)
	}
	_, err = p.stdout.Write(text)
	return err
}

// recording reads a run back, to go through it again.
func (p program) recording(name string) (*scenario.Recording, error) {
	run, err := p.open(name)
	if err != nil {
		return nil, err
	}
	h, err := p.history(run)
	if err != nil {
		return nil, err
	}
	return scenario.NewRecording(h.Plan, h.Events), nil
}
