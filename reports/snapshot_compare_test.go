package reports

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runbook/engine"
)

type seenInput struct {
	What string `json:"what" required:"true" doc:"what to look at"`
	More string `json:"more" doc:"more of it"`
}

type seenItem struct {
	Address string  `json:"address" key:"true" doc:"where"`
	Port    int     `json:"port" key:"true" doc:"where"`
	PID     int     `json:"pid" moves:"true" doc:"who"`
	Name    *string `json:"name" doc:"who"`
}

type seenPart struct {
	Exists bool   `json:"exists" doc:"it is there"`
	Owner  string `json:"owner" doc:"whose it is"`
	Age    int    `json:"age" moves:"true" doc:"seconds"`
}

type seenOutput struct {
	Word    string            `json:"word" doc:"a word"`
	Again   string            `json:"again" restates:"word" doc:"the same"`
	Number  float64           `json:"number" doc:"a number"`
	Text    string            `json:"text" doc:"a text"`
	Maybe   *string           `json:"maybe" doc:"not always to be seen"`
	Age     int               `json:"age" moves:"true" doc:"seconds"`
	Names   []string          `json:"names" doc:"names"`
	Items   []seenItem        `json:"items" doc:"things with keys"`
	Parts   []seenPart        `json:"parts" doc:"things without"`
	Env     map[string]string `json:"env" doc:"values by name"`
	Part    seenPart          `json:"part" doc:"a thing"`
	Any     any               `json:"any" doc:"anything"`
	Latency []seenItem        `json:"latency" moves:"true" doc:"all of it moves"`
}

// seenKind sees what a test says that it sees.
func seenKind(tb testing.TB, name string) engine.Kind {
	tb.Helper()
	kind, err := engine.Define(engine.Definition[seenInput, seenOutput]{
		Name: name, Doc: "Sees.", Effect: engine.Reads, Example: "what: x",
		Do: func(context.Context, seenInput, engine.Task) (seenOutput, error) { return seenOutput{}, nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return kind
}

// look is a run of a runbook whose checks are made by seenKind: for each step, in order, what came of it.
func look(tb testing.TB, steps string, looks ...engine.Event) (*engine.Plan, []engine.Stamped) {
	tb.Helper()
	source := "runbook: sight\ntitle: What is seen\nparams:\n  port: {type: port, default: 80}\n  key: {type: string, secret: true}\nsteps:\n" + steps
	plan, diags := engine.Load("sight.yaml", []byte(source), engine.Kinds{seenKind(tb, "test.see"), seenKind(tb, "test.other")}, nil)
	if plan == nil {
		tb.Fatalf("load: %v", diags)
	}
	at := time.Date(2026, 11, 20, 3, 12, 4, 0, time.UTC)
	events := []engine.Stamped{{Seq: 1, At: at, Event: engine.RunStarted{
		Run: "R", Runbook: engine.Source{Name: "sight", Hash: plan.Hash}, Params: map[string]any{"port": 80, "key": engine.SecretMarker("key")},
		Mode: engine.DryRun, Host: "srv1", Version: "1.0", Who: engine.Who{User: "root"},
	}}}
	for i, e := range looks {
		events = append(events, engine.Stamped{Seq: i + 2, At: at, Mono: time.Duration(i) * time.Second, Event: e})
	}
	return plan, events
}

func lookedAt(step string, output map[string]any) engine.Looked {
	return engine.Looked{Step: step, For: engine.ForGraph, Attempt: 1, Outcome: engine.OutcomeHealthy, Output: output}
}

const oneStep = "  - {id: see, title: Is it well?, uses: test.see, with: {what: \"port ${{ params.port }}\"}}\n"

// gistOf is a drift in lines, as short as can be.
func gistOf(d Drift) []string {
	var out []string
	for _, c := range d.Checks {
		for _, x := range c.Differences {
			line := fmt.Sprintf("%s.%s %s %s > %s", c.Step, x.Field, x.Change, plainValue(x.Was), plainValue(x.Is))
			if len(x.Diff) > 0 {
				line = fmt.Sprintf("%s.%s diff %s", c.Step, x.Field, strings.Join(x.Diff[2:], "|"))
			}
			if x.Why != "" {
				line += " because " + x.Why
			}
			out = append(out, line)
		}
	}
	for _, n := range d.Unseen {
		out = append(out, "unseen "+n.Step+": "+n.Why)
	}
	for _, n := range d.Notes {
		out = append(out, "note "+n)
	}
	return out
}

// pageValues are the values as they come from a page: written, and read back.
func pageValues(tb fataler, plan *engine.Plan, events []engine.Stamped) Values {
	tb.Helper()
	page, err := Snapshot(plan, events)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	v, err := ReadValues(page)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return v
}

func TestCompareOutputs(t *testing.T) {
	item := func(address string, port, pid int, name any) any {
		return map[string]any{"address": address, "port": port, "pid": pid, "name": name}
	}
	part := func(exists bool, owner string, age int) map[string]any {
		return map[string]any{"exists": exists, "owner": owner, "age": age}
	}
	for _, c := range []struct {
		name    string
		was, is map[string]any
		want    []string
	}{
		{"nothing", map[string]any{"word": "a", "number": 1.5, "any": nil}, map[string]any{"word": "a", "number": 1.5, "any": nil}, nil},
		{
			"what moves, and what says the same again",
			map[string]any{"age": 1, "again": "a", "latency": []any{}},
			map[string]any{"age": 2, "again": "b", "latency": []any{item("a", 1, 1, "x")}},
			nil,
		},
		{
			"single values",
			map[string]any{"word": "active", "number": 1},
			map[string]any{"word": "failed", "number": 1.5},
			[]string{"see.word changed active > failed", "see.number changed 1 > 1.5"},
		},
		{
			"a text of several lines",
			map[string]any{"text": "a\nb\nc\n"},
			map[string]any{"text": "a\nB\nc\n"},
			[]string{"see.text diff @@ -1,3 +1,3 @@| a|-b|+B| c"},
		},
		{"a text of one line", map[string]any{"text": "a\n"}, map[string]any{"text": "b\n"}, []string{"see.text changed a\n > b\n"}},
		{"a text that became long", map[string]any{"text": "a\n"}, map[string]any{"text": "a\nb\n"}, []string{"see.text diff @@ -1 +1,2 @@| a|+b"}},
		{
			"not to be seen now",
			map[string]any{"maybe": "x", "items": []any{item("::", 80, 1, "a"), item("::", 81, 1, "b")}},
			map[string]any{"maybe": nil, "items": []any{item("::", 80, 1, nil), item("::", 81, 1, nil)}},
			[]string{"unseen see: not to be seen now: maybe, items[].name"},
		},
		{
			"not seen then",
			map[string]any{"maybe": nil},
			map[string]any{"maybe": "x"},
			[]string{"note not seen when the page was written, so not compared: see.maybe"},
		},
		{"another order", map[string]any{"names": []any{"a", "b"}}, map[string]any{"names": []any{"b", "a"}}, nil},
		{
			"other names",
			map[string]any{"names": []any{"a", "b", "b"}},
			map[string]any{"names": []any{"b", "c", "d"}},
			[]string{"see.names lost a > unknown", "see.names lost b > unknown", "see.names new unknown > c", "see.names new unknown > d"},
		},
		{"one name is another", map[string]any{"names": []any{"a", "b"}}, map[string]any{"names": []any{"a", "c"}}, []string{"see.names changed b > c"}},
		{
			"items by their keys",
			map[string]any{"items": []any{item("127.0.0.1", 80, 1, "nginx"), item("::", 80, 1, "nginx")}},
			map[string]any{"items": []any{item("::", 81, 2, "node"), item("127.0.0.1", 80, 3, "node")}},
			[]string{
				"see.items[127.0.0.1:80].name changed nginx > node", `see.items[[::]:80] lost {"address":"::","name":"nginx","port":80} > unknown`,
				`see.items[[::]:81] new unknown > {"address":"::","name":"node","port":81}`,
			},
		},
		{
			"items that share a key",
			map[string]any{"items": []any{item("a", 1, 1, "x"), item("a", 1, 2, "y")}},
			map[string]any{"items": []any{item("a", 1, 3, "y"), item("a", 1, 4, "z"), item("a", 1, 5, "y")}},
			[]string{"see.items[a:1].name changed x > z", `see.items[a:1] new unknown > {"address":"a","name":"y","port":1}`},
		},
		{
			"items without keys",
			map[string]any{"parts": []any{part(true, "a", 1), part(true, "b", 1)}},
			map[string]any{"parts": []any{part(true, "b", 7), part(true, "c", 1), part(true, "d", 1)}},
			[]string{
				`see.parts lost {"exists":true,"owner":"a"} > unknown`, `see.parts new unknown > {"exists":true,"owner":"c"}`,
				`see.parts new unknown > {"exists":true,"owner":"d"}`,
			},
		},
		{
			"entries",
			map[string]any{"env": map[string]any{"A": "1", "B": "2", "C": "3"}},
			map[string]any{"env": map[string]any{"A": "1", "B": "3", "D": "4"}},
			[]string{"see.env[B] changed 2 > 3", "see.env[C] lost 3 > unknown", "see.env[D] new unknown > 4"},
		},
		{"what is gone", map[string]any{"part": part(true, "a", 1)}, map[string]any{"part": part(false, "", 0)}, []string{"see.part.exists changed true > false"}},
		{"what is inside", map[string]any{"part": part(true, "a", 1)}, map[string]any{"part": part(true, "b", 2)}, []string{"see.part.owner changed a > b"}},
		{
			"anything",
			map[string]any{"any": map[string]any{"a": []any{1, 2}, "b": map[string]any{"c": true}}},
			map[string]any{"any": map[string]any{"a": []any{2, 1}, "b": map[string]any{"c": false}, "d": "x"}},
			[]string{"see.any[b][c] changed true > false", "see.any[d] new unknown > x"},
		},
		{"another type", map[string]any{"any": "x"}, map[string]any{"any": []any{"x"}}, []string{`see.any changed x > ["x"]`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, then := look(t, oneStep, lookedAt("see", c.was))
			_, now := look(t, oneStep, lookedAt("see", c.is))
			if diff := cmp.Diff(c.want, gistOf(Compare(pageValues(t, plan, then), plan, now))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What was taken out of the block is not compared, and a field that a later version of the tool does not give either.
func TestOnlyWhatStandsOnThePageIsCompared(t *testing.T) {
	plan, then := look(t, oneStep, lookedAt("see", map[string]any{"word": "a", "number": 1, "items": []any{map[string]any{"address": "a", "port": 1, "name": "x"}}}))
	page := pageValues(t, plan, then)
	delete(page.Checks[0].Values, "word")
	page.Checks[0].Values["of_old"] = "x"
	items, _ := page.Checks[0].Values["items"].([]any)
	first, _ := items[0].(map[string]any)
	delete(first, "name")
	_, now := look(t, oneStep, lookedAt("see", map[string]any{"word": "b", "number": 1, "items": []any{map[string]any{"address": "a", "port": 1, "name": "y"}}}))
	if have := gistOf(Compare(page, plan, now)); len(have) > 0 {
		t.Errorf("have %v", have)
	}
}

func TestCompareChecks(t *testing.T) {
	const twoSteps = "  - {id: a, uses: test.see, with: {what: x}}\n  - {id: b, uses: test.see, with: {what: y}}\n"
	word := func(s string) map[string]any { return map[string]any{"word": s} }
	ill := lookedAt("a", word("x"))
	ill.Outcome, ill.Because = engine.OutcomeUnhealthy, []engine.Term{{
		Text: `word == "y"`, Value: engine.False, Seen: []engine.Seen{{Name: "word", Value: `"x"`, Known: true}},
	}}
	blind := engine.Looked{
		Step: "a", For: engine.ForGraph, Outcome: engine.OutcomeUnknown, Output: word(""),
		Failure: &engine.Failure{Kind: engine.Denied, Message: "no permission"},
	}
	unsure := blind
	unsure.Output = word("x")
	unsure.Because = []engine.Term{{Text: "maybe == 1", Value: engine.Unknown, Seen: []engine.Seen{{Name: "maybe", Value: "could not be seen"}}}}
	skipped := engine.Skipped{Step: "a", Reason: engine.NotNeeded}
	b := lookedAt("b", word("b"))
	for _, c := range []struct {
		name         string
		before, then []engine.Event
		steps, later string
		want         []string
	}{
		{name: "the same", before: []engine.Event{lookedAt("a", word("x")), b}, then: []engine.Event{lookedAt("a", word("x")), b}},
		{
			name: "an outcome, though all that is compared is the same", before: []engine.Event{lookedAt("a", word("x")), b}, then: []engine.Event{ill, b},
			want: []string{`a.outcome changed healthy > unhealthy because word "x", expected "y"`},
		},
		{
			name: "blind now", before: []engine.Event{lookedAt("a", word("x")), b}, then: []engine.Event{blind, lookedAt("b", word("c"))},
			want: []string{"b.word changed b > c", "unseen a: no permission (denied)"},
		},
		{
			name: "blind then", before: []engine.Event{blind, b}, then: []engine.Event{lookedAt("a", word("x")), b},
			want: []string{"note the page has no values of a, and now there are some"},
		},
		{name: "blind both times", before: []engine.Event{blind, b}, then: []engine.Event{blind, b}},
		{
			name: "it looked, and can't tell", before: []engine.Event{lookedAt("a", word("y")), b}, then: []engine.Event{unsure, b},
			want: []string{"a.word changed y > x", "unseen a: not to be seen now: outcome"},
		},
		{
			name: "not needed now", before: []engine.Event{lookedAt("a", word("x")), b}, then: []engine.Event{skipped, b}, want: []string{"unseen a: not needed"},
		},
		{
			name: "not needed then", before: []engine.Event{skipped, b}, then: []engine.Event{lookedAt("a", word("x")), b},
			want: []string{"note the page has no values of a, and now there are some"},
		},
		{
			name: "the run did not come to it", before: []engine.Event{lookedAt("a", word("x")), b}, then: []engine.Event{b},
			want: []string{"unseen a: the run did not come to it"},
		},
		{
			name: "another attempt", before: []engine.Event{lookedAt("a", word("x")), b}, then: []engine.Event{blind, lookedAt("a", word("x")), b},
		},
		{
			name: "the runbook has other checks", before: []engine.Event{lookedAt("a", word("x")), b}, then: []engine.Event{lookedAt("a", word("x")), lookedAt("c", word("x"))},
			later: "  - {id: a, uses: test.see, with: {what: x}}\n  - {id: c, uses: test.see, with: {what: y}}\n",
			want: []string{
				"unseen b: the runbook has no such check any more", "note the runbook sight has changed since the page was written",
				"note checks that the page does not have: c",
			},
		},
		{
			name: "it looks at something else", before: []engine.Event{lookedAt("a", word("x")), b}, then: []engine.Event{lookedAt("a", word("z")), b},
			later: "  - {id: a, uses: test.see, with: {what: z}}\n  - {id: b, uses: test.see, with: {what: y}}\n",
			want: []string{
				`unseen a: it looks at something else than for the page: {"what":"z"}, not {"what":"x"}`,
				"note the runbook sight has changed since the page was written",
			},
		},
		{
			name: "it is of another kind", before: []engine.Event{lookedAt("a", word("x")), b}, then: []engine.Event{lookedAt("a", word("z")), b},
			later: "  - {id: a, uses: test.other, with: {what: x}}\n  - {id: b, uses: test.see, with: {what: y}}\n",
			want: []string{
				"unseen a: it is made by test.other now, and was by test.see", "note the runbook sight has changed since the page was written",
			},
		},
		{
			name: "two that look at the same drift once", before: []engine.Event{lookedAt("a", word("x")), lookedAt("b", word("x"))},
			then:  []engine.Event{lookedAt("a", word("z")), lookedAt("b", word("z"))},
			steps: "  - {id: a, uses: test.see, with: {what: x}}\n  - {id: b, uses: test.see, with: {what: x}}\n",
			want:  []string{"a.word changed x > z"},
		},
		{
			name: "one of two that look at the same", before: []engine.Event{lookedAt("a", word("x")), lookedAt("b", word("x"))},
			then:  []engine.Event{lookedAt("a", word("x")), lookedAt("b", word("z"))},
			steps: "  - {id: a, uses: test.see, with: {what: x}}\n  - {id: b, uses: test.see, with: {what: x}}\n",
			want:  []string{"b.word changed x > z"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			steps := orElse(c.steps, twoSteps)
			before, then := look(t, steps, c.before...)
			plan, now := look(t, orElse(c.later, steps), c.then...)
			if diff := cmp.Diff(c.want, gistOf(Compare(pageValues(t, before, then), plan, now))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A drift names what was looked at, and the block never holds the value of a secret.
func TestDriftSaysWhatItIsAbout(t *testing.T) {
	plan, then := look(t, oneStep, lookedAt("see", map[string]any{"word": "a"}))
	_, now := look(t, oneStep, lookedAt("see", map[string]any{"word": "b"}))
	page := pageValues(t, plan, then)
	if diff := cmp.Diff(map[string]string{"port": "80"}, page.Params); diff != "" {
		t.Error(diff)
	}
	d := Compare(page, plan, now)
	if len(d.Checks) != 1 || d.Checks[0].About != "what port 80" || d.Checks[0].Title != "Is it well?" || d.Host != "srv1" {
		t.Errorf("have %+v", d)
	}
}

// anyOutput is an output full of texts that are out to break something.
func anyOutput(t *rapid.T, label string) map[string]any {
	draw := func(name string) string { return strings.ToValidUTF8(anyText().Draw(t, label+" "+name), "?") }
	var names, items []any
	for i := range rapid.IntRange(0, 3).Draw(t, label+" items") {
		names = append(names, draw("name"))
		items = append(items, map[string]any{"address": draw("address"), "port": rapid.IntRange(1, 2).Draw(t, "port"), "pid": i, "name": draw("item")})
	}
	if names == nil {
		names, items = []any{}, []any{}
	}
	return map[string]any{
		"word": draw("word"), "again": draw("again"), "number": rapid.Float64().Draw(t, "number"), "text": draw("text") + "\n" + draw("more"),
		"maybe": nil, "age": rapid.Int().Draw(t, "age"), "names": names, "items": items, "parts": []any{},
		"env":  map[string]any{draw("variable"): draw("value")},
		"part": map[string]any{"exists": true, "owner": draw("owner"), "age": 1}, "any": map[string]any{draw("key"): []any{draw("any"), 1.5, true}},
	}
}

// Whatever was seen: a page is read back as it was meant, and the same sight has not drifted from it.
func TestTheSameSightHasNotDrifted(t *testing.T) {
	plan, _ := look(t, oneStep)
	rapid.Check(t, func(r *rapid.T) {
		output := anyOutput(r, "seen")
		_, events := look(t, oneStep, lookedAt("see", output))
		page, err := Snapshot(plan, events)
		if err != nil {
			r.Fatal(err)
		}
		visible(r, page)
		values, err := ReadValues(page)
		if err != nil {
			r.Fatalf("%v\n%s", err, page)
		}
		if have := gistOf(Compare(values, plan, events)); len(have) > 0 {
			r.Fatalf("drifted from itself: %q\n%s", have, page)
		}
	})
}

// Another sight has drifted, and back from there it drifts as much.
func TestAnotherSightHasDrifted(t *testing.T) {
	plan, _ := look(t, oneStep)
	rapid.Check(t, func(r *rapid.T) {
		_, one := look(t, oneStep, lookedAt("see", anyOutput(r, "one")))
		_, two := look(t, oneStep, lookedAt("see", anyOutput(r, "two")))
		there, back := Compare(pageValues(r, plan, one), plan, two), Compare(pageValues(r, plan, two), plan, one)
		alike := same(NewValues(plan, one).Checks, NewValues(plan, two).Checks)
		if (len(there.Checks) == 0) != (len(back.Checks) == 0) || alike && len(there.Checks) > 0 {
			r.Fatalf("there: %q\nback: %q", gistOf(there), gistOf(back))
		}
	})
}
