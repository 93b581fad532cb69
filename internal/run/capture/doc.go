// Package capture keeps the output of a process: its head and its tail, its
// length, and its hash.
//
// It promises that a process which prints a gigabyte costs no more memory than
// one which prints a megabyte, and that writing to a [Capture] never fails, so
// that a full disk does not stop the process whose output it is. What could not
// be written to the file of evidence is an error of [Capture.Close], and still
// held in memory.
//
// It never changes a byte, and never looks for lines when it cuts: secrets are
// cut out, and terminal controls made harmless, before and after it.
package capture
