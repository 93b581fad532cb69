// Package journal keeps what happened in a run, and what several processes share about it: the journal itself, who
// drives the run, questions and their one answer, notes, evidence, and the claims on changes. It is the only package
// below engine that touches a disk. It knows nothing of what events mean: they come encoded, as a type and a JSON object.
//
// A [Store] is where runs are. A [Run] is one run, seen from any process. A [Writer] is the one process that drives a
// run. docs/journal.md describes the files for who wants to read them without this package.
//
// # Promises
//
// What [Writer.Append] has returned for is in the journal. With [Later] the line is in the kernel, so that kill -9 loses
// nothing, and within about 100 ms on the disk. With [Now] it is on the disk, and everything before it.
//
// A journal is append-only. Each line holds the SHA-256 of the line and of the hash before it, so a line that was
// changed, cut out, moved or added is noticed, with its number. What is not noticed is a journal that somebody has
// written anew from some line to its end, or cut off between two lines: the chain is no signature.
//
// Only the tail is repaired. One last line without a newline, or with a hole that a power cut has left, is set aside in
// journal.torn-1, journal.torn-2 and so on when the run is next driven. Any other damage is a [DamageError]; then nothing
// is touched.
//
// One process drives a run, a named [Lock] has one holder, and one caller has the [Claim] on an attempt at a change.
// These are flock(2) locks: they end with their process, however it ends, and no child inherits them. A named lock is
// held beyond the death of its run while a claimed change of that run goes on.
//
// A question gets exactly one answer, a [Record.Once] key exactly one event, an attempt at a change exactly one claim.
// All three hold across processes and crashes, and are on the disk before anybody learns of them.
//
// # When the disk can't be written
//
// A run does not stop because the disk is full, read-only, over quota or closed to this user. Its journal is copied as
// a whole to a fallback place in memory and goes on there, and [Store.Notice] hears it. All other files of the run go to
// the same place one by one, when they must. A file in the fallback place stands before the one of the same name at home.
// With each Now, at most every [Store.Retry], and when the Writer is closed, everything goes home if there is room, but
// for files that a process is writing just then. [Store.BringHome] does the same for runs that nobody drives.
//
// In memory, Now is no protection from a power cut: a restart of the host takes the journal back to what is at home.
// To make this rare a journal reserves its next 256 KiB on the disk.
//
// # What it never does
//
// It never removes a run, never rewrites a line, and never writes outside the folders of its Store. It does not cap or
// redact what it is given; who streams output into an [Evidence] does. The fallback place must belong to the user alone;
// one that is open to others is not used. It gives no protection from who can write the folder: root, and the user.
package journal
