// Package netcheck holds the checks of sockets: net.listeners, who listens here, and net.dial, whether somebody answers
// there.
//
// It promises that what it may not see is null and not absent, and that a port which refuses, resets or stays silent is
// an answer, while a name that does not resolve is none. It opens connections and closes them again; it sends no byte
// and changes nothing.
package netcheck

import "runbook/engine"

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	listeners, err := engine.Define(listenersKind())
	if err != nil {
		return nil, err
	}
	dial, err := engine.Define(dialKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{listeners, dial}, nil
}
