package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/display"
	"runbook/cmd/runbook/internal/prompt"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/journal"
)

func (p program) runsCommand() command {
	return command{
		name: "runs", args: "[--limit N] [--json]", about: "list past runs with their verdicts, the last one first",
		example: "runbook runs",
		flags: []flag{
			{name: "limit", value: "N", about: "so many at most, 20 by default"},
			{name: "json", about: "print the list as JSON on stdout"},
		},
		do: p.runs,
	}
}

// pastRun is a run as a list shows it, read from the first and the last event of its journal.
type pastRun struct {
	Run      string    `json:"run"`
	Runbook  string    `json:"runbook"`
	Mode     string    `json:"mode"`
	Host     string    `json:"host"`
	By       string    `json:"by"`
	User     string    `json:"user"` // that it runs as
	Began    time.Time `json:"began"`
	Incident string    `json:"incident,omitempty"`
	State    string    `json:"state"` // a verdict, "running", "interrupted" or "unreadable"
	Problem  string    `json:"problem,omitempty"`
}

func (p program) runs(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	limit := 20
	if c.IsSet("limit") {
		if _, err := fmt.Sscanf(c.String("limit"), "%d", &limit); err != nil || limit < 1 {
			return usagef("", "--limit is %s: it must be a number from 1 on", c.String("limit"))
		}
	}
	store, err := p.store()
	if err != nil {
		return err
	}
	ids, err := store.List()
	if err != nil && len(ids) == 0 {
		return err
	}
	slices.Reverse(ids)
	left := max(len(ids)-limit, 0)
	all := []pastRun{}
	for _, id := range ids[:min(limit, len(ids))] {
		all = append(all, past(store, id))
	}
	if c.Bool("json") {
		return p.printJSON(all)
	}
	if len(all) == 0 {
		_, _ = fmt.Fprintln(p.stderr, "There are no runs yet in "+store.Dir+".")
		return nil
	}
	s := screen.New(p.stdout, p.getenv)
	for _, r := range all {
		state := stateWord(s, r.State)
		line := fmt.Sprintf("%s  %s%s  %s", r.Run, state, strings.Repeat(" ", max(12-screen.Width(r.State), 0)), screen.Line(r.Runbook))
		var more []string
		switch engine.Mode(r.Mode) {
		case engine.DryRun:
			more = append(more, "DRY RUN")
		case engine.Drill:
			more = append(more, "DRILL")
		case engine.Live:
		}
		if r.Incident != "" {
			more = append(more, screen.Line(r.Incident))
		}
		more = append(more, screen.Line(r.By), screen.Line(r.Problem))
		_, _ = fmt.Fprintln(s, screen.Clip(strings.TrimRight(line+"  "+strings.Join(more, "  "), " "), s.Width))
	}
	if left > 0 {
		_, _ = fmt.Fprintf(p.stderr, "and %s; --limit shows more\n", count(left, "older run", "older runs"))
	}
	return nil
}

func stateWord(s screen.Screen, state string) string {
	switch state {
	case running:
		return s.Paint.Act(strings.ToUpper(state))
	case unreadable:
		return s.Paint.Bad(strings.ToUpper(state))
	}
	v := engine.Verdict(state)
	return display.Mark(s.Paint, v)(display.Word(v))
}

// The states of a run that are no verdicts.
const (
	running    = "running"
	unreadable = "unreadable"
)

// past reads what a list shows of a run.
func past(store journal.Store, id string) pastRun {
	r := pastRun{Run: id, State: unreadable}
	began, _ := journal.ParseID(id)
	r.Began = began
	run, err := store.Open(id)
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	first, err := run.First()
	if err != nil {
		r.Problem = err.Error()
		return r
	}
	e, err := engine.Decode(first.Type, first.Data)
	started, ok := e.(engine.RunStarted)
	if err != nil || !ok {
		r.Problem = "its journal does not begin with a start"
		return r
	}
	r.Runbook, r.Mode, r.Host, r.Began, r.Incident = started.Runbook.Name, string(started.Mode), started.Host, first.At, started.Incident
	r.By, r.User = started.Who.Name(), started.Who.User
	if _, live, err := run.Holder(); err == nil && live {
		r.State = running
		return r
	}
	r.State = string(engine.VerdictInterrupted)
	if v, ok := verdictOf(run); ok {
		r.State = string(v)
	}
	return r
}

// verdictOf is the verdict of a run that has ended. It is the last event but for notes that came later.
func verdictOf(run *journal.Run) (engine.Verdict, bool) {
	last, err := run.Last()
	if err == nil && last.Type == engine.TypeOf(engine.RunEnded{}) {
		return topVerdict(last)
	}
	if err == nil && last.Type != engine.TypeOf(engine.Noted{}) && last.Type != engine.TypeOf(engine.Noticed{}) {
		return "", false
	}
	var verdict engine.Verdict
	for rec, err := range run.Records() {
		if err != nil {
			break
		}
		if rec.Type == engine.TypeOf(engine.RunEnded{}) {
			if v, ok := topVerdict(rec); ok {
				verdict = v
			}
		}
	}
	return verdict, verdict != ""
}

func topVerdict(rec journal.Record) (engine.Verdict, bool) {
	e, err := engine.Decode(rec.Type, rec.Data)
	ended, ok := e.(engine.RunEnded)
	if err != nil || !ok || ended.Step != "" {
		return "", false
	}
	return ended.Verdict, true
}

func (p program) statusCommand() command {
	return command{
		name: "status", args: "[--json]", about: "open runs: who drives them, and who is waited for",
		example: "runbook status",
		flags:   []flag{{name: "json", about: "print it as JSON on stdout"}},
		do:      p.status,
	}
}

type openRun struct {
	pastRun
	Holder    *journal.Holder `json:"holder,omitempty"`
	Questions []openQuestion  `json:"questions,omitempty"`
	Changes   []string        `json:"changes,omitempty"` // steps whose change goes on under its supervisor
}

func (p program) status(c *cli.Context) error {
	if err := none(c); err != nil {
		return err
	}
	store, err := p.store()
	if err != nil {
		return err
	}
	ids, err := store.List()
	if err != nil && len(ids) == 0 {
		return err
	}
	open := []openRun{}
	for _, id := range slices.Backward(ids) {
		r := past(store, id)
		if r.State == running || r.State == string(engine.VerdictInterrupted) && r.Mode != string(engine.Drill) {
			open = append(open, detail(store, r))
		}
	}
	if c.Bool("json") {
		return p.printJSON(open)
	}
	s := screen.New(p.stdout, p.getenv)
	if len(open) == 0 {
		_, _ = fmt.Fprintln(s, "No run is open.")
		return nil
	}
	for i, r := range open {
		if i > 0 {
			_, _ = fmt.Fprintln(s)
		}
		p.openRun(s, r)
	}
	return nil
}

// detail looks closer at a run that is open.
func detail(store journal.Store, r pastRun) openRun {
	out := openRun{pastRun: r}
	run, err := store.Open(r.Run)
	if err != nil {
		return out
	}
	if h, live, err := run.Holder(); err == nil && live {
		out.Holder = &h
		out.Questions, _ = questions(run)
	}
	changes, err := run.Changes()
	if err != nil {
		return out
	}
	for _, ch := range changes {
		if ch.State == journal.Running {
			out.Changes = append(out.Changes, ch.Step)
		}
	}
	return out
}

// openQuestion is a question that a run waits for an answer to.
type openQuestion struct {
	engine.Question
	Until time.Time `json:"until,omitzero"` // when silence becomes an answer
}

// questions are those that a run waits for an answer to.
func questions(run *journal.Run) ([]openQuestion, error) {
	open, err := run.OpenQuestions()
	if err != nil || len(open) == 0 {
		return nil, err
	}
	put := map[string]time.Time{} // a question that a resumed run asks again waits anew
	for rec, err := range run.Records() {
		if err != nil {
			break
		}
		if rec.Type != engine.TypeOf(engine.Asked{}) {
			continue
		}
		if e, err := engine.Decode(rec.Type, rec.Data); err == nil {
			if e, ok := e.(engine.Asked); ok {
				put[e.Question.Nonce] = rec.At
			}
		}
	}
	var out []openQuestion
	for _, o := range open {
		var q openQuestion
		if err := json.Unmarshal(o.Data, &q.Question); err != nil {
			continue
		}
		q.Nonce = o.Nonce
		if at, ok := put[o.Nonce]; ok && q.Expires > 0 {
			q.Until = at.Add(q.Expires)
		}
		out = append(out, q)
	}
	return out, nil
}

func (p program) openRun(s screen.Screen, r openRun) {
	say := func(format string, args ...any) {
		_, _ = io.WriteString(s, strings.Join(screen.Wrap(fmt.Sprintf(format, args...), s.Width), "\n")+"\n")
	}
	say("%s  %s  %s", r.Run, stateWord(s, r.State), screen.Line(r.Runbook))
	say("  began %s, by %s", s.Day(r.Began), screen.Line(r.By))
	if r.Holder != nil {
		say("  driven by %s, process %d", screen.Line(r.Holder.By), r.Holder.PID)
	}
	for _, step := range r.Changes {
		say("  the change of %s is going on", screen.Line(step))
	}
	if r.State != running {
		say("  to go on: runbook resume %s", r.Run)
		return
	}
	if len(r.Questions) == 0 {
		say("  waits for nobody")
		return
	}
	for _, q := range r.Questions {
		b := prompt.Prompt{Host: r.Host, User: r.User, Run: func() string { return r.Run }}
		_, _ = io.WriteString(s, strings.Join(b.Show(s, q.Question, q.Until), "\n")+"\n")
		switch q.Kind {
		case engine.AskFailed, engine.AskDoubt, engine.AskValue:
			say("  waits for an answer: to be answered at the terminal of the run")
			continue
		case engine.AskFix, engine.AskUndo, engine.AskManual:
		}
		say("  waits for an answer: runbook approve %s %s, or runbook deny %s %s", r.Run, q.Step, r.Run, q.Step)
	}
}
