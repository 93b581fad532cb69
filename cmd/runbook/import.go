package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/internal/draft"
)

func (p program) importCommand() command {
	return command{
		name: "import", args: "FILE.md [--section HEADING] [--name NAME] [--reads COMMAND]… > NAME.yaml",
		about: "make the first draft of a runbook from a page for people",
		text: "Reads Markdown: commands that are known become checks and fixes, others a command that counts as a change until somebody says " +
			"otherwise, and what only people can do becomes a task. Each step names its line of the page. The draft is printed on stdout, and loads; " +
			"what nobody can be sure of stands in it as TO FILL IN. Nothing is run. - is stdin.",
		example: "runbook import wiki.md --section 'Site down' > site-down.yaml",
		flags: []flag{
			{name: "section", value: "HEADING", about: "only what stands below this heading"},
			{name: "name", value: "NAME", about: "the runbook's name; by default that of the section or of the file"},
			{name: "reads", value: "COMMAND", many: true, about: "commands that begin like this only look, like 'kubectl get'; may be given several times"},
		},
		do: p.importPage,
	}
}

// largestPage is more than anybody writes for people.
const largestPage = 256 << 10

func (p program) importPage(c *cli.Context) error {
	file, err := one(c, "a page", "runbook import wiki.md > wiki.yaml")
	if err != nil {
		return err
	}
	source, err := p.page(file)
	if err != nil {
		return err
	}
	base := screen.Line(filepath.Base(file))
	if file == "-" {
		base = "stdin"
	}
	name := c.String("name")
	if fit := draft.Name(name); c.IsSet("name") && fit != name {
		return usagef("did you mean "+fit+"?", "the name of a runbook is made of small letters, digits and -, and begins with a letter: %s", screen.Line(name))
	}
	name = cmp.Or(name, draft.Name(cmp.Or(c.String("section"), strings.TrimSuffix(base, filepath.Ext(base)))))
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	d, err := draft.Make(draft.Page{Name: name, File: base, Source: source, Section: c.String("section"), Reads: c.StringSlice("reads")}, kinds)
	if e, ok := errors.AsType[*draft.SectionError](err); ok {
		return usagef("its headings are: "+screen.Line(strings.Join(e.Headings, ", ")), "%s", err)
	} else if err != nil {
		return err
	}
	if _, found := engine.Load(name+".yaml", d.Text, kinds, nil); len(found) > 0 {
		return fmt.Errorf("make a draft of %s: it does not load, which is a fault of this program: %s", base, found[0])
	}
	if _, err := p.stdout.Write(d.Text); err != nil {
		return fmt.Errorf("print the draft: %w", err)
	}
	_, err = io.WriteString(p.screen(), imported(base, name, d))
	return err
}

// page reads the page.
func (p program) page(file string) ([]byte, error) {
	in := os.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usagef("", "read the page: %s", err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	source, err := io.ReadAll(io.LimitReader(in, largestPage+1))
	if err != nil {
		return nil, fmt.Errorf("read the page: %w", err)
	}
	if len(source) > largestPage {
		return nil, usagef("cut out the part that is one runbook", "%s has more than %d KiB", screen.Line(file), largestPage>>10)
	}
	return source, nil
}

// imported says what was made of a page, and what is left to do.
func imported(file, name string, d *draft.Draft) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: %s, %s, %s\n", file, count(d.Checks+d.Fixes+d.People, "step", "steps"),
		count(d.Checks, "check", "checks"), count(d.Fixes, "fix", "fixes"), count(d.People, "task for people", "tasks for people"))
	if len(d.Unread) > 0 {
		lines := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(d.Unread)), ", "), "[]")
		fmt.Fprintf(&b, "nobody could read %s, and what nobody can read counts as a change: %s %s\n",
			count(len(d.Unread), "command", "commands"), strings.Fields(count(len(d.Unread), "line", "lines"))[1], lines)
		b.WriteString("  of those that only look, say so: --reads 'kubectl get'\n")
	}
	if len(d.Sections) > 0 {
		b.WriteString("fixes are in several sections, and each may be a runbook of its own:\n")
		for i, s := range d.Sections {
			if i == 10 {
				fmt.Fprintf(&b, "  and %d more\n", len(d.Sections)-i)
				break
			}
			fmt.Fprintf(&b, "  --section '%s'\n", strings.ReplaceAll(s, "'", `'\''`))
		}
	}
	if d.Rest > 0 {
		fmt.Fprintf(&b, "nothing from line %d on is in the draft: there are too many steps for one runbook\n", d.Rest)
	}
	fmt.Fprintf(&b, "%s left to fill in. Keep it as %s.yaml, then: runbook validate --lint %s.yaml\n", count(d.Fill, "place is", "places are"), name, name)
	return b.String()
}
