// Package redact cuts secrets out of what is printed, logged and reported.
//
// It finds a secret as it is, and as it looks in base64 (both alphabets, at any
// of the three places it can have in a group), percent-encoded (for a query, for
// a path, and as JavaScript does it, in either case of the hex digits), and as a
// JSON string; the lines of a secret with several lines are found by themselves
// too. It finds them however the text is split into writes, and with line breaks
// anywhere inside: a token that `base64` or a terminal folded is still found.
//
// It promises that nothing of a found secret leaves it but its name, and that
// overlapping secrets are all cut. It does not find a secret that was changed in
// another way: encrypted, compressed, in hex, reversed, printed with a character
// between the others.
//
// Secrets of fewer than four bytes are refused by [New]: cutting them out would
// cut ordinary words, and still tell them by the holes.
package redact
