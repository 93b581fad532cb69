package scenario

import (
	"maps"
	"strings"

	"runbook/engine"
)

// plain is a value of the file as the engine holds values, of a type that it was found to fit.
func plain(v engine.Value, t engine.Type) any {
	switch v.Kind {
	case engine.Sequence:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = plain(item, elem(t))
		}
		return out
	case engine.Mapping:
		out := make(map[string]any, len(v.Entries))
		for _, e := range v.Entries {
			inner := elem(t)
			if f, ok := (engine.Shape{Fields: t.Fields}).Field(e.Key.Value); ok {
				inner = f.Type
			}
			if _, twice := out[e.Key.Value]; !twice {
				out[e.Key.Value] = plain(e.Value, inner)
			}
		}
		return out
	case engine.Scalar, engine.NoValue:
	}
	switch n, whole := v.Plain.(int); {
	case t.Kind == engine.Number && whole:
		return float64(n)
	case t.Kind == engine.Span:
		return v.Text.Value
	}
	return v.Plain
}

// elem is the type of the items of a list or map, any type where nothing says more.
func elem(t engine.Type) engine.Type {
	if t.Elem != nil {
		return *t.Elem
	}
	return engine.Type{Kind: engine.AnyValue}
}

// merge lays what a reply says over what was there: mappings key by key, anything else as a whole.
func merge(under, over map[string]any) map[string]any {
	out := make(map[string]any, len(under)+len(over))
	maps.Copy(out, under)
	for key, v := range over {
		below, isMap := out[key].(map[string]any)
		if above, both := v.(map[string]any); isMap && both {
			v = merge(below, above)
		}
		out[key] = v
	}
	return out
}

// fill gives an output all of its fields, so that a condition meets one that was not given as something nobody knows:
// never as nothing, zero or false. open is told the name of each such field, with dots where it stands inside another.
func fill(fields []engine.Field, given map[string]any, prefix string, open func(name string)) map[string]any {
	out := make(map[string]any, len(fields))
	for _, f := range fields {
		v, said := given[f.Name]
		if !said {
			open(prefix + f.Name)
			out[f.Name] = nil
			continue
		}
		out[f.Name] = fillValue(f.Type, v, prefix+f.Name, open)
	}
	return out
}

func fillValue(t engine.Type, v any, name string, open func(string)) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = fillValue(elem(t), item, name, open)
		}
		return out
	case map[string]any:
		if t.Kind == engine.Object {
			return fill(t.Fields, v, name+".", open)
		}
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = fillValue(elem(t), item, name, open)
		}
		return out
	default:
		return v
	}
}

// blank is a line to paste for a step: the fields that the runbook looks at, each with the type of its value.
func blank(m member, path string) string {
	var parts []string
	for _, u := range m.uses() {
		if f, ok := m.kind().Output.Field(u.Field); ok {
			parts = append(parts, f.Name+": "+blankValue(f.Type, u.Within))
		}
	}
	return path + ": {" + strings.Join(parts, ", ") + "}"
}

func blankValue(t engine.Type, within []string) string {
	switch t.Kind {
	case engine.List:
		return "[" + blankValue(elem(t), within) + "]"
	case engine.Object, engine.Map:
		var parts []string
		for _, name := range within {
			inner := elem(t)
			if f, ok := (engine.Shape{Fields: t.Fields}).Field(name); ok {
				inner = f.Type
			}
			parts = append(parts, name+": "+blankValue(inner, nil))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case engine.Int, engine.Number:
		return "<number>"
	case engine.Bool:
		return "<true or false>"
	case engine.Span:
		return "<90s>"
	case engine.String, engine.AnyValue:
	}
	return "<text>"
}
