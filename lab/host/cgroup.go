package host

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// hierarchies returns where the machine has its cgroup hierarchies mounted: one with cgroup v2, a dozen with v1 or
// hybrid. The first is the one that systemd keeps its units in.
func hierarchies() ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("find the cgroup hierarchies: %w", err)
	}
	var first, rest []string
	for line := range strings.Lines(string(text)) {
		// 31 23 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
		before, after, _ := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(kind) < 3 {
			continue
		}
		switch {
		case kind[0] == "cgroup" && strings.Contains(kind[2], "name=systemd"):
			first = append(first, mount[4])
		case kind[0] == "cgroup" || kind[0] == "cgroup2":
			rest = append(rest, mount[4])
		}
	}
	if len(first)+len(rest) == 0 {
		return nil, errors.New("find the cgroup hierarchies: none is mounted")
	}
	return append(first, rest...), nil
}

// groupsOf returns the cgroup, in every hierarchy, of the host that has the folder. The same name in two caches gives
// two groups.
func groupsOf(dir string) ([]string, error) {
	groups, err := hierarchies()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("runbook-lab-%s-%.4x", filepath.Base(dir), sha256.Sum256([]byte(dir)))
	for i := range groups {
		groups[i] = filepath.Join(groups[i], name)
	}
	return groups, nil
}

func makeGroups(groups []string) error {
	for _, group := range groups {
		// With cgroup v2 a group has the controllers that its parent hands down. Where they can't be had, limits inside
		// the host do nothing; all else works.
		for _, controller := range []string{"+memory", "+pids", "+cpu", "+io"} {
			_ = os.WriteFile(filepath.Join(filepath.Dir(group), "cgroup.subtree_control"), []byte(controller), 0o600)
		}
		if err := os.Mkdir(group, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { //nolint:gosec // as the kernel's own
			return fmt.Errorf("make a cgroup: %w", err)
		}
		// A new cpuset is empty and takes no process before it has been given what its parent has.
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			have, err := os.ReadFile(filepath.Join(group, file))
			if err != nil || strings.TrimSpace(string(have)) != "" {
				continue
			}
			parent, err := os.ReadFile(filepath.Join(filepath.Dir(group), file))
			if err != nil {
				continue // cgroup v2: an empty file means "as the parent"
			}
			if err := os.WriteFile(filepath.Join(group, file), parent, 0o600); err != nil { //nolint:gosec // below the kernel's mount
				return fmt.Errorf("give a cgroup its processors: %w", err)
			}
		}
	}
	return nil
}

// members returns the processes of the groups and of all groups below them, as the machine numbers them.
func members(groups []string) []int {
	var pids []int
	for _, group := range groups {
		_ = filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil // gone in the meantime
			}
			text, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
			for field := range strings.FieldsSeq(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
					pids = append(pids, pid)
				}
			}
			return nil
		})
	}
	return pids
}

// killGroups kills all that runs in the groups and removes them. Everything inside the host dies with its PID 1.
func killGroups(groups []string) error {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		pids := members(groups)
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		if len(pids) == 0 && removeGroups(groups) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("remove cgroups: processes %v are still there", pids)
		}
	}
}

func removeGroups(groups []string) bool {
	gone := true
	for _, group := range groups {
		var dirs []string
		_ = filepath.WalkDir(group, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for _, dir := range slices.Backward(dirs) { // the deepest first
			if err := unix.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				gone = false
			}
		}
	}
	return gone
}

// leaderOf finds the host's PID 1 as the machine numbers it: the process of the group that is number 1 in a
// namespace of its own. 0 while there is none.
func leaderOf(groups []string) int {
	for _, pid := range members(groups[:1]) {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if ids, found := strings.CutPrefix(line, "NSpid:"); found {
				if f := strings.Fields(ids); len(f) == 2 && f[1] == "1" {
					return pid
				}
			}
		}
	}
	return 0
}
