// Package budget keeps a step's facts small enough for the journal.
//
// A step's result is facts, not output: it is at most 64 KiB of JSON ([Result]). What is longer goes whole to the
// evidence, and its head and tail to the facts. Sizes are sizes of JSON text, since a byte can need six of them there
// ("\u0007").
package budget
