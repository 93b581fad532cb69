// Package host boots disposable Debian 12 hosts with a real systemd and all that the shipped runbooks look after,
// breaks them, and says how they are, for tests and for people who try a runbook.
//
// A host is a systemd-nspawn container on an overlay over the lab's image. It has its own PID 1, process ids, loopback
// network, cgroups, and a disk of its own that really fills up, so hosts run side by side. What happens inside is
// judged by curl, ss, systemctl, pm2's own socket and the host's disk seen from outside, never by the engine that is
// under test.
//
// Commands enter a host as an administrator's would: as root with every capability. What the kernel does not divide
// between containers, its clock, modules and sysctls, is therefore the machine's own. A test that tries to set the
// clock sets the machine's clock when what it tests fails.
//
// A host dies with its Close. One that was left by a process that died is removed at the next Boot.
package host
