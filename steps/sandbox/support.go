package sandbox

import (
	"fmt"
	"strings"
)

// Support says what the sandbox enforces on this kernel, for this process.
type Support struct {
	// ABI is the version of Landlock's interface; 0 if there is none.
	ABI int
	// Seccomp is true if system calls are filtered.
	Seccomp bool
	// Protections are all that the sandbox knows of, enforced or not.
	Protections []Protection
}

// Protection is one kind of change that the sandbox is there to stop.
type Protection struct {
	// What is stopped, as a noun phrase: "signals to other processes".
	What string
	// Enforced is true if the kernel stops it.
	Enforced bool
	// By names what does, if it is enforced: "Landlock", "seccomp", "capabilities".
	By string
	// Note is the reason if it is not enforced; otherwise what else that costs,
	// or nothing.
	Note string
	// files marks the protections without which there is no sandbox.
	files bool
}

// String is a line for a report:
// "not enforced: signals to other processes (kernel has Landlock ABI 5, needs 6)".
func (p Protection) String() string {
	line := "not enforced: " + p.What
	if p.Enforced {
		line = "enforced by " + p.By + ": " + p.What
	}
	if p.Note != "" {
		line += " (" + p.Note + ")"
	}
	return line
}

// Available tries the sandbox out on a thread of its own, starting no process,
// and says what it enforces.
func Available() Support {
	k, err := detect()
	if err == nil {
		err = k.restricted(false, func() {})
	}
	s := Support{ABI: k.landlock, Seccomp: k.seccomp, Protections: protections(k)}
	if err != nil {
		for i := range s.Protections {
			p := &s.Protections[i]
			p.Enforced, p.By, p.Note = false, "", "tried, and failed: "+err.Error()
		}
	}
	return s
}

// Enforceable reports whether the kernel can hold a read to its word at all:
// whether it stops changes to files. With nothing but dropped capabilities, an
// `rm` would go through, and calling that a sandbox would be a lie.
func (s Support) Enforceable() bool {
	for _, p := range s.Protections {
		if p.files && !p.Enforced {
			return false
		}
	}
	return len(s.Protections) > 0
}

// Complete reports whether everything is enforced.
func (s Support) Complete() bool { return len(s.Missing()) == 0 && len(s.Protections) > 0 }

// Missing lists what is not enforced.
func (s Support) Missing() []Protection {
	var missing []Protection
	for _, p := range s.Protections {
		if !p.Enforced {
			missing = append(missing, p)
		}
	}
	return missing
}

// String is one line: with what reads are held, and how much is not enforced.
func (s Support) String() string {
	var with []string
	if s.ABI > 0 {
		with = append(with, fmt.Sprintf("Landlock ABI %d", s.ABI))
	}
	if s.Seccomp {
		with = append(with, "seccomp")
	}
	with = append(with, "capabilities")
	line := strings.Join(with, ", ")
	switch missing := s.Missing(); {
	case !s.Enforceable():
		return "no read sandbox: " + missing[0].String()
	case len(missing) > 0:
		return fmt.Sprintf("read sandbox with gaps (%s): %d of %d not enforced", line, len(missing), len(s.Protections))
	}
	return "read sandbox complete (" + line + ")"
}

// Limits are the things that the sandbox does not judge on any kernel, a
// sentence each.
func Limits() []string {
	return []string{
		"requests over TCP and UDP are not judged: what a server does when it is asked is not seen here",
		"what the user may read can be read, and sent",
		"reading leaves its own traces: access times, and bytes taken out of named pipes",
		"advisory locks can be held until the process ends",
		"UDP ports can be bound until the process ends, as resolvers do",
		"memory, processor time and the number of processes are not limited",
	}
}

// protections says what k enforces. It must agree with rules and ruleset; the
// tests try each on real processes, for each interface version.
func protections(k kernel) []Protection {
	return []Protection{
		filesWritten(k),
		filesTruncated(k),
		filtered(k, "modes, owners, times and attributes of files", true),
		filtered(k, "controls of files, devices and terminals (ioctl)", false),
		devices(k),
		otherSignals(k),
		filtered(k, "memory, priority and limits of other processes", false),
		unixSockets(k),
		listening(k),
		{What: "network settings", Enforced: true, By: "capabilities"},
		{What: "clock, host name, mounts, swap, modules, reboot", Enforced: true, By: "capabilities"},
		filtered(k, "keys, System V and POSIX IPC", false),
		{What: "new rights (sudo, set-user-ID programs)", Enforced: true, By: "no_new_privs"},
	}
}

func filtered(k kernel, what string, files bool) Protection {
	p := Protection{What: what, Enforced: k.seccomp, files: files}
	if k.seccomp {
		p.By = "seccomp"
	} else {
		p.Note = k.whyNot
	}
	return p
}

// landlocked is a protection that Landlock gives from an ABI on, and the filter
// where Landlock does not, at a cost.
func landlocked(k kernel, abi int, cost string, p Protection) Protection {
	switch {
	case k.landlock >= abi:
		p.Enforced, p.By = true, "Landlock"
	case k.seccomp && cost != "":
		p.Enforced, p.By, p.Note = true, "seccomp", cost
	case k.landlock == 0:
		p.Note = k.why
	default:
		p.Note = fmt.Sprintf("kernel has Landlock ABI %d, needs %d", k.landlock, abi)
	}
	return p
}

func filesWritten(k kernel) Protection {
	return landlocked(k, abiFiles, "no file at all can be opened for writing, not even /dev/null",
		Protection{What: "writing, creating, renaming and removing files", files: true})
}

func filesTruncated(k kernel) Protection {
	return landlocked(k, abiTruncate, "truncate is refused as a whole",
		Protection{What: "truncating files", files: true})
}

func devices(k kernel) Protection {
	return landlocked(k, abiFiles, "", Protection{What: "opening devices for reading"})
}

func otherSignals(k kernel) Protection {
	return landlocked(k, abiScopes, "no signals at all, so `timeout` does not work inside",
		Protection{What: "signals to other processes"})
}

func unixSockets(k kernel) Protection {
	if k.seccomp {
		return filtered(k, "Unix sockets: D-Bus, Docker, pm2, syslog", false)
	}
	return landlocked(k, abiResolve, "", Protection{What: "Unix sockets: D-Bus, Docker, pm2, syslog"})
}

func listening(k kernel) Protection {
	return landlocked(k, abiTCP, "a port can be bound, but not listened on",
		Protection{What: "listening on TCP ports"})
}
