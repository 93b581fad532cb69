// Package stepstest holds the conformance suite that every step kind passes, and the workbench that tests of kinds share.
//
// The suite promises of every kind: its example is a `with` block that its own check accepts; inputs that it does not
// know are refused; a step that is cancelled returns at once, and one that was cancelled before does not begin; its
// result fits the journal and its declared shape; a secret shows neither in its output nor in its errors nor in what it
// says it would do; a check works inside the read sandbox; and describing a change touches nothing, which the kernel
// sees to.
//
// A test binary that runs the suite calls [Main] from its TestMain, because the sandboxed parts run in a process of their
// own.
package stepstest
