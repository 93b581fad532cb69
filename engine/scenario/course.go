package scenario

import (
	"slices"
	"strings"
	"time"

	"runbook/engine"
)

// course is what a run came to, step by step and finding by finding.
type course struct {
	*layout
	plan   *engine.Plan
	events []engine.Stamped
	heard  int // events, so far
	now    func() time.Duration

	words map[string][]word // of a step or a finding; of the run, below ""
	idle  map[string]word   // of a step that need not be made, and of a finding that was never true
	asked map[string][]engine.Term

	// What the recording does not know is dark, and so is what hangs on it. From the first decision on that hangs on it,
	// everything is.
	unseen  map[string]string // checks that nobody knows now, and why
	unclear map[string]bool   // findings, and steps that run a runbook
	goals   map[string]bool   // scopes whose goal nobody knew at first
	lost    bool
	notes   []string // what the recording does not know, in sentences
}

// word is one thing that a run came to.
type word struct {
	text    string
	at      time.Duration // -1 for what nothing came to
	seq     int           // of the event that said it
	because []engine.Term
	why     []string // sentences
	dark    bool
}

const goalHeld = "the goal held"

func newCourse(plan *engine.Plan) *course {
	return &course{
		layout: layOut(plan), plan: plan, words: map[string][]word{}, idle: map[string]word{}, asked: map[string][]engine.Term{},
		unseen: map[string]string{}, unclear: map[string]bool{}, goals: map[string]bool{},
	}
}

// see notes whether what a check finds now is known: there is no reason why not.
func (w *course) see(path, why string) {
	delete(w.unseen, path)
	if why != "" {
		w.unseen[path] = why
		w.note(why)
	}
}

func (w *course) note(why string) {
	if !slices.Contains(w.notes, why) {
		w.notes = append(w.notes, why)
	}
}

// healthy tells whether a check was so when it was looked at last.
func (w *course) healthy(path string) bool {
	list := w.words[path]
	return len(list) > 0 && list[len(list)-1].text == string(engine.OutcomeHealthy)
}

// cut ends the way: what comes of the next call is not known.
func (w *course) cut(path, text, why string, dark bool) {
	w.say(path, word{text: text, because: w.asked[path], why: []string{why}, dark: dark})
	w.note(why)
	w.lost = true
}

// say adds a word. One that was said last is not said again.
func (w *course) say(path string, next word) {
	next.at, next.seq, next.dark = w.now(), w.heard, next.dark || w.lost
	list := w.words[path]
	if n := len(list); n == 0 || list[n-1].text != next.text {
		w.words[path] = append(list, next)
	}
}

// hear adds what an event says.
func (w *course) hear(e engine.Event) {
	w.heard++
	switch e := e.(type) {
	case engine.Looked:
		w.looked(e)
	case engine.Concluded:
		dark := w.hides(scopeOf(e.Finding), e.Because)
		w.unclear[e.Finding] = dark
		if e.Value == engine.False && len(w.words[e.Finding]) == 0 {
			w.idle[e.Finding] = word{text: "false", at: w.now(), seq: w.heard, because: e.Because, dark: dark || w.lost}
			return
		}
		w.say(e.Finding, word{text: e.Value.String(), because: e.Because, dark: dark})
	case engine.Skipped:
		w.skipped(e)
	case engine.Asked:
		w.asked[pathOf(e.Question.Step, e.Question.Kind == engine.AskUndo)] = e.Question.Because
		w.lost = w.lost || w.hides(scopeOf(e.Question.Step), e.Question.Because)
	case engine.Answered:
		path, text := pathOf(e.Step, e.Kind == engine.AskUndo), e.Answer.Value
		if e.Kind == engine.AskValue && !slices.Contains([]string{engine.Quit, engine.Expired, engine.Nobody}, text) {
			text = quote(text)
		}
		w.say(path, word{text: text, because: w.asked[path]})
	case engine.ChangeEnded:
		text := "made"
		if e.Failure != nil {
			text = "failed (" + string(e.Failure.Kind) + ")"
		}
		w.say(pathOf(e.Step, e.Undo), word{text: text})
	case engine.ChangeLost:
		w.say(pathOf(e.Step, e.Undo), word{text: "lost"})
	case engine.FixEnded:
		m := w.steps[e.Step]
		dark := slices.ContainsFunc(m.step.Verify, func(v int) bool { return w.unseen[scopeOf(e.Step)+m.plan.Steps[v].ID.Value] != "" })
		if e.Outcome != engine.OutcomeAnswered { // that has been said
			w.say(e.Step, word{text: string(e.Outcome), why: sentences(e.Note), dark: dark})
		}
		w.lost = w.lost || dark
	case engine.Escalated:
		w.lost = w.lost || w.hides(scopeOf(e.Step), e.Because)
		w.say(e.Step, word{text: "escalated to " + e.To, because: e.Because})
	case engine.RunEnded:
		scope, plan := "", w.plan
		if e.Step != "" {
			scope, plan = e.Step+"/", w.steps[e.Step].step.Book
		}
		dark := e.Verdict == engine.VerdictUndecided && slices.ContainsFunc(plan.Goal, func(g int) bool {
			return w.unseen[scope+plan.Steps[g].ID.Value] != ""
		})
		w.unclear[e.Step] = dark
		w.say(e.Step, word{text: string(e.Verdict), why: e.Why, dark: dark})
	default:
	}
}

func sentences(note string) []string {
	if note == "" {
		return nil
	}
	return []string{note}
}

func (w *course) looked(e engine.Looked) {
	m, next := w.steps[e.Step], word{text: string(e.Outcome), because: e.Because}
	if e.Failure != nil {
		next.why = sentences(e.Failure.Message)
	}
	others := slices.DeleteFunc(slices.Clone(e.Because), func(t engine.Term) bool {
		return !strings.Contains(t.Text, "steps.") && !strings.Contains(t.Text, "findings.") // fields of its own
	})
	if next.dark = w.hides(scopeOf(e.Step), others); next.dark && w.unseen[e.Step] == "" {
		w.unseen[e.Step] = "what " + e.Step + " expects is not known"
	}
	if why := w.unseen[e.Step]; why != "" {
		next.text, next.why, next.dark = "not known", sentences(why), true
		if slices.Contains(m.plan.Goal, m.step.Index) {
			w.goals[scopeOf(e.Step)] = true
		}
	}
	if !e.Again {
		w.say(e.Step, next)
	}
}

func (w *course) skipped(e engine.Skipped) {
	next := word{because: e.Because, at: w.now(), seq: w.heard, dark: w.hides(scopeOf(e.Step), e.Because)}
	switch e.Reason {
	case engine.NotNeeded:
		next.text = "not needed"
	case engine.GoalHolds:
		next.text = goalHeld
	case engine.Undecided:
		next.text = "undecided"
	case engine.NoLonger:
		next.text = "no longer needed"
	case engine.LimitHit:
		next.text = "too many changes"
	}
	dark := next.dark
	if e.Reason == engine.NotNeeded || e.Reason == engine.GoalHolds {
		next.dark = dark || w.lost
		w.idle[e.Step] = next
	} else {
		w.say(e.Step, next)
	}
	switch {
	case !dark:
	case w.steps[e.Step].step.Effect == engine.Reads:
		w.unseen[e.Step] = "whether " + e.Step + " is to be made is not known"
	default:
		w.lost = true
	}
}

// hides tells whether something is so, or is unknown, because of what the recording does not know: a check that nobody
// knows is not one that could not look, whatever a condition makes of it.
func (w *course) hides(scope string, because []engine.Term) bool {
	return slices.ContainsFunc(because, func(t engine.Term) bool {
		return t.Decides && slices.ContainsFunc(t.Seen, func(s engine.Seen) bool {
			name, _, _ := strings.Cut(s.Name, ".")
			return w.unseen[scope+name] != "" || w.unclear[scope+name]
		})
	})
}
