package scenario_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/engine/enginetest"
	"runbook/engine/scenario"
)

// told gives the events of a run as a journal would hold them.
func told(tb rapid.TB, events []engine.Stamped) []string {
	tb.Helper()
	var out []string
	for _, e := range events {
		typ, data, err := engine.Encode(e.Event)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d %s %s %s", e.Seq, e.Mono, typ, data))
	}
	return out
}

// All scenarios of all stories, rehearsed twice, side by side, give the same events, and leave their scenario and plan as
// they were.
func TestARehearsalIsTheSameEveryTime(t *testing.T) {
	files, err := filepath.Glob("testdata/stories/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d stories: %v", len(files), err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		plan := load(t, archive)
		parsed, found := scenario.Parse("story.scenarios.yaml", part(archive, "story.scenarios.yaml"), plan)
		if len(found) > 0 {
			t.Fatalf("%s: %v", file, found)
		}
		for _, s := range parsed.Scenarios {
			var both [2][]string
			var wg sync.WaitGroup
			for i := range both {
				wg.Go(func() { both[i] = told(t, scenario.Rehearse(plan, s).Events) })
			}
			wg.Wait()
			if diff := cmp.Diff(both[0], both[1]); diff != "" {
				t.Errorf("%s: %s:\n%s", file, s.Name.Value, diff)
			}
		}
	}
}

// A rehearsal goes the way that the engine's own driver goes, whatever the world is: with one check at a time, where the
// driver's order is certain too, all events are the same.
func TestARehearsalGoesTheWayOfTheDriver(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plan, found := engine.Load("sim.yaml", []byte(randomBook(t)), enginetest.Kinds(), nil)
		if len(found) > 0 {
			t.Fatalf("%v", found)
		}
		s := randomScenario(t, plan)
		got := scenario.Rehearse(plan, s)

		var events []engine.Stamped
		d := &engine.Driver{
			State: engine.New(plan), World: scenario.NewWorld(plan, s), Clock: &enginetest.Clock{},
			Record: func(e engine.Stamped) (engine.Stamped, error) {
				e.Seq = len(events) + 1
				events = append(events, e)
				return e, nil
			},
		}
		asked := 0
		d.Nonce = func() string { asked++; return fmt.Sprint(asked) }
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := d.Put(got.Events[0].Event); err != nil {
			t.Fatal(err)
		}
		if err := d.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(told(t, events), told(t, got.Events)); diff != "" {
			t.Fatalf("-driver +rehearsal:\n%s", diff)
		}
	})
}

// randomBook is a runbook of checks and fixes that ask for one another, each check after the one before it.
func randomBook(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("runbook: sim\ngoal: [c0]\nsteps:\n")
	checks := rapid.IntRange(1, 4).Draw(t, "checks")
	for i := range checks {
		fmt.Fprintf(&b, "  - id: c%d\n    uses: http.get\n    with: {url: http://127.0.0.1/}\n    expect: status == 200\n", i)
		if i > 0 {
			fmt.Fprintf(&b, "    needs: [c%d]\n", i-1)
		}
		if rapid.Bool().Draw(t, "retry") {
			b.WriteString("    retry: {attempts: 2, every: 5s}\n")
		}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "fixes") {
		c := rapid.IntRange(0, checks-1).Draw(t, "of")
		fmt.Fprintf(&b, "  - id: f%d\n    when: not steps.c%d.healthy\n    uses: systemd.restart\n    with: {unit: a.service}\n    verify: [c%d]\n    within: %ds\n", i, c, c, rapid.IntRange(2, 9).Draw(t, "within"))
		fmt.Fprintf(&b, "    needs: [c%d]\n", checks-1) // no question stands while another check looks
		if rapid.Bool().Draw(t, "undo") {
			b.WriteString("    undo: {uses: command, with: {argv: [undo]}}\n")
		}
	}
	b.WriteString("findings:\n  - {id: down, when: steps.c0.unhealthy, say: It is down.}\n")
	return b.String()
}

// randomScenario answers with words that take no time: the driver's virtual clock knows nothing of a world's.
func randomScenario(t *rapid.T, plan *engine.Plan) *scenario.Scenario {
	reply := rapid.Custom(func(t *rapid.T) scenario.Reply {
		return scenario.Reply{
			Fails:  rapid.SampledFrom([]engine.FailureKind{"", "", "", engine.Denied}).Draw(t, "fails"),
			Fields: map[string]any{"status": rapid.SampledFrom([]int{200, 502}).Draw(t, "status")},
		}
	})
	deed := rapid.Custom(func(t *rapid.T) scenario.Reply {
		return scenario.Reply{Fails: rapid.SampledFrom([]engine.FailureKind{"", "", engine.Exit, scenario.Lost}).Draw(t, "fails")}
	})
	word := rapid.SampledFrom([]string{
		engine.Yes, engine.Yes, engine.Yes, engine.No, engine.Quit, engine.Nobody, engine.Retry, engine.Skip, engine.Stop, engine.Made, engine.NotMade, engine.Again,
	})
	s := &scenario.Scenario{
		Mode: rapid.SampledFrom([]engine.Mode{engine.Live, engine.Live, engine.DryRun}).Draw(t, "mode"), Sees: map[string][]scenario.Reply{},
		Does: map[string][]scenario.Reply{}, After: map[string]map[string][]scenario.Reply{}, Answers: map[string][]scenario.Answer{},
	}
	for _, step := range plan.Steps {
		if step.Effect == engine.Reads {
			s.Sees[step.ID.Value] = rapid.SliceOfN(reply, 1, 3).Draw(t, "sees")
			continue
		}
		for _, path := range []string{step.ID.Value, step.ID.Value + "/undo"} {
			s.Does[path] = rapid.SliceOfN(deed, 1, 2).Draw(t, "does")
			s.After[path] = map[string][]scenario.Reply{"c0": rapid.SliceOfN(reply, 1, 3).Draw(t, "after")}
			for range rapid.IntRange(0, 4).Draw(t, "answers") {
				s.Answers[path] = append(s.Answers[path], scenario.Answer{Say: word.Draw(t, "say")})
			}
		}
	}
	return s
}

// A value that is given decides what an absent one leaves open, and never turns round what was decided: to write more
// into a scenario makes nothing happen that the rest of it had ruled out.
func TestWhatIsNotGivenIsNotZero(t *testing.T) {
	t.Parallel()
	archive := txtar.Parse([]byte(`
-- story.yaml --
runbook: story
goal: [file]
steps:
  - {id: file, uses: file.stat, with: {path: /x}, expect: exists}
  - id: stale
    uses: file.stat
    with: {path: /y}
    expect: size == 0 or mode == "" or not exists
  - id: fix
    when: steps.file.unhealthy and steps.stale.healthy
    uses: file.write
    with: {path: /x, text: x}
    verify: goal
`))
	plan := load(t, archive)
	s := &scenario.Scenario{
		Mode: engine.Live, Sees: map[string][]scenario.Reply{"file": {{Fields: map[string]any{"exists": false}}}, "stale": {{}}},
		Answers: map[string][]scenario.Answer{"fix": {{Say: engine.Yes}}},
		Expect:  scenario.Expect{Verdict: engine.VerdictUndecided, Changes: []string{}},
	}
	r := scenario.Rehearse(plan, s)
	if len(r.Judge()) > 0 || len(r.Problems) == 0 || r.Passed() {
		t.Errorf("a fix that hangs on what the scenario does not give:\n%s", r.Text())
	}
}

// A thousand scenarios of twenty steps: ten checks, five of which are looked at until they are healthy, and five fixes.
func BenchmarkThousandScenarios(b *testing.B) {
	var book, text strings.Builder
	book.WriteString("runbook: story\ngoal: [c0]\nsteps:\n")
	for i := range 15 {
		fmt.Fprintf(&book, "  - {id: c%d, uses: http.get, with: {url: http://127.0.0.1/}, expect: status == 200}\n", i)
	}
	for i := range 5 {
		fmt.Fprintf(&book, "  - {id: f%d, when: not steps.c%d.healthy and steps.c%d.healthy, uses: systemd.restart, with: {unit: a.service}, verify: [c%d], within: 1h}\n", i, i, i+5, i)
	}
	text.WriteString("scenarios:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "  s%d:\n    sees:\n", i)
		for c := range 15 {
			fmt.Fprintf(&text, "      c%d: {status: %d}\n", c, 502-c/5%2*302)
		}
		text.WriteString("    answers: {f0: \"yes\", f1: \"yes\", f2: \"yes\", f3: \"yes\", f4: \"yes\"}\n    after:\n")
		for f := range 5 {
			fmt.Fprintf(&text, "      f%d: {c%d: [{status: 502}, {status: 503}, {status: 200}]}\n", f, f)
		}
		text.WriteString("    expect: {verdict: fixed, changes: [f0, f1, f2, f3, f4]}\n")
	}
	plan := load(b, &txtar.Archive{Files: []txtar.File{{Name: "story.yaml", Data: []byte(book.String())}}})
	for b.Loop() {
		file, found := scenario.Parse("story.scenarios.yaml", []byte(text.String()), plan)
		if len(found) > 0 {
			b.Fatal(found[0])
		}
		for _, s := range file.Scenarios {
			if r := scenario.Rehearse(plan, s); !r.Passed() {
				b.Fatal(r.Text())
			}
		}
	}
}
