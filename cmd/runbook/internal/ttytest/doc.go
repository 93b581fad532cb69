// Package ttytest gives tests a person at a real terminal: a pseudo-terminal of 80 columns, what has come on its screen,
// and a keyboard. It is linked into tests only.
package ttytest
