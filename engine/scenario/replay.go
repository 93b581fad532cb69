package scenario

import (
	"fmt"
	"time"

	"runbook/engine"
)

// follow goes through the run again with a runbook, in the time that the run took, with what the recording holds as its
// world. It ends where the run ended, or where the recording does not know what comes next.
func (r *Recording) follow(plan *engine.Plan, params map[string]any) *course {
	started := r.Started
	started.Runbook, started.Params = source(plan), params
	w := newCourse(plan)
	p := &past{Recording: r, way: w, given: map[string]int{}, used: map[string]int{}, described: map[string]int{}}
	l := &loop{state: engine.New(plan), perform: p.perform, heard: w.hear, going: map[string]*task{}}
	w.now = func() time.Duration { return l.now }
	l.put(started)
	for _, e := range r.Events {
		if missing, ok := e.Event.(engine.Preflight); ok { // what the host lacked, it lacks
			l.put(missing)
			break
		}
	}
	l.run()
	w.events = l.events
	return w
}

// past is a recording as the world of a run. What it holds of a check is good for the same call, on a host to which the
// same changes have been made.
type past struct {
	*Recording
	way       *course
	stretch   int
	from      time.Duration  // when the stretch began
	given     map[string]int // the next look at a check in this stretch
	used      map[string]int // answers to the questions of a step
	described map[string]int
}

func (p *past) perform(a engine.Perform, now time.Duration) (engine.Result, time.Duration, bool) {
	c := a.Call
	path := pathOf(c.Step, c.Undo)
	switch c.Verb {
	case engine.Look:
		return p.look(a, now-p.from)
	case engine.Prepare:
		r, took := p.prepare(path, c)
		return r, took, true
	case engine.Act:
		return p.act(path, c, now)
	case engine.Confirm:
		return p.answer(pathOf(c.Step, c.Question.Kind == engine.AskUndo), *c.Question)
	case engine.Attach:
	}
	return engine.Result{}, 0, false
}

// look gives what the run found next, and it takes until then; after its last look before a change, what it found last.
// A verification asks whether waiting helps: there, what was not healthy yet is known only as long as the run looked.
func (p *past) look(a engine.Perform, at time.Duration) (engine.Result, time.Duration, bool) {
	c := a.Call
	path, list, next := c.Step, p.stretches[p.stretch].looks[c.Step], p.given[c.Step]
	for next < len(list) && list[next].at < at {
		next++
	}
	i := next
	if i == len(list) || list[i].at > at+c.Timeout {
		i = next - 1
		if a.For == engine.ForVerify && !p.way.healthy(path) {
			i = -1
		}
	}
	why, other := "", ""
	switch {
	case len(list) == 0:
		why = p.unseen(path)
	case i < 0 && !p.Ended:
		p.way.cut(path, "not known", "the recording ends here", true)
		return engine.Result{}, 0, false
	case i < 0:
		why = fmt.Sprintf("%s was not looked at so long after %s", path, p.since())
	default:
		other = differs(list[i].call, c)
	}
	if other != "" {
		why = fmt.Sprintf("%s looks at something else: %s", path, other)
	} else if why == "" && list[i].Failure != nil && list[i].Failure.Kind == engine.Timeout && list[i].call.Timeout < c.Timeout {
		why = fmt.Sprintf("%s took longer than %s, and has %s now", path, list[i].call.Timeout, c.Timeout)
	}
	p.way.see(path, why)
	if why != "" {
		return engine.Result{Failure: &engine.Failure{Kind: notRecorded, Message: why}}, 0, true
	}
	p.given[path] = i + 1
	seen := list[i]
	if seen.took > c.Timeout {
		return engine.Result{Failure: &engine.Failure{Kind: engine.Timeout, Message: fmt.Sprintf("it took %s, and has %s now", span(seen.took), c.Timeout)}}, c.Timeout, true
	}
	return engine.Result{Output: seen.Output, Failure: seen.own()}, max(seen.at-at, 0), true
}

// notRecorded is why a check can't look in a replay. It is no kind of failure that a kind of step knows.
const notRecorded engine.FailureKind = "not recorded"

// unseen says why nothing is known of a check.
func (p *past) unseen(path string) string {
	for i, s := range p.stretches {
		switch {
		case len(s.looks[path]) == 0:
		case i < p.stretch:
			return fmt.Sprintf("%s was not looked at after %s", path, p.since())
		default:
			return fmt.Sprintf("%s was only looked at after %s", path, s.change.path)
		}
	}
	return path + " was never looked at"
}

// since is what the stretch began with.
func (p *past) since() string {
	if c := p.stretches[p.stretch].change; c != nil {
		return c.path
	}
	return "the start"
}

func (p *past) prepare(path string, c engine.Call) (engine.Result, time.Duration) {
	i, only := p.described[path], p.Started.Mode == engine.DryRun
	p.described[path]++
	if list := p.prepared[path]; i < len(list) && differs(list[i].call, c) == "" {
		return engine.Result{Description: list[i].Description, Failure: list[i].Failure, Only: only}, list[i].took
	}
	return engine.Result{Description: described(c), Only: only}, 0
}

// answer gives what a person said to the same question about the same change.
func (p *past) answer(path string, q engine.Question) (engine.Result, time.Duration, bool) {
	if p.Started.Mode == engine.DryRun {
		return engine.Result{Answer: &engine.Answer{Value: engine.Would, Via: "dry run"}}, 0, true
	}
	list, i := p.answers[path], p.used[path]
	for i < len(list) && list[i].question.Kind != q.Kind {
		i++
	}
	p.used[path] = i + 1
	cut := func(text, why string, dark bool) (engine.Result, time.Duration, bool) {
		p.way.cut(path, text, why, dark)
		return engine.Result{}, 0, false
	}
	switch {
	case i >= len(list) && !p.Ended:
		return cut("asks", fmt.Sprintf("the recording ends where %s %s", path, asks(q)), false)
	case i >= len(list):
		return cut("asks", fmt.Sprintf("%s %s, and nobody knows what would be said", path, asks(q)), false)
	}
	a := list[i]
	switch was := a.question; {
	case was.Plan != q.Plan, was.Text != q.Text, fmt.Sprint(was.Choices) != fmt.Sprint(q.Choices), was.Type != q.Type:
		return cut("asks about something else", fmt.Sprintf("%s asks about something else, and nobody knows what would be said", path), true)
	case q.Risk == engine.High && a.Via == "--yes":
		return cut("asks", path+" asks a person now: --yes does not answer for a change of high risk", false)
	case a.Value == engine.Expired && q.Expires > was.Expires:
		return cut("asks", fmt.Sprintf("%s waits longer for an answer: %s", path, q.Expires), true)
	case a.took > q.Expires:
		return engine.Result{Answer: &engine.Answer{Value: engine.Expired}}, q.Expires, true
	}
	return engine.Result{Answer: &a.Answer}, a.took, true
}

// act gives what came of the change, if it is the one that the run made now.
func (p *past) act(path string, c engine.Call, now time.Duration) (engine.Result, time.Duration, bool) {
	cut := func(text, why string, dark bool) (engine.Result, time.Duration, bool) {
		p.way.cut(path, text, why, dark)
		return engine.Result{}, 0, false
	}
	if p.stretch+1 == len(p.stretches) {
		if !p.Ended {
			return cut("not known", "the recording ends here", true)
		}
		return cut("made", fmt.Sprintf("the run did not make %s after %s, so nobody knows what would have come of it", path, p.since()), false)
	}
	change := p.stretches[p.stretch+1].change
	if change.path != path {
		return cut("made first", fmt.Sprintf("after %s the run made %s and not %s, so nobody knows what would have come of that", p.since(), change.path, path), false)
	}
	if other := differs(change.call, c); other != "" {
		return cut("not known", fmt.Sprintf("%s does something else: %s", path, other), true)
	}
	p.stretch++
	p.from = now + change.took
	clear(p.given)
	return change.result, change.took, true
}
