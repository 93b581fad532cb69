package steps

import (
	"fmt"
	"strings"

	"runbook/engine"
)

// Markdown is the reference of step kinds, docs/steps.md, made from what the kinds say of themselves.
func Markdown(kinds []engine.Kind) string {
	var b strings.Builder
	b.WriteString(`<!-- Generated from the step kinds: go test ./steps -run Reference -update -->
# Step kinds

What a step does is its kind, named by ` + "`uses`" + `. What a step *is* follows from the effect of its kind: a **check** looks and
changes nothing, a **fix** acts after somebody agreed, a **human** step asks a person.

| kind | effect | does |
|---|---|---|
`)
	for _, k := range kinds {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", k.Name, anchor(k.Name), effect(k), cell(summary(k.Doc)))
	}
	b.WriteString(`
An output that is *null* could not be seen, and a condition on it is unknown. A check that could not look at all is
unknown with one of these failures: exit, timeout, cancelled, denied, missing, unreachable, invalid. What *moves by
itself* differs from look to look on a host that stays as it is: ` + "`runbook snapshot --check`" + ` passes over it.
`)
	for _, k := range kinds {
		b.WriteString("\n" + KindMarkdown(k))
	}
	return b.String()
}

// KindMarkdown is the part of the reference about one kind.
func KindMarkdown(k engine.Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n*%s*\n\n%s\n", k.Name, effect(k), k.Doc)
	if k.Expect != "" {
		fmt.Fprintf(&b, "\nHealthy, when the step says nothing else: `%s`\n", k.Expect)
	}
	fmt.Fprintf(&b, "\n```yaml\n%s```\n", example(k))
	if len(k.Input.Fields) > 0 {
		b.WriteString("\n| input | type | default | meaning |\n|---|---|---|---|\n")
		for _, f := range k.Input.Fields {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, cell(inputType(f)), defaultOf(f), cell(inputDoc(f)))
		}
	}
	if len(k.Output.Fields) > 0 {
		b.WriteString("\n| output | type | meaning |\n|---|---|---|\n")
		outputs(&b, "", k.Output.Fields)
	}
	return b.String()
}

// outputs writes fields, and those inside them below: `sockets[].port`.
func outputs(b *strings.Builder, prefix string, fields []engine.Field) {
	for _, f := range fields {
		fmt.Fprintf(b, "| `%s%s` | %s | %s |\n", prefix, f.Name, cell(typeName(f.Type)+nullable(f)), cell(outputDoc(f)))
		inner, path := f.Type, prefix+f.Name
		for inner.Elem != nil {
			inner, path = *inner.Elem, path+"[]"
		}
		if inner.Kind == engine.Object {
			outputs(b, path+".", inner.Fields)
		}
	}
}

func effect(k engine.Kind) string {
	switch k.Effect {
	case engine.Reads:
		return "check"
	case engine.Changes:
		if k.MayRead {
			return "fix, or check with `reads: true`"
		}
		return "fix"
	case engine.AsksYou:
		return "human"
	case engine.EndsRun:
		return "ends the run"
	case engine.RunsBook:
		return "runs a runbook"
	default:
		return string(k.Effect)
	}
}

// example is the part of a step that names its kind and gives its inputs.
func example(k engine.Kind) string {
	var b strings.Builder
	fmt.Fprintf(&b, "uses: %s\n", k.Name)
	if text := strings.TrimSpace(k.Example); text != "" && text != "{}" {
		b.WriteString("with:\n")
		for line := range strings.Lines(strings.TrimSuffix(k.Example, "\n") + "\n") {
			b.WriteString("  " + line)
		}
	}
	return b.String()
}

func inputType(f engine.Field) string {
	if len(f.Enum) > 0 {
		return "one of " + strings.Join(f.Enum, ", ")
	}
	if f.Is != "" {
		return f.Is
	}
	return typeName(f.Type)
}

func typeName(t engine.Type) string {
	switch t.Kind {
	case engine.List:
		return "list of " + typeName(*t.Elem)
	case engine.Map:
		return "mapping to " + typeName(*t.Elem)
	case engine.AnyValue:
		return "any value"
	case engine.Object:
		return "mapping"
	case engine.String, engine.Int, engine.Number, engine.Bool, engine.Span:
		return string(t.Kind)
	default:
		return string(t.Kind)
	}
}

func nullable(f engine.Field) string {
	if f.Nullable {
		return " or null"
	}
	return ""
}

func defaultOf(f engine.Field) string {
	switch {
	case f.Required:
		return "required"
	case f.Default != "":
		return "`" + f.Default + "`"
	default:
		return ""
	}
}

func inputDoc(f engine.Field) string {
	if f.Secret {
		return f.Doc + ". May carry a secret"
	}
	return f.Doc
}

func outputDoc(f engine.Field) string {
	if f.Moves {
		return f.Doc + ". *Moves by itself*"
	}
	return f.Doc
}

// summary is the first sentence of a doc.
func summary(doc string) string {
	first, _, _ := strings.Cut(doc, "\n\n")
	first = strings.Join(strings.Fields(first), " ")
	if end := strings.Index(first, ". "); end >= 0 {
		first = first[:end+1]
	}
	return first
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// anchor is the link to a heading as GitHub makes it.
func anchor(heading string) string { return strings.ReplaceAll(strings.ToLower(heading), ".", "") }
