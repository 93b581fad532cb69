// Package scenario rehearses a runbook without a host: a file says what each check would find, what each fix would do
// and what the person would answer, and the engine goes through the run as it would go through a real one.
//
//	File      = NAME.scenarios.yaml, held against the plan of NAME.yaml
//	World     = a scenario as the engine's [engine.Performer]
//	Rehearse  = the run, in virtual time, with all of its events
//	Judge     = what went another way than the scenario expects, and why
//	Coverage  = what no scenario of a runbook reaches
//	Recording = a past run as the world of another: a scenario is made of it, or it is gone through again with an edited
//	            runbook
//
// It promises that a rehearsal touches nothing, takes no time whatever the run waits for, and that the same plan and
// scenario give the same events. It never guesses: what a scenario does not say is unknown, and a decision that hangs on
// it makes the rehearsal fail, with the line that is missing; what a recording does not know is said, and nothing is made
// of it. Like the engine it does no I/O and knows no clock.
package scenario
