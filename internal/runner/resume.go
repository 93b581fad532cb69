package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"runbook/engine"
	"runbook/engine/journal"
)

// History is a run as its journal tells it.
type History struct {
	Plan    *engine.Plan
	Started engine.RunStarted
	Events  []engine.Stamped
}

// Read reads a run back: the runbook is the journal's own, never the file's.
func Read(run *journal.Run, kinds engine.Kinds) (History, error) {
	var h History
	for rec, err := range run.Records() {
		if err != nil {
			return h, fmt.Errorf("read run %s: %w", run.ID, err)
		}
		e, err := engine.Decode(rec.Type, rec.Data)
		if err != nil {
			return h, fmt.Errorf("read run %s, event %d: %w", run.ID, rec.Seq, err)
		}
		h.Events = append(h.Events, engine.Stamped{Seq: int(rec.Seq), At: rec.At, Mono: rec.Mono, Event: e}) //nolint:gosec // small
	}
	if len(h.Events) == 0 {
		return h, fmt.Errorf("read run %s: its journal is empty", run.ID)
	}
	started, ok := h.Events[0].Event.(engine.RunStarted)
	if !ok {
		return h, fmt.Errorf("read run %s: its journal does not begin with a start", run.ID)
	}
	h.Started = started
	plan, diags := engine.Load(started.Runbook.File, []byte(started.Runbook.Text), kinds, func(name string) (string, []byte, error) {
		for _, b := range started.Books {
			if b.Name == name {
				return b.File, []byte(b.Text), nil
			}
		}
		return "", nil, fmt.Errorf("the journal does not hold runbook %s", name)
	})
	if len(diags) > 0 {
		return h, fmt.Errorf("read run %s: this version of runbook refuses the runbook that it ran: %s", run.ID, diags[0].Message)
	}
	h.Plan = plan
	return h, nil
}

// Resume goes on with an interrupted run. Options.Plan, Params, Mode and Incident are the journal's.
func Resume(ctx context.Context, id string, o Options) (Outcome, error) {
	run, err := o.Store.Open(id)
	if err != nil {
		return Outcome{}, err
	}
	l := &life{Options: o, inbox: make(chan engine.Stamped)}
	l.Store.Notice = l.notice
	l.writer, err = run.Hold(journal.Holder{Run: id, By: o.Who.Name()})
	if held, ok := errors.AsType[*journal.HeldError](err); ok {
		return Outcome{Run: id, Verdict: engine.VerdictRefused, Exit: engine.VerdictRefused.ExitCode(), Why: []string{held.Error()}}, nil
	}
	if err != nil {
		return Outcome{}, fmt.Errorf("resume run %s: %w", id, err)
	}
	h, err := Read(run, o.Kinds)
	if err != nil {
		return Outcome{}, errors.Join(err, l.writer.Close())
	}
	l.Plan, l.Params, l.Mode, l.Incident, l.Parallel = h.Plan, h.Started.Params, h.Started.Mode, h.Started.Incident, h.Started.Parallel
	if l.Mode == engine.Drill {
		return Outcome{}, errors.Join(fmt.Errorf("run %s was a drill: there is nothing to resume", id), l.writer.Close())
	}
	state := engine.New(h.Plan)
	for _, e := range h.Events {
		state.Apply(e)
	}
	if v, ended := state.Ended(); ended {
		return Outcome{}, errors.Join(fmt.Errorf("run %s has ended (%s): there is nothing to resume; runbook report %s shows it", id, v, id), l.writer.Close())
	}
	if l.Mode == engine.Live {
		defer l.releaseLocks()
		refusal, err := l.takeLocks(journal.Holder{Run: id, By: o.Who.Name()})
		if err != nil {
			return Outcome{}, errors.Join(err, l.writer.Close())
		}
		if refusal != "" {
			return Outcome{Run: id, Verdict: engine.VerdictRefused, Exit: engine.VerdictRefused.ExitCode(), Why: []string{refusal}}, l.writer.Close()
		}
	}
	l.build(state)
	if err := l.driver.Put(engine.RunResumed{Who: o.Who, Version: o.Version, Boot: bootID(), Note: l.different(h)}); err != nil {
		return Outcome{}, errors.Join(err, l.writer.Close())
	}
	if !slices.ContainsFunc(h.Events, func(e engine.Stamped) bool { _, ok := e.Event.(engine.Preflight); return ok }) {
		// The run was killed before it had looked at what the runbook requires.
		if err := l.driver.Put(engine.Preflight{Missing: missing(l.Options)}); err != nil {
			return Outcome{}, errors.Join(err, l.writer.Close())
		}
	}
	return l.drive(ctx)
}

// different says what is not as it was when the run was interrupted.
func (l *life) different(h History) string {
	var notes []string
	now, err := os.ReadFile(h.Started.Runbook.File)
	if err == nil && string(now) != h.Started.Runbook.Text {
		notes = append(notes, h.Started.Runbook.File+" has changed since; the run goes on with the runbook that it began with")
	}
	if boot := bootID(); boot != "" && h.Started.Boot != "" && boot != h.Started.Boot {
		notes = append(notes, "the host was rebooted in between")
	}
	for _, torn := range l.writer.Torn() {
		notes = append(notes, "an unfinished last line of the journal was set aside in "+torn)
	}
	return strings.Join(notes, "; ")
}
