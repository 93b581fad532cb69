package pm2

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

type saveIn struct {
	User string `json:"user" required:"true" is:"user" doc:"whose pm2: the user that its daemon runs as"`
	Home string `json:"home" is:"path" doc:"the directory that .pm2 is in; the user's home when empty"`
	Drop bool   `json:"drop" doc:"let names go that would come back after a reboot now and would not any more: the saved list has them, and they are stopped, or not there"`
}

type saveOut struct {
	Changed    bool     `json:"changed" doc:"the list was written anew"`
	Saved      []string `json:"saved" doc:"the names in the list now"`
	Added      []string `json:"added" doc:"those that it lacked before"`
	Dropped    []string `json:"dropped" doc:"names that would have come back by the list before, and do not now: it lacks them, or has them as stopped"`
	Processes  []state  `json:"processes" doc:"what the daemon has, by id; at most 50"`
	DaemonUnit *string  `json:"daemon_unit" doc:"the systemd unit that the daemon runs in, empty for none. null when that is not to be seen"`
}

func saveKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[saveIn, saveOut]{
		Name: "pm2.save",
		Doc: `Saves the list of processes that the pm2 of a user has, so that they come back after a reboot.

Refuses when there is no daemon, when it has no process, and when the disk is so full, or the file so owned, that pm2
would lose the list that is there. What is stopped is saved as stopped, and would not be started after a reboot: so it
also refuses when the saved list brings back a name that the new one would not, unless ` + "`drop`" + ` says that it may go. pm2
keeps the list before it as dump.pm2.bak.`,
		Effect:   engine.Changes,
		Example:  "user: deploy\n",
		Describe: h.describeSave,
		Before: func(ctx context.Context, in saveIn, t engine.Task) error {
			p, err := locate(ctx, in.User, in.Home, t.As)
			if err != nil {
				return err
			}
			return h.keep(ctx, p, nil, t)
		},
		Do: h.save,
	})
}

// saving is what there is before a list is saved.
type saving struct {
	place   place
	view    view
	last    saved
	program string
	added   []string
	dropped []string
	resting []string // new, and stopped
}

func (h host) surveySave(ctx context.Context, in saveIn, as string) (saving, error) {
	p, err := locate(ctx, in.User, in.Home, as)
	if err != nil {
		return saving{}, err
	}
	s := saving{place: p}
	if s.view, err = h.look(ctx, p); err != nil {
		return s, err
	}
	if s.last, err = p.readDump(ctx); err != nil {
		return s, err
	}
	begun := "save the processes of " + p.user
	names := namesOf(s.view.records())
	s.added = without(names, s.last.names())
	s.dropped = without(returning(s.last.records), returning(s.view.records()))
	s.resting = without(s.added, returning(s.view.records()))
	switch {
	case !s.view.alive:
		return s, engine.Failf(engine.Missing, "%s: there is no daemon, so there is nothing to save", begun)
	case len(names) == 0:
		return s, engine.Failf(engine.Missing, "%s: the daemon has none", begun)
	case len(s.dropped) > 0 && !in.Drop:
		return s, engine.Failf(engine.Missing, "%s: not running, and would not come back after a reboot any more: %s. Start them, or say drop: true",
			begun, strings.Join(shortList(s.dropped), ", "))
	}
	if err := s.safe(ctx); err != nil {
		return s, err
	}
	unit, err := h.bootUnit(ctx, p)
	if err == nil {
		s.program, err = h.program(ctx, p, s.view, unit)
	}
	return s, err
}

// safe refuses to save where pm2 could lose the list there is: it empties the files before it writes them, and when it may
// not write one it deletes it.
func (s saving) safe(ctx context.Context) error {
	const spare = 1 << 20
	free, err := hostcall.Look(ctx, s.place.user, func() (uint64, error) {
		for _, name := range []string{dumpFile, backupFile} {
			path := s.place.path(name)
			if err := unix.Access(path, unix.W_OK); err != nil && !errors.Is(err, unix.ENOENT) {
				return 0, engine.Failf(engine.Denied, "pm2 can't write %s and would delete it: %w", path, err)
			}
		}
		var st unix.Statfs_t
		err := unix.Statfs(s.place.dir, &st)
		return st.Bavail * uint64(st.Frsize), err //nolint:gosec // not negative
	})
	if err == nil && free < uint64(4*s.last.size+spare) { //nolint:gosec // not negative
		err = engine.Failf(engine.Denied, "the disk has %d bytes free, too few for pm2 not to lose the list that is there", free)
	}
	if err != nil {
		return fmt.Errorf("save the processes of %s: %w", s.place.user, err)
	}
	return nil
}

func (h host) describeSave(ctx context.Context, in saveIn, t engine.Task) (engine.Description, error) {
	s, err := h.surveySave(ctx, in, t.As)
	if err != nil {
		return engine.Description{}, err
	}
	path := s.place.path(dumpFile)
	d := engine.Description{
		Summary: "save the list of processes of " + s.place.String(),
		Exact:   []string{s.program + " save as " + s.place.user + " in " + s.place.home},
		Target:  s.place.user,
	}
	tell := func(what string, names []string) {
		if len(names) > 0 {
			d.Exact = append(d.Exact, what+": "+strings.Join(shortList(names), ", "))
		}
	}
	tell("it will hold", namesOf(s.view.records()))
	tell("new in it", s.added)
	tell("new in it, but stopped, so they would not be started after a reboot", s.resting)
	tell("NOT BROUGHT BACK after a reboot any more", s.dropped)
	if s.last.exists {
		d.Exact = append(d.Exact, "the list of "+stamp(s.last.modified)+" stays as "+s.place.path(backupFile))
		d.Undo = "cp " + s.place.path(backupFile) + " " + path
	}
	return d, nil
}

func (h host) save(ctx context.Context, in saveIn, t engine.Task) (saveOut, error) {
	s, err := h.surveySave(ctx, in, t.As)
	if err != nil {
		return saveOut{}, err
	}
	out := saveOut{Processes: states(s.view.list), DaemonUnit: s.view.unit}
	if err := s.place.call(ctx, t, s.program, "save"); err != nil {
		return out, err
	}
	now, err := s.place.readDump(ctx)
	if err != nil {
		return out, err
	}
	out.Changed = now.modified != s.last.modified
	out.Saved, out.Added, out.Dropped = shortList(now.names()), shortList(s.added), shortList(s.dropped)
	wanted := slices.Sorted(slices.Values(namesOf(s.view.records())))
	if have := slices.Sorted(slices.Values(now.names())); !out.Changed || !now.valid || !slices.Equal(have, wanted) {
		return out, engine.Fail(engine.Exit, fmt.Errorf("save the processes of %s: %s does not hold them afterwards (written anew: %t, valid: %t, names: %s)",
			s.place.user, s.place.path(dumpFile), out.Changed, now.valid, strings.Join(shortList(now.names()), ", ")))
	}
	return out, nil
}
