package schema

import (
	"encoding/json"
	"fmt"

	"github.com/invopop/jsonschema"

	"runbook/engine"
	"runbook/engine/scenario"
)

// Scenarios gives the JSON Schema of a scenarios file, in the form of [Generate]. It knows no runbook: the names of steps,
// and what they find, are for runbook validate.
func Scenarios() ([]byte, error) {
	g := &generator{}
	root := g.object(scenario.Document().Fields)
	root.Version = jsonschema.Version
	root.Title = "Scenarios"
	root.Description = "Rehearsals of a runbook: what its checks find, what a person answers, and what must come of it."
	one := property(root, "scenarios").AdditionalProperties
	for _, s := range []*jsonschema.Schema{root, one} {
		property(s, "sees").AdditionalProperties = oneOrMore(reply(engine.Reads))
	}
	property(one, "does").AdditionalProperties = oneOrMore(reply(engine.Changes))
	property(one, "after").AdditionalProperties.AdditionalProperties = oneOrMore(reply(engine.Reads))
	answer := g.object(scenario.AnswerKeys())
	property(one, "answers").AdditionalProperties = oneOrMore(&jsonschema.Schema{AnyOf: []*jsonschema.Schema{scalar(), answer}})
	for _, s := range []*jsonschema.Schema{root, one} {
		property(s, "params").AdditionalProperties = scalar()
	}
	expect := property(one, "expect")
	for _, key := range []string{"findings", "changes", "unknown", "says"} {
		property(expect, key).MinItems = nil // that there are none is something to expect
	}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	return append(out, '\n'), nil
}

// reply is what a step finds or gives: fields of its kind, or why it could not.
func reply(e engine.Effect) *jsonschema.Schema {
	fails := &jsonschema.Schema{Type: "string", Description: "Why it could not be done."}
	for _, word := range scenario.Failures(e) {
		fails.Enum = append(fails.Enum, word)
	}
	s := having("fails", fails)
	s.Type = "object"
	return s
}

// oneOrMore is a value, or a list of such values, one for each time.
func oneOrMore(s *jsonschema.Schema) *jsonschema.Schema {
	one := uint64(1)
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{s, {Type: "array", MinItems: &one, Items: s}}}
}

func scalar() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
}
