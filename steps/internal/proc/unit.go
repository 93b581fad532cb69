package proc

import (
	"slices"
	"strings"

	"github.com/prometheus/procfs"
)

// unitSuffixes are the kinds of systemd units that processes run in.
var unitSuffixes = []string{".service", ".scope", ".socket", ".mount", ".swap"} //nolint:gochecknoglobals // an immutable table

// unitOf finds the systemd unit of a process from its control groups, and inside user@UID.service also the unit of that
// user's own systemd. Both are "" when there is none.
func unitOf(groups []procfs.Cgroup, root string) (unit, userUnit string) {
	unit, rest := firstUnit(under(systemdPath(groups), root))
	if strings.HasPrefix(unit, "user@") {
		userUnit, _ = firstUnit(rest)
	}
	return unit, userUnit
}

// systemdPath is the path in the hierarchy that systemd sorts processes by: "name=systemd" where control groups are of
// version 1 or mixed, the unified one otherwise.
func systemdPath(groups []procfs.Cgroup) string {
	unified := ""
	for _, g := range groups {
		if slices.Contains(g.Controllers, "name=systemd") {
			return g.Path
		}
		if g.HierarchyID == 0 {
			unified = g.Path
		}
	}
	return unified
}

// unitRoot is where systemd's units begin: the group of process 1 without its own init.scope. It is not "/" in a
// container that sees the control groups of its host.
func unitRoot(groups []procfs.Cgroup) string {
	return strings.TrimSuffix(systemdPath(groups), "/init.scope")
}

// under gives the parts of a path below root, and of the whole path when it is elsewhere.
func under(path, root string) []string {
	if root = strings.TrimSuffix(root, "/"); path == root || strings.HasPrefix(path, root+"/") {
		path = path[len(root):]
	}
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// firstUnit skips slices; what comes next is the unit, or there is none.
func firstUnit(parts []string) (unit string, rest []string) {
	for i, part := range parts {
		// systemd puts an underscore before names that the kernel might take for its own.
		part = strings.TrimPrefix(part, "_")
		if strings.HasSuffix(part, ".slice") {
			continue
		}
		for _, suffix := range unitSuffixes {
			if strings.HasSuffix(part, suffix) && part != suffix {
				return part, parts[i+1:]
			}
		}
		break
	}
	return "", nil
}
