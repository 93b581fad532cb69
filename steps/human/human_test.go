package human_test

import (
	"testing"

	"runbook/engine"
	"runbook/steps/human"
	"runbook/steps/stepstest"
)

func TestNobodyMakesAnAnswerUp(t *testing.T) {
	for name, with := range map[string]map[string]any{
		"manual": {"text": "Look."},
		"ask":    {"text": "How many?", "type": "int", "choices": []any{"1", "2"}},
	} {
		task, _ := stepstest.Task()
		out, err := stepstest.Kind(t, human.Kinds, name).Do(t.Context(), with, task)
		if f := engine.FailureOf(err); f == nil || f.Kind != engine.Unreachable || out["answer"] != "" || out["by"] != "" {
			t.Errorf("%s: have %v, %v", name, out, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, all := range map[string][]map[string]any{
		"manual": {{}, {"text": ""}, {"text": " \n"}},
		"ask": {
			{},
			{"text": "\t"},
			{"text": "x", "type": "date"},
			{"text": "x", "choices": []any{"a", ""}},
			{"text": "x", "choices": []any{"a", "b", "a"}},
			{"text": "x", "type": "int", "choices": []any{"1", "two"}},
			{"text": "x", "type": "bool", "choices": []any{"maybe"}},
			{"text": "x", "type": "number", "choices": []any{"1,5"}},
		},
	} {
		for _, with := range all {
			if f := engine.FailureOf(stepstest.Kind(t, human.Kinds, name).Check(with)); f == nil || f.Kind != engine.Invalid {
				t.Errorf("%s %v: have %v", name, with, f)
			}
		}
	}
}
