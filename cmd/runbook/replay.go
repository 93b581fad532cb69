package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/scenario"
)

func (p program) replayCommand() command {
	return command{
		name: "replay", args: "[RUN] [--with FILE] [--json] | --all [NAME] [--with FILE] [--json]",
		about:   "see whether a past run would have gone the same way now",
		text:    "RUN is the id of a run, a part of one, or last, which is what is meant without one; with --all, every run of runbook NAME is taken. The run is gone through again with the runbook as it is found now, on what the run saw, did and was told; nothing is looked at or changed. What the run does not tell is unknown. The exit code is 0 when it would have gone the same way, 3 when it parts, and 8 when that can't be told.",
		example: "runbook replay last\nrunbook replay --all frontend-not-starting --with new/frontend-not-starting.yaml",
		flags: []flag{
			{name: "with", value: "FILE", about: "the runbook to go through it with; without it, the one of the same name"},
			{name: "all", about: "every run that is kept of a runbook: a line each, and a count"},
			dirFlag(),
			{name: "json", about: "print the comparison as JSON on stdout"},
		},
		do: p.replay,
	}
}

// replaysJSON is what replay --json prints.
type replaysJSON struct {
	Runbook string     `json:"runbook"`
	File    string     `json:"file"` // that was replayed
	Exit    int        `json:"exit"`
	Runs    []replayed `json:"runs"`
}

// replayed is one run that was gone through again.
type replayed struct {
	Run string `json:"run"`
	scenario.Replay
	Problem string `json:"problem,omitempty"` // why it could not be

	started engine.RunStarted
	began   time.Time
	ended   bool
}

func (p program) replay(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("--all NAME takes all of a runbook", "only one run can be replayed at a time")
	}
	out := replaysJSON{Runs: []replayed{}}
	var plan *engine.Plan
	if c.Bool("all") {
		runbook, ids, err := p.toReplay(c)
		if err != nil {
			return err
		}
		plan = runbook
		for _, id := range ids {
			out.Runs = append(out.Runs, p.gone(plan, id))
		}
	} else {
		run, err := p.open(c.Args().First())
		if err != nil {
			return err
		}
		h, err := p.history(run)
		if err != nil {
			return err
		}
		if plan, err = p.runbookNow(c, h.Started.Runbook); err != nil {
			return err
		}
		out.Runs = append(out.Runs, p.gone(plan, run.ID))
	}
	out.Runbook, out.File = plan.Runbook.Name.Value, plan.Runbook.File
	counted := map[scenario.Comparison]int{}
	for _, r := range out.Runs {
		counted[r.Result]++
	}
	switch {
	case counted[scenario.Parts] > 0:
		out.Exit = engine.VerdictNotFixed.ExitCode()
	case counted[scenario.Unknown] > 0:
		out.Exit = engine.VerdictUndecided.ExitCode()
	}
	if c.Bool("json") {
		if err := p.printJSON(out); err != nil {
			return err
		}
		return exitWith(out.Exit)
	}
	s := replayScreen{Screen: screen.New(p.stdout, p.getenv)}
	if c.Bool("all") {
		s.list(out, counted)
	} else {
		s.one(out.Runs[0], plan)
	}
	s.add("", fmt.Sprintf("exit %d", out.Exit))
	_, _ = io.WriteString(s, strings.Join(s.lines, "\n")+"\n")
	return exitWith(out.Exit)
}

// runbookNow finds the runbook to replay with: the one that is named, the one that has the name of the one that ran, or
// the file that ran.
func (p program) runbookNow(c *cli.Context, ran engine.Source) (*engine.Plan, error) {
	if with := c.String("with"); with != "" {
		return p.toRead(c, with)
	}
	name := ran.Name
	_, err := p.shelf(c).Find(name)
	if _, none := errors.AsType[*books.UnknownError](err); none && isFile(ran.File) {
		name = ran.File
	}
	return p.toRead(c, name)
}

// toReplay finds a runbook and all runs that are kept of it, the last one first.
func (p program) toReplay(c *cli.Context) (*engine.Plan, []string, error) {
	name := c.Args().First()
	if name == "" && !c.IsSet("with") {
		return nil, nil, usagef("for example: runbook replay --all frontend-not-starting", "--all wants the name of a runbook")
	}
	plan, err := p.runbookNow(c, engine.Source{Name: name})
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		name = plan.Runbook.Name.Value
	}
	store, err := p.store()
	if err != nil {
		return nil, nil, err
	}
	ids, err := store.List()
	if err != nil && len(ids) == 0 {
		return nil, nil, err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return past(store, id).Runbook != name })
	if len(ids) == 0 {
		return nil, nil, usagef("runbook runs lists those that are kept", "no run of %s is kept in %s", name, store.Dir)
	}
	slices.Reverse(ids)
	return plan, ids, nil
}

// gone goes through a run again. What keeps it from being is said, as something that can't be told.
func (p program) gone(plan *engine.Plan, id string) replayed {
	out := replayed{Run: id, Replay: scenario.Replay{Result: scenario.Unknown, Rows: []scenario.Row{}, NotKnown: []string{}}}
	r, err := p.recording(id)
	if err != nil {
		out.Problem = err.Error()
		return out
	}
	out.started, out.began, out.ended = r.Started, r.Events[0].At, r.Ended
	replay, err := r.Replay(plan)
	if err != nil {
		out.Problem = err.Error()
		return out
	}
	out.Replay = *replay
	return out
}

// replayScreen shows a person where runs would have gone another way.
type replayScreen struct {
	screen.Screen
	lines []string
}

func (s *replayScreen) add(lines ...string) { s.lines = append(s.lines, lines...) }

// one shows both ways side by side, as far as they are different.
func (s *replayScreen) one(r replayed, plan *engine.Plan) {
	text := fmt.Sprintf("%s: %s on %s, %s", r.Run, r.started.Runbook.Name, r.started.Host, s.Day(r.began))
	s.add(screen.Wrap(screen.Line(text), s.Width)...)
	text = "with " + screen.Exact(plan.Runbook.File)
	if plan.Hash == r.started.Runbook.Hash {
		text += ", which is what ran"
	}
	s.add(text) // whole: what breaks a path can't be opened
	if len(r.Rows) > 0 {
		s.add("")
		s.table(r.Rows, r.NotKnown)
	}
	if len(r.NotKnown) > 0 {
		s.add("")
	}
	for _, why := range r.NotKnown {
		s.add(worded(s.Screen, "NOT KNOWN", s.Paint.Warn, why)...)
	}
	s.add("")
	word, paint := s.word(r.Result)
	s.add(worded(s.Screen, word, paint, r.sentence())...)
}

// sentence says what the comparison comes to.
func (r replayed) sentence() string {
	switch {
	case r.Problem != "":
		return r.Problem
	case r.Result == scenario.Parts:
		return "It would have gone another way, from " + r.Rows[0].What + " on."
	case r.Result == scenario.Unknown:
		return "Whether it would have gone the same way can't be told from what the run saw."
	case !r.ended:
		return "It would have gone the same way as far as the run went, which has not ended."
	}
	return fmt.Sprintf("It would have gone the same way, to the verdict %s.", r.Was)
}

func (s *replayScreen) word(c scenario.Comparison) (string, func(string) string) {
	switch c {
	case scenario.Same:
		return "same", s.Paint.Good
	case scenario.Parts:
		return "PARTS", s.Paint.Bad
	case scenario.Unknown:
	}
	return "UNDECIDED", s.Paint.Warn
}

// table shows the rows, and below the first one what made it so in both runs. What is not known is said elsewhere.
func (s *replayScreen) table(rows []scenario.Row, notKnown []string) {
	const most = 22
	what, subjects := 0, make([]string, len(rows))
	for i, r := range rows {
		subjects[i] = r.What
		if r.Finding {
			subjects[i] = "finding " + r.What
		}
		what = min(max(what, screen.Width(subjects[i])), most)
	}
	side := (s.Width - what - 4) / 2
	line := func(subject, was, is string) {
		columns := [][]string{screen.Wrap(screen.Line(subject), what), screen.Wrap(screen.Line(was), side), screen.Wrap(screen.Line(is), side)}
		cell := func(column, i, width int) string {
			if i < len(columns[column]) {
				return screen.Pad(columns[column][i], width) + "  "
			}
			return screen.Pad("", width+2)
		}
		for i := range max(len(columns[0]), len(columns[1]), len(columns[2])) {
			s.add(strings.TrimRight(cell(0, i, what)+cell(1, i, side)+cell(2, i, side), " "))
		}
	}
	line("", "RECORDED", "REPLAYED")
	var rest []string
	for i, r := range rows {
		if r.NotKnown && !rows[0].NotKnown && i < len(rows)-1 { // it hangs on what parts for certain
			rest = append(rest, subjects[i])
			continue
		}
		now := strings.Join(r.Replayed.Words, ", ")
		if r.NotKnown && !strings.HasSuffix(now, "not known") {
			now += " ?"
		}
		line(subjects[i], strings.Join(r.Recorded.Words, ", "), now)
		if i == 0 {
			s.because("  recorded  ", r.Recorded, notKnown)
			s.because("  replayed  ", r.Replayed, notKnown)
		}
	}
	if len(rest) > 0 {
		s.add(screen.Wrap("not known any more: "+screen.Line(strings.Join(rest, ", ")), s.Width)...)
	}
}

// because shows what made one side what it is.
func (s *replayScreen) because(lead string, side scenario.Side, said []string) {
	lines := screen.Explain(side.Because, s.Width-len(lead))
	for _, why := range side.Why {
		if !slices.Contains(said, why) {
			lines = append(lines, screen.Wrap(screen.Line(why), s.Width-len(lead))...)
		}
	}
	if len(lines) > 0 {
		s.add(screen.Indent(lines, lead)...)
	}
}

// list shows a line for each run, and counts them.
func (s *replayScreen) list(out replaysJSON, counted map[scenario.Comparison]int) {
	for _, r := range out.Runs {
		word, paint := s.word(r.Result)
		text := string(r.Was)
		switch {
		case r.Problem != "":
			text = r.Problem
		case len(r.Rows) > 0:
			row := r.Rows[0]
			text = fmt.Sprintf("%s: %s; now %s", row.What, strings.Join(row.Recorded.Words, ", "), strings.Join(row.Replayed.Words, ", "))
		case !r.ended:
			text = "has not ended"
		}
		line := screen.Clip(fmt.Sprintf("%s  %s  %s", r.Run, screen.Pad(word, 9), screen.Line(text)), s.Width)
		s.add(strings.Replace(line, word, paint(word), 1))
	}
	text := fmt.Sprintf("%s of %s with %s: %d the same way, %d parting, %d that can't be told",
		count(len(out.Runs), "run", "runs"), out.Runbook, out.File, counted[scenario.Same], counted[scenario.Parts], counted[scenario.Unknown])
	s.add("")
	s.add(screen.Wrap(screen.Line(text), s.Width)...)
}
