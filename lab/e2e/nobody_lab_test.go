//go:build lab

package e2e

import (
	"strings"
	"testing"
)

// Nobody says yes by accident, and what is not a yes changes nothing.
func TestNobodySaysYesByAccident(t *testing.T) {
	t.Parallel()
	h := boot(t, "transient-stopped")
	before := snapshot(t, h)
	const run = "runbook run frontend-not-starting"

	for _, c := range []struct {
		name    string
		shell   string   // what is called
		typed   string   // before any question is there
		answer  string   // to the question, without which there is none
		exit    int      // 5: declined, 7: refused
		says    []string // on the screen
		verdict string
	}{
		{name: "a yes from a pipe, no terminal", shell: "echo y | setsid --wait " + run, exit: 7, says: []string{"restart", "--yes"}, verdict: "refused"},
		{name: "no input, no terminal", shell: "setsid --wait " + run + " </dev/null", exit: 7, says: []string{"restart", "--yes"}, verdict: "refused"},
		{name: "a closed input, no terminal", shell: "setsid --wait " + run + " <&-", exit: 7, says: []string{"restart", "--yes"}, verdict: "refused"},
		{name: "no-input at a terminal", shell: run + " --no-input", exit: 7, says: []string{"restart", "--yes"}, verdict: "refused"},
		{name: "a yes from a pipe, at a terminal", shell: "yes | " + run, answer: "n\n", exit: 5, verdict: "declined"},
		{name: "lines typed ahead", shell: run, typed: "y\ny\nyes\ny\n", answer: "n\n", exit: 5, verdict: "declined"},
		{name: "a key typed ahead, and Enter at the question", shell: run, typed: "y", answer: "\n", exit: 5, verdict: "declined"},
		{name: "Enter", shell: run, answer: "\n", exit: 5, verdict: "declined"},
		{name: "another key", shell: run, answer: "j\n", exit: 5, verdict: "declined"},
		{name: "a yes with a word behind it", shell: run, answer: "y but later\n", exit: 5, verdict: "declined"},
		{name: "end of input", shell: run, answer: "\x04", exit: 5, verdict: "declined"},
		{name: "quit", shell: run, answer: "q\n", exit: 5, verdict: "declined"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sit(t, h, "/bin/sh", "-c", c.shell)
			if c.typed != "" {
				s.types(c.typed)
			}
			if c.answer != "" {
				s.asked("restart")
				s.types(c.answer)
			}
			s.ends(c.exit)
			for _, word := range c.says {
				if !strings.Contains(s.shown(), word) {
					t.Errorf("it does not say %q", word)
				}
			}
			events := journal(t, h, lastRun(t, h))
			expectVerdict(t, events, c.verdict)
			expectSteps(t, events, "change.started", "")
			unchanged(t, h, before, stateFolder, memory, memoryToo)
		})
	}
}
