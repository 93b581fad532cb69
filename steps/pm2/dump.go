package pm2

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
)

// Where pm2 saves its list, and the one before it.
const (
	dumpFile   = "dump.pm2"
	backupFile = dumpFile + ".bak"
)

// mostNames is the most bytes of JSON that a list of names takes in a result.
const mostNames = 4 << 10

// saved is a list of processes on disk.
type saved struct {
	exists, valid bool
	records       []record
	modified      time.Time
	size          int
}

type dump struct {
	Exists  bool     `json:"exists" doc:"the file is there"`
	Valid   bool     `json:"valid" doc:"it holds a list of processes, be it an empty one. pm2 deletes a broken one when it is to bring back processes"`
	Names   []string `json:"names" doc:"the names of the processes in it, once each"`
	Stopped []string `json:"stopped" doc:"those of the names of which a process was stopped when they were saved, and is not started after a reboot"`
	SavedAt string   `json:"saved_at" moves:"true" doc:"when it was written, in UTC; empty when it is not there"`
}

func (s saved) dump() dump {
	return dump{
		Exists: s.exists, Valid: s.valid, Names: shortList(s.names()), Stopped: shortList(without(s.names(), returning(s.records))), SavedAt: stamp(s.modified),
	}
}

func (s saved) names() []string { return namesOf(s.records) }

// readDump reads the saved list and leaves it alone. That there is none, or a broken one, is an answer.
func (p place) readDump(ctx context.Context) (saved, error) {
	s, err := hostcall.Look(ctx, p.user, func() (saved, error) {
		data, info, err := readRegular(p.path(dumpFile), mostListBytes+1)
		if err != nil {
			return saved{}, err
		}
		s := saved{exists: true, modified: info.ModTime(), size: len(data)}
		s.records, s.valid, err = parseDump(data)
		return s, err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return saved{}, nil
	}
	if err != nil {
		err = fmt.Errorf("read what %s has saved: %w", p, err)
	}
	return s, err
}

// parseDump reads a list in which each process has its name. An error says that there is too much of it to tell.
func parseDump(data []byte) (records []record, valid bool, err error) {
	if len(data) > mostListBytes {
		return nil, false, errTooLarge
	}
	records, err = parseList[record](data)
	if errors.Is(err, errTooLarge) {
		return nil, false, err
	}
	if err != nil || slices.ContainsFunc(records, func(r record) bool { return r.name() == "" }) {
		return nil, false, nil //nolint:nilerr // a broken list is an answer
	}
	return records, true, nil
}

// usable refuses a saved list that nothing can be brought back from.
func (s saved) usable(p place) error {
	path := p.path(dumpFile)
	switch {
	case !s.exists:
		return engine.Failf(engine.Missing, "bring back the processes of %s: there is no saved list %s", p.user, path)
	case !s.valid:
		return engine.Failf(engine.Invalid, "bring back the processes of %s: %s is broken, and pm2 would delete it; %s may hold the list before it",
			p.user, path, backupFile)
	case len(s.records) == 0:
		return engine.Failf(engine.Missing, "bring back the processes of %s: the saved list %s is empty", p.user, path)
	default:
		return nil
	}
}

func shortList(names []string) []string {
	short := make([]string, len(names))
	for i, name := range names {
		short[i] = budget.Line(name, 256)
	}
	return budget.Items(short, 1000, mostNames)
}
