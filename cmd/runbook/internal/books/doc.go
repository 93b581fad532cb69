// Package books finds runbooks: by name in a list of folders and among those that are shipped with the program, or by
// the path of a file.
//
// When root runs a runbook, whoever can write its file is root. So for root a file counts only if nobody else could have
// written it, nor put another in its place: the file, every folder above it and every link on the way must belong to root
// and be writable by root alone. The package reads, and never writes.
package books
