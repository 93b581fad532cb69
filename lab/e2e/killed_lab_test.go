//go:build lab

package e2e

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A run whose process is killed with no time to say a word goes on where it was, and makes no change twice that nobody
// asked for twice.
func TestKilled(t *testing.T) {
	t.Parallel()
	host := boot(t)
	// questions lists what was asked, with the kind of each question.
	questions := func(events []event) string {
		var asked []string
		for _, e := range of(events, "question.asked") {
			asked = append(asked, e.Step+":"+e.Question.Kind)
		}
		return strings.Join(asked, " ")
	}
	// expect looks at what is left of a run that was resumed to its end.
	expect := func(h gated, run, made, asked, verdict string) {
		h.t.Helper()
		events := h.expectMade(run, made)
		if got := questions(events); got != asked {
			h.t.Errorf("asked %q, not %q", got, asked)
		}
		if n := len(of(events, "run.resumed")); n != 1 {
			h.t.Errorf("resumed %d times", n)
		}
		expectVerdict(h.t, events, verdict)
	}

	t.Run("during a check", func(t *testing.T) {
		h := clean(t, host)
		g := h.gate("mended")
		s := sit(t, h.Host, "runbook", "run", "gated")
		open := g.reached()
		run := lastRun(t, h.Host)
		s.kill()
		open()
		s = sit(t, h.Host, "runbook", "resume")
		s.answers("mend", "y")
		s.ends(0)
		expect(h, run, "mend", "mend:fix", "fixed")
	})

	t.Run("at the question", func(t *testing.T) {
		h := clean(t, host)
		s := sit(t, h.Host, "runbook", "run", "gated")
		s.asked("mend")
		run := lastRun(t, h.Host)
		s.kill()
		s = sit(t, h.Host, "runbook", "resume")
		s.answers("mend", "y")
		s.ends(0)
		expect(h, run, "mend", "mend:fix mend:fix", "fixed")
	})

	t.Run("during a change that goes on", func(t *testing.T) {
		h := clean(t, host)
		g := h.gate("mend")
		s := sit(t, h.Host, "runbook", "run", "gated")
		s.answers("mend", "y")
		open := g.reached()
		run := lastRun(t, h.Host)
		s.kill()
		// The dead run still has the lock, as its change goes on.
		second := call(t, h.Host, "run", "gated", "--yes")
		if second.exit != 7 || !strings.Contains(second.stderr, filepath.Base(run)) {
			t.Errorf("a second run exits with %d and says:\n%s", second.exit, second.stderr)
		}
		s = sit(t, h.Host, "runbook", "resume", filepath.Base(run))
		recorded(t, h.Host, run, "run.resumed")
		open()
		s.ends(0)
		expect(h, run, "mend", "mend:fix", "fixed")
	})

	t.Run("during a change that has ended since", func(t *testing.T) {
		h := clean(t, host)
		g := h.gate("mend")
		s := sit(t, h.Host, "runbook", "run", "gated")
		s.answers("mend", "y")
		open := g.reached()
		run := lastRun(t, h.Host)
		pid := supervisor(t, h.Host, run, "mend")
		s.kill()
		open()
		await(t, h.Host, "! kill -0 "+strconv.Itoa(pid))
		s = sit(t, h.Host, "runbook", "resume")
		s.ends(0)
		expect(h, run, "mend", "mend:fix", "fixed")
	})

	// Engine, supervisor and the change itself: nobody saw it end.
	lost := func(t *testing.T) (gated, string, *session) {
		t.Helper()
		h := clean(t, host)
		g := h.gate("mend")
		s := sit(t, h.Host, "runbook", "run", "gated")
		s.answers("mend", "y")
		open := g.reached()
		run := lastRun(t, h.Host)
		pid := supervisor(t, h.Host, run, "mend")
		s.kill()
		script(t, h.Host, `
			change=$(ps -o pid= --ppid `+strconv.Itoa(pid)+`)
			kill -KILL `+strconv.Itoa(pid)+`
			env kill -KILL -- -$((change))`)
		open()
		return h, run, sit(t, h.Host, "runbook", "resume")
	}

	t.Run("with the supervisor, and made again", func(t *testing.T) {
		h, run, s := lost(t)
		s.asked("mend")
		if made := h.made(); made != "mend" {
			t.Errorf("made before anybody said so: %q", made)
		}
		s.types("again\n")
		s.ends(0)
		expect(h, run, "mend mend", "mend:fix mend:doubt", "fixed")
	})

	t.Run("with the supervisor, and left alone", func(t *testing.T) {
		h, run, s := lost(t)
		s.answers("mend", "")
		s.ends(3)
		expect(h, run, "mend", "mend:fix mend:doubt", "not-fixed")
	})

	t.Run("with the supervisor, not made, and declined", func(t *testing.T) {
		h, run, s := lost(t)
		s.answers("mend", "not made")
		s.answers("mend", "n")
		s.ends(5)
		expect(h, run, "mend", "mend:fix mend:doubt mend:fix", "declined")
	})

	t.Run("during verification", func(t *testing.T) {
		h := clean(t, host)
		change := h.gate("mend")
		s := sit(t, h.Host, "runbook", "run", "gated")
		s.answers("mend", "y")
		open := change.reached()
		check := h.gate("mended")
		run := lastRun(t, h.Host)
		open()
		open = check.reached()
		s.kill()
		open()
		s = sit(t, h.Host, "runbook", "resume")
		s.ends(0)
		expect(h, run, "mend", "mend:fix", "fixed")
	})
}

// The same on the frontend: the build is long, and goes on when the engine is killed in the middle of it.
func TestKilledWhileItBuilds(t *testing.T) {
	t.Parallel()
	h := boot(t, "build-missing")
	s := sit(t, h, "runbook", "run", "frontend-not-starting")
	s.answers("free_name", "y")
	s.answers("rebuild", "y")
	await(t, h, "pgrep -f '[n]ext build'")
	run := lastRun(t, h)
	s.kill()
	s = sit(t, h, "runbook", "resume")
	s.answers("restart", "y")
	s.ends(0)
	expectHost(t, h, nil)
	events := journal(t, h, run)
	expectVerdict(t, events, "fixed")
	for _, typ := range []string{"question.asked", "change.started", "change.ended"} {
		expectSteps(t, events, typ, "free_name rebuild restart")
	}
}
