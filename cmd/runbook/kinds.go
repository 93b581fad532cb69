package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/steps"
)

func (p program) kindsCommand() command {
	return command{
		name: "kinds", args: "[KIND] [--markdown | --json]", about: "the step kinds: what a step can do, its inputs and outputs",
		example: "runbook kinds systemd.unit",
		flags: []flag{
			{name: "markdown", about: "print the reference as Markdown"},
			{name: "json", about: "print everything about the kinds as JSON"},
		},
		do: p.listKinds,
	}
}

func (p program) listKinds(c *cli.Context) error {
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	if c.NArg() > 0 {
		name, err := one(c, "the name of a kind", "runbook kinds systemd.unit")
		if err != nil {
			return err
		}
		kind, ok := kinds.Find(name)
		if !ok {
			return noKind(name, kinds)
		}
		kinds = engine.Kinds{kind}
	}
	switch {
	case c.Bool("json"):
		out := make([]kindJSON, len(kinds))
		for i, k := range kinds {
			out[i] = kindJSON{k.Name, string(k.Effect), k.MayRead, k.Doc, k.Expect, k.Example, fieldsJSON(k.Input.Fields), fieldsJSON(k.Output.Fields)}
		}
		return p.printJSON(out)
	case c.Bool("markdown") && c.NArg() > 0:
		_, err = io.WriteString(p.stdout, steps.KindMarkdown(kinds[0]))
	case c.Bool("markdown"):
		_, err = io.WriteString(p.stdout, steps.Markdown(kinds))
	case c.NArg() > 0:
		_, err = io.WriteString(p.stdout, p.oneKind(kinds[0]))
	default:
		_, err = io.WriteString(p.stdout, p.allKinds(kinds))
	}
	return err
}

func noKind(name string, kinds engine.Kinds) error {
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
		if family, verb, ok := strings.Cut(k.Name, "."); ok && (verb == name || family == name) {
			return usagef("did you mean "+k.Name+"?", "there is no kind %s", name)
		}
	}
	if near := books.Near(name, names); near != "" {
		return usagef("did you mean "+near+"?", "there is no kind %s", name)
	}
	return usagef("runbook kinds lists them", "there is no kind %s", name)
}

// allKinds is a line for each kind.
func (p program) allKinds(kinds engine.Kinds) string {
	s := screen.New(p.stdout, p.getenv)
	var b strings.Builder
	for _, k := range kinds {
		left := fmt.Sprintf("%-22s %-8s ", k.Name, effectWord(k))
		b.WriteString(strings.Join(screen.Indent(screen.Wrap(firstSentence(k.Doc), s.Width-screen.Width(left)), left), "\n") + "\n")
	}
	b.WriteString("\n¹ a check with reads: true. runbook kinds KIND tells more about one.\n")
	return b.String()
}

// effectWord is what a step of this kind is.
func effectWord(k engine.Kind) string {
	switch k.Effect {
	case engine.Reads:
		return "check"
	case engine.Changes:
		if k.MayRead {
			return "fix¹"
		}
		return "fix"
	case engine.AsksYou:
		return "human"
	case engine.EndsRun:
		return "end"
	case engine.RunsBook:
		return "runbook"
	}
	return string(k.Effect)
}

func firstSentence(doc string) string {
	doc = screen.Line(doc)
	if first, _, ok := strings.Cut(doc, ". "); ok {
		return first + "."
	}
	return doc
}

// oneKind is the reference of one kind for a terminal.
func (p program) oneKind(k engine.Kind) string {
	s := screen.New(p.stdout, p.getenv)
	var b strings.Builder
	effect := map[engine.Effect]string{
		engine.Reads: "a check: it looks and changes nothing", engine.Changes: "a fix: it changes the host, after somebody agreed",
		engine.AsksYou: "a human step: it asks a person", engine.EndsRun: "the end: a person has to go on", engine.RunsBook: "another runbook, as one step",
	}[k.Effect]
	if k.MayRead {
		effect += "; with reads: true it is a check, held in the read sandbox"
	}
	write := func(lines ...string) { b.WriteString(strings.Join(lines, "\n") + "\n") }
	write(screen.Indent(screen.Wrap(effect, s.Width-screen.Width(k.Name)-2), s.Paint.Strong(k.Name)+"  ")...)
	write("")
	write(screen.Flow(screen.Clean(strings.ReplaceAll(k.Doc, "**", "")), s.Width)...)
	if k.Expect != "" {
		write("")
		write(screen.Wrap("healthy, when the step says nothing else: "+k.Expect, s.Width)...)
	}
	if k.Example != "" {
		write("", s.Paint.Strong("example"), "  uses: "+k.Name, "  with:")
		for line := range strings.SplitSeq(strings.TrimRight(k.Example, "\n"), "\n") {
			write("    " + line)
		}
	}
	if len(k.Input.Fields) > 0 {
		write("", s.Paint.Strong("inputs"))
		fields(s, &b, k.Input.Fields, "", true)
	}
	if len(k.Output.Fields) > 0 {
		write("", s.Paint.Strong("outputs"))
		fields(s, &b, k.Output.Fields, "", false)
	}
	return b.String()
}

// fields lists fields, with those inside of them below.
func fields(s screen.Screen, b *strings.Builder, list []engine.Field, prefix string, inputs bool) {
	for _, f := range list {
		left := "  " + screen.Pad(prefix+f.Name, 20) + " " + screen.Pad(typeWord(f.Type), 9) + " "
		text := f.Doc
		switch {
		case inputs && f.Required:
			text += " (must be given)"
		case inputs && f.Default != "":
			text += " (" + f.Default + " by default)"
		case !inputs && f.Nullable:
			text += " (may be unknown)"
		}
		if len(f.Enum) > 0 {
			text += ": " + strings.Join(f.Enum, ", ")
		}
		b.WriteString(strings.Join(screen.Indent(screen.Wrap(screen.Line(text), s.Width-screen.Width(left)), left), "\n") + "\n")
		inner := f.Type
		name := prefix + f.Name
		for inner.Elem != nil {
			inner, name = *inner.Elem, name+"[]"
		}
		fields(s, b, inner.Fields, name+".", inputs)
	}
}

func typeWord(t engine.Type) string {
	if t.Elem != nil && t.Elem.Kind != engine.Object && t.Elem.Elem == nil {
		return string(t.Kind) + " of " + string(t.Elem.Kind)
	}
	return string(t.Kind)
}

type kindJSON struct {
	Name    string      `json:"name"`
	Effect  string      `json:"effect"`
	MayRead bool        `json:"may_read,omitempty"`
	Doc     string      `json:"doc"`
	Expect  string      `json:"expect,omitempty"`
	Example string      `json:"example,omitempty"`
	Input   []fieldJSON `json:"input"`
	Output  []fieldJSON `json:"output"`
}

type fieldJSON struct {
	Name     string      `json:"name"`
	Type     string      `json:"type"`
	Doc      string      `json:"doc"`
	Required bool        `json:"required,omitempty"`
	Default  string      `json:"default,omitempty"`
	Enum     []string    `json:"enum,omitempty"`
	Nullable bool        `json:"nullable,omitempty"`
	Fields   []fieldJSON `json:"fields,omitempty"` // of an object, or of the elements of a list
}

func fieldsJSON(list []engine.Field) []fieldJSON {
	out := make([]fieldJSON, 0, len(list))
	for _, f := range list {
		inner := f.Type
		for inner.Elem != nil {
			inner = *inner.Elem
		}
		j := fieldJSON{f.Name, typeWord(f.Type), f.Doc, f.Required, f.Default, f.Enum, f.Nullable, nil}
		if len(inner.Fields) > 0 {
			j.Fields = fieldsJSON(inner.Fields)
		}
		out = append(out, j)
	}
	return out
}
