package scenario

import (
	"strconv"
	"strings"
	"time"

	"runbook/engine"
)

// Rehearsal is a run of a scenario, from its first event to its last.
type Rehearsal struct {
	Scenario *Scenario
	Plan     *engine.Plan
	Events   []engine.Stamped
	State    *engine.State
	Problems []Problem // what the run needed to know and the scenario does not say

	world     *World
	layout    *layout
	concluded map[string]engine.Concluded // as it was last, by finding
}

// Rehearse goes through the run that a scenario makes of a plan. It is [engine.Driver] without a world to wait for: the
// events come one after the other in an order that nothing disturbs, and when nothing but time has to pass, it has passed.
func Rehearse(plan *engine.Plan, s *Scenario) *Rehearsal {
	r := &Rehearsal{
		Scenario: s, Plan: plan, State: engine.New(plan), world: NewWorld(plan, s), layout: layOut(plan),
		concluded: map[string]engine.Concluded{},
	}
	params, err := engine.ResolveParams(plan.Runbook, s.Params)
	if err != nil {
		r.Problems = []Problem{{Text: strings.ReplaceAll(err.Error(), "\n", "; "), Below: "params"}}
		return r
	}
	l := &loop{state: r.State, heard: r.unsaid, going: map[string]*task{}}
	l.perform = func(a engine.Perform, _ time.Duration) (engine.Result, time.Duration, bool) {
		result, took := r.world.perform(a.Call)
		return result, took, true
	}
	l.put(engine.RunStarted{
		Format: engine.FormatVersion, Run: "scenario " + s.Name.Value, Runbook: source(plan), Params: params, Mode: s.Mode,
		Parallel: parallel, Host: s.Host, Who: engine.Who{User: "scenario"},
	})
	l.run()
	r.Events, r.Problems = l.events, r.world.Problems()
	return r
}

// parallel is how many checks are made at the same time, as in a run that nobody has told otherwise.
const parallel = 8

func source(p *engine.Plan) engine.Source {
	return engine.Source{Name: p.Runbook.Name.Value, File: p.Runbook.File, Text: string(p.Runbook.Source), Hash: p.Hash}
}

// loop goes through a run in virtual time.
type loop struct {
	state  *engine.State
	events []engine.Stamped
	// perform gives what comes of a call that begins now, and how long it takes. When it is not known, the run can't be
	// followed any further.
	perform func(a engine.Perform, now time.Duration) (r engine.Result, took time.Duration, known bool)
	heard   func(engine.Event) // is told of each event, once the state knows it
	now     time.Duration
	going   map[string]*task
	began   int  // tasks, to tell which of two that end at the same moment came first
	asked   int  // questions
	lost    bool // the run can't be followed any further
}

// task is an action that is going on.
type task struct {
	number int
	until  time.Duration
	event  func() engine.Event
}

func (l *loop) put(e engine.Event) {
	stamped := engine.Stamped{Seq: len(l.events) + 1, At: dayOne().Add(l.now), Mono: l.now, Event: e}
	l.events = append(l.events, stamped)
	l.state.Apply(stamped)
	l.heard(e)
}

// dayOne is when every rehearsal begins.
func dayOne() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func (l *loop) run() {
	for {
		actions := l.state.Next()
		if len(actions) == 0 {
			return
		}
		l.cancelOthers(actions)
		moved := l.startAll(actions)
		if l.lost {
			return
		}
		if moved {
			continue
		}
		key := l.first()
		t := l.going[key]
		delete(l.going, key)
		l.now = max(l.now, t.until)
		l.put(t.event())
	}
}

// startAll begins what is not going on yet. It tells whether the state has moved on, so that Next must be asked again.
func (l *loop) startAll(actions []engine.Action) (moved bool) {
	for _, a := range actions {
		if l.going[a.Key()] != nil {
			continue
		}
		switch a := a.(type) {
		case engine.Conclude:
			l.put(a.Event)
			moved = true
		case engine.Wait:
			l.start(a.ID, a.Until, func() engine.Event { return a.Event })
		case engine.Perform:
			if asked, ok := a.Begin.(engine.Asked); ok {
				l.asked++
				asked.Question.Nonce = strconv.Itoa(l.asked)
				a.Begin, a.Call.Question = asked, &asked.Question
			}
			if a.Begin != nil {
				l.put(a.Begin)
				moved = true
			}
			result, took, known := l.perform(a, l.now)
			if !known {
				l.lost = true
				return moved
			}
			l.start(a.ID, l.now+took, func() engine.Event { return l.state.Finish(a, result) })
		}
	}
	return moved
}

func (l *loop) start(key string, until time.Duration, event func() engine.Event) {
	l.began++
	l.going[key] = &task{number: l.began, until: until, event: event}
}

// cancelOthers ends what the state does not ask for any more, unless it is about to move on.
func (l *loop) cancelOthers(actions []engine.Action) {
	wanted := make(map[string]bool, len(actions))
	for _, a := range actions {
		if _, ok := a.(engine.Conclude); ok {
			return
		}
		wanted[a.Key()] = true
	}
	for key := range l.going {
		if !wanted[key] {
			delete(l.going, key)
		}
	}
}

// first is the task that ends first; of several, the one that began first.
func (l *loop) first() string {
	first := ""
	for key, t := range l.going {
		if f := l.going[first]; f == nil || t.until < f.until || t.until == f.until && t.number < f.number {
			first = key
		}
	}
	return first
}
