package proc

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Holders finds the processes that have sockets open, by the sockets' inodes, each list in the order of pids. A socket
// that is not in the answer is held by a process that may not be looked at, by one outside this container, or by the
// kernel.
func (t *Table) Holders(ctx context.Context, inodes map[uint64]bool) (map[uint64][]int, error) {
	holders := map[uint64][]int{}
	if len(inodes) == 0 {
		return holders, nil
	}
	all, err := t.fs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for _, p := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		targets, err := p.FileDescriptorTargets()
		if err != nil {
			continue // it has ended, or it is not for us to see
		}
		seen := map[uint64]bool{}
		for _, target := range targets {
			inode, ok := socketInode(target)
			if ok && inodes[inode] && !seen[inode] {
				seen[inode] = true
				holders[inode] = append(holders[inode], p.PID)
			}
		}
	}
	return holders, nil
}

// Owner picks the process to name for a socket that several hold: the one that began first, which is the server and not
// its workers; process 1 only when nobody else has it, since it hands sockets to services and keeps them.
func (t *Table) Owner(pids []int) (Process, bool) {
	var owner Process
	found := false
	for _, pid := range pids {
		p, err := t.Process(pid)
		if err != nil {
			continue
		}
		older := p.Start.Ticks < owner.Start.Ticks || p.Start.Ticks == owner.Start.Ticks && p.PID < owner.PID
		switch {
		case !found, owner.PID == 1, p.PID != 1 && older:
			owner, found = p, true
		}
	}
	return owner, found
}

func socketInode(target string) (uint64, bool) {
	text, ok := strings.CutPrefix(target, "socket:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64)
	return inode, err == nil
}
