package scenario_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/engine/enginetest"
	"runbook/engine/scenario"
)

// journal reads the events of a stored run.
func journal(tb testing.TB, file string) []engine.Stamped {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var events []engine.Stamped
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var line struct {
			Seq  int
			At   time.Time
			Mono time.Duration
			Type string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			tb.Fatal(err)
		}
		e, err := engine.Decode(line.Type, lines.Bytes())
		if err != nil {
			tb.Fatal(err)
		}
		events = append(events, engine.Stamped{Seq: line.Seq, At: line.At, Mono: line.Mono, Event: e})
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return events
}

// recorded reads a run with the runbook that it ran.
func recorded(tb rapid.TB, events []engine.Stamped, kinds engine.Kinds) *scenario.Recording {
	tb.Helper()
	started := events[0].Event.(engine.RunStarted)
	plan, found := engine.Load(started.Runbook.File, []byte(started.Runbook.Text), kinds, func(name string) (string, []byte, error) {
		for _, b := range started.Books {
			if b.Name == name {
				return b.File, []byte(b.Text), nil
			}
		}
		return "", nil, fmt.Errorf("no runbook %s", name)
	})
	if len(found) > 0 {
		tb.Fatalf("load the runbook:\n%s", engine.RenderAll(found, []byte(started.Runbook.Text)))
	}
	return scenario.NewRecording(plan, events)
}

// randomRun is a run of a random runbook on a random host, in which everything takes some time. It may be interrupted and
// resumed, and killed at the end.
func randomRun(t *rapid.T) []engine.Stamped {
	source := randomBook(t)
	if rapid.IntRange(0, 3).Draw(t, "limited") == 0 {
		source += fmt.Sprintf("limits: {time: %ds}\n", rapid.IntRange(1, 90).Draw(t, "limit"))
	}
	plan, found := engine.Load("sim.yaml", []byte(source), enginetest.Kinds(), nil)
	if len(found) > 0 {
		t.Fatalf("%v", found)
	}
	s := randomScenario(t, plan)
	world, state := scenario.NewWorld(plan, s), engine.New(plan)
	var events []engine.Stamped
	now, asked := time.Duration(0), 0
	put := func(e engine.Event) {
		events = append(events, engine.Stamped{Seq: len(events) + 1, Mono: now, Event: e})
		state.Apply(events[len(events)-1])
	}
	put(engine.RunStarted{
		Run: "20261123T031045Z-k3f7", Runbook: engine.Source{Name: "sim", File: "sim.yaml", Text: source}, Params: map[string]any{},
		Mode: s.Mode, Parallel: rapid.IntRange(1, 8).Draw(t, "parallel"), Host: "host", Who: engine.Who{User: "anna"},
	})
	took := rapid.SampledFrom([]time.Duration{time.Millisecond, 120 * time.Millisecond, 3 * time.Second, 14 * time.Second})
	stops := rapid.SampledFrom([]int{0, 0, 0, 5, 9, 14}).Draw(t, "stops")
	for steps := 1; steps < 3000; steps++ {
		if steps == stops {
			now += time.Second
			put(engine.StopAsked{Signal: "interrupt"})
		}
		actions := state.Next()
		if len(actions) == 0 && state.Interrupted() {
			now += time.Hour
			put(engine.RunResumed{})
			continue
		}
		if len(actions) == 0 {
			return events
		}
		switch a := actions[0].(type) {
		case engine.Conclude:
			put(a.Event)
		case engine.Wait:
			now = max(a.Until, now) + time.Millisecond
			put(a.Event)
		case engine.Perform:
			if q, ok := a.Begin.(engine.Asked); ok {
				asked++
				q.Question.Nonce = fmt.Sprint(asked)
				a.Begin, a.Call.Question = q, &q.Question
			}
			if a.Begin != nil {
				put(a.Begin)
			}
			until := now + took.Draw(t, "took")
			if limit, ok := actions[len(actions)-1].(engine.Wait); ok && limit.ID == "limit" && limit.Until < until {
				now = max(limit.Until, now)
				put(limit.Event)
				if a.Call.Verb != engine.Act { // all else is left as it is
					continue
				}
			}
			now = until
			put(state.Finish(a, world.Perform(t.Context(), a.Call)))
		}
	}
	t.Fatal("the run does not end")
	return nil
}

// The scenario that is made of a run passes. None may be possible of one whose time limit ended it, or that was interrupted
// and whose host had become another one before it was resumed.
func TestARecordedRunPasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := recorded(t, randomRun(t), enginetest.Kinds())
		for _, all := range []bool{false, true} {
			text, err := r.Record("it", all, nil)
			if err != nil && !r.Resumed && !limited(r) {
				t.Fatal(err)
			}
			if err == nil {
				passes(t, r, text)
			}
		}
	})
}

// limited tells whether a run reached its time limit.
func limited(r *scenario.Recording) bool {
	return slices.ContainsFunc(r.Events, func(e engine.Stamped) bool {
		w, ok := e.Event.(engine.Waited)
		return ok && w.For == "limit"
	})
}

// What was seen is what the scenario holds, whatever it was.
func TestWhatWasSeenIsWhatIsWritten(t *testing.T) {
	t.Parallel()
	const source = "runbook: sim\nsteps:\n  - {id: page, uses: http.get, with: {url: http://127.0.0.1/}, expect: '\"x-more\" in headers', retry: {attempts: 2, every: 1s}}\n  - {id: port, uses: net.listeners, with: {port: 80}}\n"
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"yes", "null", "~", "3", "0x1f", "1e3", "2026-11-23", "- a", "a: b", "#", "*a", "", " ", "12s", "\x1b[31m", strings.Repeat("long ", 30)}))
		maybe := rapid.Custom(func(t *rapid.T) any {
			if rapid.Bool().Draw(t, "null") {
				return nil
			}
			return word.Draw(t, "text")
		})
		headers, sockets := map[string]any{}, []any{}
		for range rapid.IntRange(0, 8).Draw(t, "headers") {
			headers[word.Draw(t, "name")] = word.Draw(t, "value")
		}
		for range rapid.IntRange(0, 4).Draw(t, "sockets") {
			sockets = append(sockets, map[string]any{"address": word.Draw(t, "address"), "family": "", "port": 80, "pid": nil, "process": maybe.Draw(t, "process"), "unit": maybe.Draw(t, "unit")})
		}
		page := map[string]any{"status": 200, "error": word.Draw(t, "error"), "body": word.Draw(t, "body"), "headers": headers, "latency_ms": rapid.Float64Range(-1e9, 1e9).Draw(t, "latency")}
		ports := map[string]any{"sockets": sockets}
		again := maps.Clone(page)
		more := maps.Clone(headers)
		more["x-more"] = word.Draw(t, "more")
		again["headers"] = more
		if strings.Contains(fmt.Sprint(page, again, ports), "${{") {
			t.Skip("a scenario can't hold that")
		}
		events := []engine.Event{
			engine.RunStarted{Run: "r-1", Runbook: engine.Source{Name: "sim", File: "sim.yaml", Text: source}, Mode: engine.Live},
			engine.Preflight{},
			engine.Looked{Step: "page", For: engine.ForGraph, Attempt: 1, Outcome: engine.OutcomeUnhealthy, Output: page, Again: true},
			engine.Looked{Step: "port", For: engine.ForGraph, Attempt: 1, Outcome: engine.OutcomeHealthy, Output: ports},
			engine.Looked{Step: "page", For: engine.ForGraph, Attempt: 2, Outcome: engine.OutcomeHealthy, Output: again},
			engine.RunEnded{Verdict: engine.VerdictHealthy},
		}
		var stamped []engine.Stamped
		for i, e := range events {
			stamped = append(stamped, engine.Stamped{Seq: i + 1, Event: e})
		}
		r := recorded(t, stamped, enginetest.Kinds())
		text, err := r.Record("it", true, nil)
		if err != nil {
			t.Fatal(err)
		}
		file, found := scenario.Parse("it.scenarios.yaml", text, r.Plan)
		if len(found) > 0 {
			t.Fatalf("%s", engine.RenderAll(found, text))
		}
		sees := file.Scenarios[0].Sees
		if diff := cmp.Diff([]any{page, more, ports}, []any{sees["page"][0].Fields, sees["page"][1].Fields["headers"], sees["port"][0].Fields}); diff != "" {
			t.Fatalf("-seen +written:\n%s\n%s", diff, text)
		}
	})
}

// passes holds what was recorded against the promise: it is a file of scenarios, and passes.
func passes(tb rapid.TB, r *scenario.Recording, text []byte) {
	tb.Helper()
	file, found := scenario.Parse("it.scenarios.yaml", text, r.Plan)
	if len(found) > 0 {
		tb.Fatalf("%s\n%s", engine.RenderAll(found, text), text)
	}
	for _, s := range file.Scenarios {
		if again := scenario.Rehearse(r.Plan, s); !again.Passed() {
			tb.Fatalf("%s\n%s", again.Text(), text)
		}
	}
}

// storedRuns does something with each run whose journal is stored.
func storedRuns(t *testing.T, do func(t *testing.T, r *scenario.Recording)) {
	t.Helper()
	files, err := filepath.Glob("../../reports/testdata/*/journal.jsonl")
	if err != nil || len(files) < 17 {
		t.Fatalf("%d journals: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			t.Parallel()
			do(t, recorded(t, journal(t, file), enginetest.Kinds()))
		})
	}
}

// All runs whose journals are stored become scenarios that pass, if they have ended and were no practice.
func TestStoredRunsPass(t *testing.T) {
	t.Parallel()
	storedRuns(t, func(t *testing.T, r *scenario.Recording) {
		t.Helper()
		for _, all := range []bool{false, true} {
			text, err := r.Record("", all, nil)
			if (err == nil) != (r.Ended && !r.Drill()) {
				t.Errorf("has ended: %t; %v", r.Ended, err)
			}
			if err == nil {
				passes(t, r, text)
			}
		}
	})
}
