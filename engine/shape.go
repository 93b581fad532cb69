package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TypeKind is what a value of the language can be.
type TypeKind string

// The types of the language. A duration is written "90s" in inputs; outputs give plain numbers with a unit in their
// name.
const (
	String   TypeKind = "string"
	Int      TypeKind = "int"
	Number   TypeKind = "number"
	Bool     TypeKind = "bool"
	Span     TypeKind = "duration"
	List     TypeKind = "list"
	Map      TypeKind = "map" // string keys, one type of value
	Object   TypeKind = "object"
	AnyValue TypeKind = "any" // decoded JSON, not checked further
)

// Type is the type of one value.
type Type struct {
	Kind   TypeKind
	Elem   *Type   // of List and Map
	Fields []Field // of Object, in order
}

// Shape is the input or the output of a kind: named fields, in order.
type Shape struct {
	Fields []Field
}

// Field is one named value of a shape.
type Field struct {
	Name     string
	Type     Type
	Doc      string   // with its unit
	Required bool     // inputs: must be given
	Default  string   // inputs: as an author would write it, "" for the zero value
	Enum     []string // the only values there are
	Is       string   // what a string stands for: path, unit, url, port, user, address, regexp, condition
	Secret   bool     // inputs: may carry a secret, because it is passed by environment or standard input
	Nullable bool     // outputs: null means "could not be seen", and is unknown in conditions
	Moves    bool     // outputs: it changes while the host stays as it is: a pid, an age, a latency
	Key      bool     // outputs, in the items of a list: with the other keys it tells one item from another
	Restates string   // outputs: the field beside it that says the same in another form
}

// Duration is a length of time in an input, written "90s" or "5m".
type Duration time.Duration

// MarshalText writes the duration as an author would.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads "90s", "1h30m".
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("read duration %q: write a number with a unit, like 90s or 5m", text)
	}
	*d = Duration(v)
	return nil
}

// ShapeOf reads the shape of a struct from its tags:
//
//	json:"name"      the field's name in YAML and in conditions
//	doc:"…"          what it means, with its unit; every field must have one
//	required:"true"  inputs that must be given
//	default:"5s"     inputs: the value when none is given
//	enum:"a,b"       the only values there are
//	is:"path"        what a string stands for
//	secret:"ok"      inputs: may carry a secret
//	moves:"true"     outputs: it changes while the host stays as it is, so it is no news when it differs. A counter
//	                 that only something unusual moves, like one of restarts, does not
//	key:"true"       outputs, in the items of a list: with the other keys it tells one item from another
//	restates:"name"  outputs: it says what the field of that name beside it says, in another form
//
// A pointer is nullable. This is the one place that reads tags.
func ShapeOf[T any]() (Shape, error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return Shape{}, fmt.Errorf("shape of %s: it is not a struct", t)
	}
	typ, err := typeOf(t)
	return Shape{Fields: typ.Fields}, err
}

func typeOf(t reflect.Type) (Type, error) {
	if t == reflect.TypeFor[Duration]() {
		return Type{Kind: Span}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return Type{Kind: String}, nil
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return Type{Kind: Int}, nil
	case reflect.Float64:
		return Type{Kind: Number}, nil
	case reflect.Bool:
		return Type{Kind: Bool}, nil
	case reflect.Interface:
		return Type{Kind: AnyValue}, nil
	case reflect.Pointer:
		return typeOf(t.Elem())
	case reflect.Slice:
		elem, err := typeOf(t.Elem())
		return Type{Kind: List, Elem: &elem}, err
	case reflect.Map:
		elem, err := typeOf(t.Elem())
		return Type{Kind: Map, Elem: &elem}, err
	case reflect.Struct:
		out := Type{Kind: Object}
		for f := range t.Fields() {
			field, err := fieldOf(f)
			if err != nil {
				return out, fmt.Errorf("field %s of %s: %w", f.Name, t, err)
			}
			out.Fields = append(out.Fields, field)
		}
		for _, f := range out.Fields {
			if _, there := (Shape{out.Fields}).Field(f.Restates); !there && f.Restates != "" || f.Restates == f.Name {
				return out, fmt.Errorf("field %s of %s: it restates %s, which is no other field", f.Name, t, f.Restates)
			}
		}
		return out, nil
	default:
		return Type{}, fmt.Errorf("%s has no type in the language", t)
	}
}

func fieldOf(f reflect.StructField) (Field, error) {
	typ, err := typeOf(f.Type)
	if err != nil {
		return Field{}, err
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	out := Field{
		Name: name, Type: typ,
		Doc:      f.Tag.Get("doc"),
		Required: f.Tag.Get("required") == "true",
		Default:  f.Tag.Get("default"),
		Is:       f.Tag.Get("is"),
		Secret:   f.Tag.Get("secret") == "ok",
		Nullable: f.Type.Kind() == reflect.Pointer,
		Moves:    f.Tag.Get("moves") == "true",
		Key:      f.Tag.Get("key") == "true",
		Restates: f.Tag.Get("restates"),
	}
	if enum := f.Tag.Get("enum"); enum != "" {
		out.Enum = strings.Split(enum, ",")
	}
	switch {
	case name == "" || name == "-":
		return out, fmt.Errorf("it has no json name")
	case out.Doc == "":
		return out, fmt.Errorf("it has no doc")
	}
	return out, nil
}

// Field finds a field by its name.
func (s Shape) Field(name string) (Field, bool) {
	i := slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return s.Fields[i], true
}

// Decode reads a JSON object into plain values of this shape: string, int, float64, bool, []any, map[string]any, and
// nil where a nullable field could not be seen. Every field of the shape is there afterwards, so that a condition
// never meets one that is absent.
func (s Shape) Decode(raw []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var values map[string]any
	if err := dec.Decode(&values); err != nil {
		return nil, fmt.Errorf("decode the output: %w", err)
	}
	v, err := Type{Kind: Object, Fields: s.Fields}.convert(values)
	if err != nil {
		return nil, err
	}
	return v.(map[string]any), nil //nolint:forcetypeassert // convert of an Object gives a map
}

// convert gives a decoded JSON value the type t.
func (t Type) convert(v any) (any, error) {
	switch t.Kind {
	case AnyValue:
		return plainJSON(v), nil
	case String, Span:
		s, ok := v.(string)
		if v != nil && !ok {
			return nil, fmt.Errorf("want a string, have %v", v)
		}
		// A NUL never comes from the outside: it marks a secret on its way to an environment.
		return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD"), nil
	case Bool:
		b, ok := v.(bool)
		if v != nil && !ok {
			return nil, fmt.Errorf("want true or false, have %v", v)
		}
		return b, nil
	case Int:
		n, err := number(v)
		if err != nil || n != math.Trunc(n) {
			return nil, fmt.Errorf("want a whole number, have %v", v)
		}
		return int(n), nil
	case Number:
		return number(v)
	case List:
		in, ok := v.([]any)
		if v != nil && !ok {
			return nil, fmt.Errorf("want a list, have %v", v)
		}
		out := make([]any, len(in))
		for i, e := range in {
			c, err := t.Elem.convert(e)
			if err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
			out[i] = c
		}
		return out, nil
	case Map:
		in, ok := v.(map[string]any)
		if v != nil && !ok {
			return nil, fmt.Errorf("want a mapping, have %v", v)
		}
		out := make(map[string]any, len(in))
		for k, e := range in {
			c, err := t.Elem.convert(e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			out[k] = c
		}
		return out, nil
	case Object:
		in, ok := v.(map[string]any)
		if v != nil && !ok {
			return nil, fmt.Errorf("want a mapping, have %v", v)
		}
		out := make(map[string]any, len(t.Fields))
		for _, f := range t.Fields {
			e, there := in[f.Name]
			if f.Nullable && (e == nil || !there) {
				out[f.Name] = nil
				continue
			}
			c, err := f.Type.convert(e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			out[f.Name] = c
		}
		return out, nil
	default:
		return nil, fmt.Errorf("no type %q", t.Kind)
	}
}

func number(v any) (float64, error) {
	switch n := v.(type) {
	case nil:
		return 0, nil
	case json.Number:
		return n.Float64()
	case float64:
		return n, nil
	case int:
		return float64(n), nil
	default:
		return 0, fmt.Errorf("want a number, have %v", v)
	}
}

// plainJSON turns json.Number into int or float64, all the way down.
func plainJSON(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.Atoi(v.String()); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = plainJSON(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainJSON(v[k])
		}
	}
	return v
}

// decodeInto reads plain values into a kind's input struct. Unknown and missing inputs are errors that name them.
func decodeInto[In any](s Shape, values map[string]any) (In, error) {
	var in In
	full := make(map[string]any, len(s.Fields))
	for name := range values {
		if _, ok := s.Field(name); !ok {
			return in, fmt.Errorf("it has no input %q", name)
		}
	}
	for _, f := range s.Fields {
		v, given := values[f.Name]
		switch {
		case given && v != nil:
			full[f.Name] = v
		case f.Required:
			return in, fmt.Errorf("input %s is missing", f.Name)
		case f.Default != "":
			d, err := f.Type.Literal(f.Default)
			if err != nil {
				return in, fmt.Errorf("default of %s: %w", f.Name, err)
			}
			full[f.Name] = d
		}
		if s, ok := full[f.Name].(string); ok && s != "" && f.Is != "" {
			if want, _ := misfit(f.Is, s); want != "" {
				return in, fmt.Errorf("input %s is %q: it must be %s", f.Name, clip(s, showLimit), want)
			}
		}
		if s, ok := full[f.Name].(string); ok && len(f.Enum) > 0 && !slices.Contains(f.Enum, s) {
			return in, fmt.Errorf("input %s is %q: it must be one of %s", f.Name, s, strings.Join(f.Enum, ", "))
		}
	}
	raw, err := json.Marshal(full)
	if err != nil {
		return in, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return in, err
	}
	return in, nil
}

// Literal reads a scalar as an author writes it.
func (t Type) Literal(text string) (any, error) {
	switch t.Kind {
	case Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", text)
		}
		return n, nil
	case Number:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		return n, nil
	case Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither true nor false", text)
		}
		return b, nil
	case Span:
		if _, err := time.ParseDuration(text); err != nil {
			return nil, fmt.Errorf("%q is not a duration: write a number with a unit, like 90s or 5m", text)
		}
		return text, nil
	case String, AnyValue:
		return text, nil
	case List, Map, Object:
		return nil, fmt.Errorf("a %s can't be written as one word", t.Kind)
	default:
		return nil, fmt.Errorf("no type %q", t.Kind)
	}
}
