package scenario

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/engine"
)

// Rules lists what [Parse] asks of a scenarios file, beside what is asked of every file.
func Rules() []engine.Rule {
	return []engine.Rule{
		{Name: "bad-id", Doc: "A scenario's name is small letters, digits and _, and begins with a letter."},
		{Name: "unknown-step", Doc: "The steps that a scenario names are there."},
		{Name: "unknown-finding", Doc: "The findings that a scenario names are there."},
		{Name: "unknown-param", Doc: "The parameters that a scenario gives are there."},
		{Name: "missing-param", Doc: "A scenario gives the parameters that the runbook must have."},
		{Name: "type", Doc: "The value of a parameter fits."},
		{Name: "output-type", Doc: "What a step finds or gives has the types of its kind's output."},
		{Name: "fails-alone", Doc: "What could not be done gives nothing else."},
		{Name: "not-a-check", Doc: "sees, and what follows a fix, name checks."},
		{Name: "not-a-fix", Doc: "does, after and changes name fixes."},
		{Name: "no-question", Doc: "answers name steps that ask."},
		{Name: "misplaced-template", Doc: "${{ }} stands in runbooks only."},
	}
}

// Parse reads a scenarios file and holds it against the plan of its runbook. All mistakes are given, in the order of the
// file; with any, there are no scenarios.
func Parse(file string, src []byte, plan *engine.Plan) (*File, []engine.Diagnostic) {
	r := &reader{Sheet: engine.ParseSheet(file, src, "scenarios:, and their names below"), plan: plan, layout: layOut(plan)}
	f := &File{Name: file}
	r.templates(r.Root)
	r.Typed("wrong-type", r.Root, engine.Type{Kind: engine.Object, Fields: Document().Fields}, "")
	shared := &Scenario{Mode: engine.Live, Host: defaultHost}
	r.shared(shared, r.Root)
	all, _ := r.Root.Entry("scenarios")
	for _, e := range all.Entries {
		f.Scenarios = append(f.Scenarios, r.scenario(*shared, e.Key, e.Value))
	}
	if found := r.Mistakes(); len(found) > 0 {
		return nil, found
	}
	return f, nil
}

// reader makes scenarios of a sheet. What has not the form that [Document] describes has been reported, and is passed
// over: it has no entries.
type reader struct {
	*engine.Sheet
	*layout
	plan *engine.Plan
	odd  bool // parameters were meant and can't be read, so nobody can tell which are missing
}

// entries gives the entries below a key, each name once.
func entries(v engine.Value, key string) []engine.Entry {
	below, _ := v.Entry(key)
	var out []engine.Entry
	for _, e := range below.Entries {
		if !slices.ContainsFunc(out, func(o engine.Entry) bool { return o.Key.Value == e.Key.Value }) {
			out = append(out, e)
		}
	}
	return out
}

// text gives the text below a key.
func text(v engine.Value, key, otherwise string) string {
	if below, ok := v.Entry(key); ok {
		return below.Text.Value
	}
	return otherwise
}

// at is where messages about a value stand.
func at(v engine.Value) engine.Text {
	if v.Kind == engine.Scalar {
		return v.Text
	}
	return engine.Text{Pos: v.Pos}
}

var id = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// IsName tells whether a scenario may be called so.
func IsName(s string) bool { return id.MatchString(s) }

func (r *reader) scenario(s Scenario, name engine.Text, v engine.Value) *Scenario {
	if !id.MatchString(name.Value) {
		r.Report("bad-id", name, "", "%s can't be a name: use small letters, digits and _, and begin with a letter", quote(name.Value))
	}
	s.Name, s.Title, s.Host = name, text(v, "title", ""), text(v, "host", s.Host)
	s.Mode = engine.Mode(text(v, "mode", string(s.Mode)))
	r.shared(&s, v)
	s.Does = r.replies(entries(v, "does"), nil, engine.Changes, "does")
	s.After, s.Answers = map[string]map[string][]Reply{}, map[string][]Answer{}
	after, _ := v.Entry("after")
	for _, e := range entries(v, "after") {
		if r.member(e.Key, engine.Changes, "after") {
			s.After[e.Key.Value] = r.replies(entries(after, e.Key.Value), nil, engine.Reads, "after")
		}
	}
	for _, e := range entries(v, "answers") {
		s.Answers[e.Key.Value] = r.answers(e)
	}
	expect, _ := v.Entry("expect")
	s.Expect = r.expect(expect)
	for _, p := range r.plan.Runbook.Params {
		if _, given := s.Params[p.Name.Value]; p.Required && !p.Secret && !given && !r.odd && v.Kind == engine.Mapping {
			r.Report("missing-param", name, "", "the runbook must be given %s: add params: {%s: …}", p.Name.Value, p.Name.Value)
		}
	}
	return &s
}

// shared reads what may stand above all scenarios, and again in each: over it.
func (r *reader) shared(s *Scenario, v engine.Value) {
	s.Sees = r.replies(entries(v, "sees"), s.Sees, engine.Reads, "sees")
	s.Params = maps.Clone(s.Params)
	if s.Params == nil {
		s.Params = map[string]string{}
	}
	known := r.plan.Runbook.Params
	var names []string
	for _, p := range known {
		names = append(names, p.Name.Value)
	}
	if params, ok := v.Entry("params"); ok && params.Kind != engine.Mapping {
		r.odd = true
	}
	for _, e := range entries(v, "params") {
		switch i := slices.Index(names, e.Key.Value); {
		case i < 0:
			r.odd = true
			r.Report("unknown-param", e.Key, engine.Nearest(e.Key.Value, names), "the runbook has no parameter %s", e.Key.Value)
		case known[i].Secret:
			r.Report("unknown-param", e.Key, "", "%s is a secret: a rehearsal needs no value for it", e.Key.Value)
		case e.Value.Kind != engine.Scalar || e.Value.Null():
			r.Report("wrong-type", at(e.Value), "", "parameter %s must be one value", e.Key.Value)
		default:
			r.Param(known[i], e.Value)
			s.Params[e.Key.Value] = e.Value.Text.Value
		}
	}
}

// member tells whether a step is there, and is one that the key is about.
func (r *reader) member(path engine.Text, effect engine.Effect, key string) bool {
	m, ok := r.steps[path.Value]
	switch {
	case !ok:
		r.Report("unknown-step", path, engine.Nearest(path.Value, r.names), "no step is called %s", path.Value)
	case m.step.Effect == effect || effect == "":
		return true
	case effect == engine.Reads:
		r.Report("not-a-check", path, "", "%s is %s, and %s says what checks find", path.Value, m.effect(), key)
	default:
		r.Report("not-a-fix", path, "", "%s is %s, and %s names fixes", path.Value, m.effect(), key)
	}
	return false
}

// replies reads what steps find or give, laid over what is there already.
func (r *reader) replies(given []engine.Entry, under map[string][]Reply, effect engine.Effect, key string) map[string][]Reply {
	out := maps.Clone(under)
	if out == nil {
		out = map[string][]Reply{}
	}
	for _, e := range given {
		if !r.member(e.Key, effect, key) {
			continue
		}
		m, items := r.steps[e.Key.Value], []engine.Value{e.Value}
		if e.Value.Kind == engine.Sequence && len(e.Value.Items) > 0 {
			items = e.Value.Items
		}
		var replies []Reply
		for _, item := range items {
			replies = append(replies, r.reply(item, e.Key.Value, m))
		}
		if below := under[e.Key.Value]; len(below) > 0 {
			replies[0].Fields = merge(below[len(below)-1].Fields, replies[0].Fields)
		}
		out[e.Key.Value] = replies
	}
	return out
}

func (r *reader) reply(v engine.Value, path string, m member) Reply {
	fails := engine.Field{Name: "fails", Type: engine.Type{Kind: engine.String}, Enum: Failures(m.step.Effect)}
	t := engine.Type{Kind: engine.Object, Fields: append(slices.Clone(m.kind().Output.Fields), fails)}
	r.Typed("output-type", v, t, path)
	if why, ok := v.Entry("fails"); ok {
		if len(v.Entries) > 1 {
			r.Report("fails-alone", at(v), "", "%s fails, and so gives nothing else", path)
		}
		return Reply{Fails: engine.FailureKind(why.Text.Value)}
	}
	fields, _ := plain(v, t).(map[string]any)
	return Reply{Fields: fields}
}

// answers reads one answer, or a list of them.
func (r *reader) answers(e engine.Entry) []Answer {
	if !r.member(e.Key, "", "answers") {
		return nil
	}
	m := r.steps[e.Key.Value]
	if m.step.Effect != engine.Changes && m.step.Effect != engine.AsksYou {
		r.Report("no-question", e.Key, "", "%s is %s and asks nobody", e.Key.Value, m.effect())
		return nil
	}
	items := []engine.Value{e.Value}
	if e.Value.Kind == engine.Sequence {
		items = e.Value.Items
	}
	var out []Answer
	for _, item := range items {
		a, say := Answer{}, item
		if item.Kind == engine.Mapping {
			r.Typed("wrong-type", item, engine.Type{Kind: engine.Object, Fields: AnswerKeys()}, e.Key.Value)
			say, _ = item.Entry("say")
			a.In, _ = time.ParseDuration(text(item, "in", "0s")) // that it can't be read has been said
		}
		a.Say = say.Text.Value
		words := answersTo(m)
		switch {
		case say.Kind == engine.NoValue:
		case say.Kind != engine.Scalar || say.Null():
			r.Report("wrong-type", at(item), "", "an answer to %s is a word, or {say: WORD, in: 2m}", e.Key.Value)
		case words != nil && !slices.Contains(words, a.Say):
			r.Report("unknown-value", say.Text, engine.Nearest(a.Say, words), "an answer to %s can't be %s: it is %s", e.Key.Value, quote(a.Say), list(words, "or"))
		}
		out = append(out, a)
	}
	return out
}

// answersTo lists the words that may be said to a question of a step, nil for any.
func answersTo(m member) []string {
	words := []string{engine.Done, engine.NotDone}
	switch {
	case m.undo:
		words = []string{engine.Yes, engine.No}
	case m.step.Effect == engine.Changes:
		words = []string{engine.Yes, engine.No, engine.Retry, engine.Skip, engine.Stop, engine.Made, engine.NotMade, engine.Again}
	case m.step.Kind.Name == "ask":
		return nil
	}
	return append(words, engine.Quit, engine.Expired, engine.Nobody)
}

func (r *reader) expect(v engine.Value) Expect {
	e := Expect{Verdict: engine.Verdict(text(v, "verdict", "")), Outcomes: map[string]engine.Outcome{}}
	e.Findings = r.list(v, "findings", func(t engine.Text) {
		if r.findings[t.Value] == nil {
			r.Report("unknown-finding", t, engine.Nearest(t.Value, r.concepts), "no finding is called %s", t.Value)
		}
	})
	e.Changes = r.list(v, "changes", func(t engine.Text) { r.member(t, engine.Changes, "changes") })
	e.Unknown = r.list(v, "unknown", func(t engine.Text) { r.member(t, "", "unknown") })
	e.Says = r.list(v, "says", func(engine.Text) {})
	for _, o := range entries(v, "outcomes") {
		if !r.member(o.Key, "", "outcomes") {
			continue
		}
		e.Outcomes[o.Key.Value] = engine.Outcome(o.Value.Text.Value)
		if words := outcomesOf(r.steps[o.Key.Value]); !slices.Contains(words, o.Value.Text.Value) {
			r.Report("unknown-value", at(o.Value), engine.Nearest(o.Value.Text.Value, words), "%s can't be %s: it is %s", o.Key.Value, quote(o.Value.Text.Value), list(words, "or"))
		}
	}
	return e
}

// list reads a list of texts, nil where there is none.
func (r *reader) list(v engine.Value, key string, check func(engine.Text)) []string {
	below, ok := v.Entry(key)
	if !ok {
		return nil
	}
	out := []string{}
	for _, item := range below.Items {
		check(item.Text)
		out = append(out, item.Text.Value)
	}
	return out
}

// outcomesOf lists how a step can end.
func outcomesOf(m member) []string {
	words := []engine.Outcome{engine.OutcomeSkipped}
	switch m.step.Effect {
	case engine.Reads:
		words = append(words, engine.OutcomeHealthy, engine.OutcomeUnhealthy, engine.OutcomeUnknown)
	case engine.Changes:
		words = append(words, engine.OutcomeFixed, engine.OutcomeNotFixed, engine.OutcomeFailed, engine.OutcomeDeclined,
			engine.OutcomeExpired, engine.OutcomeInDoubt, engine.OutcomeWould)
	case engine.AsksYou:
		words = append(words, engine.OutcomeAnswered, engine.OutcomeDeclined, engine.OutcomeExpired, engine.OutcomeWould)
	case engine.EndsRun:
		words = append(words, engine.OutcomeEscalated)
	case engine.RunsBook:
		words = append(words, engine.OutcomeHealthy, engine.OutcomeUnhealthy, engine.OutcomeUnknown, engine.OutcomeWould)
	}
	return texts(words...)
}

// templates reports every ${{ }}: a scenario holds values, not expressions.
func (r *reader) templates(v engine.Value) {
	if strings.Contains(v.Text.Value, "${{") {
		r.Report("misplaced-template", v.Text, "", "a scenario holds values: ${{ }} is not read here")
	}
	for _, item := range v.Items {
		r.templates(item)
	}
	for _, e := range v.Entries {
		r.templates(e.Value)
	}
}

// quote shows a text in quotes, at most some forty characters of it.
func quote(s string) string {
	const most = 40
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most-1]) + "…"
	}
	return strconv.Quote(s)
}

// list joins words as people do: "a, b or c".
func list(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return fmt.Sprintf("%s %s %s", strings.Join(words[:len(words)-1], ", "), last, words[len(words)-1])
}

// texts gives words of the engine as texts.
func texts[T ~string](words ...T) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return out
}
