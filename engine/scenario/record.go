package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"runbook/engine"
)

// Clean takes out of an output what others should not read.
type Clean func(output map[string]any) map[string]any

// Record makes a scenario of a run: a file of scenarios with this one in it, under a name (see [IsName]), or, where it is
// "", one that is made of the run's. Of what was seen it holds what the runbook looks at, or, with all, everything; clean
// may be nil. The file has been read and rehearsed, and the rehearsal came to what the run came to. When no such file can
// be made of a run, the error says why.
func (r *Recording) Record(name string, all bool, clean Clean) ([]byte, error) {
	if name == "" {
		name = "run_" + strings.ToLower(strings.ReplaceAll(r.Started.Run, "-", "_"))
	}
	switch missing := r.refused(); {
	case r.Drill():
		return nil, fmt.Errorf("run %s was a drill: a scenario is what it was made of", r.Started.Run)
	case !r.Ended:
		return nil, fmt.Errorf("run %s has not ended, so nobody knows what to expect; runbook resume %s goes on with one that was interrupted", r.Started.Run, r.Started.Run)
	case missing != "":
		return nil, fmt.Errorf("run %s was refused before its first step, so there is nothing to rehearse: %s", r.Started.Run, missing)
	}
	text, err := r.written(name, all, clean)
	if err != nil && !all { // a condition may look at more than its text tells
		if whole, alsoErr := r.written(name, true, clean); alsoErr == nil {
			return whole, nil
		}
	}
	return text, err
}

// refused says what was missing before the first step, "" when the run could begin.
func (r *Recording) refused() string {
	for _, e := range r.Events {
		if p, ok := e.Event.(engine.Preflight); ok && len(p.Missing) > 0 {
			return strings.Join(p.Missing, "; ")
		}
	}
	return ""
}

// written makes the file, and holds it to what is promised of it.
func (r *Recording) written(name string, all bool, clean Clean) ([]byte, error) {
	t := &transcript{
		Recording: r, all: all, clean: clean, rows: []*found{{looks: map[string][]Reply{}}}, held: map[string]look{}, taken: map[string]int{},
		does: map[string][]Reply{}, used: map[string]int{}, answers: map[string][]Answer{}, slow: r.slow(),
	}
	t.follow()
	wrong := t.problem
	if wrong == "" {
		text := []byte(t.file(name))
		file, mistakes := Parse("scenarios.yaml", text, r.Plan)
		if len(mistakes) == 0 {
			again := Rehearse(r.Plan, file.Scenarios[0])
			if again.Passed() {
				return text, nil
			}
			wrong = "it would go another way, because in a scenario looks and changes take no time and nothing is interrupted: " + again.short()
		} else {
			wrong = mistakes[0].Message
		}
	}
	return nil, fmt.Errorf("no scenario can be made of run %s: %s", r.Started.Run, wrong)
}

// short says in a sentence why a rehearsal did not pass.
func (r *Rehearsal) short() string {
	for _, p := range r.Problems {
		return p.Text
	}
	for _, d := range r.Judge() {
		return fmt.Sprintf("%s: expected %s, was %s", d.What, d.Expected, d.Was)
	}
	return ""
}

// transcript goes through a run as a rehearsal does, with what the recording holds as its world, and writes down what
// was seen and said on the way. So a look that a rehearsal makes more often than the run did stands there more often.
type transcript struct {
	*Recording
	all     bool
	clean   Clean
	rows    []*found
	stretch int
	taken   map[string]int  // looks at a check in this stretch that were given
	held    map[string]look // what a check found last
	does    map[string][]Reply
	used    map[string]int // answers to the questions of a step
	answers map[string][]Answer
	slow    map[string]bool // nonces of questions whose answer took a time that mattered
	problem string
}

// found is what checks found from one fix that was made to the next.
type found struct {
	by    string
	looks map[string][]Reply
}

func (t *transcript) follow() {
	l := &loop{state: engine.New(t.Plan), perform: t.perform, heard: func(engine.Event) {}, going: map[string]*task{}}
	l.put(t.Started)
	l.run()
}

func (t *transcript) perform(a engine.Perform, _ time.Duration) (engine.Result, time.Duration, bool) {
	c := a.Call
	switch path := pathOf(c.Step, c.Undo); c.Verb {
	case engine.Look:
		return t.look(a)
	case engine.Prepare:
		for _, p := range t.prepared[path] {
			if p.Failure != nil {
				return t.unknown("%s could not be described (%s), and in a scenario every change can", path, p.Failure.Message)
			}
		}
		return engine.Result{Description: described(c), Only: t.Started.Mode == engine.DryRun}, 0, true
	case engine.Act:
		return t.act(path, c)
	case engine.Confirm:
		return t.answer(pathOf(c.Step, c.Question.Kind == engine.AskUndo), *c.Question)
	case engine.Attach:
	}
	return t.unknown("it can't %s", c.Verb)
}

func (t *transcript) unknown(format string, args ...any) (engine.Result, time.Duration, bool) {
	t.problem = fmt.Sprintf(format, args...)
	return engine.Result{}, 0, false
}

func (t *transcript) look(a engine.Perform) (engine.Result, time.Duration, bool) {
	path, list := a.Call.Step, t.stretches[t.stretch].looks[a.Call.Step]
	counted := a.For == engine.ForGraph || a.For == engine.ForVerify
	i := t.taken[path]
	for i < len(list) && (list[i].For != a.For || counted && list[i].Attempt != a.Call.Attempt) {
		i++
	}
	seen, held := t.held[path]
	switch {
	case i < len(list):
		seen, t.taken[path] = list[i], i+1
	case held: // a rehearsal looks more often: it finds what was found last
	case len(list) > 0:
		seen = list[0]
	default:
		return t.unknown("what %s would have found is not known", path)
	}
	t.held[path] = seen
	row := t.rows[len(t.rows)-1]
	row.looks[path] = append(row.looks[path], t.reply(path, seen.Output, seen.own()))
	return engine.Result{Output: seen.Output, Failure: seen.own()}, timedOut(seen.own(), a.Call), true
}

// own is why the kind could not look. That an expectation could not be told is found out again.
func (l look) own() *engine.Failure {
	if len(l.Because) > 0 {
		return nil
	}
	return l.Failure
}

// timedOut is how long a call takes in a rehearsal.
func timedOut(f *engine.Failure, c engine.Call) time.Duration {
	if f != nil && f.Kind == engine.Timeout {
		return c.Timeout
	}
	return 0
}

func (t *transcript) act(path string, c engine.Call) (engine.Result, time.Duration, bool) {
	if t.stretch+1 == len(t.stretches) || t.stretches[t.stretch+1].change.path != path {
		return t.unknown("%s would be made where the run did not make it", path)
	}
	t.stretch++
	clear(t.taken)
	change := t.stretches[t.stretch].change
	if change.lasts() && t.rows[len(t.rows)-1].by != path {
		t.rows = append(t.rows, &found{by: path, looks: map[string][]Reply{}})
	}
	reply := t.reply(path, change.result.Output, change.result.Failure)
	if change.result.Lost {
		reply = Reply{Fails: Lost}
	}
	t.does[path] = append(t.does[path], reply)
	return change.result, timedOut(change.result.Failure, c), true
}

func (t *transcript) answer(path string, q engine.Question) (engine.Result, time.Duration, bool) {
	if t.Started.Mode == engine.DryRun {
		return engine.Result{Answer: &engine.Answer{Value: engine.Would}}, 0, true
	}
	list, i := t.Recording.answers[path], t.used[path]
	for i < len(list) && !list[i].counts() {
		i++
	}
	t.used[path] = i + 1
	if i >= len(list) || list[i].question.Kind != q.Kind {
		return t.unknown("%s %s, and the run has no answer to that", path, asks(q))
	}
	a := Answer{Say: list[i].Value}
	if t.slow[list[i].question.Nonce] {
		a.In = max(list[i].took.Truncate(time.Second)+time.Second, looksAgain)
	}
	t.answers[path] = append(t.answers[path], a)
	if a.Say == engine.Expired {
		a.In = q.Expires
	}
	return engine.Result{Answer: &list[i].Answer}, a.In, true
}

// looksAgain is longer than a look may be old that a change rests on.
const looksAgain = 11 * time.Second

// slow finds the answers that took so long that what they rest on was looked at again, and had changed. When a run
// reached its time limit, all may have.
func (r *Recording) slow() map[string]bool {
	out, last, seen := map[string]bool{}, "", map[string]Reply{}
	t := &transcript{Recording: r}
	if r.limited() {
		for _, list := range r.answers {
			for _, a := range list {
				out[a.question.Nonce] = true
			}
		}
	}
	for _, e := range r.Events {
		switch ev := e.Event.(type) {
		case engine.Answered:
			last = ev.Nonce
		case engine.Looked:
			reply := t.reply(ev.Step, ev.Output, look{Looked: ev}.own())
			if ev.For == engine.ForAgain && !reflect.DeepEqual(reply, seen[ev.Step]) {
				out[last] = true
			}
			seen[ev.Step] = reply
		default:
		}
	}
	return out
}

// reply is what a step gave, as far as the scenario is to hold it.
func (t *transcript) reply(path string, output map[string]any, failure *engine.Failure) Reply {
	if failure != nil {
		return Reply{Fails: failure.Kind}
	}
	m, fields := t.layout.steps[path], map[string]any{}
	if m.step == nil {
		return Reply{Fields: fields}
	}
	if t.clean != nil {
		output = t.clean(output)
	}
	uses := m.uses()
	for _, f := range m.kind().Output.Fields {
		v, there := output[f.Name]
		i := slices.IndexFunc(uses, func(u engine.Use) bool { return u.Field == f.Name })
		switch {
		case !there, v == nil && !f.Nullable:
		case t.all:
			fields[f.Name] = v
		case i >= 0:
			fields[f.Name] = within(v, uses[i].Within)
		}
	}
	return Reply{Fields: fields}
}

// within is a value with these fields of its items alone, all of it when none are named.
func within(v any, names []string) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = within(item, names)
		}
		return out
	case map[string]any:
		if len(names) == 0 {
			return v
		}
		out := map[string]any{}
		for _, name := range names {
			if field, ok := v[name]; ok {
				out[name] = field
			}
		}
		return out
	default:
		return v
	}
}
