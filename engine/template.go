package engine

import (
	"slices"
	"strings"
)

// Template is a text with ${{ expressions }} in it. One that is nothing but an expression keeps the expression's type.
type Template struct {
	parts []part
}

type part struct {
	text string // when expr is nil
	expr *leaf
}

const (
	openMark  = "${{"
	closeMark = "}}"
)

// compileTemplate compiles a text over the given names.
func compileTemplate(text string, n *names) (t Template, found []mistake) {
	rest, offset := text, 0
	for {
		before, after, more := strings.Cut(rest, openMark)
		if before != "" {
			t.parts = append(t.parts, part{text: before})
		}
		if !more {
			return t, found
		}
		start := offset + len(before) + len(openMark)
		source, tail, closed := cutExpression(after)
		if !closed {
			return t, append(found, mistake{
				offset: runes(text[:start-len(openMark)]), length: len(openMark), rule: "expression",
				message: "${{ is not closed: write ${{ params.name }}",
			})
		}
		name, isSecret := secretName(source)
		if isSecret {
			t.parts = append(t.parts, part{text: SecretMarker(name)})
		} else {
			tree, inside := parseExpression(source, n, n.config)
			for _, m := range inside {
				m.offset += runes(text[:start])
				found = append(found, m)
			}
			if tree != nil {
				t.parts = append(t.parts, part{expr: newLeaf(tree.Node, n.config)})
			}
		}
		offset = len(text) - len(tail)
		rest = tail
	}
}

// cutExpression finds the end of an expression: the first closing mark outside of a string.
func cutExpression(s string) (source, tail string, closed bool) {
	var quote rune
	escaped := false
	for i, r := range s {
		switch {
		case escaped:
			escaped = false
		case quote != 0 && r == '\\':
			escaped = true
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'' || r == '`':
			quote = r
		case strings.HasPrefix(s[i:], closeMark):
			// }}} closes a map literal first.
			for strings.HasPrefix(s[i+1:], closeMark) {
				i++
			}
			return s[:i], s[i+len(closeMark):], true
		}
	}
	return "", "", false
}

// secretName reads secret("name"), the one form in which a text can ask for a secret.
func secretName(source string) (string, bool) {
	inner, ok := strings.CutPrefix(strings.TrimSpace(source), `secret("`)
	if !ok {
		return "", false
	}
	name, ok := strings.CutSuffix(inner, `")`)
	return name, ok && name != "" && !strings.ContainsAny(name, `"\ `)
}

func runes(s string) int { return len([]rune(s)) }

// refs lists the names that the template uses.
func (t Template) refs() []ref {
	var out []ref
	for _, p := range t.parts {
		if p.expr != nil {
			out = append(out, p.expr.refs...)
		}
	}
	return out
}

// literal tells whether the template is a plain text.
func (t Template) literal() bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool { return p.expr != nil })
}

// typ is the type of the template's value, AnyValue when only a run can tell.
func (t Template) typ() TypeKind {
	if len(t.parts) == 1 && t.parts[0].expr != nil {
		return kindOf(t.parts[0].expr.node)
	}
	return String
}

// value gives the template's value. It is not known when one of its expressions is not; seen says why.
func (t Template) value(f facts) (v any, known bool, seen []Seen) {
	if len(t.parts) == 1 && t.parts[0].expr != nil {
		v, known, seen = t.parts[0].expr.eval(f)
		if known && v == nil {
			return nil, false, append(seen, Seen{Name: t.parts[0].expr.text, Value: "could not be seen"})
		}
		return v, known, seen
	}
	var b strings.Builder
	known = true
	for _, p := range t.parts {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		v, ok, s := p.expr.eval(f)
		known = known && ok && v != nil
		seen = append(seen, s...)
		b.WriteString(interpolated(v, ok))
	}
	return b.String(), known, seen
}

// say gives the template as text for people: what is not known stands there as the word.
func (t Template) say(f facts) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.expr == nil {
			b.WriteString(p.text)
			continue
		}
		v, ok, _ := p.expr.eval(f)
		b.WriteString(plainText(interpolated(v, ok)))
	}
	return b.String()
}

func interpolated(v any, known bool) string {
	if !known || v == nil {
		return "unknown"
	}
	switch v.(type) {
	case []any, map[string]any:
		return show(v, nil)
	default:
		return inText(v)
	}
}

// inputs are the compiled inputs of a step: YAML values with templates for scalars.
type inputs struct {
	kind    ValueKind
	plain   any // a scalar that is not a string
	text    Template
	items   []inputs
	entries []namedInputs
}

type namedInputs struct {
	name  string
	value inputs
}

// compileInputs compiles every text in a value; mistakes are reported with the text that they are in.
func compileInputs(v Value, n *names, report func(Text, ...mistake)) inputs {
	in := inputs{kind: v.Kind}
	switch v.Kind {
	case Scalar:
		s, isText := v.Plain.(string)
		if !isText || s == "" {
			in.plain = v.Plain
			return in
		}
		t, found := compileTemplate(s, n)
		report(v.Text, found...)
		in.text = t
	case Sequence:
		for _, item := range v.Items {
			in.items = append(in.items, compileInputs(item, n, report))
		}
	case Mapping:
		for _, e := range v.Entries {
			in.entries = append(in.entries, namedInputs{e.Key.Value, compileInputs(e.Value, n, report)})
		}
	case NoValue:
	}
	return in
}

func (in inputs) refs() []ref {
	out := in.text.refs()
	for _, item := range in.items {
		out = append(out, item.refs()...)
	}
	for _, e := range in.entries {
		out = append(out, e.value.refs()...)
	}
	return out
}

// resolve gives the plain value of the inputs. It is not known when a part of it is not; seen says which.
func (in inputs) resolve(f facts) (v any, known bool, seen []Seen) {
	known = true
	add := func(v any, ok bool, s []Seen) any {
		known = known && ok
		if !ok {
			seen = append(seen, s...)
		}
		return v
	}
	switch in.kind {
	case Scalar:
		if len(in.text.parts) == 0 {
			return in.plain, true, nil
		}
		return in.text.value(f)
	case Sequence:
		out := make([]any, len(in.items))
		for i, item := range in.items {
			out[i] = add(item.resolve(f))
		}
		return out, known, seen
	case Mapping:
		out := make(map[string]any, len(in.entries))
		for _, e := range in.entries {
			out[e.name] = add(e.value.resolve(f))
		}
		return out, known, seen
	default:
		return map[string]any{}, true, nil
	}
}
