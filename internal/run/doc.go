// Package run runs one process for a step: with a bounded life, a known
// environment, as a given user, and if asked to in the read sandbox.
//
// # What it promises
//
//   - The process has a session of its own: it has no terminal to ask on or to
//     read the operator's keys from, and a Ctrl-C at the terminal is not its.
//   - Once the context ends, so do the process and all that it started: TERM to
//     all, KILL to what is left after the grace time; those that left the group,
//     the session or the family too (see below). Run returns then, even if
//     something still holds the output open or can't be killed.
//   - The environment is PATH, HOME, USER, LOGNAME and LANG, and what the caller
//     gives; nothing is inherited.
//   - An error says what kind of failure it is. A process that ends by itself,
//     with whatever code or signal, is no error.
//
// # Finding all processes
//
// Who starts a process twice over and calls setsid leaves the group and the
// session, and once its parent is dead has init for a parent. So a process is
// known here by any of: its group, its session, a parent that is known (looked
// at before the first signal and again until nobody is left, for it is the
// signals that make orphans), and a mark in its environment, RUNBOOK_PROCESS,
// which survives all of these.
//
// What wipes its environment and is orphaned before the context ends escapes
// that, unless this process is a child subreaper, when all orphans are its
// children. Subreaping is a matter of the whole process, with zombies to reap,
// so Run never switches it on: a supervisor does, which lives for one change.
// In such a process Run takes all children for its own, so one Run at a time.
//
// # What it never does
//
// When a process ends by itself, what it left running is left alone: it may be
// the daemon that the change was to start. Only a sandboxed process leaves
// nobody behind. Run holds no output: that is its writers' business, see the
// packages capture and redact.
package run
