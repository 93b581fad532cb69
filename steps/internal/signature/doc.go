// Package signature finds the known ways to fail in what a program has written.
//
// An author names them, each with a regular expression for a line; the findings of a runbook ask for the names. What was
// not seen is said of every name that was asked for, so that no condition meets one that is absent.
package signature
