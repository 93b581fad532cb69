package schema

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/invopop/jsonschema"

	"runbook/engine"
)

// Generate gives the JSON Schema (draft 2020-12) of a runbook's file that may use these kinds, as indented JSON with a
// line end. The same kinds give the same bytes.
func Generate(kinds engine.Kinds) ([]byte, error) {
	g := &generator{kinds: kinds, defs: jsonschema.Definitions{}}
	root := g.object(engine.Document().Fields)
	root.Version = jsonschema.Version
	root.Title = "Runbook"
	root.Description = "An incident runbook: checks look at a host, findings draw conclusions, fixes change it after somebody agreed."
	g.kindRules(g.step(root), g.stepRule)
	g.kindRules(g.undo(root), g.undoRule)
	g.paramRules(g.param(root))
	root.Definitions = g.defs
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	return append(out, '\n'), nil
}

type generator struct {
	kinds engine.Kinds
	defs  jsonschema.Definitions
}

// The parts of the document that rules are added to.

func (g *generator) step(root *jsonschema.Schema) *jsonschema.Schema {
	return property(root, "steps").Items
}

func (g *generator) undo(root *jsonschema.Schema) *jsonschema.Schema {
	return property(g.step(root), "undo")
}

func (g *generator) param(root *jsonschema.Schema) *jsonschema.Schema {
	return property(root, "params").AdditionalProperties
}

func property(s *jsonschema.Schema, name string) *jsonschema.Schema {
	p, _ := s.Properties.Get(name)
	return p
}

// object is the schema of a mapping with known keys.
func (g *generator) object(fields []engine.Field) *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema,
	}
	for _, f := range fields {
		s.Properties.Set(f.Name, g.key(f))
		if f.Required {
			s.Required = append(s.Required, f.Name)
		}
	}
	return s
}

// key is the schema of one key of the document.
func (g *generator) key(f engine.Field) *jsonschema.Schema {
	var s *jsonschema.Schema
	switch {
	case f.Is == "verify":
		s = g.verify()
	case f.Is == "kind":
		s = g.uses()
	case f.Name == "default":
		s = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
	default:
		s = g.typed(f.Type, f.Is)
	}
	s.Description = f.Doc
	for _, word := range f.Enum {
		s.Enum = append(s.Enum, word)
	}
	s.Default = defaultOf(f)
	return s
}

// typed is the schema of a value of the document, which is always a literal.
func (g *generator) typed(t engine.Type, is string) *jsonschema.Schema {
	one := uint64(1)
	switch t.Kind {
	case engine.String:
		return &jsonschema.Schema{Type: "string", MinLength: &one, Pattern: pattern(is)}
	case engine.Int:
		return &jsonschema.Schema{Type: "integer"}
	case engine.Number:
		return &jsonschema.Schema{Type: "number"}
	case engine.Bool:
		return &jsonschema.Schema{Type: "boolean"}
	case engine.Span:
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern}
	case engine.List:
		return &jsonschema.Schema{Type: "array", MinItems: &one, Items: g.typed(*t.Elem, is)}
	case engine.Map:
		s := &jsonschema.Schema{Type: "object", AdditionalProperties: g.typed(*t.Elem, "")}
		if t.Elem.Kind == engine.Object { // the parameters, whose names are ids
			s.PropertyNames = &jsonschema.Schema{Pattern: pattern("id")}
			s.MinProperties = &one
		}
		return s
	case engine.Object:
		return g.object(t.Fields)
	case engine.AnyValue:
		return &jsonschema.Schema{}
	default:
		return &jsonschema.Schema{}
	}
}

// Durations as Go's time.ParseDuration reads them, without a sign.
const durationPattern = `^(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))+$`

// pattern is what a text of the document must look like, "" for anything.
func pattern(is string) string {
	switch is {
	case "name":
		return `^[a-z][a-z0-9]*(-[a-z0-9]+)*$`
	case "id":
		return `^[a-z][a-z0-9_]*$`
	case "date":
		return `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	case "link":
		return `^https?://`
	case "lock":
		return `^[A-Za-z0-9][A-Za-z0-9._-]*$`
	case "condition":
		return `^[^$]*(\$[^{][^$]*)*$` // no ${{ }}
	default:
		return ""
	}
}

func (g *generator) verify() *jsonschema.Schema {
	one := uint64(1)
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{
		{Type: "array", MinItems: &one, UniqueItems: true, Items: &jsonschema.Schema{Type: "string", Pattern: pattern("id")}},
		{Const: "goal", Description: "All checks of the goal."},
		{Const: "none", Description: "Nothing: the fix must say why."},
	}}
}

// uses is one of the kinds, each with its doc.
func (g *generator) uses() *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string"}
	for _, k := range g.kinds {
		s.OneOf = append(s.OneOf, &jsonschema.Schema{Const: k.Name, Description: k.Doc})
	}
	return s
}

func defaultOf(f engine.Field) any {
	if f.Default == "" {
		return nil
	}
	if v, err := f.Type.Literal(f.Default); err == nil {
		return v
	}
	return strings.TrimSpace(f.Default)
}
