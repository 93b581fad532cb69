// Package file holds the kinds that look at files and write them: file.stat, file.read and file.write.
//
// It promises that "it is not there" is an answer and "I may not look" is none; that a file is replaced whole or not at
// all, with a diff shown before and a backup kept beside it; that a write never goes through a link which somebody else
// could have planted. It never creates directories and never writes through a link at the end of a path.
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
	return []engine.Kind{stat, read, write}, nil
}
