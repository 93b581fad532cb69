// Package runner carries a run from its first event to its report: the lock, the journal, the loop, the answers, the
// signals.
//
// It promises the order of things: nothing is looked at before the lock is held and the run's first event is on disk,
// and a report is written on every way out. It never draws on a terminal and never decides what happens next: those
// are its caller's and the engine's business.
package runner
