package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/cmd/runbook/internal/prompt"
	"runbook/engine"
	"runbook/engine/scenario"
)

// actor plays the host of a drill: what its scenario says, at a pace that a person can follow, and changes in the words
// of the runbook. A kind would describe them better, and would look at this machine for that.
type actor struct {
	world *scenario.World

	pace   sync.Mutex      // held by the one that takes its time
	looked map[string]bool // checks, so far
}

// How long a person sees that something is looked at for the first time, and that something is changed.
const (
	aLook   = 70 * time.Millisecond
	aChange = 600 * time.Millisecond
)

// Perform plays a check or a change.
func (a *actor) Perform(ctx context.Context, c engine.Call) engine.Result {
	switch c.Verb {
	case engine.Prepare:
		return engine.Result{Description: inWords(c)}
	case engine.Act:
		a.takeTime(ctx, aChange)
	case engine.Look:
		a.takeTime(ctx, a.lookTime(c.Step))
	case engine.Attach, engine.Confirm:
	}
	r := a.world.Perform(ctx, c)
	if r.Failure != nil {
		r.Failure.Message = "the scenario says so" // and its kind stands beside it
	}
	return r
}

func (a *actor) lookTime(step string) time.Duration {
	a.pace.Lock()
	defer a.pace.Unlock()
	if a.looked[step] {
		return 0
	}
	a.looked[step] = true
	return aLook
}

// takeTime lets one thing after the other take its time.
func (a *actor) takeTime(ctx context.Context, d time.Duration) {
	if d == 0 {
		return
	}
	a.pace.Lock()
	defer a.pace.Unlock()
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// inWords is a change as its step writes it.
func inWords(c engine.Call) *engine.Description {
	d := &engine.Description{Summary: c.Kind, Target: c.Step, Undo: "not known in a drill"}
	for _, name := range []string{"dir", "name", "path", "unit"} { // what kinds take for the target of a change
		if target, ok := c.Inputs[name].(string); ok && target != "" {
			d.Summary, d.Target = c.Kind+" "+target, target
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Inputs)) {
		lines := strings.Split(strings.TrimRight(plainly(c.Inputs[name]), "\n"), "\n")
		if len(lines) == 1 {
			d.Exact = append(d.Exact, name+": "+lines[0])
			continue
		}
		d.Exact = append(d.Exact, name+":")
		for _, line := range lines {
			d.Exact = append(d.Exact, "| "+line)
		}
	}
	return d
}

// plainly writes a value on a line, but for a text that has several.
func plainly(v any) string {
	var items []string
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			items = append(items, plainly(item))
		}
		return strings.Join(items, " ")
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			items = append(items, name+": "+plainly(v[name]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

// everybody is the person at the terminal, who in a drill also speaks for all others whose agreement is needed.
type everybody struct{ person prompt.Prompt }

// Perform asks the person, in the name of whoever is to answer.
func (e everybody) Perform(ctx context.Context, c engine.Call) engine.Result {
	person := e.person
	if q := c.Question; q != nil && q.Approvals > 1 {
		person.By = fmt.Sprintf("%s as person %d", person.By, len(q.Agreed)+1)
	}
	return person.Perform(ctx, c)
}
