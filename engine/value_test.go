package engine_test

import (
	"context"
	"fmt"
	"testing"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// sees runs a runbook with one check of listening sockets, which sees this, and gives what came of it.
func sees(t *testing.T, sockets []any, more string) []engine.Event {
	t.Helper()
	source := "runbook: sim\ntitle: Values\nsteps:\n  - id: port\n    uses: net.listeners\n    with: {port: 80}\n" + more
	inner := "runbook: inner\ntitle: Inner\nparams:\n  x: {type: string, default: none}\nsteps:\n  - id: c\n    uses: manual\n    with: {text: done}\n"
	plan, diags := engine.Load("sim.yaml", []byte(source), enginetest.Kinds(), func(string) (string, []byte, error) {
		return "inner.yaml", []byte(inner), nil
	})
	if len(diags) > 0 {
		t.Fatalf("load:\n%s\n%+v", source, diags)
	}
	journal := &enginetest.Journal{}
	d := &engine.Driver{
		State: engine.New(plan), Clock: &enginetest.Clock{}, Record: journal.Record, Nonce: func() string { return "n" },
		World: engine.PerformerFunc(func(_ context.Context, c engine.Call) engine.Result {
			if c.Verb == engine.Confirm {
				return engine.Result{Answer: &engine.Answer{Value: engine.Done, By: "anna"}}
			}
			return engine.Result{Output: map[string]any{"sockets": sockets}}
		}),
	}
	if err := d.Put(engine.RunStarted{Run: "r", Mode: engine.Live, Params: map[string]any{}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	stamped, err := journal.Events()
	if err != nil {
		t.Fatal(err)
	}
	events := make([]engine.Event, len(stamped))
	for i, e := range stamped {
		events[i] = e.Event
	}
	return events
}

// What nobody could see of an element is unknown, whichever way an expression looks at the elements.
func TestHiddenFieldsOfElements(t *testing.T) {
	sockets := []any{
		map[string]any{"port": 80, "address": "::", "process": "nginx", "unit": nil},
		map[string]any{"port": 81, "address": "::1", "process": "nginx", "unit": "b.service"},
	}
	for source, want := range map[string]engine.Tri{
		`any(steps.port.sockets, .unit == "a.service")`:                                    engine.Unknown,
		`any(steps.port.sockets, .process == "nginx")`:                                     engine.True,
		`steps.port.sockets[0].unit != "a.service"`:                                        engine.Unknown,
		`reduce(steps.port.sockets, #acc or #.unit == "a.service", false)`:                 engine.Unknown,
		`reduce(steps.port.sockets, #acc and #.process == "nginx", true)`:                  engine.True,
		`sortBy(steps.port.sockets, .unit, "desc")[0].port == 81`:                          engine.Unknown,
		`len(filter(steps.port.sockets, .port == 80)) == 1`:                                engine.True,
		`steps.port.sockets[5].port == 80`:                                                 engine.Unknown,
		`steps.port.sockets[5].port == 80 or len(steps.port.sockets) == 2`:                 engine.True,
		`steps.port.sockets[5].port == 80 and len(steps.port.sockets) == 3`:                engine.False,
		`any(filter(steps.port.sockets, .unit == "b.service"), .process != "nginx")`:       engine.Unknown,
		`map(steps.port.sockets, .unit)[1] == "b.service"`:                                 engine.Unknown,
		`any(steps.port.sockets, .port == 80 and any(["a"], # == "a")) and run.host == ""`: engine.True,
	} {
		events := sees(t, sockets, "findings:\n  - id: it\n    when: '"+source+"'\n    say: It is so.\n")
		var got []engine.Tri
		for _, e := range events {
			if c, ok := e.(engine.Concluded); ok {
				got = append(got, c.Value)
			}
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s is %v, want %s", source, got, want)
		}
	}
}

// Whatever an expression gives reaches a step as a plain value or not at all, and a run goes on either way.
func TestValuesOfExpressions(t *testing.T) {
	for source, want := range map[string]string{
		`2000000.0`:                          "2000000",
		`1 / 3`:                              "0.3333333333333333",
		`1 / 0`:                              "undecided",
		`-1.0 / 0`:                           "undecided",
		`duration("90s")`:                    "1m30s",
		`date("2026-11-20")`:                 "undecided",
		`split("a,b", ",")`:                  "undecided",
		`split("a,b", ",")[1]`:               "b",
		`groupBy(steps.port.sockets, .port)`: "undecided",
		`len(groupBy(steps.port.sockets, .port))`: "1",
		`fromBase64("//8=")`:                      "\uFFFD",
	} {
		events := sees(t, []any{map[string]any{"port": 80}}, "  - id: inner\n    uses: runbook\n    with: {name: inner, params: {x: '${{ "+source+" }}'}}\n")
		var got string
		for _, e := range events {
			switch e := e.(type) {
			case engine.BookStarted:
				got = fmt.Sprint(e.Params["x"])
			case engine.Skipped:
				got = string(e.Reason)
			}
		}
		if got != want {
			t.Errorf("%s is %q, want %q", source, got, want)
		}
	}
}

// The choices of a question may be the parts of a text.
func TestChoicesOfAnExpression(t *testing.T) {
	events := sees(t, nil, "  - id: which\n    uses: ask\n    with: {text: Which?, choices: '${{ split(\"a,b\", \",\") }}'}\n")
	for _, e := range events {
		if a, ok := e.(engine.Asked); ok && fmt.Sprint(a.Question.Choices) != "[a b]" {
			t.Errorf("choices %q", a.Question.Choices)
		}
	}
}
