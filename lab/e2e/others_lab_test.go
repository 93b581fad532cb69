//go:build lab

package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// A question is answered from another terminal, by another person, and their names are on record.
func TestAnsweredFromElsewhere(t *testing.T) {
	t.Parallel()
	host := boot(t)
	// asked starts a run up to its question.
	asked := func(t *testing.T) (gated, string, *session) {
		t.Helper()
		h := clean(t, host)
		s := sit(t, h.Host, "runbook", "run", "gated")
		s.asked("mend")
		return h, lastRun(t, h.Host), s
	}
	// elsewhere is a command of alice's at another terminal.
	elsewhere := func(h gated, exit int, args ...string) {
		h.t.Helper()
		sit(h.t, h.Host, append([]string{"env", "SUDO_USER=alice", "runbook"}, args...)...).ends(exit)
	}
	// answer is the one answer on record.
	answer := func(t *testing.T, events []event) event {
		t.Helper()
		all := of(events, "question.answered")
		if len(all) != 1 {
			t.Fatalf("%d answers: %+v", len(all), all)
		}
		return all[0]
	}

	t.Run("yes", func(t *testing.T) {
		h, run, s := asked(t)
		elsewhere(h, 0, "approve", "last", "mend")
		s.ends(0)
		events := h.expectMade(run, "mend")
		expectVerdict(t, events, "fixed")
		if a := answer(t, events).Answer; a.Value != "yes" || a.By != "alice" || a.Via != "runbook approve" {
			t.Errorf("the answer: %+v", a)
		}
	})

	t.Run("no", func(t *testing.T) {
		h, run, s := asked(t)
		elsewhere(h, 0, "deny", filepath.Base(run), "mend")
		s.ends(5)
		events := h.expectMade(run, "")
		expectVerdict(t, events, "declined")
		if a := answer(t, events).Answer; a.Value != "no" || a.By != "alice" || a.Via != "runbook deny" {
			t.Errorf("the answer: %+v", a)
		}
	})

	t.Run("too late", func(t *testing.T) {
		h, run, s := asked(t)
		s.types("n\n")
		s.ends(5)
		elsewhere(h, 2, "approve", "last", "mend")
		h.expectMade(run, "")
	})

	t.Run("a question that is not asked", func(t *testing.T) {
		h, run, s := asked(t)
		elsewhere(h, 2, "approve", "last", "polish")
		s.types("n\n")
		s.ends(5)
		h.expectMade(run, "")
	})

	t.Run("with a note", func(t *testing.T) {
		h, run, s := asked(t)
		elsewhere(h, 0, "note", "the rack was touched at three")
		s.sees("the rack was touched at three", keys, ready) // the question is put again below it
		s.types("y\n")
		s.ends(0)
		notes := of(h.expectMade(run, "mend"), "noted")
		if len(notes) != 1 || notes[0].By != "alice" || notes[0].Text != "the rack was touched at three" {
			t.Errorf("notes: %+v", notes)
		}
		if !strings.Contains(script(t, h.Host, "cat "+run+"/report.md"), "the rack was touched at three") {
			t.Error("the note is not in the report")
		}
	})
}

// Two live runs of one runbook never go on at once. The second says who is in its way.
func TestTwoRunsAtOnce(t *testing.T) {
	t.Parallel()
	h := clean(t, boot(t))
	s := sit(t, h.Host, "runbook", "run", "gated")
	s.asked("mend")
	first := lastRun(t, h.Host)
	second := call(t, h.Host, "run", "gated", "--yes")
	if second.exit != 7 || !strings.Contains(second.stderr, filepath.Base(first)) {
		t.Errorf("a second run exits with %d and says:\n%s", second.exit, second.stderr)
	}
	if resumed := call(t, h.Host, "resume", filepath.Base(first), "--yes"); resumed.exit != 7 {
		t.Errorf("resuming a run that goes on exits with %d and says:\n%s", resumed.exit, resumed.stderr)
	}
	// A rehearsal is in nobody's way.
	if rehearsal := call(t, h.Host, "run", "gated", "--dry-run"); rehearsal.exit != 0 {
		t.Errorf("a dry run beside it exits with %d:\n%s", rehearsal.exit, rehearsal.stderr)
	}
	if made := h.made(); made != "" {
		t.Errorf("made: %q", made)
	}
	s.types("y\n")
	s.ends(0)
	h.expectMade(first, "mend")
}

// A full disk stops no run: its journal goes on in memory, which is said, and comes home when there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	h := clean(t, boot(t))
	script(t, h.Host, "mkdir -p /run/srv && mount --bind /run/srv /srv") // the marks need room too
	if err := h.Break(t.Context(), "build-missing-disk-full"); err != nil {
		t.Fatal(err)
	}
	s := sit(t, h.Host, "runbook", "run", "gated")
	s.sees(memory)
	s.answers("mend", "y")
	s.ends(0)
	run := lastRun(t, h.Host)
	if !strings.HasPrefix(run, memory+"/runs/") {
		t.Errorf("the run is in %s", run)
	}
	expectVerdict(t, h.expectMade(run, "mend"), "fixed")
	if !strings.Contains(script(t, h.Host, "cat "+run+"/report.md"), memory) {
		t.Error("the report does not say where the journal is")
	}

	script(t, h.Host, "rm /var/tmp/export.dump*")
	if next := call(t, h.Host, "run", "gated", "--no-input"); next.exit != 0 {
		t.Errorf("the next run exits with %d:\n%s", next.exit, next.stderr)
	}
	home := filepath.Join(stateFolder, "runs", filepath.Base(run))
	expectVerdict(t, journal(t, h.Host, home), "fixed")
	script(t, h.Host, "test ! -e "+run)
}
