//go:build lab

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"runbook/lab/host"
)

// event is one line of a journal, as far as these tests look at it.
type event struct {
	Seq      int    `json:"seq"`
	Type     string `json:"type"`
	Step     string `json:"step"`
	Outcome  string `json:"outcome"`
	Finding  string `json:"finding"`
	Value    string `json:"value"`
	Verdict  string `json:"verdict"`
	Signal   string `json:"signal"`
	Text     string `json:"text"`
	By       string `json:"by"`
	Say      string `json:"say"`
	Only     bool   `json:"only"`
	Output   map[string]any
	Failure  *struct{ Kind, Message string }
	Question struct{ Step, Kind string }
	Answer   struct{ Value, By, Via string }
	Evidence []struct {
		Name, File  string
		Bytes, Kept int64
	}
}

// lastRun is the folder of the run that began last, wherever it lies.
func lastRun(t *testing.T, h *host.Host) string {
	t.Helper()
	out := script(t, h, `
		for journal in /var/lib/runbook/runs/*/journal.jsonl /dev/shm/runbook-0/runs/*/journal.jsonl; do
			[ ! -e "$journal" ] || head -n 1 "$journal" | sed 's|.*"at":"\([^"]*\)Z".*|\1 '"${journal%/*}|"
		done | LC_ALL=C sort | tail -n 1`)
	_, dir, ok := strings.Cut(strings.TrimSpace(out), " ")
	if !ok {
		t.Fatal("there is no run on the host")
	}
	return dir
}

// journal reads the journal in the folder of a run, and verifies every line against the one before it, as
// docs/journal.md says.
func journal(t *testing.T, h *host.Host, run string) []event {
	t.Helper()
	var events []event
	previous := strings.Repeat("0", 64)
	for line := range strings.Lines(script(t, h, "cat "+path.Join(run, "journal.jsonl"))) {
		body, rest, ok := cutLast(strings.TrimSuffix(line, "\n"), `,"hash":"`)
		sum := sha256.Sum256([]byte(previous + body + "}"))
		previous = hex.EncodeToString(sum[:])
		if !ok || rest != previous+`"}` {
			t.Fatalf("this line of the journal does not fit to the one before it:\n%s", line)
		}
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Step == "" {
			e.Step = e.Question.Step
		}
		events = append(events, e)
	}
	return events
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// of picks the events of a type.
func of(events []event, typ string) []event {
	var found []event
	for _, e := range events {
		if e.Type == typ {
			found = append(found, e)
		}
	}
	return found
}

// steps lists the steps of events, one after the other, with blanks between.
func steps(events []event) string {
	var names []string
	for _, e := range events {
		names = append(names, e.Step)
	}
	return strings.Join(names, " ")
}

// expectVerdict holds the end of a run against the expected verdict.
func expectVerdict(t *testing.T, events []event, verdict string) {
	t.Helper()
	ends := slices.DeleteFunc(of(events, "run.ended"), func(e event) bool { return e.Step != "" }) // an inner runbook's
	if len(ends) != 1 || ends[0].Verdict != verdict {
		t.Errorf("the run ended with %+v, not once with %s", ends, verdict)
	}
}

// expectSteps holds the steps of all events of a type against the expected ones.
func expectSteps(t *testing.T, events []event, typ, want string) {
	t.Helper()
	if got := steps(of(events, typ)); got != want {
		t.Errorf("%s at %q, not at %q", typ, got, want)
	}
}
