package host

import (
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Change is one thing that two snapshots of a host do not agree on.
type Change struct {
	Kind   string // "file", "unit" or "process"
	Name   string // path, unit, or "pid 41 started 8264471"
	Before string // "" when there was none, or when a file was as in the image
	After  string // likewise
}

// String is one line.
func (c Change) String() string {
	or := func(s string) string {
		if s != "" {
			return s
		}
		if c.Kind == "file" {
			return "none, or as in the image"
		}
		return "none"
	}
	return fmt.Sprintf("%s %s: %s  =>  %s", c.Kind, c.Name, or(c.Before), or(c.After))
}

// Diff returns what is not the same any more in a later snapshot: files by path, then units, then processes. Files at or
// below the paths in except may change; so may the time of the folder that holds such a path, which the path's coming
// changes.
func (s Snapshot) Diff(later Snapshot, except ...string) []Change {
	var changes []Change
	for _, path := range union(s.Files, later.Files) {
		before, was := s.Files[path]
		after, is := later.Files[path]
		if was == is && before == after || slices.ContainsFunc(except, func(e string) bool { return within(path, e) }) {
			continue
		}
		if slices.ContainsFunc(except, func(e string) bool { return filepath.Dir(e) == path }) && onlyTime(before, after, was, is) {
			continue
		}
		c := Change{Kind: "file", Name: path}
		if was {
			c.Before = before.String()
		}
		if is {
			c.After = after.String()
		}
		changes = append(changes, c)
	}
	compare := func(kind string, before, after map[string]string) {
		for _, name := range union(before, after) {
			if before[name] != after[name] {
				changes = append(changes, Change{kind, name, before[name], after[name]})
			}
		}
	}
	compare("unit", s.Units, later.Units)
	compare("process", s.Processes, later.Processes)
	return changes
}

func union[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// onlyTime says whether a folder differs in nothing but the time at which its entries changed. A folder that is only
// in one snapshot was as in the image in the other.
func onlyTime(before, after File, was, is bool) bool {
	if was && is {
		before.Changed = after.Changed
		return before == after && after.Mode&fs.ModeDir != 0
	}
	return (before.Mode|after.Mode)&fs.ModeDir != 0 && !before.Removed && !after.Removed
}
