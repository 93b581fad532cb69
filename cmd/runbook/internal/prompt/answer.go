package prompt

import (
	"fmt"
	"slices"
	"strings"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// reply is what a typed line means.
type reply struct {
	value string // an answer, "" for none yet
	note  string // kept with the answer
	show  bool   // the evidence is wanted
	say   string // told to the person
}

// read gives a typed line its meaning. An empty line, and any word that is none of the keys, is the answer that changes
// nothing; only a question for a value asks again.
func (p *Prompt) read(q engine.Question, typed string) reply {
	typed = strings.TrimSpace(typed)
	word := strings.ToLower(typed)
	if screen.Line(typed) != typed { // something that no key for an answer types
		word, typed = "", screen.Line(typed)
		if q.Kind != engine.AskValue {
			typed = "\uFFFD" + typed
		}
	}
	switch word {
	case "q", "quit":
		if q.Kind == engine.AskFailed {
			return reply{value: engine.Stop}
		}
		if q.Kind != engine.AskValue || !slices.Contains(q.Choices, typed) {
			return reply{value: engine.Quit}
		}
	case "s", "show":
		if q.Kind != engine.AskValue {
			return reply{show: true}
		}
	}
	switch q.Kind {
	case engine.AskFix, engine.AskUndo:
		return p.yesOrNo(q, typed)
	case engine.AskFailed:
		return choose(typed, reply{value: engine.Stop, say: "stopping here"}, map[string]string{
			"r": engine.Retry, "retry": engine.Retry, "c": engine.Skip, "continue": engine.Skip, "skip": engine.Skip,
			"stop": engine.Stop,
		})
	case engine.AskDoubt:
		return choose(typed, reply{value: engine.No, say: "it stays in doubt"}, map[string]string{
			"m": engine.Made, "made": engine.Made, "n": engine.NotMade, "not made": engine.NotMade, "not-made": engine.NotMade,
			"a": engine.Again, "again": engine.Again,
		})
	case engine.AskManual:
		return choose(typed, reply{value: engine.NotDone, say: "not done"}, map[string]string{
			"d": engine.Done, "done": engine.Done, "y": engine.Done, "yes": engine.Done,
			"n": engine.NotDone, "no": engine.NotDone, "not done": engine.NotDone, "not-done": engine.NotDone,
		})
	case engine.AskValue:
		return typedValue(q, typed)
	}
	return reply{value: engine.No}
}

func (p *Prompt) yesOrNo(q engine.Question, typed string) reply {
	word := strings.ToLower(typed)
	no := reply{value: engine.No}
	switch {
	case typed == "" || word == "n" || word == "no":
		return no
	case q.Risk == engine.High:
		if typed == Target(q) {
			break
		}
		no.note = "typed " + typed
		no.say = fmt.Sprintf("%q is not %q: No.", typed, Target(q))
		return no
	case word == "y" || word == "yes":
	default:
		no.note = "typed " + typed
		no.say = fmt.Sprintf("%q is not yes: No.", typed)
		return no
	}
	if !p.may(q) {
		return reply{say: "Your yes does not count here: another person has to agree."}
	}
	return reply{value: engine.Yes}
}

// choose finds a word among keys. No word, or another one, is otherwise.
func choose(typed string, otherwise reply, keys map[string]string) reply {
	if value, ok := keys[strings.ToLower(typed)]; ok {
		return reply{value: value}
	}
	if typed == "" {
		otherwise.say = ""
		return otherwise
	}
	otherwise.note = "typed " + typed
	otherwise.say = fmt.Sprintf("%q is none of these: %s.", typed, otherwise.say)
	return otherwise
}

// typedValue holds an answer against the choices and the type that were asked for.
func typedValue(q engine.Question, typed string) reply {
	switch {
	case typed == "":
		return reply{say: "Type an answer, or q to end the run."}
	case len(q.Choices) > 0 && !slices.Contains(q.Choices, typed):
		return reply{say: fmt.Sprintf("%q is not one of %s.", typed, strings.Join(q.Choices, ", "))}
	}
	if q.Type == "bool" {
		switch strings.ToLower(typed) {
		case "y", "yes":
			typed = "true"
		case "n", "no":
			typed = "false"
		}
	}
	kind := engine.TypeKind(q.Type)
	if kind == "" {
		kind = engine.String
	}
	if _, err := (engine.Type{Kind: kind}).Literal(typed); err != nil {
		return reply{say: screen.Line(err.Error()) + "."}
	}
	if reserved(typed) {
		return reply{say: fmt.Sprintf("%q has a meaning of its own here: say it in other words.", typed)}
	}
	return reply{value: typed}
}

// reserved tells whether a word would be taken for something that no person says.
func reserved(word string) bool {
	return slices.Contains([]string{engine.Quit, engine.Expired, engine.Gone, engine.Nobody, engine.Would}, word)
}
