package hostinfo

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"runbook/engine"
	"runbook/internal/run"
	"runbook/steps/internal/hostcall"
)

// askJournal is how long the journal may take. A large one on a busy disk is slow to tell its boots.
const askJournal = 10 * time.Second

// addBoots lists the boots that the journal knows. That it can't tell is no failure: the rest is worth having.
func (h host) addBoots(ctx context.Context, since time.Time, t engine.Task, s *seen) error {
	readable, err := hostcall.Look(ctx, t.As, func() (bool, error) { return h.journalReadable(), nil })
	if err != nil || !readable {
		return err
	}
	text, err := listBoots(ctx, t)
	if ctx.Err() != nil {
		return engine.FailureOf(ctx.Err())
	}
	if err != nil {
		return nil //nolint:nilerr // the list is null
	}
	all := readBoots(text)
	if len(all) == 0 {
		return nil
	}
	found := []boot{}
	for _, b := range slices.Backward(all) {
		if !b.at.Before(since.Truncate(time.Second)) {
			found = append(found, boot{At: stamp(b.at), BootID: b.id})
		}
	}
	s.short = s.short || len(found) == len(all)
	s.count += len(found)
	s.boots = &found
	return nil
}

// journalReadable makes sure that the system's journal can be read. journalctl shows others only a part of it.
func (h host) journalReadable() bool {
	for _, folder := range []string{"var/log/journal", "run/log/journal"} {
		files, _ := filepath.Glob(h.path(folder, "*", "system.journal"))
		for _, file := range files {
			if f, err := os.Open(file); err == nil {
				_ = f.Close()
				return true
			}
		}
	}
	return false
}

func listBoots(ctx context.Context, t engine.Task) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askJournal)
	defer cancel()
	who, err := run.UserNamed(t.As)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	exit, err := run.Run(ctx, run.Spec{
		Argv: []string{"journalctl", "--list-boots", "--utc", "--quiet", "--no-pager"}, User: who,
		Stdout: &text, Grace: 50 * time.Millisecond, Sandbox: t.Sandboxed,
	})
	if err == nil && exit.Code != 0 {
		err = engine.Failf(engine.Exit, "list the boots: journalctl ended with code %d", exit.Code)
	}
	return text.String(), err
}

// booted is one boot that the journal knows.
type booted struct {
	id string
	at time.Time
}

// bootLine is a line of `journalctl --list-boots --utc`:
//
//	-1 5953f3eab7f4464f90ef71b5374b4c3c Mon 2026-11-23 18:40:25 UTC Mon 2026-11-23 18:41:11 UTC
var bootLine = regexp.MustCompile(`(?m)^ *-?\d+ ([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12}) \S+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC`)

// readBoots reads that list, the oldest first.
func readBoots(text string) []booted {
	var out []booted
	for _, m := range bootLine.FindAllStringSubmatch(text, -1) {
		at, err := time.Parse(time.DateTime, m[6])
		if err != nil {
			continue
		}
		out = append(out, booted{id: m[1] + "-" + m[2] + "-" + m[3] + "-" + m[4] + "-" + m[5], at: at})
	}
	return out
}
