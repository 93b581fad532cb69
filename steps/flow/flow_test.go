package flow_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"runbook/engine"
	"runbook/steps/flow"
	"runbook/steps/stepstest"
)

func TestWaitForATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		out := stepstest.Look(t, kind(t, "wait"), map[string]any{"for": "90m"})
		if waited := time.Since(start); waited != 90*time.Minute || out["waited_ms"] != int(waited.Milliseconds()) {
			t.Errorf("waited %s, says %v", waited, out["waited_ms"])
		}
	})
}

func TestWaitUntilAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := time.Now().Add(36 * time.Hour)
		stepstest.Look(t, kind(t, "wait"), map[string]any{"until": until.UTC().Format(time.RFC3339)})
		if late := time.Since(until); late < 0 || late > time.Second {
			t.Errorf("%s late", late)
		}
		out := stepstest.Look(t, kind(t, "wait"), map[string]any{"until": "2000-01-01T01:00:00+01:00"})
		if out["waited_ms"] != 0 {
			t.Errorf("a moment in the past is no wait: have %v", out)
		}
	})
}

func TestWaitThatIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, nil)
		defer cancel()
		task, _ := stepstest.Task()
		out, err := kind(t, "wait").Do(ctx, map[string]any{"for": "1h"}, task)
		if f := engine.FailureOf(err); f == nil || f.Kind != engine.Timeout || out["waited_ms"] != 10_000 {
			t.Errorf("have %v, %v", out, err)
		}
	})
}

func TestRefused(t *testing.T) {
	for name, all := range map[string][]map[string]any{
		"wait": {
			{},
			{"for": "0s"},
			{"for": "-1s"},
			{"for": "90"},
			{"for": "1s", "until": "2026-11-20T06:00:00Z"},
			{"until": "tomorrow"},
			{"until": "06:00"},
		},
		"escalate": {{"to": "x"}, {"say": "x"}, {"to": " ", "say": "x"}, {"to": "x", "say": "\n"}},
		"runbook":  {{}, {"name": ""}, {"name": "../x"}, {"name": "Frontend"}, {"name": "a--b"}, {"name": "x", "params": "y"}},
	} {
		for _, with := range all {
			if f := engine.FailureOf(kind(t, name).Check(with)); f == nil || f.Kind != engine.Invalid {
				t.Errorf("%s %v: have %v", name, with, f)
			}
		}
	}
}

func TestARunbookIsNotRunByItsKind(t *testing.T) {
	task, _ := stepstest.Task()
	out, err := kind(t, "runbook").Do(t.Context(), map[string]any{"name": "another"}, task)
	if f := engine.FailureOf(err); f == nil || out["verdict"] != "" {
		t.Errorf("have %v, %v", out, err)
	}
}

func kind(t *testing.T, name string) engine.Kind {
	t.Helper()
	return stepstest.Kind(t, flow.Kinds, name)
}
