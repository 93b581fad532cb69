// Package command holds the two kinds that run what an author wrote: command, a program with its arguments, and script,
// a text for a shell.
//
// It promises that nothing is put into a shell that did not stand in the runbook's file: command has no shell, and
// script takes its values from the environment. A step that says `reads: true` runs in the read sandbox when its
// performer asks for it, and what it ends with is an answer. For a change, every end but exit 0 is a failure. Output is
// streamed to the evidence as it comes; the result holds its head and its tail.
//
// It shows neither the values of environment variables nor the standard input it gives to a process.
package command

import "runbook/engine"

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	command, err := engine.Define(commandKind())
	if err != nil {
		return nil, err
	}
	script, err := engine.Define(scriptKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{command, script}, nil
}
