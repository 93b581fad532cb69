// Package file holds the kinds that look at files and change them: file.stat, file.read, file.write and
// file.permissions.
//
// It promises that "it is not there" is an answer and "I may not look" is none; that a file is replaced whole or not at
// all, with a diff shown before and a backup kept beside it; that a change never goes through a link which somebody else
// could have planted, and that one of a tree stays in the tree: it follows no link, enters no other file system, and
// leaves files alone that have names elsewhere. It never creates directories and never writes through a link at the end
// of a path.
package file

import "runbook/engine"

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	stat, err := engine.Define(statKind())
	if err != nil {
		return nil, err
	}
	read, err := engine.Define(readKind())
	if err != nil {
		return nil, err
	}
	write, err := engine.Define(writeKind())
	if err != nil {
		return nil, err
	}
	permissions, err := engine.Define(permissionsKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{stat, read, write, permissions}, nil
}
