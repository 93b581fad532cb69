// Package netcheck holds the checks of sockets and names: net.listeners, who listens here, net.dial, whether somebody
// answers there, and dns.lookup, what a name stands for.
//
// It promises that what it may not see is null and not absent; that a port which refuses, resets or stays silent is an
// answer, while a name that does not resolve is none; and that "there is no such name" is said only when whoever had to
// be asked has answered. It opens connections and closes them again; but for questions to the resolver it sends no
// byte, and it changes nothing.
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
	lookup, err := engine.Define(lookupKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{listeners, dial, lookup}, nil
}
