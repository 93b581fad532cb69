// Package answer tells an answer of the network from a question that could not be asked.
//
// A port that refuses, a connection that is cut, a server that stays silent: these say something about the host that
// was asked, and a check that meets them has looked. A name that does not resolve, or a kernel that does not let the
// program ask, says nothing about it, and the check is unknown.
package answer
