package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

func (p program) listCommand() command {
	return command{
		name: "list", args: "[--dir DIR] [--json]", about: "list the runbooks that are there",
		text:    "They are looked for in --dir, ./runbooks, /etc/runbook/runbooks, and among those that are shipped. A name that is in several places stands for the first.",
		example: "runbook list",
		flags:   []flag{dirFlag(), {name: "json", about: "print the list as JSON on stdout"}},
		do:      p.list,
	}
}

type listed struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Service  string `json:"service,omitempty"`
	Owner    string `json:"owner,omitempty"`
	Reviewed string `json:"reviewed,omitempty"`
	File     string `json:"file"`
	Problem  string `json:"problem,omitempty"`
}

func (p program) list(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	all := []listed{}
	widest := 0
	for _, e := range p.shelf(c).List() {
		l := listed{Name: e.Name, File: e.File}
		rb, mistakes := engine.Parse(e.File, e.Source)
		switch {
		case e.Err != nil:
			l.Problem = whyUnread(e)
		case len(mistakes) > 0:
			l.Problem = count(len(mistakes), "mistake", "mistakes") + ": see runbook validate " + e.Name
		}
		if rb != nil {
			l.Title, l.Service, l.Owner, l.Reviewed = rb.Title.Value, rb.Service.Value, rb.Owner.Value, rb.Reviewed.Value
		}
		all = append(all, l)
		widest = max(widest, screen.Width(e.Name))
	}
	if c.Bool("json") {
		return p.printJSON(all)
	}
	if len(all) == 0 {
		_, _ = fmt.Fprintln(p.stderr, "There are no runbooks here.")
		return nil
	}
	s := screen.New(p.stdout, p.getenv)
	for _, l := range all {
		left := screen.Pad(screen.Line(l.Name), min(widest, s.Width/2)) + "  "
		text := l.Title
		if text == "" {
			text = "(no title)"
		}
		lines := screen.Indent(screen.Wrap(screen.Line(text), s.Width-screen.Width(left)), left)
		if l.Problem != "" {
			lines = append(lines, screen.Indent(screen.Wrap(s.Paint.Bad("BROKEN ")+screen.Line(l.Problem), s.Width-4), "    ")...)
		}
		_, _ = io.WriteString(s, strings.Join(lines, "\n")+"\n")
	}
	return nil
}

func whyUnread(e books.Entry) string {
	if u, ok := errors.AsType[*books.UntrustedError](e.Err); ok {
		return "root does not run it: " + u.Error()
	}
	return e.Err.Error()
}
