// Package engine decides what happens next in a run of a runbook.
//
// Its heart is one idea: the engine is a pure function of the run's events.
//
//	Plan   = a loaded runbook: positions, compiled conditions, typed inputs, the graph
//	State  = fold(Plan, events)      State.Apply(Event)
//	Next   = State.Next() []Action   same events, same actions
//	Driver = the only loop: append the event to the journal, apply it, perform the actions
//
// Resuming is folding the journal again. A report is a view of the events. A dry run, a drill and a replay are the
// same state with another [Performer] behind the driver, which is the one seam between the engine and the world.
//
// The package does no I/O: no file, socket, process, clock or random number is reachable from what decides. Time
// arrives as data, on the events.
package engine
