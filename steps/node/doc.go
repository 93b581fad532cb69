// Package node holds pnpm.build, the fix that builds a Node project anew.
//
// It promises to look for room on the disk first, to keep the build that is there until the new one is complete, and to
// put it back when the new one fails, also when an earlier attempt was killed in the middle. It never installs packages
// and never decides as whom to build: that is the step's `as`.
package node

import "runbook/engine"

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	build, err := engine.Define(buildKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{build}, nil
}
