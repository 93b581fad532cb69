package engine_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// Each file under testdata/runs is one story: the runbook, the switches that are on, what the person answers, and the
// run that must come of it, as a transcript. Run with -update to write the transcripts, and read them.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/runs/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d stories: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, archive)
			var kept []txtar.File
			var want string
			for _, f := range archive.Files {
				if f.Name == "transcript" {
					want = string(f.Data)
					continue
				}
				kept = append(kept, f)
			}
			if *update {
				kept = append(kept, txtar.File{Name: "transcript", Data: []byte(got)})
				archive.Files = kept
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// tell runs a story and writes what happened.
func tell(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	part := func(name string) string {
		for _, f := range archive.Files {
			if f.Name == name {
				return string(f.Data)
			}
		}
		return ""
	}
	kinds, err := enginetest.SimKinds()
	if err != nil {
		t.Fatal(err)
	}
	plan, diags := engine.Load("story.yaml", []byte(part("story.yaml")), kinds, func(name string) (string, []byte, error) {
		if text := part(name + ".yaml"); text != "" {
			return name + ".yaml", []byte(text), nil
		}
		return "", nil, fmt.Errorf("there is no runbook %s", name)
	})
	if len(diags) > 0 {
		t.Fatalf("load: %+v", diags)
	}
	world := enginetest.NewWorld(strings.Fields(part("on"))...)
	answers := strings.Fields(part("answers"))
	world.Answer = func(engine.Question) engine.Answer {
		if len(answers) == 0 {
			return engine.Answer{Value: engine.Nobody, Note: "there is no terminal"}
		}
		who, what, named := strings.Cut(answers[0], ":")
		if !named {
			who, what = "anna", answers[0]
		}
		answers = answers[1:]
		return engine.Answer{Value: what, By: who, Via: "terminal"}
	}
	mode := engine.Live
	if strings.TrimSpace(part("mode")) != "" {
		mode = engine.Mode(strings.TrimSpace(part("mode")))
	}
	var b strings.Builder
	clock := &enginetest.Clock{}
	journal := &enginetest.Journal{}
	performer := engine.Performer(world)
	if mode == engine.DryRun {
		performer = describing(t, world, strings.Fields(part("undescribed")))
	}
	d := &engine.Driver{
		State: engine.New(plan), World: performer, Clock: clock, Record: journal.Record, Nonce: func() string { return "n" },
		Watch: func(e engine.Stamped, _ *engine.State) { b.WriteString(line(e)) },
	}
	if err := d.Put(engine.RunStarted{Run: "r", Mode: mode, Parallel: 1, Params: defaults(t, plan), Who: engine.Who{User: "anna"}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := d.Run(ctx); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if made := world.Made(); len(made) > 0 {
		fmt.Fprintf(&b, "\nmade: %s\n", strings.Join(made, " "))
	}
	return b.String()
}

// describing is the world of a dry run, in which some steps can't be described.
func describing(t *testing.T, world *enginetest.World, not []string) engine.Performer {
	t.Helper()
	return engine.PerformerFunc(func(ctx context.Context, c engine.Call) engine.Result {
		switch c.Verb {
		case engine.Act, engine.Attach:
			t.Errorf("a dry run was asked to %s %s", c.Verb, c.Step)
		case engine.Confirm:
			return engine.Result{Answer: &engine.Answer{Value: engine.Would}}
		case engine.Look, engine.Prepare:
		}
		r := world.Perform(ctx, c)
		r.Only = c.Verb == engine.Prepare
		if r.Only && slices.Contains(not, c.Step) {
			r = engine.Result{Only: true, Failure: &engine.Failure{Kind: engine.Denied, Message: "it is not to be seen"}}
		}
		return r
	})
}

// line writes one event as a person would tell it.
func line(e engine.Stamped) string {
	var text string
	var because []engine.Term
	switch ev := e.Event.(type) {
	case engine.Looked:
		text, because = fmt.Sprintf("%s %s (%s)", ev.Step, ev.Outcome, ev.For), ev.Because
		if ev.Failure != nil {
			text += ": " + ev.Failure.Message
		}
	case engine.Concluded:
		text, because = fmt.Sprintf("finding %s %s", ev.Finding, ev.Value), ev.Because
	case engine.Skipped:
		text, because = fmt.Sprintf("%s skipped: %s", ev.Step, ev.Reason), ev.Because
		if len(ev.Hangs) > 0 {
			text += " hangs on " + strings.Join(ev.Hangs, ", ") + "; would " + ev.Would
		}
	case engine.Prepared:
		text = ev.Step + " described"
		if ev.Undo {
			text += ": its way back"
		}
	case engine.Asked:
		q := ev.Question
		text, because = fmt.Sprintf("%s asked (%s) %s", q.Step, q.Kind, strings.Join(q.Choices, "/")), q.Because
	case engine.Answered:
		text = fmt.Sprintf("%s answered %s by %s", ev.Step, ev.Answer.Value, ev.Answer.By)
	case engine.ChangeStarted:
		text = fmt.Sprintf("%s started, attempt %d %v", ev.Step, ev.Attempt, ev.Inputs)
	case engine.ChangeEnded:
		text = ev.Step + " ended"
		if ev.Failure != nil {
			text += ": " + ev.Failure.Message
		}
	case engine.FixEnded:
		text = strings.TrimSpace(fmt.Sprintf("%s %s %s", ev.Step, ev.Outcome, ev.Note))
	case engine.Waited:
		text = fmt.Sprintf("%s waited %s (%s)", ev.Step, ev.Time, ev.For)
	case engine.RunEnded:
		text = strings.TrimSpace(strings.Join([]string{ev.Step, "verdict", string(ev.Verdict), strings.Join(ev.Why, "; ")}, " "))
	case engine.Escalated:
		text, because = fmt.Sprintf("%s escalated to %s: %s", ev.Step, ev.To, ev.Say), ev.Because
	case engine.BookStarted:
		text = fmt.Sprintf("%s runs %s %v", ev.Step, ev.Runbook, ev.Params)
	case engine.RunStarted, engine.Preflight:
		return ""
	default:
		text = engine.TypeOf(ev)
	}
	out := fmt.Sprintf("%4s %s\n", e.Mono.Round(time.Second), text)
	for _, term := range because {
		var seen []string
		for _, s := range term.Seen {
			seen = append(seen, s.Name+" "+s.Value)
		}
		out += fmt.Sprintf("     | %s  %s  %s\n", term.Text, term.Value, strings.Join(seen, ", "))
	}
	return out
}

func defaults(t *testing.T, plan *engine.Plan) map[string]any {
	t.Helper()
	params, err := engine.ResolveParams(plan.Runbook, nil)
	if err != nil {
		t.Fatal(err)
	}
	return params
}
