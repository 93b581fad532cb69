// Package hostinfo holds the checks of the host as a whole: host.facts, what it is and how it does, and host.changes,
// what was changed on it lately.
//
// It promises that what can't be told is null and not an empty list or a zero; that facts are read from the kernel and
// from files, so that they are there when D-Bus and the network are not; and that changes are what the host itself has
// noted, candidates for a person to look at and never causes. It changes nothing.
package hostinfo

import (
	"path/filepath"

	"runbook/engine"
)

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	h := host{root: "/"}
	facts, err := engine.Define(factsKind(h))
	if err != nil {
		return nil, err
	}
	changes, err := engine.Define(changesKind(h))
	if err != nil {
		return nil, err
	}
	return []engine.Kind{facts, changes}, nil
}

// host is where the files of the host are found. Tests look for them in another place.
type host struct {
	root string // the directory that stands for /
}

func (h host) path(parts ...string) string {
	return filepath.Join(append([]string{h.root}, parts...)...)
}
