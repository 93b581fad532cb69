// Package systemd holds the step kinds that look at units, read the journal, and start, stop and change units.
//
// It talks to systemd over D-Bus. When the system bus does not answer, root goes on over systemd's own socket
// (/run/systemd/private), and the output says so in `via`. When neither answers, a step fails as unreachable within a
// bounded time: it never waits longer for a dead bus than its context allows.
//
// A change is over when systemd's job is, not when it is queued. What a change does is told beforehand, as the D-Bus
// call and as the command line that would do the same.
//
// A step that acts `as` another user is that user to systemd too, which lets it look, and asks polkit about all else.
//
// The journal is read by journalctl, the one process that this package starts, inside the read sandbox where there is
// one. It never asks for a password, never starts a message bus or a user manager, and never writes outside
// /etc/systemd/system/UNIT.d.
package systemd
