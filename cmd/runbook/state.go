package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"runbook/engine/journal"
	"runbook/internal/runner"
)

// elsewhere moves a store to $RUNBOOK_STATE, if that is set: to keep runs of a rehearsal, or of a test, apart. What
// stands in for it when it can't be written is then another place too.
func (p program) elsewhere(s journal.Store) (journal.Store, error) {
	dir := p.getenv("RUNBOOK_STATE")
	if dir == "" {
		return s, nil
	}
	if !filepath.IsAbs(dir) {
		return s, usagef("", "$RUNBOOK_STATE is %s: it must be an absolute path", dir)
	}
	s.Dir = filepath.Clean(dir)
	sum := sha256.Sum256([]byte(s.Dir))
	for i, fallback := range s.Fallbacks {
		s.Fallbacks[i] = fallback + "-" + hex.EncodeToString(sum[:4])
	}
	return s, nil
}

// open finds a run by what a person types: an id, a part of one, or "last".
func (p program) open(name string) (*journal.Run, error) {
	store, err := p.store()
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = "last"
	}
	id, err := store.Resolve(name)
	if err != nil {
		if name == "last" && errors.Is(err, journal.ErrNotFound) {
			return nil, usagef("runbook run NAME starts one", "there is no run yet in %s", store.Dir)
		}
		if e, ok := errors.AsType[*journal.AmbiguousError](err); ok {
			return nil, usagef("", "%s", e)
		}
		if errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("%w: they are another user's; try sudo", err)
		}
		return nil, usagef("runbook runs lists them", "%s", err)
	}
	return store.Open(id)
}

// history reads a run back from its journal.
func (p program) history(run *journal.Run) (runner.History, error) {
	kinds, err := p.kinds()
	if err != nil {
		return runner.History{}, err
	}
	return runner.Read(run, kinds)
}
