package file

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

const (
	mostKept  = 240 << 10 // bytes that tell what a tree had before
	mostKinds = 1000      // different rights that are counted
)

// beforePermissions keeps what everything has that a change is about.
func beforePermissions(ctx context.Context, in permissionsInput, t engine.Task) error {
	text, err := hostcall.Look(ctx, t.As, func() (string, error) {
		j, err := jobFor(in)
		if err != nil {
			return "", err
		}
		defer func() { _ = j.dir.Close() }()
		return j.inventory(ctx)
	})
	if err != nil || text == "" {
		return writeFailure(in.Path, err)
	}
	w := t.Keep("before")
	_, _ = w.Write([]byte(text))
	return w.Close()
}

// trait is what many inodes of a tree have in common.
type trait struct {
	what   string // directories, files or links
	rights        // without the mode where that stays as it is
	moded  bool   // the mode is one that can change
}

func (j job) trait(i inode) trait {
	t := trait{what: "files", rights: i.rights()}
	switch {
	case i.isDir():
		t.what = "directories"
	case i.isLink():
		t.what = "links"
	}
	t.moded = !i.isLink() && (j.wish.mode != nil || !i.isDir() && t.mode&setIDBits != 0)
	if !t.moded {
		t.mode = 0
	}
	return t
}

func (j job) line(t trait) string {
	line := j.wish.user(t.uid) + ":" + j.wish.group(t.gid)
	if t.moded {
		line += fmt.Sprintf(" %04o", t.mode)
	}
	return line
}

// inventory tells what everything has before a change: what is most common, and every exception to that. "" when
// nothing would change.
func (j job) inventory(ctx context.Context) (string, error) {
	count, changes, looked := map[trait]int{}, 0, 0
	err := j.walk(ctx, j.in.Recursive, func(i inode) error {
		looked++
		if j.wish.of(i) != i.rights() && j.wish.leaves(i) == "" {
			changes++
		}
		if t := j.trait(i); !i.mounted && (count[t] > 0 || len(count) < mostKinds) {
			count[t]++
		}
		return nil
	})
	if err != nil || changes == 0 {
		return "", err
	}
	common := map[string]trait{}
	for _, t := range slices.SortedFunc(maps.Keys(count), func(a, b trait) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(j.line(a), j.line(b)))
	}) {
		if _, there := common[t.what]; !there {
			common[t.what] = t
		}
	}

	var b strings.Builder
	fmt.Fprintf(&b, "%s before %d of %d files and directories are changed: %s\n", shown(j.String()), changes, looked, j.wanted())
	b.WriteString("All have what stands here, but for those that are named below:\n")
	for _, what := range slices.Sorted(maps.Keys(common)) {
		fmt.Fprintf(&b, "  %s: %s\n", what, j.line(common[what]))
	}
	cut := 0
	err = j.walk(ctx, j.in.Recursive, func(i inode) error {
		t := j.trait(i)
		if i.mounted || t == common[t.what] {
			return nil
		}
		line := j.line(t) + " " + j.label(i) + "\n"
		if b.Len()+len(line) > mostKept {
			cut++
			return nil
		}
		b.WriteString(line)
		return nil
	})
	if cut > 0 {
		fmt.Fprintf(&b, "… %d more that are not as above are not named\n", cut)
	}
	return b.String(), err
}
