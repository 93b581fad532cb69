// Package enginetest holds what tests of the engine run on: step kinds that look like the real ones and touch nothing.
//
// It promises the names, effects and main fields of the real kinds, so that a runbook from the documentation reads the
// same here. It never looks at the host: a kind of this package has no way to do anything.
package enginetest
