package enginetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"runbook/engine"
)

// World is a host made of switches. A check is healthy when its switch is on; a change turns switches on or off.
type World struct {
	mu       sync.Mutex
	switches map[string]bool
	made     []string                 // steps whose change was made, in order
	results  map[string]engine.Result // of changes, by claim
	lost     map[string]bool          // claims whose result nobody kept
	failed   map[string]bool          // steps whose last change failed
	Answer   func(engine.Question) engine.Answer
	Lose     func(claim string) bool // whether a change's supervisor dies with its result
}

// NewWorld is a world in which the named switches are on; all others are off.
func NewWorld(on ...string) *World {
	w := &World{switches: map[string]bool{}, results: map[string]engine.Result{}, lost: map[string]bool{}, failed: map[string]bool{}}
	for _, name := range on {
		w.switches[name] = true
	}
	return w
}

// Made lists the steps whose changes were made, in order.
func (w *World) Made() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.made...)
}

// Failed tells whether the last change of a step failed: what a person who looked would know of one in doubt.
func (w *World) Failed(step string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed[step]
}

// On tells whether a switch is on.
func (w *World) On(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.switches[name]
}

// LookInput is the input of the kind sim.look.
type LookInput struct {
	Switch string `json:"switch" doc:"the switch to look at" required:"true"`
	Fails  bool   `json:"fails" doc:"the check can't look"`
}

// LookOutput is the output of the kind sim.look.
type LookOutput struct {
	On     bool    `json:"on" doc:"whether the switch is on"`
	Hidden *string `json:"hidden" doc:"what nobody may see"`
}

// FlipInput is the input of the kind sim.flip.
type FlipInput struct {
	On   []string `json:"on" doc:"switches to turn on"`
	Off  []string `json:"off" doc:"switches to turn off"`
	Fail bool     `json:"fail" doc:"the change fails"`
}

// FlipOutput is the output of the kind sim.flip.
type FlipOutput struct {
	Flipped int `json:"flipped" doc:"switches that were flipped"`
}

// SimKinds are the kinds that look at a World and change it. They are performed by the World alone.
func SimKinds() (engine.Kinds, error) {
	nothing := errors.New("only a World performs this")
	look, err1 := engine.Define(engine.Definition[LookInput, LookOutput]{
		Name: "sim.look", Doc: "Looks at a switch.", Effect: engine.Reads, Expect: "on", Example: "switch: a",
		Do: func(context.Context, LookInput, engine.Task) (LookOutput, error) { return LookOutput{}, nothing },
	})
	flip, err2 := engine.Define(engine.Definition[FlipInput, FlipOutput]{
		Name: "sim.flip", Doc: "Flips switches.", Effect: engine.Changes, Example: "on: [a]",
		Describe: func(context.Context, FlipInput, engine.Task) (engine.Description, error) {
			return engine.Description{}, nothing
		},
		Do: func(context.Context, FlipInput, engine.Task) (FlipOutput, error) { return FlipOutput{}, nothing },
	})
	kinds := engine.Kinds{look, flip}
	for _, k := range Kinds() { // those that steer a run mean the same in every world
		if k.Effect != engine.Reads && k.Effect != engine.Changes {
			kinds = append(kinds, k)
		}
	}
	return kinds, errors.Join(err1, err2)
}

// Perform does what a call asks for, in the world of switches.
func (w *World) Perform(ctx context.Context, c engine.Call) engine.Result {
	switch c.Verb {
	case engine.Look:
		return w.look(c)
	case engine.Prepare:
		return engine.Result{Description: &engine.Description{Summary: "flip " + c.Step, Target: c.Step}}
	case engine.Confirm:
		a := w.Answer(*c.Question)
		return engine.Result{Answer: &a}
	case engine.Act:
		return w.act(c)
	case engine.Attach:
		w.mu.Lock()
		defer w.mu.Unlock()
		r, claimed := w.results[claim(c)]
		if !claimed && !w.lost[claim(c)] {
			w.results[claim(c)] = engine.Result{} // as the supervisor's side: what never began, never will
			return engine.Result{Never: true}
		}
		return engine.Result{Output: r.Output, Failure: r.Failure, Lost: w.lost[claim(c)]}
	}
	return engine.Result{Failure: &engine.Failure{Kind: engine.Invalid, Message: "no verb " + string(c.Verb)}}
}

func claim(c engine.Call) string {
	return fmt.Sprint(c.Step, " ", c.Attempt, " ", c.Undo)
}

func (w *World) look(c engine.Call) engine.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	if fails, _ := c.Inputs["fails"].(bool); fails {
		return engine.Result{Failure: &engine.Failure{Kind: engine.Timeout, Message: "nobody answered"}}
	}
	name, _ := c.Inputs["switch"].(string)
	return engine.Result{Output: map[string]any{"on": w.switches[name], "hidden": nil}}
}

func (w *World) act(c engine.Call) engine.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r, claimed := w.results[claim(c)]; claimed || w.lost[claim(c)] {
		r.Lost = w.lost[claim(c)]
		return r // a claim is good for one change, ever
	}
	w.made = append(w.made, c.Step)
	r := engine.Result{Output: map[string]any{"flipped": 0}}
	if fail, _ := c.Inputs["fail"].(bool); fail {
		r = engine.Result{Failure: &engine.Failure{Kind: engine.Exit, Message: "exit 1"}}
	} else {
		for _, name := range list(c.Inputs["on"]) {
			w.switches[name] = true
		}
		for _, name := range list(c.Inputs["off"]) {
			w.switches[name] = false
		}
	}
	w.failed[c.Step] = r.Failure != nil
	if w.Lose != nil && w.Lose(claim(c)) {
		w.lost[claim(c)] = true
	} else {
		w.results[claim(c)] = r
	}
	return r
}

func list(v any) []string {
	items, _ := v.([]any)
	var out []string
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
