package reports

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine"
)

// changes are what was done to the host, each exactly.
func (r *report) changes() document {
	if r.view.DryRun() {
		return append(section("Changes made", line(text("None: this was a dry run."))), r.would()...)
	}
	changes := r.view.Changes()
	if len(changes) == 0 {
		return section("Changes made", line(text("None.")))
	}
	d := section("Changes made")
	if r.view.Drill() {
		d = append(d, line(text("All of them were played: this was a drill, and no host was changed.")))
	}
	for i, c := range changes {
		d = append(d, r.change(i+1, c)...)
	}
	return d
}

func (r *report) change(number int, c *Change) document {
	s := r.view.Step(c.Step)
	title := words(text(fmt.Sprintf("%d. ", number)), sentence(c.Step))
	if c.Undo {
		title = words(title, text(", taken back"))
	}
	if n := s.attempt(c); n > 1 {
		title = words(title, text(fmt.Sprintf(", attempt %d", n)))
	}
	title = words(title, text(": "+changeWord(s, c)))
	d := document{heading{level: 3, text: title}}

	var l list
	add := func(name string, parts ...part) {
		l = append(l, item{text: words(strong(name), text(": "), words(parts...))})
	}
	add("done", r.doneWhat(c))
	add("as", orUnknownUser(c.As, r.view))
	add("when", r.spanOf(c))
	add("result", r.result(c))
	l = append(l, r.because(c))
	add("confirmed by", r.confirmed(c))
	if len(c.Again) > 0 {
		add("looked at again after the yes", r.lookedAgain(c.Again))
	}
	if c.Undo {
		if len(c.Verified) > 0 {
			l = append(l, item{text: words(strong("looked at afterwards")), below: r.lastLooks(c)})
		}
	} else {
		l = append(l, r.verified(s, c))
		add("undo", r.undo(s, c))
	}
	d = append(d, l)
	if exact := exactly(c); len(exact) > 0 {
		d = append(d, line(text("Exactly:")), fence{language: fenceLanguage(exact), lines: exact})
	}
	if c.Ended != nil && c.Ended.Failure != nil {
		d = append(d, r.lastWords(c.Ended)...)
	}
	return d
}

// lastWords are the ends of the outputs of a change that failed.
func (r *report) lastWords(end *ChangeEnd) document {
	var d document
	for _, e := range end.Evidence {
		if p, wrong := r.quote(e, nil); wrong == "" && p.lines > 0 {
			d = append(d, line(text("The end of its "), label(e.Name), text(" ("), sentence(orElse(e.ID, "without a number")), text("):")),
				fence{language: "text", lines: p.shown()})
		}
	}
	return d
}

// attempt counts the attempts at a change up to this one, without those that never started.
func (s *Step) attempt(c *Change) int {
	n := 0
	for _, o := range s.Changes {
		if o.begun() && o.Undo == c.Undo && o.Began.Seq <= c.Began.Seq {
			n++
		}
	}
	return n
}

// changeWord is what came of a change in one word.
func changeWord(s *Step, c *Change) string {
	switch {
	case c.Lost != nil:
		return "nobody saw its end"
	case c.Ended == nil:
		return "no end on record"
	case c.Ended.Failure != nil:
		return "failed"
	case c.Undo:
		return "done"
	}
	for _, e := range s.Ends {
		if e.Seq > c.Ended.Seq && s.isLast(c) {
			return outcomeWords(e.Outcome)
		}
	}
	return "done"
}

// isLast tells whether a change is the last of its step that was not there to take one back: how the step ended is said
// of it.
func (s *Step) isLast(c *Change) bool { return s.lastChange() == c }

func (r *report) doneWhat(c *Change) inline {
	out := words(code(orElse(c.Kind, "unknown kind")))
	if c.Description != nil && c.Description.Summary != "" {
		return words(out, text(": "), sentence(c.Description.Summary))
	}
	return words(out, text(", with "), code(plainValue(c.Inputs)))
}

func exactly(c *Change) []string {
	if c.Description == nil {
		return nil
	}
	return c.Description.Exact
}

// fenceLanguage tells a unified diff from a command.
func fenceLanguage(lines []string) string {
	if len(lines) > 1 && strings.HasPrefix(lines[0], "--- ") && strings.HasPrefix(lines[1], "+++ ") {
		return "diff"
	}
	return "text"
}

// orUnknownUser is the user that a change was made as: its own, or the engine's.
func orUnknownUser(as string, v *View) inline {
	if as != "" {
		return words(label(as))
	}
	user := v.Start.Who.User
	if n := len(v.Lives); n > 0 && v.Lives[n-1].Who.User != "" {
		user = v.Lives[n-1].Who.User
	}
	if user == "" {
		return words(text("unknown: the journal does not name the user"))
	}
	return words(label(user))
}

func (r *report) spanOf(c *Change) inline {
	began := "began " + r.clock(c.Began.At)
	switch {
	case c.Ended != nil:
		return words(text(fmt.Sprintf("%s, ended %s, %s", began, r.clock(c.Ended.At), Span(c.Ended.Mono-c.Began.Mono))))
	case c.Lost != nil:
		return words(text(began + ", end unknown: nobody saw it, which was noticed at " + r.clock(c.Lost.At)))
	default:
		return words(text(began + ", end unknown: the journal does not have it"))
	}
}

// result is what a change gave: the exit code of a process, and other single values.
func (r *report) result(c *Change) inline {
	if c.Ended == nil {
		return words(text("unknown: the journal has no end of it"))
	}
	var out inline
	output := c.Ended.Output
	if exit, ok := output["exit"]; ok {
		out = words(text("exit "), sentence(plainValue(exit)))
		rest := map[string]any{}
		for name, v := range output {
			if name != "exit" {
				rest[name] = v
			}
		}
		output = rest
	}
	if f := c.Ended.Failure; f != nil {
		out = joined(filled(words(text("failed: "), failure(f)), out), ", ")
	} else {
		out = joined(filled(out, scalars(output)), ", ")
	}
	if len(out) == 0 {
		out = words(text("done; it gave no values"))
	}
	if ids := evidenceIDs(c.Ended.Evidence); len(ids) > 0 {
		out = words(out, text(", evidence "), ids)
	}
	return out
}

func filled(items ...inline) []inline {
	return slices.DeleteFunc(items, func(in inline) bool { return len(in) == 0 })
}

// because is why a change was offered: the author's reason, and the condition with its values.
func (r *report) because(c *Change) item {
	if len(c.Agreed) == 0 {
		return item{text: words(strong("because"), text(": unknown: no question for it is on record"))}
	}
	q := c.Agreed[0]
	if c.Undo {
		return item{text: words(strong("because"), text(": it did not help: "), saw(q.Because))}
	}
	below := explained(q.Because, engine.True)
	why := q.Why
	switch {
	case why == "" && len(below) > 0:
		why = "its condition was true"
	case why == "":
		why = "it has no condition, and the goal did not hold"
	}
	return item{text: words(strong("because"), text(": "), sentence(why)), below: below}
}

// confirmed is who agreed, where, when, and how long that took.
func (r *report) confirmed(c *Change) inline {
	var items []inline
	for _, q := range c.Agreed {
		items = append(items, r.said(q))
	}
	if len(items) == 0 {
		return words(text("unknown: no answer is on record"))
	}
	return joined(items, "; ")
}

// speaker is who gave an answer. A flag was given by who started that life of the run.
func (r *report) speaker(a *Answer) inline {
	name := a.By
	if name == "" && beforehand(a.Answer) {
		for _, l := range r.view.Lives {
			if l.Began.Seq <= a.Seq {
				name = l.Who.Name()
			}
		}
	}
	return person(name)
}

// said is an answer with everything about it.
func (r *report) said(q *Question) inline {
	a := q.Answer
	out := words(r.speaker(q.Answer), text(" said "), code(a.Value), text(" "), through(a.Answer), text(" at "+r.clock(a.At)))
	if q.ForPeople() {
		out = words(out, text(", "+Span(a.Mono-q.Mono)+" after the question"))
	}
	if q.Risk != "" {
		out = words(out, text(", risk "), label(string(q.Risk)))
	}
	if a.Note != "" {
		out = words(out, text(": "), sentence(a.Note))
	}
	return out
}

func (r *report) lookedAgain(looks []Look) inline {
	items := make([]inline, len(looks))
	for i := range looks {
		l := &looks[i]
		items[i] = words(code(l.Step), text(" "), r.looked(l))
		if before := r.view.before(l); before != nil && before.sameAs(l) {
			items[i] = words(code(l.Step), text(" still "+string(l.Outcome)), r.whenWhere(l))
		}
	}
	return joined(items, "; ")
}

// verified is what the checks of a fix said after it.
func (r *report) verified(s *Step, c *Change) item {
	if len(c.Verified) == 0 {
		return r.unverified(s, c)
	}
	it := item{text: words(strong("verified by"), text(": "+plural(len(c.Verified), "look")))}
	if n := len(s.Ends); n > 0 && s.isLast(c) && s.Ends[n-1].Seq > c.Began.Seq {
		it.text = words(it.text, text(", concluded "), strong(outcomeWords(s.Ends[n-1].Outcome)))
		if note := s.Ends[n-1].Note; note != "" {
			it.text = words(it.text, text(": "), sentence(note))
		}
	} else if s.isLast(c) {
		it.text = words(it.text, text(", conclusion unknown: the journal has none"))
	} else {
		it.text = words(it.text, text(", and another attempt followed"))
	}
	it.below = r.lastLooks(c)
	return it
}

// lastLooks are what the checks of a fix saw at last.
func (r *report) lastLooks(c *Change) []inline {
	var out []inline
	for i, l := range c.Verified {
		if !slices.ContainsFunc(c.Verified[i+1:], func(later Look) bool { return later.Step == l.Step }) {
			out = append(out, words(code(l.Step), text(" "), r.looked(&c.Verified[i])))
		}
	}
	return out
}

func (r *report) unverified(s *Step, c *Change) item {
	if c.Ended != nil && c.Ended.Failure != nil {
		return item{text: words(strong("verified by"), text(": nothing: the change failed"))}
	}
	if n := len(s.Ends); n > 0 && s.isLast(c) && s.Ends[n-1].Seq > c.Began.Seq {
		end := s.Ends[n-1]
		out := words(strong("verified by"), text(": nothing; concluded "), strong(outcomeWords(end.Outcome)))
		if end.Note != "" {
			out = words(out, text(": "), sentence(end.Note))
		}
		return item{text: out}
	}
	return item{text: words(strong("verified by"), text(": unknown: no look after it is on record"))}
}

// offered is what the engine says of a way back that the runbook has for a step.
const offered = ", offered when it does not help"

// undo is the way back, and whether it was gone.
func (r *report) undo(s *Step, c *Change) inline {
	var way string
	for _, q := range c.Agreed {
		way = orElse(q.Undo, way)
	}
	if way == "" && c.Description != nil {
		way = c.Description.Undo
	}
	out := words(sentence(orElse(way, "none")))
	if body, found := strings.CutSuffix(way, offered); found {
		out = words(code(body), text(offered))
	}
	for _, q := range s.Questions {
		if q.Kind == engine.AskUndo && q.Seq > c.Began.Seq {
			out = words(out, text("; "), r.answered(q))
		}
	}
	for _, u := range s.Changes {
		if u.Undo && u.Began.Seq > c.Began.Seq {
			out = words(out, text("; taken back at "+r.clock(u.Began.At)+": "+changeWord(s, u)))
		}
	}
	return out
}

// answered is what came of a question.
func (r *report) answered(q *Question) inline {
	switch {
	case q.Answer == nil:
		return words(text("asked at " + r.clock(q.At) + ", no answer on record"))
	case q.Answer.Value == engine.Expired:
		return words(text("asked at " + r.clock(q.At) + ", nobody answered in " + Span(q.Answer.Mono-q.Mono)))
	case q.Answer.Value == engine.Nobody:
		return words(text("there was no one to ask: "), sentence(orElse(q.Answer.Note, "no reason is on record")))
	default:
		return r.said(q)
	}
}
