// Package hostcall makes the system calls of native step kinds: calls that can hang, and calls that are made as another
// Unix user.
//
// A stat on a dead network file system can't be interrupted, not even by a signal. [Look] makes such calls on the side and
// stops waiting for them when the step is cancelled. [Act] makes calls that change something and always sees their end,
// because "cancelled" must never be said of a change that still happens.
//
// Both can act as another user. Only the thread that makes the calls becomes that user, and the thread ends with the
// call: no other part of the program ever runs with other rights than before.
//
// The package starts no process. What it leaves behind after a cancelled Look is one thread in a system call that the
// kernel has not answered.
package hostcall
