package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/engine"
)

// World is a scenario as the world of a run: its checks, its fixes and its person. Several calls may be made at once.
type World struct {
	mu       sync.Mutex
	scenario *Scenario
	layout   *layout
	looks    map[string]*row
	deeds    map[string]*row
	answered map[string]int      // answers that were used, by step
	open     map[string][]string // fields that the last reply of a step left open
	problems []Problem
}

// Problem is something that a run needed to know and the scenario does not say.
type Problem struct {
	Text  string `json:"text"`           // what it is
	Below string `json:"below"`          // the key that the line belongs to
	Line  string `json:"line,omitempty"` // to paste
	Check bool   `json:"-"`              // it says nothing at all about a check that is looked at
}

// row is what comes of one look, or change, after the other.
type row struct {
	replies []Reply
	next    int
	fields  map[string]any // as they were given last
	by      string         // the change that made it so
}

func (r *row) take() Reply {
	reply := r.replies[min(r.next, len(r.replies)-1)]
	r.next++
	reply.Fields = merge(r.fields, reply.Fields)
	r.fields = reply.Fields
	return reply
}

// NewWorld makes the world of a scenario for one run.
func NewWorld(plan *engine.Plan, s *Scenario) *World {
	w := &World{
		scenario: s, layout: layOut(plan), looks: map[string]*row{}, deeds: map[string]*row{}, answered: map[string]int{},
		open: map[string][]string{},
	}
	for path, replies := range s.Sees {
		w.looks[path] = &row{replies: replies}
	}
	for path, replies := range s.Does {
		w.deeds[path] = &row{replies: replies}
	}
	return w
}

// Problems lists what the scenario did not say when it was asked, so far.
func (w *World) Problems() []Problem {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.problems)
}

// Perform gives what the scenario says.
func (w *World) Perform(_ context.Context, c engine.Call) engine.Result {
	r, _ := w.perform(c)
	return r
}

// perform tells too how long it takes.
func (w *World) perform(c engine.Call) (engine.Result, time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	path := c.Step
	if c.Undo || c.Question != nil && c.Question.Kind == engine.AskUndo {
		path += undoSuffix
	}
	switch c.Verb {
	case engine.Look:
		return w.look(path, c)
	case engine.Prepare:
		return engine.Result{Description: described(c), Only: w.scenario.Mode == engine.DryRun}, 0
	case engine.Act:
		return w.act(path, c)
	case engine.Confirm:
		return w.answer(path, *c.Question)
	case engine.Attach:
	}
	return engine.Result{Failure: &engine.Failure{Kind: engine.Invalid, Message: "nothing outlives a rehearsal"}}, 0
}

func (w *World) look(path string, c engine.Call) (engine.Result, time.Duration) {
	m, said := w.layout.steps[path], w.looks[path] != nil
	if !said {
		w.looks[path] = &row{replies: []Reply{{}}}
	}
	if !said && len(m.uses()) > 0 { // else nothing hangs on it
		w.problem(Problem{Text: path + " is looked at, and what it finds is not given", Below: "sees", Line: blank(m, path), Check: true})
	}
	result, took := w.result(path, w.looks[path].take(), c)
	if _, given := w.scenario.Sees[path]; !given {
		delete(w.open, path) // that has been said
	}
	return result, took
}

// result is a reply in the form in which a kind would give it. A reply that is a timeout takes its time.
func (w *World) result(path string, r Reply, c engine.Call) (engine.Result, time.Duration) {
	if r.Fails == Lost {
		return engine.Result{Lost: true}, 0
	}
	if r.Fails != "" {
		delete(w.open, path)
		took := time.Duration(0)
		if r.Fails == engine.Timeout {
			took = c.Timeout
		}
		return engine.Result{Failure: &engine.Failure{Kind: r.Fails, Message: "in this scenario: " + string(r.Fails)}}, took
	}
	var open []string
	output := fill(w.layout.steps[path].kind().Output.Fields, r.Fields, "", func(name string) {
		if !slices.Contains(open, name) {
			open = append(open, name)
		}
	})
	w.open[path] = open
	return engine.Result{Output: output}, 0
}

func (w *World) act(path string, c engine.Call) (engine.Result, time.Duration) {
	if w.deeds[path] == nil {
		w.deeds[path] = &row{replies: []Reply{{}}}
	}
	reply := w.deeds[path].take()
	if reply.Fails == "" || reply.Fails == Lost {
		for check, replies := range w.scenario.After[path] {
			if was := w.looks[check]; was == nil || was.by != path { // else it is made again, and the row goes on
				w.looks[check] = &row{replies: replies, fields: was.seen(), by: path}
			}
		}
	}
	return w.result(path, reply, c)
}

// seen is what was found last, or would be found now.
func (r *row) seen() map[string]any {
	switch {
	case r == nil:
		return nil
	case r.next == 0:
		return merge(r.fields, r.replies[0].Fields)
	default:
		return r.fields
	}
}

// answer gives the next answer to the questions of a step.
func (w *World) answer(path string, q engine.Question) (engine.Result, time.Duration) {
	said := func(a engine.Answer) engine.Result { return engine.Result{Answer: &a} }
	if w.scenario.Mode == engine.DryRun {
		return said(engine.Answer{Value: engine.Would, Via: "dry run"}), 0
	}
	i := w.answered[path]
	if i >= len(w.scenario.Answers[path]) {
		w.unanswered(path, q, i)
		return said(engine.Answer{Value: engine.Nobody, Note: path + " asks, and the scenario has no answer"}), 0
	}
	w.answered[path]++
	a := w.scenario.Answers[path][i]
	if wrong := misfit(q, a.Say); wrong != "" {
		w.problem(Problem{Text: fmt.Sprintf("%s %s, and %s does not answer that: it is %s", path, asks(q), quote(a.Say), wrong), Below: "answers"})
		return said(engine.Answer{Value: engine.Nobody, Note: path + " asks, and the scenario has another answer"}), 0
	}
	if a.Say == engine.Expired {
		a.In = q.Expires
	}
	by := "person"
	if q.Approvals > 1 { // each of them is another one
		by = fmt.Sprintf("person %d", len(q.Agreed)+1)
	}
	return said(engine.Answer{Value: a.Say, By: by, Via: "scenario"}), a.In
}

func (w *World) unanswered(path string, q engine.Question, before int) {
	words := slices.Clone(q.Choices)
	if len(words) == 0 {
		words = []string{"<" + orElse(q.Type, "text") + ">"}
	}
	var line []string
	for _, a := range w.scenario.Answers[path][:before] {
		line = append(line, yamlText(a.Say))
	}
	line = append(line, yamlText(words[0]))
	text := strings.Join(line, ", ")
	if len(line) > 1 {
		text = "[" + text + "]"
	}
	w.problem(Problem{
		Text:  fmt.Sprintf("%s %s (%s), and no answer is given", path, asks(q), list(words, "or")),
		Below: "answers", Line: path + ": " + text,
	})
}

// yamlText writes a word as an author would: what other readers of YAML could take for true or false stands in quotes.
func yamlText(word string) string {
	if word == engine.Yes || word == engine.No || strings.ContainsAny(word, " :#{}[],&*!|>'\"%@`") {
		return quote(word)
	}
	return word
}

// asks says what a question is about.
func asks(q engine.Question) string {
	switch q.Kind {
	case engine.AskFix:
		return "asks whether to make the change"
	case engine.AskUndo:
		return "asks whether to take the change back"
	case engine.AskFailed:
		return "asks what to do about the change that failed"
	case engine.AskDoubt:
		return "asks whether the change was made"
	case engine.AskManual:
		return "asks whether it was done"
	case engine.AskValue:
		return "asks"
	}
	return "asks"
}

// misfit says what an answer to a question must be, "" for one that fits.
func misfit(q engine.Question, say string) string {
	switch {
	case say == engine.Quit, say == engine.Expired, say == engine.Nobody:
		return ""
	case len(q.Choices) > 0 && !slices.Contains(q.Choices, say):
		return list(append(slices.Clone(q.Choices), engine.Quit, engine.Expired, engine.Nobody), "or")
	case q.Kind != engine.AskValue:
		return ""
	}
	if _, err := (engine.Type{Kind: engine.TypeKind(orElse(q.Type, "string"))}).Literal(say); err != nil {
		return "of type " + q.Type
	}
	return ""
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// left lists the fields that the last reply of a step left open.
func (w *World) left(path string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.open[path]
}

// problem is called by the one goroutine that has the lock, or by a rehearsal, which has but one.
func (w *World) problem(p Problem) {
	if !slices.Contains(w.problems, p) {
		w.problems = append(w.problems, p)
	}
}

// described is a change in the words of the runbook: a kind would have to look at the host to say more.
func described(c engine.Call) *engine.Description {
	d := &engine.Description{Summary: c.Kind, Target: c.Step}
	for _, name := range slices.Sorted(maps.Keys(c.Inputs)) {
		raw, err := json.Marshal(c.Inputs[name])
		if err != nil {
			raw = []byte("?")
		}
		d.Exact = append(d.Exact, name+": "+string(raw))
	}
	return d
}
