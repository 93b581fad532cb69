package main

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/scenario"
)

func (p program) testCommand() command {
	return command{
		name: "test", args: "[PATH…] [--run REGEXP] [--min-coverage PERCENT] [--json] [--junit FILE]",
		about:   "rehearse runbooks by their scenarios, without a host",
		text:    "A PATH is what validate takes. NAME.scenarios.yaml beside a runbook says what its checks would find, what a person would answer, and what must come of it; nothing is looked at or changed. What no scenario reaches is told as well. The exit code is 0 when all scenarios pass, 3 when one does not or too little is reached, and 2 when a file has a mistake or there is nothing to rehearse.",
		example: "runbook test runbooks --min-coverage 90\nrunbook test frontend-not-starting --run port_taken",
		flags: []flag{
			dirFlag(),
			{name: "run", value: "REGEXP", about: "only the scenarios whose RUNBOOK/NAME matches"},
			{name: "min-coverage", value: "PERCENT", about: "how much of each runbook its scenarios must reach"},
			{name: "json", about: "print the results as JSON on stdout"},
			{name: "junit", value: "FILE", about: "write the results for CI systems that read JUnit's XML"},
		},
		do: p.test,
	}
}

// rehearsed is a runbook whose scenarios have been rehearsed.
type rehearsed struct {
	book     books.Book
	file     string // of the scenarios, "" when there is none
	results  []rehearsal
	coverage *scenario.Coverage
}

// rehearsal is what came of one scenario.
type rehearsal struct {
	name        string // RUNBOOK/SCENARIO
	scenario    *scenario.Scenario
	verdict     engine.Verdict
	problems    []scenario.Problem
	differences []scenario.Difference
	text        string // why it failed, "" when it passed
	took        time.Duration
}

func (r *rehearsed) failed() int {
	n := 0
	for _, result := range r.results {
		if result.text != "" {
			n++
		}
	}
	return n
}

func (p program) test(c *cli.Context) error {
	only, least, err := testFlags(c)
	if err != nil {
		return err
	}
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	shelf := p.shelf(c)
	found, err := p.toValidate(c, shelf)
	if err != nil {
		return err
	}
	var all []*rehearsed
	broken := 0
	for _, book := range found {
		v := newValidation(shelf.Beside(book), kinds)
		r, err := v.rehearse(book, only)
		if err != nil {
			return err
		}
		if len(v.found) > 0 {
			broken++
			_, _ = io.WriteString(p.stderr, v.rendered()+"\n")
			continue
		}
		all = append(all, r)
		if !c.Bool("json") {
			p.tellTested(r, only == nil)
		}
	}
	if c.Bool("json") {
		if err := p.printJSON(testedJSON(all, only == nil)); err != nil {
			return err
		}
	}
	if to := c.String("junit"); to != "" {
		text, err := junit(all)
		if err != nil {
			return err
		}
		if err := renameio.WriteFile(to, text, 0o644, renameio.WithTempDir(filepath.Dir(to))); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
	}
	return p.judgeTested(all, least, broken, c.String("run"), !c.Bool("json"))
}

func testFlags(c *cli.Context) (only *regexp.Regexp, least int, err error) {
	if text := c.String("run"); text != "" {
		if only, err = regexp.Compile(text); err != nil {
			return nil, 0, usagef("for example: --run 'frontend.*/port_'", "--run %s is no regular expression: %v", text, err)
		}
	}
	if text := c.String("min-coverage"); text != "" {
		least, err = strconv.Atoi(strings.TrimSuffix(text, "%"))
		if err != nil || least < 0 || least > 100 {
			return nil, 0, usagef("", "--min-coverage is a number of per cent, from 0 to 100, and not %s", text)
		}
		if only != nil {
			return nil, 0, usagef("leave one of them away", "--min-coverage needs all scenarios, and --run chooses some")
		}
	}
	return only, least, nil
}

// rehearse goes through the scenarios of a runbook whose names match. Mistakes are the validation's.
func (v *validation) rehearse(book books.Book, only *regexp.Regexp) (*rehearsed, error) {
	plan := v.load(book)
	if plan == nil {
		return nil, nil
	}
	out := &rehearsed{book: book, coverage: scenario.NewCoverage(plan)}
	file, err := v.scenarios(book, plan)
	if file == nil || err != nil {
		return out, err
	}
	out.file = file.Name
	for _, s := range file.Scenarios {
		name := book.Name + "/" + s.Name.Value
		if only != nil && !only.MatchString(name) {
			continue
		}
		start := time.Now()
		r := scenario.Rehearse(plan, s)
		out.coverage.Add(r)
		verdict, _ := r.State.Ended()
		out.results = append(out.results, rehearsal{
			name: name, scenario: s, verdict: verdict, problems: r.Problems, differences: r.Judge(), text: r.Text(), took: time.Since(start),
		})
	}
	return out, nil
}

// tellTested prints a line for each scenario, why those failed that did, and what none reaches.
func (p program) tellTested(r *rehearsed, whole bool) {
	s := p.screen()
	for _, result := range r.results {
		if result.text == "" {
			_, _ = fmt.Fprintf(s, "%s  %s\n", s.Paint.Good(screen.Pad("ok", 6)), result.name)
			continue
		}
		line := s.Paint.Bad("FAILED") + "  " + result.name
		if result.scenario.Title != "" {
			line += ": " + screen.Line(result.scenario.Title)
		}
		_, _ = fmt.Fprintf(s, "%s\n        %s:%d:%d\n", line, r.file, result.scenario.Name.Pos.Line, result.scenario.Name.Pos.Col)
		for text := range strings.SplitSeq(strings.TrimRight(screen.Clean(result.text), "\n"), "\n") {
			_, _ = fmt.Fprintln(s, strings.Join(folded(text, 8, s.Width), "\n"))
		}
	}
	switch {
	case !whole:
		return
	case r.file == "":
		_, _ = fmt.Fprintf(s, "%s  %s has no scenarios: there is no %s\n", s.Paint.Warn(screen.Pad("none", 6)), r.book.Name, books.Scenarios(r.book.File))
		return
	case r.failed() == 0: // who has something to repair is not told what is left to write
		for _, g := range r.coverage.Gaps() {
			_, _ = fmt.Fprintf(s, "%s:%d:%d: %s\n", r.book.File, g.Pos.Line, g.Pos.Col, g.Text)
		}
	}
	reached, of := r.coverage.Count()
	_, _ = fmt.Fprintf(s, "%s: %d %% reached, %d of %d\n", r.book.Name, r.coverage.Percent(), reached, of)
}

// folded moves a line in, and breaks one that is too long: below its second column, where it has one. What is there to be
// pasted stays whole.
func folded(line string, by, width int) []string {
	text := strings.TrimLeft(line, " ")
	first := strings.Repeat(" ", by+len(line)-len(text))
	if screen.Width(first+text) <= width {
		return []string{first + text}
	}
	column := columns.FindString(text)
	if column == "" && strings.Contains(text, "{") {
		return []string{first + text}
	}
	first, text = first+column, text[len(column):]
	return screen.Indent(screen.Wrap(text, width-screen.Width(first)), first)
}

// columns is what stands before the second column of a line.
var columns = regexp.MustCompile(`^(?:[0-9][0-9a-z.]*|true|false|unknown)  *`)

// judgeTested says how it went in all, and gives the exit code.
func (p program) judgeTested(all []*rehearsed, least, broken int, only string, tell bool) error {
	scenarios, failed, code := 0, 0, exitOK
	var low []string
	for _, r := range all {
		scenarios, failed = scenarios+len(r.results), failed+r.failed()
		if r.coverage.Percent() < least {
			low = append(low, fmt.Sprintf("%s: %d %% reached, and %d %% wanted", r.book.Name, r.coverage.Percent(), least))
		}
	}
	switch {
	case broken > 0:
		code = exitUsage
	case failed > 0 || len(low) > 0:
		code = engine.VerdictNotFixed.ExitCode()
	case scenarios == 0 && only != "":
		return usagef("", "no scenario is called like %s", only)
	case scenarios == 0:
		return usagef("write NAME.scenarios.yaml beside NAME.yaml", "there are no scenarios to rehearse")
	}
	if tell {
		summary := count(scenarios, "scenario", "scenarios") + " of " + count(len(all), "runbook", "runbooks") + ", "
		if failed > 0 {
			summary += strconv.Itoa(failed) + " failed"
		} else {
			summary += "all passed"
		}
		if broken > 0 {
			summary += "; " + count(broken, "runbook", "runbooks") + " with mistakes"
		}
		_, _ = fmt.Fprintln(p.stderr, strings.Join(append(low, summary), "\n"))
	}
	return exitWith(code)
}
