// Runbook runs incident runbooks: checks look at a host, findings draw conclusions, fixes change the host after somebody
// agreed, and the same checks then say whether it helped.
//
// This package is the command line and nothing more: it reads flags, shows runs on a terminal, asks its person, and sets
// the exit code. What people read goes to stderr, what machines read to stdout. What happens in a run is decided in
// package engine; how a run is carried out, in package runner.
package main
