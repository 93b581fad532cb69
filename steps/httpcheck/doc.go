// Package httpcheck holds http.get, the check that asks a URL.
//
// It promises that an answer is never mistaken for the lack of one: refused, reset and timed out are answers with
// status 0, a name that does not resolve is none. It asks directly, never through a proxy from the environment, opens a
// connection of its own for every question, and asks only with methods that read.
package httpcheck

import "runbook/engine"

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	get, err := engine.Define(getKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{get}, nil
}
