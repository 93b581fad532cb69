package runner

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"runbook/engine"
	"runbook/engine/journal"
)

// Answers are what a person said before the run began.
type Answers struct {
	Yes     bool              // to changes of low and medium risk
	Confirm map[string]string // to a change of high risk: step to target
	NoInput bool              // nobody is to be asked
	By      string            // who said so
}

// Flags are the answers as they are recorded.
func (a Answers) Flags() []string {
	var flags []string
	if a.Yes {
		flags = append(flags, "--yes")
	}
	for _, step := range slices.Sorted(maps.Keys(a.Confirm)) {
		flags = append(flags, "--confirm "+step+"="+a.Confirm[step])
	}
	if a.NoInput {
		flags = append(flags, "--no-input")
	}
	return flags
}

// beforehand is the answer that was given before the question came up, if it was.
func (a Answers) beforehand(q engine.Question) (engine.Answer, bool) {
	if q.Kind != engine.AskFix || q.Approvals > 1 {
		return engine.Answer{}, false
	}
	if target, ok := a.Confirm[q.Step]; ok && target == q.Target() {
		return engine.Answer{Value: engine.Yes, By: a.By, Via: "--confirm"}, true
	}
	if a.Yes && q.Risk != engine.High {
		return engine.Answer{Value: engine.Yes, By: a.By, Via: "--yes"}, true
	}
	return engine.Answer{}, false
}

// allow names the flag that would have answered a question.
func allow(q engine.Question) string {
	switch {
	case q.Kind == engine.AskFix && q.Risk == engine.High:
		return fmt.Sprintf("--confirm %s=%s", q.Step, q.Target())
	case q.Kind == engine.AskFix:
		return "--yes"
	default:
		return "a terminal"
	}
}

// decisions performs Confirm: answers that were given beforehand, then whoever answers first, at this terminal or
// another. One compare-and-set decides.
type decisions struct {
	run    *journal.Run
	flags  Answers
	person engine.Performer
	hungUp *atomic.Bool // the terminal was lost: whoever was there is not gone for good
}

// Perform gets an answer to a question.
func (d decisions) Perform(ctx context.Context, c engine.Call) engine.Result {
	q := *c.Question
	answered := func(a engine.Answer) engine.Result { return engine.Result{Answer: &a} }
	if a, ok := d.flags.beforehand(q); ok {
		return answered(a)
	}
	if d.flags.NoInput || d.person == nil {
		return answered(engine.Answer{
			Value: engine.Nobody, Note: fmt.Sprintf("%s asks, and nobody is to be asked (--no-input): %s would allow it", q.Step, allow(q)),
		})
	}
	if raw, err := json.Marshal(q); err == nil {
		// A question that other terminals can't see can still be answered at this one.
		_ = d.run.Pose(journal.Question{Nonce: q.Nonce, Data: raw})
	}
	return answered(d.settle(ctx, q, d.race(ctx, c)))
}

// race waits for the first answer, from the person at this terminal or from another one.
func (d decisions) race(ctx context.Context, c engine.Call) engine.Answer {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	elsewhere := make(chan engine.Answer, 1)
	go func() {
		if raw, err := d.run.AwaitDecision(ctx, c.Question.Nonce); err == nil {
			var a engine.Answer
			if json.Unmarshal(raw, &a) == nil {
				elsewhere <- a
			}
		}
	}()
	here := make(chan engine.Answer, 1)
	go func() {
		r := d.person.Perform(ctx, c)
		if r.Answer == nil || r.Answer.Value == engine.Nobody && d.hungUp.Load() {
			here <- engine.Answer{Value: engine.Gone}
			return
		}
		here <- *r.Answer
	}()
	select {
	case a := <-elsewhere:
		cancel()
		<-here // the prompt has left the terminal
		return a
	case a := <-here:
		return a
	}
}

// settle makes an answer count, unless another one was given at the same moment.
func (d decisions) settle(ctx context.Context, q engine.Question, a engine.Answer) engine.Answer {
	if ctx.Err() != nil || a.Value == engine.Nobody || a.Value == engine.Gone {
		return a
	}
	raw, err := json.Marshal(a)
	if err != nil {
		return a
	}
	won, standing, err := d.run.Decide(q.Nonce, raw)
	if err != nil || won {
		return a
	}
	var other engine.Answer
	if err := json.Unmarshal(standing, &other); err != nil {
		return a
	}
	return other
}
