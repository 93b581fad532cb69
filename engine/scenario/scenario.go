package scenario

import (
	"time"

	"runbook/engine"
)

// File is what a scenarios file holds.
type File struct {
	Name      string // as the user named it
	Scenarios []*Scenario
}

// Scenario is one rehearsal of a runbook, whole: what the file says once for all scenarios is in it. Steps and findings
// are named by their paths: page, and frontend/page for a check of the runbook that step frontend runs. The way back of a
// fix is restart/undo.
type Scenario struct {
	Name    engine.Text
	Title   string
	Mode    engine.Mode
	Host    string
	Params  map[string]string
	Sees    map[string][]Reply            // what a check finds, look by look; the last one stays
	Does    map[string][]Reply            // what comes of a fix, attempt by attempt; the last one stays
	After   map[string]map[string][]Reply // what checks find once a fix has been made
	Answers map[string][]Answer           // to the questions of a step, each to one question
	Expect  Expect
}

// Reply is what comes of a look, or of a change.
type Reply struct {
	Fails  engine.FailureKind // why it could not be done, "" when it was; [Lost] too, for a change
	Fields map[string]any     // of the output, as far as the scenario says; nil for one that could not be seen
}

// Lost is a change that was made, and whose end nobody saw.
const Lost engine.FailureKind = "lost"

// Answer is what the person says to one question.
type Answer struct {
	Say string
	In  time.Duration // how long it takes
}

// Expect is what the run must come to. What is nil is not asked for.
type Expect struct {
	Verdict  engine.Verdict
	Findings []string // all that were concluded to be true, at any time
	Changes  []string // the fixes that were made, in this order; one that was tried several times stands there once
	Unknown  []string // the checks that could not look in the end, and the steps that could not be decided
	Outcomes map[string]engine.Outcome
	Says     []string // parts of what the run tells people
}

// Failures lists the words for why a step of this effect could not be done.
func Failures(e engine.Effect) []string {
	words := texts(engine.Timeout, engine.Denied, engine.Missing, engine.Unreachable, engine.Exit, engine.Invalid, engine.Cancelled)
	if e == engine.Changes {
		words = append(words, string(Lost))
	}
	return words
}

// Document is the shape of a scenarios file, for the reader, the reference and the schema for editors.
func Document() engine.Shape {
	return engine.Shape{Fields: append(
		[]engine.Field{{
			Name: "scenarios", Type: mapping(engine.Type{Kind: engine.Object, Fields: scenarioKeys()}), Required: true,
			Doc: "The rehearsals, by name.",
		}}, sharedKeys()...,
	)}
}

// sharedKeys are the keys that may stand above all scenarios.
func sharedKeys() []engine.Field {
	return []engine.Field{
		{Name: "params", Type: anyMapping(), Doc: "Values of the runbook's parameters."},
		{Name: "sees", Type: anyMapping(), Is: "replies", Doc: "What each check finds, look by look."},
	}
}

func scenarioKeys() []engine.Field {
	word := engine.Type{Kind: engine.String}
	words := engine.Type{Kind: engine.List, Elem: &word}
	expect := []engine.Field{
		{Name: "verdict", Type: word, Required: true, Enum: verdicts(), Doc: "How the run ends."},
		{Name: "findings", Type: words, Doc: "Exactly the findings that were concluded."},
		{Name: "changes", Type: words, Doc: "Exactly the fixes that were made, in this order."},
		{Name: "unknown", Type: words, Doc: "Exactly the checks that could not look, and the steps that could not be decided."},
		{Name: "outcomes", Type: mapping(word), Doc: "How steps ended, by step."},
		{Name: "says", Type: words, Doc: "Parts of what the run tells people: its findings, whom to call, why it ended so."},
	}
	keys := []engine.Field{
		{Name: "title", Type: word, Doc: "What has happened to the host, in a few words."},
		{Name: "mode", Type: word, Enum: texts(engine.Live, engine.DryRun), Default: string(engine.Live), Doc: "Whether it is a dry run."},
		{Name: "host", Type: word, Default: defaultHost, Doc: "The host's name, run.host."},
	}
	return append(append(keys, sharedKeys()...), []engine.Field{
		{Name: "does", Type: anyMapping(), Is: "replies", Doc: "What comes of a fix, attempt by attempt, where that matters."},
		{Name: "after", Type: mapping(anyMapping()), Doc: "What checks find once a fix has been made, by fix."},
		{Name: "answers", Type: anyMapping(), Is: "answers", Doc: "What the person answers, by step."},
		{Name: "expect", Type: engine.Type{Kind: engine.Object, Fields: expect}, Required: true, Doc: "What the run must come to."},
	}...)
}

func mapping(elem engine.Type) engine.Type { return engine.Type{Kind: engine.Map, Elem: &elem} }

func anyMapping() engine.Type { return mapping(engine.Type{Kind: engine.AnyValue}) }

// AnswerKeys are the keys of an answer that is more than a word.
func AnswerKeys() []engine.Field {
	return []engine.Field{
		{Name: "say", Type: engine.Type{Kind: engine.AnyValue}, Required: true, Doc: "What is answered."},
		{Name: "in", Type: engine.Type{Kind: engine.Span}, Doc: "How long the person takes."},
	}
}

func verdicts() []string {
	return texts(
		engine.VerdictHealthy, engine.VerdictFixed, engine.VerdictNotFixed, engine.VerdictFailed, engine.VerdictDeclined,
		engine.VerdictEscalated, engine.VerdictRefused, engine.VerdictUndecided, engine.VerdictPlanned,
	)
}

const defaultHost = "host"
