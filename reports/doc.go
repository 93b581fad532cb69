// Package reports turns the journal of a run into what people read: the report, pictures of the graph, and the page of a
// host ([Snapshot]), with what has drifted from one ([Compare]).
//
// Everything in a report comes from three things: the plan, the events, and the evidence files that the events name.
// The same three give the same bytes: there is no clock, no host and no map order in it.
//
// A report holds facts, and says of what kind each one is. There are five kinds and no other: something was observed,
// something was done, a person said something, a figure was derived (the formula stands beside it), a rule concluded
// something (the rule stands beside it). No cause is claimed that a rule did not state. What is missing is printed as
// "unknown", with the reason.
//
// Log lines, outputs and answers are text from strangers. None of it can change the form of a report: a report is made
// as a [document] of plain values first, and one writer escapes all text in it.
//
// The package reads nothing but the evidence files, through an [io/fs.FS]; it never writes.
package reports
