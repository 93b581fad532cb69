package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// process is a line of the process table.
type process struct {
	pid, parent, group, session int
	state                       byte
	kernel                      bool   // a thread of the kernel
	started                     uint64 // in ticks since boot; tells a pid that is used again
}

// same tells one process by number and time: numbers are used again.
type same struct {
	pid     int
	started uint64
}

func (p process) same() same { return same{p.pid, p.started} }

// processTable reads /proc. It is still if no process ended between being
// listed and being looked at: one that did may have started another, which was
// not there yet to be listed.
func processTable() (table []process, still bool, err error) {
	names, err := procNames()
	if err != nil {
		return nil, false, err
	}
	still = true
	table = make([]process, 0, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		p, ok := readProcess(pid)
		if !ok {
			still = false
			continue
		}
		table = append(table, p)
	}
	return table, still, nil
}

func procNames() ([]string, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer func() { _ = proc.Close() }()
	return proc.Readdirnames(-1)
}

func readProcess(pid int) (process, bool) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	// pid (name) state ppid pgrp session … flags, the 9th … starttime, the 22nd;
	// a name can have spaces and brackets in it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const toFlags, toStart, kernelThread = 9 - 3, 22 - 3, 0x00200000
	if len(fields) <= toStart {
		return process{}, false
	}
	p := process{pid: pid, state: fields[0][0]}
	for i, to := range []*int{&p.parent, &p.group, &p.session} {
		if *to, err = strconv.Atoi(fields[1+i]); err != nil {
			return process{}, false
		}
	}
	flags, err := strconv.ParseUint(fields[toFlags], 10, 64)
	if err != nil {
		return process{}, false
	}
	p.kernel = flags&kernelThread != 0
	p.started, err = strconv.ParseUint(fields[toStart], 10, 64)
	return p, err == nil
}

// dead is true of zombies, which wait for their parent to take note.
func (p process) dead() bool { return p.state == 'Z' || p.state == 'X' }

// environmentOf is the environment that a process was executed with. It is
// readable to root and to the process's own user. A process that ends is
// unreadable, one that is executing a program has an empty one for a moment.
func environmentOf(pid int) (env []string, readable bool) {
	all, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return nil, false
	}
	if len(all) == 0 {
		return nil, true
	}
	return strings.Split(string(all), "\x00"), true
}
