// Package flow holds the steps that steer a run and touch nothing: wait, escalate and runbook.
//
// Only wait has something to do. To end a run, and to run another runbook, is the engine's business; this package says
// what such steps take and give. Performing a runbook step here fails: it would be an engine inside a step.
package flow

import "runbook/engine"

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	wait, err := engine.Define(waitKind())
	if err != nil {
		return nil, err
	}
	escalate, err := engine.Define(escalateKind())
	if err != nil {
		return nil, err
	}
	runbook, err := engine.Define(runbookKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{wait, escalate, runbook}, nil
}
