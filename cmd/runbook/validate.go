package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/engine"
	"runbook/engine/scenario"
)

func (p program) validateCommand() command {
	return command{
		name: "validate", args: "[PATH…] [--lint] [--json]", about: "hold runbooks against the language: all mistakes at once",
		text:    "A PATH is a file, a folder of runbooks, or a name. The scenarios beside a runbook are looked at as well. Without a PATH, ./runbooks is looked at, and where there is none, all that list shows. The exit code is 2 when there is a mistake.",
		example: "runbook validate runbooks/frontend-not-starting.yaml",
		flags:   []flag{dirFlag(), {name: "lint", about: "say too what a runbook's keeper should think about; that is no mistake"}, {name: "json", about: "print the mistakes as JSON on stdout"}},
		do:      p.validate,
	}
}

func dirFlag() flag {
	return flag{name: "dir", value: "DIR", about: "look for runbooks here first"}
}

func (p program) validate(c *cli.Context) error {
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	shelf := p.shelf(c)
	found, err := p.toValidate(c, shelf)
	if err != nil {
		return err
	}
	var all []engine.Diagnostic
	bad := 0
	var text strings.Builder
	for _, book := range found {
		v := newValidation(shelf.Beside(book), kinds)
		plan := v.load(book)
		if plan != nil && c.Bool("lint") {
			if notes := engine.Lint(plan.Runbook, time.Now().UTC()); len(notes) > 0 {
				text.WriteString(rendered(notes, v.sources) + "\n")
			}
		}
		if plan != nil {
			if _, err := v.scenarios(book, plan); err != nil {
				return err
			}
		}
		if len(v.found) > 0 {
			bad++
			text.WriteString(v.rendered() + "\n")
		}
		for _, d := range v.found { // a runbook that several others run is looked at several times
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	if c.Bool("json") {
		if err := p.printJSON(mistakesJSON(all)); err != nil {
			return err
		}
	} else {
		_, _ = io.WriteString(p.stderr, text.String())
		summary := count(len(found), "runbook", "runbooks") + ", no mistakes"
		if bad > 0 {
			summary = fmt.Sprintf("%s, %d with mistakes: %s", count(len(found), "runbook", "runbooks"), bad, count(len(all), "mistake", "mistakes"))
		}
		_, _ = fmt.Fprintln(p.stderr, summary)
	}
	if bad > 0 {
		return exitWith(exitUsage)
	}
	return nil
}

// toValidate reads the files that the arguments name.
func (p program) toValidate(c *cli.Context, shelf books.Shelf) ([]books.Book, error) {
	shelf.Root = false // to look at a file runs nothing
	args := c.Args().Slice()
	if len(args) == 0 {
		dir := "runbooks"
		if c.IsSet("dir") {
			dir = c.String("dir")
		}
		if _, err := os.Stat(dir); err == nil || c.IsSet("dir") {
			args = []string{dir + "/"}
		} else {
			args = shelf.Names()
		}
	}
	var out []books.Book
	var errs []error
	for _, arg := range args {
		files := []string{arg}
		if info, err := os.Stat(arg); err == nil && (info.IsDir() || books.IsPath(arg)) {
			if files, err = books.In(arg); err != nil {
				errs = append(errs, err)
				continue
			}
			if len(files) == 0 {
				errs = append(errs, usagef("", "there is no runbook below %s", arg))
			}
		}
		for _, f := range files {
			b, err := p.find(shelf, f)
			if err != nil {
				if !isFile(f) && books.IsPath(f) && isFile(books.Scenarios(f)) {
					err = usagef("a file of scenarios is named for its runbook", "there is %s, and no %s beside it", books.Scenarios(f), filepath.Base(f))
				}
				errs = append(errs, err)
				continue
			}
			out = append(out, b)
		}
	}
	return out, errors.Join(errs...)
}

// validation is one runbook with all that it runs, and every mistake in them.
type validation struct {
	shelf   books.Shelf
	kinds   engine.Kinds
	sources map[string][]byte
	found   []engine.Diagnostic
}

func newValidation(shelf books.Shelf, kinds engine.Kinds) *validation {
	return &validation{shelf: shelf, kinds: kinds, sources: map[string][]byte{}}
}

// load gives the plan of a runbook, nil when it has mistakes.
func (v *validation) load(book books.Book) *engine.Plan {
	v.sources[book.File] = book.Source
	plan, found := engine.Load(book.File, book.Source, v.kinds, func(name string) (string, []byte, error) {
		file, source, err := v.shelf.Lookup(name)
		v.sources[file] = source
		return file, source, err
	})
	v.found = found
	return plan
}

// scenarios reads the scenarios that lie beside a runbook, nil for none, or when they have mistakes.
func (v *validation) scenarios(book books.Book, plan *engine.Plan) (*scenario.File, error) {
	beside, err := v.shelf.Scenarios(book)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v.sources[beside.File] = beside.Source
	file, found := scenario.Parse(beside.File, beside.Source, plan)
	v.found = append(v.found, found...)
	return file, nil
}

// rendered shows the mistakes with the lines that they are in.
func (v *validation) rendered() string {
	return rendered(v.found, v.sources)
}

func rendered(found []engine.Diagnostic, sources map[string][]byte) string {
	const most = 100
	parts := make([]string, 0, len(found))
	for i, d := range found {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more\n", len(found)-most))
			break
		}
		parts = append(parts, engine.Render(d, sources[d.File]))
	}
	return strings.Join(parts, "\n")
}

type mistakeJSON struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Length  int    `json:"length"`
	Message string `json:"message"`
	Rule    string `json:"rule"`
	Hint    string `json:"hint,omitempty"`
}

func mistakesJSON(found []engine.Diagnostic) []mistakeJSON {
	out := make([]mistakeJSON, 0, len(found))
	for _, d := range found {
		out = append(out, mistakeJSON{d.File, d.Pos.Line, d.Pos.Col, max(d.Length, 1), d.Message, d.Rule, d.Hint})
	}
	return out
}

// printJSON writes a value to stdout, for machines.
func (p program) printJSON(v any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print JSON: %w", err)
	}
	return nil
}
