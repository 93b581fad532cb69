package screen_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

func TestWhatAFindingLookedAtIsSaidOnce(t *testing.T) {
	seen := []engine.Seen{{Name: "port.sockets", Value: "[]", Known: true}, {Name: "port.sockets", Value: "[]", Known: true}}
	terms := []engine.Term{
		{Text: "findings.port_taken", Value: engine.False, Seen: seen, Decides: true},
		{Text: "not findings.port_taken", Value: engine.Unknown, Seen: seen, Decides: true},
		{Text: "findings.port_taken or steps.page.skipped", Value: engine.False, Seen: seen, Decides: true},
	}
	want := []string{
		"findings.port_taken                        false",
		"not findings.port_taken                    unknown  port.sockets = []",
		"findings.port_taken or steps.page.skipped  false    port.sockets = []",
	}
	if diff := cmp.Diff(want, screen.Explain(screen.WithoutFindings(terms), 100)); diff != "" {
		t.Error(diff)
	}
	if len(terms[0].Seen) == 0 {
		t.Error("the event itself was changed")
	}
}
