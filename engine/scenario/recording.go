package scenario

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/engine"
)

// Recording is what a run saw, was told and changed, as its journal tells it. It is the world of a replay, and what a
// scenario can be made of.
//
// A run is a row of stretches: from its start to its first change, from one change to the next, and to its end. What
// was seen in a stretch is known of a host to which these changes had been made, in this order, and of no other.
type Recording struct {
	Plan    *engine.Plan
	Started engine.RunStarted
	Events  []engine.Stamped
	Ended   bool // it has a verdict
	Resumed bool

	layout    *layout
	state     *engine.State // as the run left it
	stretches []*stretch
	prepared  map[string][]preparation
	answers   map[string][]answered
}

// stretch is a part of a run in which nothing was changed.
type stretch struct {
	change *change // that it begins with, nil for the first
	from   time.Duration
	looks  map[string][]look
}

type look struct {
	engine.Looked
	call engine.Call
	at   time.Duration // since the stretch began, when it was over
	took time.Duration
}

// change is one attempt at a fix, or at its way back.
type change struct {
	path   string
	call   engine.Call
	result engine.Result
	took   time.Duration
}

// lasts tells whether something may have been changed by it.
func (c *change) lasts() bool { return c.result.Failure == nil || c.result.Lost }

type preparation struct {
	engine.Prepared
	call engine.Call
	took time.Duration
}

type answered struct {
	engine.Answer
	question engine.Question
	at, took time.Duration
}

// counts tells whether a yes is one: of several people who must agree, each counts once, and who started the run does not.
func (a answered) counts() bool {
	q := a.question
	return a.Value != engine.Yes || q.Approvals < 2 || a.By != q.Excluded && !slices.Contains(q.Agreed, a.By)
}

// NewRecording reads a run. plan is the runbook that it ran, and the events begin with its start.
func NewRecording(plan *engine.Plan, events []engine.Stamped) *Recording {
	r := &Recording{
		Plan: plan, Events: events, layout: layOut(plan), state: engine.New(plan), stretches: []*stretch{newStretch(nil, 0)},
		prepared: map[string][]preparation{}, answers: map[string][]answered{},
	}
	reading := &reading{Recording: r, going: map[string]begun{}, open: map[string]asked{}, used: map[string]int{}}
	for _, e := range events {
		reading.expect()
		reading.take(e)
		r.state.Apply(e)
		reading.now = e.Mono
	}
	_, r.Ended = r.state.Ended()
	return r
}

// Drill tells whether the run was practice, on a host that somebody made up.
func (r *Recording) Drill() bool { return r.Started.Mode == engine.Drill }

// limited tells whether the run reached its time limit.
func (r *Recording) limited() bool {
	return slices.ContainsFunc(r.Events, func(e engine.Stamped) bool {
		w, ok := e.Event.(engine.Waited)
		return ok && w.For == "limit"
	})
}

func newStretch(c *change, from time.Duration) *stretch {
	return &stretch{change: c, from: from, looks: map[string][]look{}}
}

func (r *Recording) last() *stretch { return r.stretches[len(r.stretches)-1] }

// reading works out of a journal what it does not hold: which calls the looks were, and when they began.
type reading struct {
	*Recording
	now    time.Duration
	going  map[string]begun
	open   map[string]asked // by nonce
	used   map[string]int   // how many answers to the questions of a step something has come of
	making *change          // a change that has begun
	began  time.Duration
	unused int  // answers to the questions of its step that nothing had come of before
	anew   bool // the next look is the first of another life
	life   time.Duration
}

type begun struct {
	engine.Perform
	at time.Duration
}

type asked struct {
	engine.Question
	at time.Duration
}

// expect notes what the run begins next, as its driver did.
func (r *reading) expect() {
	going := map[string]begun{}
	for _, a := range r.state.Next() {
		switch a := a.(type) {
		case engine.Conclude:
			return
		case engine.Perform:
			b, ok := r.going[a.ID]
			if !ok {
				b = begun{a, r.now}
			}
			going[a.ID] = b
		case engine.Wait:
		}
	}
	r.going = going
}

// call finds the call that an event is the result of.
func (r *reading) call(match func(engine.Perform) bool) (engine.Call, time.Duration) {
	for id, b := range r.going {
		if match(b.Perform) {
			delete(r.going, id)
			return b.Call, b.at
		}
	}
	return engine.Call{}, r.now // an event that this engine does not expect: no call is like it
}

func (r *reading) take(e engine.Stamped) {
	switch ev := e.Event.(type) {
	case engine.RunStarted:
		r.Started = ev
	case engine.RunResumed:
		r.Resumed = true
		r.forget(e.Mono)
	case engine.Looked:
		call, at := r.call(func(p engine.Perform) bool {
			return p.Call.Verb == engine.Look && p.Call.Step == ev.Step && p.For == ev.For && p.Call.Attempt == ev.Attempt
		})
		s := r.last()
		if r.anew {
			r.anew, s.from, s.looks = false, r.life, map[string][]look{}
		}
		s.looks[ev.Step] = append(s.looks[ev.Step], look{ev, call, e.Mono - s.from, e.Mono - at})
	case engine.Prepared:
		path := pathOf(ev.Step, ev.Undo)
		call, at := r.call(func(p engine.Perform) bool {
			return p.Call.Verb == engine.Prepare && p.Call.Step == ev.Step && p.Call.Undo == ev.Undo
		})
		r.prepared[path] = append(r.prepared[path], preparation{ev, call, e.Mono - at})
	case engine.Asked:
		r.open[ev.Question.Nonce] = asked{ev.Question, e.Mono}
	case engine.Answered:
		q, path := r.open[ev.Nonce], pathOf(ev.Step, ev.Kind == engine.AskUndo)
		if ev.Answer.Value != engine.Gone { // the terminal was, and nobody answered
			r.answers[path] = append(r.answers[path], answered{ev.Answer, q.Question, e.Mono, e.Mono - q.at})
		}
	case engine.FixEnded:
		for _, path := range []string{ev.Step, ev.Step + undoSuffix} {
			r.used[path] = len(r.answers[path])
		}
	case engine.ChangeStarted:
		path := pathOf(ev.Step, ev.Undo)
		r.making = &change{path: path, call: engine.Call{Kind: ev.Kind, Inputs: ev.Inputs, As: ev.As}}
		r.began, r.unused = e.Mono, r.used[path]
		r.used[path] = len(r.answers[path])
	case engine.ChangeEnded:
		r.changed(e.Mono, engine.Result{Output: ev.Output, Failure: ev.Failure})
	case engine.ChangeLost:
		if !ev.Never {
			r.changed(e.Mono, engine.Result{Lost: true, Failure: ev.Failure})
		} else if r.making != nil {
			r.used[r.making.path], r.making = r.unused, nil
			r.forget(e.Mono)
		}
	default:
	}
}

func (r *reading) changed(now time.Duration, result engine.Result) {
	if c := r.making; c != nil {
		c.result, c.took, r.making, r.anew = result, now-r.began, nil, false
		r.stretches = append(r.stretches, newStretch(c, now))
	}
}

// forget leaves out what an earlier life of the run saw and was told, as far as nothing has come of it: checks were made
// anew, and questions asked anew.
func (r *reading) forget(now time.Duration) {
	for path, list := range r.answers {
		r.answers[path] = list[:r.used[path]]
	}
	r.anew, r.life = r.making == nil, now
}

// given lists the parameters that the run was given, as far as it can be told: those with another value than the default.
func (r *Recording) given() map[string]string {
	must, out := map[string]string{}, map[string]string{}
	for _, p := range r.Plan.Runbook.Params {
		if v, ok := r.Started.Params[p.Name.Value]; ok && p.Required && !p.Secret {
			must[p.Name.Value] = paramText(v)
		}
	}
	usual, _ := engine.ResolveParams(r.Plan.Runbook, must)
	for _, p := range r.Plan.Runbook.Params {
		name := p.Name.Value
		if v, ok := r.Started.Params[name]; ok && !p.Secret && (p.Required || paramText(v) != paramText(usual[name])) {
			out[name] = paramText(v)
		}
	}
	return out
}

// paramText is the value of a parameter as a person would write it.
func paramText(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// differs says in what a call is another one than it was, "" when it is the same.
func differs(was, is engine.Call) string {
	switch {
	case was.Kind == "":
		return "how it was made can't be told"
	case was.Kind != is.Kind:
		return fmt.Sprintf("it uses %s now, and not %s", is.Kind, was.Kind)
	case was.As != is.As:
		return fmt.Sprintf("it is made as %s now, and not as %s", orElse(is.As, "who runs it"), orElse(was.As, "who ran it"))
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(merge(was.Inputs, is.Inputs))) {
		if before, now := inJSON(was.Inputs[name]), inJSON(is.Inputs[name]); before != now {
			parts = append(parts, fmt.Sprintf("%s is %s now, and was %s", name, now, before))
		}
	}
	return strings.Join(parts, "; ")
}

// inJSON is a value as a journal holds it: there, 10.0 and 10 are the same.
func inJSON(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "?"
	}
	return strings.TrimSpace(b.String())
}
