package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/prompt"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/journal"
)

func (p program) approveCommand() command {
	return command{
		name: "approve", args: "RUN STEP [--confirm TARGET] [--note TEXT]", about: "say yes to a question that a run asks, from another terminal",
		text:    "What is agreed to is shown. A change of high risk needs its target: --confirm TARGET. The first answer counts, from wherever it comes. runbook status shows what is asked.",
		example: "runbook approve last restart",
		flags: []flag{
			{name: "confirm", value: "TARGET", about: "what a change of high risk is made to"},
			{name: "note", value: "TEXT", about: "kept with the answer"},
		},
		do: func(c *cli.Context) error { return p.decide(c, true) },
	}
}

func (p program) denyCommand() command {
	return command{
		name: "deny", args: "RUN STEP [--note TEXT]", about: "say no to a question that a run asks, from another terminal",
		text:    "The first answer counts, from wherever it comes. runbook status shows what is asked.",
		example: "runbook deny last restart --note \"the build is still going on\"",
		flags:   []flag{{name: "note", value: "TEXT", about: "why not; kept with the answer"}},
		do:      func(c *cli.Context) error { return p.decide(c, false) },
	}
}

func (p program) decide(c *cli.Context, yes bool) error {
	if c.NArg() != 2 {
		return usagef("for example: runbook "+c.Command.Name+" last restart", "a run and a step are wanted, and there are %s", count(c.NArg(), "argument", "arguments"))
	}
	run, err := p.asking(c.Args().First())
	if err != nil {
		return err
	}
	q, err := p.asked(run, c.Args().Get(1))
	if err != nil {
		return err
	}
	me := p.person().Name()
	value, err := answerTo(q.Question, yes, me, c.String("confirm"))
	if err != nil {
		return err
	}
	s := p.screen()
	if yes {
		first, _ := run.First()
		e, _ := engine.Decode(first.Type, first.Data)
		started, _ := e.(engine.RunStarted)
		b := prompt.Prompt{Host: started.Host, User: started.Who.User, Run: func() string { return run.ID }}
		_, _ = io.WriteString(s, strings.Join(b.Show(s, q.Question, q.Until), "\n")+"\n")
	}
	raw, err := json.Marshal(engine.Answer{Value: value, By: me, Via: "runbook " + c.Command.Name, Note: c.String("note")})
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	won, standing, err := run.Decide(q.Nonce, raw)
	if err != nil {
		return fmt.Errorf("answer %s: %w", q.Step, err)
	}
	if !won {
		var other engine.Answer
		if err := json.Unmarshal(standing, &other); err != nil {
			return fmt.Errorf("read the answer that stands: %w", err)
		}
		_, _ = fmt.Fprintf(s, "Too late: %s was answered with %s before, by %s.\n", q.Step, other.Value, orNobody(other.By))
		return exitWith(exitRefused)
	}
	_, _ = fmt.Fprintf(s, "%s: %s, by %s.\n", screen.Line(q.Step), value, me)
	return nil
}

func orNobody(name string) string {
	if name == "" {
		return "nobody"
	}
	return screen.Line(name)
}

// asking finds the run that an answer is for. The last one is the last that asks: a run that began later and asks
// nothing has hidden no question.
func (p program) asking(name string) (*journal.Run, error) {
	if name != "last" {
		return p.open(name)
	}
	store, err := p.store()
	if err != nil {
		return nil, err
	}
	if all := waiting(store); len(all) > 0 {
		return store.Open(all[0].run)
	}
	return p.open(name) // to say what is the matter with it
}

// asked finds the question that a run asks at a step. A miss says which runs wait, and where.
func (p program) asked(run *journal.Run, step string) (openQuestion, error) {
	miss := func(hint, format string, args ...any) (openQuestion, error) {
		store, err := p.store()
		if err != nil {
			return openQuestion{}, err
		}
		for _, w := range waiting(store) {
			if w.run != run.ID {
				hint += "\nrun …" + w.run[len(w.run)-4:] + " waits at " + strings.Join(w.steps, ", ")
			}
		}
		return openQuestion{}, usagef(strings.TrimPrefix(hint, "\n"), format, args...)
	}
	_, live, err := run.Holder()
	if err != nil {
		return openQuestion{}, err
	}
	if !live {
		if v, ended := verdictOf(run); ended {
			return miss("", "run %s has ended (%s): it asks nothing any more", run.ID, v)
		}
		return miss("to go on with it: runbook resume "+run.ID, "run %s was interrupted: it asks nothing now", run.ID)
	}
	open, err := questions(run)
	if err != nil {
		return openQuestion{}, err
	}
	var steps []string
	for _, q := range open {
		if q.Step == step {
			return q, nil
		}
		steps = append(steps, q.Step)
	}
	if len(steps) == 0 {
		return miss("runbook status shows what open runs ask", "run %s asks nothing now", run.ID)
	}
	return miss("it asks at "+strings.Join(steps, ", "), "run %s asks nothing at %s", run.ID, step)
}

// waits is a run that waits for an answer, with the steps that it asks at.
type waits struct {
	run   string
	steps []string
}

// waiting lists the runs that ask something, the last one first. What can't be read asks nothing here.
func waiting(store journal.Store) []waits {
	ids, _ := store.List()
	var out []waits
	for _, id := range slices.Backward(ids) {
		run, err := store.Open(id)
		if err != nil {
			continue
		}
		if _, live, err := run.Holder(); err != nil || !live {
			continue
		}
		open, _ := questions(run)
		w := waits{run: id}
		for _, q := range open {
			w.steps = append(w.steps, q.Step)
		}
		if len(w.steps) > 0 {
			out = append(out, w)
		}
	}
	return out
}

// answerTo is what a yes or a no means to a question, and whether this person may say it from here.
func answerTo(q engine.Question, yes bool, me, target string) (string, error) {
	switch q.Kind {
	case engine.AskManual:
		if yes {
			return engine.Done, nil
		}
		return engine.NotDone, nil
	case engine.AskFailed, engine.AskDoubt, engine.AskValue:
		return "", usagef("answer it at the terminal of the run", "%s asks for more than a yes or a no", q.Step)
	case engine.AskFix, engine.AskUndo:
	}
	switch {
	case !yes:
		return engine.No, nil
	case q.Approvals > 1 && q.Excluded == me:
		return "", usagef("another person has to agree", "%s started this run, and can't be one of the %d who agree to %s", me, q.Approvals, q.Step)
	case slices.Contains(q.Agreed, me):
		return "", usagef("another person has to agree", "%s has agreed to %s before", me, q.Step)
	case q.Risk == engine.High && target != prompt.Target(q):
		return "", usagef("say what it is made to: --confirm "+prompt.Target(q), "%s is a change of high risk", q.Step)
	}
	return engine.Yes, nil
}

func (p program) noteCommand() command {
	return command{
		name: "note", args: "[RUN] TEXT", about: "put a remark into the record of a run",
		text:    "Without a RUN it is the last that is open, and if none is, the last that was no dry run.",
		example: "runbook note \"the switch in rack 4 was rebooted at 03:20\"",
		do:      p.note,
	}
}

func (p program) note(c *cli.Context) error {
	args := c.Args().Slice()
	name, text := "", ""
	switch len(args) {
	case 1:
		text = args[0]
	case 2:
		name, text = args[0], args[1]
	default:
		return usagef("for example: runbook note \"the switch was rebooted\"", "a text is wanted, in quotes, and there are %s", count(len(args), "argument", "arguments"))
	}
	if strings.TrimSpace(text) == "" {
		return usagef("", "the text is empty")
	}
	run, err := p.noted(name)
	if err != nil {
		return err
	}
	typ, data, err := engine.Encode(engine.Noted{By: p.person().Name(), Text: strings.ToValidUTF8(text, "\uFFFD")})
	if err != nil {
		return err
	}
	if _, err := run.AddNote(typ, data); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(p.stderr, "noted in run "+run.ID)
	return nil
}

// noted finds the run that a note is for: the one that is named, the last that is open, or the last that was live. A
// rehearsal after the fact does not draw the remark to itself.
func (p program) noted(name string) (*journal.Run, error) {
	if name != "" {
		return p.open(name)
	}
	store, err := p.store()
	if err != nil {
		return nil, err
	}
	ids, err := store.List()
	if err != nil && len(ids) == 0 {
		return nil, err
	}
	last := ""
	for _, id := range slices.Backward(ids) {
		switch r := past(store, id); {
		case r.Mode == string(engine.Drill):
		case r.State == running || r.State == string(engine.VerdictInterrupted):
			return store.Open(id)
		case last == "" && r.State != unreadable && r.Mode == string(engine.Live):
			last = id
		}
	}
	if last == "" {
		return nil, usagef("runbook runs lists all; to put it into one of them: runbook note RUN TEXT", "there is no run yet but for dry runs")
	}
	return store.Open(last)
}
