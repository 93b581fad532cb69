package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/parser"
)

func (v *review) unknownInputs() {
	for i := range v.bodies {
		b := &v.bodies[i]
		if !b.known {
			continue
		}
		names := fieldNames(b.kind.Input)
		for _, e := range b.with.Entries {
			if slices.Contains(names, e.Key.Value) {
				continue
			}
			b.wrong = true
			meant := nearest(e.Key.Value, names)
			if _, given := b.with.Entry(meant); given {
				meant = ""
			}
			if meant != "" { // one slip is one mistake: the value is that of the input that was meant
				f, _ := b.kind.Input.Field(meant)
				b.inputs = append(b.inputs, input{f, Text{Value: meant, Pos: e.Key.Pos}, e.Value})
			}
			v.report(e.Key, didYouMean(meant), "%s has no input %s%s", b.kind.Name, quoteKey(e.Key.Value), itHas(names, meant))
		}
	}
}

// itHas lists names after a name that is none of them, unless one is suggested or there are many.
func itHas(names []string, meant string) string {
	switch {
	case len(names) == 0:
		return "; it has none"
	case meant != "" || len(names) > 10:
		return ""
	default:
		return "; it has " + orList(names, "and")
	}
}

func (v *review) missingInputs() {
	for i := range v.bodies {
		b := &v.bodies[i]
		if _, given := b.given["with"]; !b.known || given && b.with.Kind == NoValue {
			continue
		}
		for _, f := range b.kind.Input.Fields {
			if f.Required && !slices.ContainsFunc(b.inputs, func(in input) bool { return in.field.Name == f.Name }) {
				b.wrong = true
				v.report(b.uses, "", "%s needs the input %s: %s", b.kind.Name, f.Name, lowerFirst(f.Doc))
			}
		}
	}
}

func (v *review) inputTypes() {
	for i := range v.bodies {
		b := &v.bodies[i]
		before := len(v.found)
		for _, in := range b.inputs {
			v.typed(in.value, in.field.Type, in.field.Name)
		}
		b.wrong = b.wrong || len(v.found) > before
	}
}

// typed holds a literal value against a type. name is how messages call it: argv, argv[2], env.PORT.
func (v *review) typed(val Value, t Type, name string) {
	if val.Kind == NoValue || isTemplate(val) {
		return
	}
	if val.Null() {
		v.reportAs("empty", val.Text, "", "%s is empty: give it a value, or delete the key", name)
		return
	}
	switch t.Kind {
	case List:
		if v.form(val, Sequence, t, name) {
			for i, item := range val.Items {
				v.typed(item, *t.Elem, fmt.Sprintf("%s[%d]", name, i))
			}
		}
	case Map:
		if v.form(val, Mapping, t, name) {
			for _, e := range val.Entries {
				v.typed(e.Value, *t.Elem, partOf(name, e.Key.Value))
			}
		}
	case Object:
		if v.form(val, Mapping, t, name) {
			v.typedFields(val, t, name)
		}
	case AnyValue:
	case String, Int, Number, Bool, Span:
		if v.form(val, Scalar, t, name) {
			v.typedScalar(val, t, name)
		}
	}
}

func (v *review) typedFields(val Value, t Type, name string) {
	shape := Shape{Fields: t.Fields}
	var slips []string // keys that were meant
	for _, e := range val.Entries {
		if f, ok := shape.Field(e.Key.Value); ok {
			if v.sheet && f.Nullable && e.Value.Null() {
				continue
			}
			v.typed(e.Value, f.Type, partOf(name, f.Name))
			v.listed(e.Value, f)
			continue
		}
		names := fieldNames(shape)
		meant := nearest(e.Key.Value, names)
		slips = append(slips, meant)
		v.reportAs("unknown-key", e.Key, didYouMean(meant), "%s has no key %s%s", orElse(name, "the file"), quoteKey(e.Key.Value), itHas(names, meant))
	}
	for _, f := range t.Fields {
		if _, given := val.Entry(f.Name); f.Required && !given && !slices.Contains(slips, f.Name) {
			v.reportAs("missing-key", Text{Pos: val.Pos}, "", "%s has no %s: %s", orElse(name, "the file"), f.Name, lowerFirst(f.Doc))
		}
	}
}

// form reports a value whose form is another than its type's.
func (v *review) form(val Value, want ValueKind, t Type, name string) bool {
	if val.Kind == want {
		return true
	}
	hint := ""
	if v.sheet && want == Sequence && val.Kind == Scalar && t.Elem.Kind == String {
		hint = didYouMean("[" + val.Text.Value + "]")
	} else if want == Sequence && val.Kind == Scalar && t.Elem.Kind == String && !strings.ContainsAny(val.Text.Value, "\"'[]{},\n") {
		hint = didYouMean("[" + strings.Join(strings.Fields(val.Text.Value), ", ") + "]")
	}
	v.reportAt(val.Pos, v.valueLength(val), hint, "%s must be %s; this is %s", orElse(name, "the file"), typeName(t), valueForm(val))
	return false
}

// partOf is what messages call a part of a value; the parts of the whole file stand alone.
func partOf(name, part string) string {
	if name == "" {
		return part
	}
	return name + "." + part
}

// reportAs reports under another rule, of a sheet: what is asked of every file has one name there.
func (v *review) reportAs(rule string, at Text, hint, format string, args ...any) {
	if !v.sheet {
		rule = v.rule
	}
	own := v.rule
	v.rule = rule
	v.report(at, hint, format, args...)
	v.rule = own
}

// listed reports a word of a sheet that is none of those that its field can have.
func (v *review) listed(val Value, f Field) {
	if v.sheet && len(f.Enum) > 0 && val.Kind == Scalar && !val.Null() && !slices.Contains(f.Enum, val.Text.Value) {
		v.reportAs("unknown-value", val.Text, suggest(val.Text.Value, f.Enum), "%s can't be %s: it is %s", f.Name, shorten(val.Text.Value), orList(f.Enum, "or"))
	}
}

func (v *review) valueLength(val Value) int {
	if val.Kind == Scalar {
		return v.length(val.Text)
	}
	return 1
}

func (v *review) typedScalar(val Value, t Type, name string) {
	text := val.Text.Value
	ok, hint := true, ""
	switch t.Kind {
	case String:
		if _, ok = val.Plain.(string); !ok {
			hint = didYouMean(strconv.Quote(text))
		}
	case Bool:
		if _, ok = val.Plain.(bool); !ok {
			switch strings.ToLower(text) {
			case "yes", "on", "y":
				hint = didYouMean("true")
			case "no", "off", "n":
				hint = didYouMean("false")
			}
		}
	case Int:
		var n int
		if n, ok = val.Plain.(int); !ok {
			if _, err := strconv.Atoi(text); err == nil {
				hint = didYouMean(text + ", without quotes")
			}
		} else if strconv.Itoa(n) != text {
			v.report(val.Text, didYouMean(strconv.Itoa(n)), "%s must be a whole number, written plainly; this is %s", name, text)
			return
		}
	case Number:
		switch val.Plain.(type) {
		case int, float64:
		default:
			ok = false
		}
	case Span:
		if _, err := time.ParseDuration(text); err != nil {
			ok, hint = false, didYouMean(meantDuration(text))
		}
	case List, Map, Object, AnyValue:
	}
	if !ok {
		v.report(val.Text, hint, "%s must be %s; this is %s", name, typeName(t), valueForm(val))
	}
}

// isTemplate tells whether a value is only known in a run.
func isTemplate(val Value) bool {
	return val.Kind == Scalar && strings.Contains(val.Text.Value, openMark)
}

// typeName is what people call a type.
func typeName(t Type) string {
	switch t.Kind {
	case String:
		return "text"
	case Int:
		return "a whole number"
	case Number:
		return "a number"
	case Bool:
		return "true or false"
	case Span:
		return "a length of time, like 90s or 5m"
	case List:
		return "a list"
	case Map, Object:
		return "a mapping of keys and values"
	default:
		return "a value"
	}
}

// valueForm names what a value is, for people.
func valueForm(val Value) string {
	switch val.Kind {
	case Sequence:
		return "a list"
	case Mapping:
		return "a mapping"
	case Scalar, NoValue:
	}
	switch val.Plain.(type) {
	case int, float64:
		return "the number " + val.Text.Value
	case bool:
		return val.Text.Value
	default:
		return shorten(val.Text.Value)
	}
}

func (v *review) inputValues() {
	for i := range v.bodies {
		b := &v.bodies[i]
		if b.wrong {
			continue
		}
		before := len(v.found)
		for _, in := range b.inputs {
			v.valued(in.value, in.field, in.field.Name)
		}
		b.wrong = len(v.found) > before
	}
}

// valued holds a literal value, or each element of a list, against the few values that there are and what it stands for.
func (v *review) valued(val Value, f Field, name string) {
	for i, item := range val.Items {
		v.valued(item, f, fmt.Sprintf("%s[%d]", name, i))
	}
	if val.Kind != Scalar || isTemplate(val) {
		return
	}
	text := val.Text.Value
	if len(f.Enum) > 0 && !slices.Contains(f.Enum, text) {
		v.report(val.Text, suggest(text, f.Enum), "%s can't be %s: it is %s", name, shorten(text), orList(f.Enum, "or"))
		return
	}
	if want, hint := misfit(f.Is, text); want != "" {
		v.report(val.Text, hint, "%s", misfitMessage(name, text, want))
	}
}

func (v *review) refusedInputs() {
	for _, b := range v.bodies {
		if !b.known || b.wrong || !isLiteral(b.with) {
			continue
		}
		if _, given := b.given["with"]; given && b.with.Kind == NoValue {
			continue
		}
		values, _ := plainValue(b.with).(map[string]any)
		err := b.kind.Check(values)
		if err == nil {
			continue
		}
		reason := strings.TrimPrefix(FailureOf(err).Message, "read the inputs of "+b.kind.Name+": ")
		at := b.uses
		for _, in := range b.inputs { // the input that the reason begins with
			if strings.HasPrefix(reason, in.field.Name+" ") || strings.HasPrefix(reason, in.field.Name+":") {
				at = in.key
			}
		}
		v.report(at, "", "%s refuses these inputs: %s", b.kind.Name, reason)
	}
}

// isLiteral tells whether a value has no ${{ }} and nothing that could not be read.
func isLiteral(val Value) bool {
	for _, item := range val.Items {
		if item.Kind == NoValue || !isLiteral(item) {
			return false
		}
	}
	for _, e := range val.Entries {
		if e.Value.Kind == NoValue || !isLiteral(e.Value) {
			return false
		}
	}
	return !isTemplate(val)
}

// plainValue is a value as kinds get it: string, int, float64, bool, nil, []any and map[string]any.
func plainValue(val Value) any {
	switch val.Kind {
	case Scalar:
		return val.Plain
	case Sequence:
		out := make([]any, len(val.Items))
		for i, item := range val.Items {
			out[i] = plainValue(item)
		}
		return out
	case Mapping, NoValue:
	}
	out := make(map[string]any, len(val.Entries))
	for _, e := range val.Entries {
		out[e.Key.Value] = plainValue(e.Value)
	}
	return out
}

func (v *review) secretPlaces() {
	for _, b := range v.bodies {
		var safe []string
		for _, f := range b.kind.Input.Fields {
			if f.Secret {
				safe = append(safe, f.Name)
			}
		}
		instead := "no input of " + b.kind.Name + " can take one"
		if len(safe) > 0 {
			instead = "pass it by " + orList(safe, "or")
		}
		for _, in := range b.inputs {
			if !in.field.Secret {
				v.noSecrets(in.value, fmt.Sprintf("%s is seen in the process list or the report; %s", in.field.Name, instead))
			}
		}
	}
	const printed = "this text is printed and kept in the report"
	for _, s := range v.rb.Steps {
		for _, t := range []Text{s.Title, s.Why, s.Target, s.As} {
			v.noSecret(t, printed)
		}
		v.noSecretIn(s.When, s.When.Value, 0, explained)
		v.noSecretIn(s.Expect, s.Expect.Value, 0, explained)
	}
	for _, f := range v.rb.Findings {
		v.noSecret(f.Say, printed)
		v.noSecretIn(f.When, f.When.Value, 0, explained)
	}
}

const explained = "a condition is explained with its values"

func (v *review) noSecrets(val Value, why string) {
	v.noSecret(val.Text, why)
	for _, item := range val.Items {
		v.noSecrets(item, why)
	}
	for _, e := range val.Entries {
		v.noSecrets(e.Value, why)
	}
}

// noSecret reports the secrets in a text with ${{ }}.
func (v *review) noSecret(t Text, why string) {
	rest := t.Value
	for {
		i := strings.Index(rest, openMark)
		if i < 0 {
			return
		}
		source, tail, closed := cutExpression(rest[i+len(openMark):])
		if !closed {
			return
		}
		offset := len(t.Value) - len(rest) + i + len(openMark)
		if name, ok := secretName(source); ok {
			v.secretAt(t, offset, source, name, why)
		} else {
			v.noSecretIn(t, source, offset, why)
		}
		rest = tail
	}
}

// noSecretIn reports the secret parameters in an expression, which stands at an offset of a text.
func (v *review) noSecretIn(t Text, source string, offset int, why string) {
	if !strings.Contains(source, "params") {
		return
	}
	secret := func(name string) bool {
		return slices.ContainsFunc(v.rb.Params, func(p Param) bool { return p.Secret && p.Name.Value == name })
	}
	tree, err := parser.Parse(source)
	if err != nil {
		return // what is wrong with it is said when it is compiled
	}
	for _, r := range refsOf(tree.Node) {
		if r.root == "params" && secret(r.id) {
			v.secretAt(t, offset, source, r.id, why)
		}
	}
}

func (v *review) secretAt(t Text, offset int, source, name, why string) {
	text := strings.TrimSpace(source)
	offset += strings.Index(source, text)
	v.reportAt(v.rb.at(t, offset), len(text), "", "%s is a secret and can't stand here: %s", name, why)
}
