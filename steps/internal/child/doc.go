// Package child runs a process for a step kind: as the step's user, in the sandbox when the step asks for it, its output
// streamed to the evidence and its head and tail kept for the result.
//
// It gives what package run says the words of the engine, and knows which values must not be repeated in an error. It
// judges no exit code: a kind says what it means.
package child
