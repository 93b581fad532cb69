package main

import (
	"context"
	"fmt"
	"os"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/internal/host"
	"runbook/internal/supervisor"
)

// supervise is the other side of a change: this binary in a session of its own. Its arguments are the folder of the
// store and the run; the order stands in its standard input.
func (p program) supervise(args []string) error {
	if len(args) != 2 {
		return usagef("", "%s is for this program's own use", supervisor.Name)
	}
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	store, err := p.store()
	if err != nil {
		return err
	}
	store.Dir = args[0]
	run, err := store.Open(args[1])
	if err != nil {
		return err
	}
	world := func(output func(step, line string)) engine.Performer {
		return &host.Host{Kinds: kinds, Secrets: p.secrets(), Output: output, Keep: keep(run)}
	}
	if err := supervisor.Supervise(context.Background(), run, world, os.Stdin, p.stdout); err != nil {
		return fmt.Errorf("supervise a change: %w", err)
	}
	return nil
}

// keep opens evidence in the folder of a run.
func keep(run *journal.Run) func(step string) (host.File, error) {
	return func(step string) (host.File, error) { return run.Evidence(step) }
}
