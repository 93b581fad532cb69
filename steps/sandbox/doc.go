// Package sandbox starts a process that can look at the host and cannot change
// it. It is what makes the promise of a dry run one that the kernel keeps, and
// what holds a `reads: true` command to its word.
//
// # How
//
// Landlock, a seccomp filter and dropped capabilities are all properties of an
// OS thread. [Start] takes one thread, restricts it, starts the process from
// it, and lets the thread die. The process and everything that it starts are
// held for good; the program that called Start is as free as before, and needs
// no re-exec, no helper binary and no privileges.
//
// # What it promises
//
// Whatever the process does, whoever it runs as, root included:
//
//   - no file is written, created, removed, renamed, linked or truncated, and no
//     file's mode, owner, times, attributes or flags change. /dev/null,
//     /dev/zero and /dev/full can still be written to;
//   - no process outside is signalled, traced, written to, re-prioritised;
//   - nothing is said over a Unix socket, so not to D-Bus, Docker, pm2, syslog;
//   - addresses, routes, firewall, clock, host name, mounts, modules, swap,
//     quotas, keys, System V and POSIX IPC stay as they are;
//   - no device is opened, but the handful that merely give bytes;
//   - no rights are gained: set-user-id programs (sudo, su) run without their
//     owner's rights. Who needs another user sets exec.Cmd's Credential, which
//     works; it is applied before the program is executed.
//
// Standard output and error are the caller's and stay writable: give pipes.
//
// Kernels differ. [Available] says in words which of these this kernel
// enforces and which it does not; Start always takes all that there is. A
// filter alone, on a kernel without Landlock, is coarser and not weaker for
// files: then even /dev/null can't be opened for writing.
//
// # What it never does
//
// It judges no network traffic: a read may resolve names and ask servers over
// TCP and UDP, and what a server does when asked (a POST to a local API, a
// command over ssh) is not seen here. It hides nothing: what the user may read,
// the process may read, and send. It does not limit memory, processor time or
// the number of processes. [Limits] says these in words, for reports.
package sandbox
