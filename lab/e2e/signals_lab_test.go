//go:build lab

package e2e

import (
	"strings"
	"syscall"
	"testing"
)

const ctrlC = "\x03"

// What stops a run lets the change end that is going on, or ends it when somebody insists; and what was stopped goes on
// when it is resumed.
func TestStopped(t *testing.T) {
	t.Parallel()
	host := boot(t)
	// changing starts a run of two changes, the first of which stands at its gate.
	changing := func(t *testing.T) (h gated, run string, s *session, open func()) {
		t.Helper()
		h = clean(t, host)
		g := h.gate("mend")
		s = sit(t, h.Host, "runbook", "run", "gated", "-p", "both=true")
		s.answers("mend", "y")
		open = g.reached()
		return h, lastRun(t, h.Host), s, open
	}
	// interrupted looks at a run that was stopped after its first change was made and verified.
	interrupted := func(h gated, run, signal string) {
		h.t.Helper()
		events := h.expectMade(run, "mend")
		ended, fixes, stops := of(events, "change.ended"), of(events, "fix.ended"), of(events, "run.interrupted")
		if len(ended) != 1 || ended[0].Failure != nil || len(fixes) != 1 || fixes[0].Outcome != "fixed" {
			h.t.Errorf("the change ended with %+v, the fix with %+v", ended, fixes)
		}
		if len(stops) != 1 || stops[0].Signal != signal || len(of(events, "run.ended")) > 0 {
			h.t.Errorf("the run was interrupted by %+v, ended with %+v", stops, of(events, "run.ended"))
		}
		if !strings.Contains(script(h.t, h.Host, "cat "+run+"/report.md"), "INTERRUPTED") {
			h.t.Error("the report does not say that the run was interrupted")
		}
	}
	// goesOn resumes a run that has its second change still to make.
	goesOn := func(h gated, run, made string) {
		h.t.Helper()
		s := sit(h.t, h.Host, "runbook", "resume")
		s.answers("polish", "y")
		s.ends(0)
		expectVerdict(h.t, h.expectMade(run, made), "fixed")
	}

	t.Run("by Ctrl-C during a change", func(t *testing.T) {
		h, run, s, open := changing(t)
		s.types(ctrlC)
		s.sees("interrupt", "mend")
		open()
		s.ends(130)
		interrupted(h, run, "interrupt")
		goesOn(h, run, "mend polish")
	})

	t.Run("by TERM during a change", func(t *testing.T) {
		h, run, s, open := changing(t)
		if err := s.cmd.Process().Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		s.sees("terminated", "mend")
		open()
		s.ends(143)
		interrupted(h, run, "terminated")
		goesOn(h, run, "mend polish")
	})

	t.Run("by Ctrl-C twice during a change", func(t *testing.T) {
		h, run, s, _ := changing(t)
		s.types(ctrlC)
		s.sees("interrupt", "mend")
		s.types(ctrlC)
		s.ends(130)
		events := h.expectMade(run, "mend")
		ended := of(events, "change.ended")
		if len(ended) != 1 || ended[0].Failure == nil || ended[0].Failure.Kind != "cancelled" {
			t.Errorf("the change ended with %+v", ended)
		}
		if left := script(t, h.Host, "pgrep -a -f '^cat /run/gate-mend$' || true"); left != "" {
			t.Errorf("still there:\n%s", left)
		}
		if got := script(t, h.Host, "ls /srv"); strings.Contains(got, "mended") {
			t.Errorf("the change had its effect: %s", got)
		}
	})

	t.Run("by Ctrl-C at a question", func(t *testing.T) {
		h := clean(t, host)
		s := sit(t, h.Host, "runbook", "run", "gated")
		s.asked("mend")
		run := lastRun(t, h.Host)
		s.types(ctrlC)
		s.ends(130)
		h.expectMade(run, "")
		s = sit(t, h.Host, "runbook", "resume")
		s.answers("mend", "y")
		s.ends(0)
		expectVerdict(t, h.expectMade(run, "mend"), "fixed")
	})

	t.Run("by Ctrl-C during a check", func(t *testing.T) {
		h := clean(t, host)
		g := h.gate("mended")
		s := sit(t, h.Host, "runbook", "run", "gated")
		g.reached()
		run := lastRun(t, h.Host)
		s.types(ctrlC)
		s.ends(130)
		h.expectMade(run, "")
		if left := script(t, h.Host, "pgrep -a -f '^cat /run/gate-mended$' || true"); left != "" {
			t.Errorf("still there:\n%s", left)
		}
	})

	t.Run("by a lost terminal during a change", func(t *testing.T) {
		h, run, s, open := changing(t)
		s.hangUp()
		recorded(t, h.Host, run, "noticed")
		open()
		s.ends(130) // at the next question, which it can't ask
		interrupted(h, run, "hangup")
		goesOn(h, run, "mend polish")
	})

	t.Run("by a lost terminal at a question", func(t *testing.T) {
		h := clean(t, host)
		s := sit(t, h.Host, "runbook", "run", "gated")
		s.asked("mend")
		run := lastRun(t, h.Host)
		s.hangUp()
		s.ends(130)
		h.expectMade(run, "")
		s = sit(t, h.Host, "runbook", "resume")
		s.answers("mend", "y")
		s.ends(0)
		expectVerdict(t, h.expectMade(run, "mend"), "fixed")
	})

	// Nothing is left to ask about.
	t.Run("not by a lost terminal during the last change", func(t *testing.T) {
		h := clean(t, host)
		g := h.gate("mend")
		s := sit(t, h.Host, "runbook", "run", "gated")
		s.answers("mend", "y")
		open := g.reached()
		run := lastRun(t, h.Host)
		s.hangUp()
		recorded(t, h.Host, run, "noticed")
		open()
		s.ends(0)
		expectVerdict(t, h.expectMade(run, "mend"), "fixed")
	})
}
