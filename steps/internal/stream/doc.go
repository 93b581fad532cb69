// Package stream takes the output of processes: all of it to the evidence as it comes, its head and its tail to the
// result.
//
// It holds a few KiB in memory, whatever a process prints. Where it cuts, it cuts between lines, so that no half of a
// secret is left that nobody would recognise.
package stream
