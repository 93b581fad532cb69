// Package run starts one process and sees it to its end, the way that an incident tool has to: in a process group of
// its own, as the user that was asked for, with a small environment, with its output streamed and never held whole,
// and gone with everything that it started when its time is up.
//
// It promises that Run returns soon after its context has ended, whatever the process or its descendants do. It never
// interprets what a process prints or how it exits: an exit code is an answer, not an error.
package run
