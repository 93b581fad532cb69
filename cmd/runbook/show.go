package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/reports"
)

func (p program) showCommand() command {
	return command{
		name: "show", args: "NAME [--source]", about: "what a runbook looks at, and what it would change",
		text:    "NAME is the name of a runbook, or the path of its file.",
		example: "runbook show frontend-not-starting",
		flags:   []flag{dirFlag(), {name: "source", about: "print the file itself on stdout"}},
		do:      p.show,
	}
}

func (p program) show(c *cli.Context) error {
	name, err := one(c, "the name of a runbook", "runbook show frontend-not-starting")
	if err != nil {
		return err
	}
	if c.Bool("source") {
		shelf := p.shelf(c)
		shelf.Root = false
		book, err := p.find(shelf, name)
		if err != nil {
			return err
		}
		_, err = p.stdout.Write(book.Source)
		return err
	}
	plan, err := p.toRead(c, name)
	if err != nil {
		return err
	}
	sh := &shown{Screen: screen.New(p.stdout, p.getenv), plan: plan}
	sh.all()
	_, err = io.WriteString(p.stdout, strings.Join(sh.lines, "\n")+"\n")
	return err
}

// shown is a runbook laid out for reading.
type shown struct {
	screen.Screen
	plan   *engine.Plan
	lines  []string
	column int // width of the words that text puts first
}

func (s *shown) add(lines ...string) { s.lines = append(s.lines, lines...) }

// text adds a word and wrapped text beside it.
func (s *shown) text(word, text string) {
	if text = screen.Clean(text); text == "" {
		return
	}
	first := "  " + screen.Pad(word, max(s.column, 8)) + "  "
	s.add(screen.Indent(screen.Wrap(text, s.Width-screen.Width(first)), first)...)
}

// named adds a name and what it is called.
func (s *shown) named(name, text string) {
	first := "  " + s.Paint.Strong(screen.Line(name)) + "  "
	s.add(screen.Indent(screen.Wrap(screen.Line(text), s.Width-screen.Width(first)), first)...)
}

func (s *shown) head(text string) { s.add("", s.Paint.Strong(text)) }

func (s *shown) all() {
	rb := s.plan.Runbook
	s.add(screen.Wrap(s.Paint.Strong(screen.Line(rb.Name.Value))+": "+screen.Line(rb.Title.Value), s.Width)...)
	if rb.Summary.Value != "" {
		s.add("")
		s.add(screen.Flow(screen.Clean(rb.Summary.Value), s.Width)...)
		s.add("")
	}
	s.text("service", rb.Service.Value)
	s.text("owner", rb.Owner.Value)
	s.text("reviewed", rb.Reviewed.Value)
	s.text("file", rb.File)
	for _, link := range rb.Links {
		s.text("link", link.Value)
	}
	s.limits(rb)
	s.params(rb)
	s.steps()
	s.findings()
}

func (s *shown) limits(rb *engine.Runbook) {
	var parts []string
	if rb.Limits.Changes > 0 {
		parts = append(parts, "at most "+count(rb.Limits.Changes, "change", "changes"))
	}
	if rb.Limits.Time > 0 {
		parts = append(parts, "at most "+screen.Span(rb.Limits.Time))
	}
	if rb.Limits.Cooldown > 0 {
		parts = append(parts, "no more changes for "+screen.Span(rb.Limits.Cooldown)+" after a run that made some")
	}
	s.text("limits", strings.Join(parts, ", "))
	var needs []string
	if rb.Requires.Root {
		needs = append(needs, "root")
	}
	if rb.Requires.Systemd {
		needs = append(needs, "systemd")
	}
	for _, c := range rb.Requires.Commands {
		needs = append(needs, c.Value)
	}
	s.text("needs", strings.Join(needs, ", "))
}

func (s *shown) params(rb *engine.Runbook) {
	if len(rb.Params) == 0 {
		return
	}
	s.head("parameters (-p NAME=VALUE)")
	for _, p := range rb.Params {
		s.column = max(s.column, min(screen.Width(p.Name.Value), 20))
	}
	for _, p := range rb.Params {
		text := string(p.Type)
		switch {
		case p.Secret:
			text += ", a secret: looked up by its name"
		case p.Default != nil:
			text += ", " + p.Default.Text.Value + " by default"
		default:
			text += ", must be given"
		}
		if len(p.Values) > 0 {
			text += ": " + join(p.Values)
		}
		if p.About.Value != "" {
			text += "; " + p.About.Value
		}
		s.text(p.Name.Value, screen.Line(text))
	}
}

func (s *shown) steps() {
	goal := map[int]bool{}
	for _, g := range s.plan.Goal {
		goal[g] = true
	}
	for _, part := range []struct {
		head string
		in   func(engine.Effect) bool
	}{
		{"looks at", func(e engine.Effect) bool { return e == engine.Reads }},
		{"may do, one at a time and in this order; changes only after somebody agreed", func(e engine.Effect) bool { return e != engine.Reads }},
	} {
		first := true
		for i, st := range s.plan.Steps {
			if !part.in(st.Effect) {
				continue
			}
			if first {
				s.head(part.head)
				first = false
			}
			s.step(st, goal[i])
		}
	}
}

func (s *shown) step(st *engine.PlanStep, goal bool) {
	title := st.Step.Title.Value
	what := st.Kind.Name
	switch {
	case goal:
		what += ", a part of the goal"
	case st.Effect == engine.Changes:
		what += ", risk " + string(st.Risk)
	}
	s.named(st.ID.Value, title)
	under := func(word, text string) {
		if text = screen.Line(text); text != "" {
			s.add(screen.Indent(screen.Wrap(text, s.Width-margin), "      "+screen.Pad(word, 8))...)
		}
	}
	under("does", what)
	s.inputs(st.With, st.Effect == engine.Reads, "say")
	under("as", st.As.Value)
	under("target", st.Step.Target.Value)
	if st.Approvals > 1 {
		under("needs", count(st.Approvals, "person", "people")+" who agree")
	}
	under("when", st.Step.When.Value)
	if st.Expect != nil {
		under("expects", st.Expect.Source)
	}
	under("why", st.Step.Why.Value)
	if st.Effect == engine.Changes {
		var names []string
		for _, v := range st.Verify {
			names = append(names, s.plan.Steps[v].ID.Value)
		}
		then := "no check looks whether it helped"
		if len(names) > 0 {
			then = "looks at " + strings.Join(names, ", ")
		}
		if st.Within > 0 && len(names) > 0 {
			then += " for up to " + screen.Span(st.Within)
		}
		under("then", then)
	}
	if st.Undo != nil {
		undo := st.Undo.Kind.Name
		if as := st.Step.Undo.As.Value; as != "" {
			undo += ", as " + as
		}
		under("undo", undo)
		s.inputs(st.Step.Undo.With, false)
	}
	if say, ok := st.With.Entry("say"); ok {
		under("says", say.Text.Value)
	}
}

func (s *shown) findings() {
	if len(s.plan.Findings) == 0 {
		return
	}
	s.head("may find")
	for _, f := range s.plan.Findings {
		s.named(f.ID.Value, f.Finding.Say.Value)
		s.add(screen.Indent(screen.Wrap(screen.Line(f.Finding.When.Value), s.Width-margin), "      when    ")...)
	}
}

func join(texts []engine.Text) string {
	names := make([]string, len(texts))
	for i, t := range texts {
		names[i] = t.Value
	}
	return strings.Join(names, ", ")
}

func (p program) graphCommand() command {
	return command{
		name: "graph", args: "NAME [--run RUN] [--format text|mermaid|dot]", about: "the steps of a runbook as a picture",
		text:    "With --run, the way that this run took; the NAME may then be left out.",
		example: "runbook graph frontend-not-starting --format mermaid",
		flags: []flag{
			dirFlag(),
			{name: "run", value: "RUN", about: "a run: its id, a part of it, or last"},
			{name: "format", value: "FORMAT", about: "text (the default), mermaid or dot"},
		},
		do: p.graph,
	}
}

func (p program) graph(c *cli.Context) error {
	format := reports.Text
	switch f := reports.Format(c.String("format")); f {
	case "":
	case reports.Text, reports.Mermaid, reports.Dot:
		format = f
	default:
		return usagef("there are text, mermaid and dot", "there is no format %s", f)
	}
	plan, view, err := p.pictured(c)
	if err != nil {
		return err
	}
	picture, err := reports.Graph(plan, view, format)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, strings.TrimRight(picture, "\n"))
	return err
}

// pictured gives the runbook to show, and the view of a run of it.
func (p program) pictured(c *cli.Context) (*engine.Plan, *reports.View, error) {
	if !c.IsSet("run") {
		name, err := one(c, "the name of a runbook", "runbook graph frontend-not-starting")
		if err != nil {
			return nil, nil, err
		}
		plan, err := p.toRead(c, name)
		return plan, nil, err
	}
	run, err := p.open(c.String("run"))
	if err != nil {
		return nil, nil, err
	}
	h, err := p.history(run)
	if err != nil {
		return nil, nil, err
	}
	if name := c.Args().First(); name != "" && !books.IsPath(name) && name != h.Started.Runbook.Name {
		return nil, nil, usagef("", "run %s ran %s, and not %s", run.ID, h.Started.Runbook.Name, name)
	}
	return h.Plan, reports.NewView(h.Plan, h.Events), nil
}
