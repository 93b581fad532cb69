package file

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
)

// soonOver is a context whose time is over after so many looks at it.
type soonOver struct {
	context.Context //nolint:containedctx // it is one
	left            int
}

func (s *soonOver) Err() error {
	if s.left--; s.left < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

// A tree that is too large to be looked at in time is described by what was seen of it, and that is said.
func TestATreeThatWasSeenInPart(t *testing.T) {
	dir := t.TempDir()
	for i := range 50 {
		if err := os.WriteFile(fmt.Sprintf("%s/%02d", dir, i), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j, err := jobFor(permissionsInput{Path: dir, Mode: "g+w", Recursive: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.dir.Close() }()
	s, err := j.survey(&soonOver{Context: t.Context(), left: 30})
	if err == nil {
		t.Fatal("all of it was seen")
	}
	d := j.describe(s, true)
	if want := "change at least 30 of 30 files and directories in " + j.String() + ": mode g+w"; d.Summary != want {
		t.Errorf("have %q", d.Summary)
	}
	if !slices.Contains(d.Exact, "this is what could be seen in 2s: the tree is larger") {
		t.Errorf("have %v", d.Exact)
	}
}
