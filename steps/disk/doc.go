// Package disk holds disk.usage, the check of the room on a file system.
//
// It promises figures that mean what df's do: what an ordinary user can still write, not what root could. It reads the
// kernel's own count and never walks the tree.
package disk

import "runbook/engine"

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	usage, err := engine.Define(usageKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{usage}, nil
}
