// Package process holds process.list, the check of what runs, and process.signal, the fix that ends it.
//
// It promises that a signal reaches the process that was meant and no other: a pid goes together with the time its
// process began, and both are compared while the kernel holds on to the process. It never signals itself, what started
// it, or process 1, and a list that would lack processes because they can't be seen is an error and not a list.
package process

import "runbook/engine"

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	list, err := engine.Define(listKind())
	if err != nil {
		return nil, err
	}
	signal, err := engine.Define(signalKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{list, signal}, nil
}
