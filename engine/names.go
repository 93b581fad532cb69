package engine

import (
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/types"
)

// The words that every step answers to, besides the fields of its output.
const (
	wordHealthy   = "healthy"
	wordUnhealthy = "unhealthy"
	wordUnknown   = "unknown"
	wordSkipped   = "skipped"
	wordFixed     = "fixed"
	wordDeclined  = "declined"
	wordFailed    = "failed"
	wordOutcome   = "outcome"
)

func statusWords() []string {
	return []string{
		wordHealthy, wordUnhealthy, wordUnknown, wordSkipped, wordFixed, wordDeclined, wordFailed, wordOutcome,
	}
}

func roots() []string { return []string{"steps", "findings", "params", "run", "alert"} }

// reservedOutput tells whether an output field's name would hide a word that conditions use. The output of a check
// stands bare in its expect, beside the roots of all other names.
func reservedOutput(name string, effect Effect) bool {
	return slices.Contains(statusWords(), name) || effect == Reads && slices.Contains(roots(), name)
}

// names are the names that may stand in the expressions of one runbook, with their types.
type names struct {
	steps    map[string]Shape // outputs by step id
	strange  map[string]bool  // steps of a kind that there is not: that is their one mistake, and their fields are none
	findings []string
	params   map[string]ParamType
	self     Shape // the own output of the check whose expect it is; empty elsewhere
	config   *conf.Config
	forKind  map[string]*names // of expects, by kind
}

func newNames(rb *Runbook, kinds Kinds) *names {
	n := &names{
		steps: map[string]Shape{}, strange: map[string]bool{}, params: map[string]ParamType{}, forKind: map[string]*names{},
	}
	steps := types.Map{}
	outputs := map[string]settledType{} // by kind: many steps share one
	for _, s := range rb.Steps {
		kind, known := kinds.Find(s.Uses.Value)
		n.steps[s.ID.Value] = kind.Output
		if !known {
			n.strange[s.ID.Value] = true
			steps[s.ID.Value] = types.Any
			continue
		}
		if _, ok := outputs[kind.Name]; !ok {
			outputs[kind.Name] = settled(outputType(kind.Output))
		}
		steps[s.ID.Value] = outputs[kind.Name]
	}
	findings := types.Map{}
	for _, f := range rb.Findings {
		n.findings = append(n.findings, f.ID.Value)
		findings[f.ID.Value] = types.Bool
	}
	params := types.Map{}
	for _, p := range rb.Params {
		n.params[p.Name.Value] = p.Type
		params[p.Name.Value] = exprType(paramType(p.Type))
	}
	n.config = newConfig(types.Map{
		"steps": settled(steps), "findings": settled(findings), "params": settled(params),
		"run":   types.Map{"mode": types.String, "host": types.String},
		"alert": types.Map{"labels": exprType(Type{Kind: Map, Elem: &Type{Kind: String}})},
	})
	return n
}

// expecting gives the names for the expect of a check of this kind: its own output stands bare.
func (n *names) expecting(k Kind) *names {
	if inner, ok := n.forKind[k.Name]; ok {
		return inner
	}
	env := types.Map{}
	for name, t := range n.config.Env.Fields {
		env[name] = settledType{t}
	}
	for _, f := range k.Output.Fields {
		env[f.Name] = exprType(f.Type)
	}
	inner := *n
	inner.self = k.Output
	inner.config = newConfig(env)
	n.forKind[k.Name] = &inner
	return &inner
}

func newConfig(env types.Map) *conf.Config {
	c := conf.New(env)
	c.MaxNodes = maxNodes
	delete(c.Builtins, "now") // a run must be repeatable; the checker asks here,
	c.Disabled["now"] = true  // and the parser there
	return c
}

// check looks for names that mean nothing here. The type checker would find most of them too, but not say what was
// meant.
func (n *names) check(node ast.Node) []mistake {
	if m := refuseLet(node); m != nil {
		return []mistake{*m}
	}
	var found []mistake
	walkNames(node, func(r ref, at ast.Node) {
		if m := n.checkRef(r, at); m != nil {
			found = append(found, *m)
		}
	})
	return found
}

// place is where the wrong word of a name stands: the step's id where there is no such step, else its last word.
func place(r ref, at ast.Node, id bool) ast.Node {
	member, ok := at.(*ast.MemberNode)
	if !ok {
		return at
	}
	if inner, ok := member.Node.(*ast.MemberNode); ok && id && r.root == "steps" {
		return inner.Property
	}
	return member.Property
}

func (n *names) checkRef(r ref, at ast.Node) *mistake {
	say := func(rule, wrong string, candidates []string, format string, args ...any) *mistake {
		loc := place(r, at, rule == "unknown-step").Location()
		return &mistake{
			offset: loc.From, length: loc.To - loc.From, rule: rule,
			message: fmt.Sprintf(format, args...), hint: suggest(wrong, candidates),
		}
	}
	switch r.root {
	case "":
		if _, ok := n.self.Field(r.field); ok {
			return nil
		}
		if len(n.self.Fields) == 0 {
			return say("unknown-name", r.field, roots(), "nothing is called %s here; values are named params.X, steps.ID.FIELD or findings.ID", r.field)
		}
		return say("unknown-field", r.field, fieldNames(n.self), "this check's output has no field %s", r.field)
	case "$env":
		return say("unknown-name", "", nil, "$env can't be used: name the value itself")
	case "steps":
		shape, ok := n.steps[r.id]
		switch {
		case r.id == "":
			return say("unknown-step", "", nil, "steps must be followed by a step's id and a field, like steps.page.healthy")
		case !ok:
			return say("unknown-step", r.id, slices.Sorted(maps.Keys(n.steps)), "no step is called %s", r.id)
		case r.field == "":
			return say("unknown-field", "", nil, "steps.%s is a step, not a value: name one of its fields, like steps.%s.outcome", r.id, r.id)
		case n.strange[r.id], slices.Contains(statusWords(), r.field):
			return nil
		}
		if _, ok := shape.Field(r.field); !ok {
			return say("unknown-field", r.field, append(fieldNames(shape), statusWords()...), "step %s has no field %s", r.id, r.field)
		}
	case "findings":
		if !slices.Contains(n.findings, r.id) {
			return say("unknown-finding", r.id, n.findings, "no finding is called %s", r.id)
		}
	case "params":
		if _, ok := n.params[r.id]; !ok {
			return say("unknown-param", r.id, slices.Sorted(maps.Keys(n.params)), "no parameter is called %s", r.id)
		}
	case "run":
		if r.id != "mode" && r.id != "host" {
			return say("unknown-name", r.id, []string{"mode", "host"}, "run has no %s", r.id)
		}
	case "alert":
		if r.id != "labels" {
			return say("unknown-name", r.id, []string{"labels"}, "alert has no %s", r.id)
		}
	}
	return nil
}

// refuseLet keeps conditions to one expression: a name that is made inside it could not be explained.
func refuseLet(node ast.Node) *mistake {
	switch node.(type) {
	case *ast.VariableDeclaratorNode, *ast.SequenceNode:
		loc := node.Location()
		return &mistake{offset: loc.From, message: "a condition is one expression: let and ; can't be used", rule: "expression"}
	}
	for _, c := range children(node) {
		if m := refuseLet(c); m != nil {
			return m
		}
	}
	return nil
}

func fieldNames(s Shape) []string {
	out := make([]string, len(s.Fields))
	for i, f := range s.Fields {
		out[i] = f.Name
	}
	return out
}

// paramType is the type that a parameter's value has in expressions.
func paramType(p ParamType) Type {
	switch p {
	case ParamInt, ParamPort:
		return Type{Kind: Int}
	case ParamNumber:
		return Type{Kind: Number}
	case ParamBool:
		return Type{Kind: Bool}
	case ParamString, ParamDuration, ParamPath, ParamURL, ParamUnit, ParamUser, ParamEnum:
		return Type{Kind: String}
	default:
		return Type{Kind: String}
	}
}

// exprType is a type of the language as the expression library knows it. Types of structs must not be handed to it as
// Go types: it takes them for pointers and panics.
func exprType(t Type) types.Type {
	switch t.Kind {
	case String, Span:
		return types.String
	case Int:
		return types.Int
	case Number:
		return types.Float64
	case Bool:
		return types.Bool
	case List:
		return types.Array(exprType(*t.Elem))
	case Map:
		return types.Map{types.Extra: exprType(*t.Elem)}
	case Object:
		m := types.Map{}
		for _, f := range t.Fields {
			m[f.Name] = exprType(f.Type)
		}
		return m
	default:
		return types.Any
	}
}

// outputType is the type of steps.ID: the fields of the kind's output and the words that every step answers to.
func outputType(output Shape) types.Map {
	m := types.Map{}
	for _, word := range statusWords() {
		m[word] = types.Bool
	}
	m[wordOutcome] = types.String
	for _, f := range output.Fields {
		m[f.Name] = exprType(f.Type)
	}
	return m
}

// settledType is a type whose nature has been worked out already, so that it is not done again for every expect.
type settledType struct{ nature nature.Nature }

func settled(m types.Map) settledType { return settledType{m.Nature()} }

func (s settledType) Nature() nature.Nature { return s.nature }
func (s settledType) Equal(types.Type) bool { return false }
func (s settledType) String() string        { return "map" }
