// Package host performs calls on this machine: it makes checks, describes changes and makes them, with the step kinds
// that it is given.
//
// It promises that nothing secret leaves it but into the environment or the input of the process that needs it; that
// what a step prints is streamed into the run's evidence, capped and hashed, and never held in memory whole; and that
// every failure has one of the engine's kinds of failure. [DryRun] has no way to make a change.
//
// It never decides anything: whether a step is made, and what its result means, is the engine's business.
package host
