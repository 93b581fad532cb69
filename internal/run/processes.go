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
	state                       byte   // 'Z' is a zombie, which is dead
	started                     uint64 // in ticks since boot; tells a pid that is used again
}

// same tells one process by number and time: numbers are used again.
type same struct {
	pid     int
	started uint64
}

func (p process) same() same { return same{p.pid, p.started} }

// processTable reads /proc. Processes that end meanwhile are left out.
func processTable() ([]process, error) {
	names, err := procNames()
	if err != nil {
		return nil, err
	}
	table := make([]process, 0, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok {
			table = append(table, p)
		}
	}
	return table, nil
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
	// pid (name) state ppid pgrp session … starttime, the 22nd; a name can have
	// spaces and brackets in it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const toStart = 22 - 3
	if len(fields) <= toStart {
		return process{}, false
	}
	p := process{pid: pid, state: fields[0][0]}
	for i, to := range []*int{&p.parent, &p.group, &p.session} {
		if *to, err = strconv.Atoi(fields[1+i]); err != nil {
			return process{}, false
		}
	}
	p.started, err = strconv.ParseUint(fields[toStart], 10, 64)
	return p, err == nil
}

// environmentOf is the environment that a process was executed with. That of
// another user's process is empty to all but root.
func environmentOf(pid int) []string {
	env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil || len(env) == 0 {
		return nil
	}
	return strings.Split(string(env), "\x00")
}
