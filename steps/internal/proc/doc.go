// Package proc says what a process is: whose it is, what it runs, which systemd unit it belongs to, and since when, so
// that it can't be taken for another process that got its number later.
//
// Everything is read from /proc. What the reader has no right to see is nil and never an empty value, because "nobody
// owns this socket" and "I may not see who owns it" are different answers. The package changes nothing and starts no
// process.
package proc
