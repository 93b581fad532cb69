package schema

import (
	"slices"

	"github.com/invopop/jsonschema"

	"runbook/engine"
)

// kindRules adds, for each kind, what follows from using it. The inputs of a kind stand once, under $defs.
func (g *generator) kindRules(s *jsonschema.Schema, rule func(engine.Kind) *jsonschema.Schema) {
	for _, k := range g.kinds {
		g.defs[k.Name] = g.inputs(k)
		s.AllOf = append(s.AllOf, &jsonschema.Schema{If: uses(k.Name), Then: rule(k)})
	}
}

func uses(kind string) *jsonschema.Schema {
	return when("uses", &jsonschema.Schema{Const: kind})
}

// when is the condition that a key is there and its value is like this.
func when(key string, value *jsonschema.Schema) *jsonschema.Schema {
	s := having(key, value)
	s.Required = []string{key}
	return s
}

// having is a mapping in which a key, if it is there, has a value like this.
func having(key string, value *jsonschema.Schema) *jsonschema.Schema {
	s := &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	s.Properties.Set(key, value)
	return s
}

// stepRule is what follows for a step: its inputs, and the keys that belong to its effect.
func (g *generator) stepRule(k engine.Kind) *jsonschema.Schema {
	then := g.withInputs(k)
	if !k.MayRead {
		keysOf(then, k.Effect)
		then.Properties.Set("reads", jsonschema.FalseSchema)
		return then
	}
	check, fix := &jsonschema.Schema{Properties: jsonschema.NewProperties()}, &jsonschema.Schema{Properties: jsonschema.NewProperties()}
	keysOf(check, engine.Reads)
	keysOf(fix, engine.Changes)
	then.If = when("reads", &jsonschema.Schema{Const: true})
	then.Then, then.Else = check, fix
	return then
}

// keysOf forbids the keys that do not belong to a step of this effect, and asks a fix for its verify.
func keysOf(s *jsonschema.Schema, effect engine.Effect) {
	own := engine.StepKeys(effect)
	for _, key := range engine.StepKeys(engine.Reads) {
		if !slices.Contains(own, key) {
			s.Properties.Set(key, jsonschema.FalseSchema)
		}
	}
	for _, key := range engine.StepKeys(engine.Changes) {
		if !slices.Contains(own, key) {
			s.Properties.Set(key, jsonschema.FalseSchema)
		}
	}
	if effect != engine.Changes {
		return
	}
	s.Required = append(s.Required, "verify")
	s.AllOf = append(s.AllOf, &jsonschema.Schema{
		If:   when("verify", &jsonschema.Schema{Const: "none"}),
		Then: &jsonschema.Schema{Required: []string{"why"}},
	})
}

// undoRule is what follows for an undo: it is a fix, with its inputs.
func (g *generator) undoRule(k engine.Kind) *jsonschema.Schema {
	if k.Effect != engine.Changes {
		return jsonschema.FalseSchema
	}
	return g.withInputs(k)
}

func (g *generator) withInputs(k engine.Kind) *jsonschema.Schema {
	s := having("with", &jsonschema.Schema{Ref: "#/$defs/" + k.Name})
	if slices.ContainsFunc(k.Input.Fields, func(f engine.Field) bool { return f.Required }) {
		s.Required = []string{"with"}
	}
	return s
}

// inputs is the schema of a kind's inputs.
func (g *generator) inputs(k engine.Kind) *jsonschema.Schema {
	s := g.inputObject(k.Input.Fields)
	s.Description = k.Doc
	if k.Example != "" {
		s.Comments = "for example:\n" + k.Example
	}
	return s
}

func (g *generator) inputObject(fields []engine.Field) *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, f := range fields {
		in := g.input(f.Type, f)
		in.Description, in.Default = f.Doc, defaultOf(f)
		s.Properties.Set(f.Name, in)
		if f.Required {
			s.Required = append(s.Required, f.Name)
		}
	}
	return s
}

// input is the schema of an input: a literal of its type, or a text with ${{ }}.
func (g *generator) input(t engine.Type, f engine.Field) *jsonschema.Schema {
	template := &jsonschema.Schema{Type: "string", Pattern: `\$\{\{`}
	or := func(literal *jsonschema.Schema) *jsonschema.Schema {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{literal, template}}
	}
	switch t.Kind {
	case engine.String:
		if len(f.Enum) > 0 {
			words := &jsonschema.Schema{}
			for _, w := range f.Enum {
				words.Enum = append(words.Enum, w)
			}
			return or(words)
		}
		return &jsonschema.Schema{Type: "string", Pattern: inputPattern(f.Is)}
	case engine.Int:
		whole := &jsonschema.Schema{Type: "integer"}
		if f.Is == "port" {
			whole.Minimum, whole.Maximum = "1", "65535"
		}
		return or(whole)
	case engine.Number:
		return or(&jsonschema.Schema{Type: "number"})
	case engine.Bool:
		return or(&jsonschema.Schema{Type: "boolean"})
	case engine.Span:
		return or(&jsonschema.Schema{Type: "string", Pattern: durationPattern})
	case engine.List:
		return or(&jsonschema.Schema{Type: "array", Items: g.input(*t.Elem, f)})
	case engine.Map:
		return or(&jsonschema.Schema{Type: "object", AdditionalProperties: g.input(*t.Elem, f)})
	case engine.Object:
		return or(g.inputObject(t.Fields))
	case engine.AnyValue:
		return &jsonschema.Schema{}
	default:
		return &jsonschema.Schema{}
	}
}

// inputPattern is what a text that stands for something looks like, or a text with ${{ }}; "" for anything.
func inputPattern(is string) string {
	switch is {
	case "path":
		return `^/|\$\{\{`
	case "url":
		return `^https?://|\$\{\{`
	case "unit":
		return `\.(service|socket|timer|target|path|mount|automount|swap|slice|scope|device)$|\$\{\{`
	case "user":
		return `^[a-zA-Z_][a-zA-Z0-9_-]{0,30}$|\$\{\{`
	default:
		return ""
	}
}

// paramRules adds what follows from a parameter's type.
func (g *generator) paramRules(s *jsonschema.Schema) {
	is := func(kinds ...engine.ParamType) *jsonschema.Schema {
		types := &jsonschema.Schema{}
		for _, k := range kinds {
			types.Enum = append(types.Enum, string(k))
		}
		return when("type", types)
	}
	never := func(keys ...string) *jsonschema.Schema {
		p := jsonschema.NewProperties()
		for _, key := range keys {
			p.Set(key, jsonschema.FalseSchema)
		}
		return &jsonschema.Schema{Properties: p}
	}
	s.AllOf = append(
		s.AllOf,
		&jsonschema.Schema{If: is(engine.ParamEnum), Then: &jsonschema.Schema{Required: []string{"values"}}, Else: never("values")},
		&jsonschema.Schema{If: is(engine.ParamInt, engine.ParamNumber, engine.ParamPort), Then: never("pattern"), Else: never("min", "max")},
		&jsonschema.Schema{If: is(engine.ParamBool, engine.ParamDuration, engine.ParamEnum), Then: never("pattern")},
		&jsonschema.Schema{
			If:   when("secret", &jsonschema.Schema{Const: true}),
			Then: never("default", "values", "pattern"),
			Else: &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
				{Required: []string{"default"}},
				when("required", &jsonschema.Schema{Const: true}),
			}},
		},
	)
}
