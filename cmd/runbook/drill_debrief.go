package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/cmd/runbook/internal/display"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/scenario"
	"runbook/internal/runner"
)

// debriefing tells a person how a drill went: beside it stands the way that the scenario's own answers lead.
type debriefing struct {
	screen.Screen
	name     string // of the runbook, as it was typed
	scenario *scenario.Scenario
	events   []engine.Stamped
	own      *scenario.Rehearsal // by the scenario's own answers
	unsaid   []scenario.Problem
	took     time.Duration
	lines    []string
}

// decision is one question, and what was said to it.
type decision struct {
	step  string // restart, or restart/undo
	value string // "" when nothing was said
	took  time.Duration
}

// decisions are those of a run, in the order in which they were asked for.
func decisions(events []engine.Stamped) []decision {
	var out []decision
	var asked []engine.Stamped
	for _, e := range events {
		switch ev := e.Event.(type) {
		case engine.Asked:
			d := decision{step: ev.Question.Step}
			if ev.Question.Kind == engine.AskUndo {
				d.step += "/undo"
			}
			out, asked = append(out, d), append(asked, e)
		case engine.Answered:
			for i, a := range asked {
				if q, ok := a.Event.(engine.Asked); ok && q.Question.Nonce == ev.Nonce && ev.Answer.Value != engine.Gone {
					out[i].value, out[i].took = ev.Answer.Value, e.Mono-a.Mono
				}
			}
		}
	}
	return out
}

// changes are the fixes that were begun in a run, in this order.
func changes(events []engine.Stamped) []string {
	var out []string
	for _, e := range events {
		if c, ok := e.Event.(engine.ChangeStarted); ok {
			path := c.Step
			if c.Undo {
				path += "/undo"
			}
			if len(out) == 0 || out[len(out)-1] != path { // else it is another attempt
				out = append(out, path)
			}
		}
	}
	return out
}

// tell writes it all, the verdict and the report last.
func (t *debriefing) tell(out runner.Outcome) {
	stopped := out.Verdict == engine.VerdictInterrupted
	t.add("", t.Rule("how it went", "DRILL"))
	t.text(happened(t.scenario))
	t.add("")
	differs := t.table(out)
	t.add("")
	t.text(t.inAll(differs, stopped))
	for _, problem := range t.unsaid {
		t.add(screen.Indent(screen.Wrap(screen.Clean("the scenario leaves open: "+problem.Text), t.Width-8), "NOTICE  ")...)
	}
	if !t.own.Passed() {
		t.add(screen.Indent(screen.Wrap("this scenario does not pass: runbook test "+t.name+" says why", t.Width-8), "NOTICE  ")...)
	}
	for _, n := range out.Notices {
		t.add(screen.Indent(screen.Wrap(screen.Clean(n), t.Width-8), "NOTICE  ")...)
	}
	t.add("once more: runbook drill " + t.name + " --scenario " + t.scenario.Name.Value)
	if out.Report != "" {
		t.add("report " + screen.Exact(out.Report))
	}
	if stopped {
		t.add("DRILL stopped · exit " + strconv.Itoa(out.Exit))
	} else {
		t.add(fmt.Sprintf("DRILL verdict %s · a run would exit with %d", out.Verdict, out.Exit))
	}
	_, _ = io.WriteString(t.Screen, strings.Join(t.lines, "\n")+"\n")
}

func (t *debriefing) add(lines ...string) { t.lines = append(t.lines, lines...) }

func (t *debriefing) text(text string) { t.add(screen.Wrap(screen.Clean(text), t.Width)...) }

// happened gives away what had happened to the host.
func happened(s *scenario.Scenario) string {
	if s.Title == "" {
		return "Scenario " + s.Name.Value + "."
	}
	return fmt.Sprintf("What had happened: %s (scenario %s).", strings.TrimRight(screen.Line(s.Title), "."), s.Name.Value)
}

// Columns of the table, before the two that are compared.
const (
	verdictColumn = 9
	widestStep    = 20
)

// table compares what was decided with what the scenario wanted, and counts what differs.
func (t *debriefing) table(out runner.Outcome) (differs int) {
	yours, wanted := decisions(t.events), decisions(t.own.Events)
	step := len("changes")
	for _, d := range slices.Concat(yours, wanted) {
		step = min(max(step, screen.Width(d.step)), widestStep)
	}
	half := (t.Width - verdictColumn - step - 4) / 2
	row := func(word, name, you, scenario string) {
		mine, theirs := screen.Wrap(screen.Line(you), half-2), screen.Wrap(screen.Line(scenario), half)
		for i := range max(len(mine), len(theirs)) {
			left := screen.Pad("", verdictColumn+step+4)
			if i == 0 {
				left = screen.Pad(word, verdictColumn) + "  " + screen.Pad(name, step) + "  "
			}
			t.add(strings.TrimRight(left+screen.Pad(at(mine, i), half)+at(theirs, i), " "))
		}
	}
	compare := func(name, you, scenario string, same bool) {
		word := "same"
		if !same {
			word = t.Paint.Warn("DIFFERS")
			differs++
		}
		row(word, name, you, scenario)
	}
	row("", "", "you", "the scenario")
	for _, d := range yours {
		said := "no answer"
		if d.value != "" {
			said = d.value + ", after " + screen.Span(d.took)
		}
		i := slices.IndexFunc(wanted, func(w decision) bool { return w.step == d.step })
		switch {
		case i < 0:
			row("", d.step, said, "does not come to it")
			continue
		case d.value == "":
			row("", d.step, said, wanted[i].value)
		default:
			compare(d.step, said, wanted[i].value, d.value == wanted[i].value)
		}
		wanted = slices.Delete(wanted, i, i+1)
	}
	for _, w := range wanted {
		row("", w.step, "not asked", w.value)
	}
	if out.Verdict == engine.VerdictInterrupted {
		return differs
	}
	made, wants := changes(t.events), changes(t.own.Events)
	compare("changes", orNone(made), orNone(wants), slices.Equal(made, wants))
	compare("verdict", display.Word(out.Verdict), display.Word(t.scenario.Expect.Verdict), out.Verdict == t.scenario.Expect.Verdict)
	return differs
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// inAll says it in a sentence or two.
func (t *debriefing) inAll(differs int, stopped bool) string {
	n, thought := 0, time.Duration(0)
	for _, d := range decisions(t.events) {
		if d.value != "" {
			n, thought = n+1, thought+d.took
		}
	}
	took := fmt.Sprintf("%s in %s; the drill took %s.", count(n, "decision", "decisions"), screen.Span(thought), screen.Span(t.took))
	if n == 0 {
		took = "Nothing was decided; the drill took " + screen.Span(t.took) + "."
	}
	switch {
	case stopped:
		return "You ended the drill. " + took + " There is nothing to go on with and nothing to clean up."
	case differs > 0:
		return took + " The scenario's answers are its author's: another way can be as good."
	}
	return took
}
