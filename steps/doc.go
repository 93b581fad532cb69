// Package steps is the list of all step kinds, and the reference that is made from it.
//
// Each family of kinds lives in a package of its own below this one and knows nothing of the others. A kind is a
// documented value; what this package promises is that the list is complete, in one order everywhere, and that
// docs/steps.md says what the kinds say of themselves. It does nothing.
package steps
