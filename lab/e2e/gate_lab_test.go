//go:build lab

package e2e

import (
	"bufio"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"runbook/lab/host"
)

// gated is a host with the runbook of that name.
type gated struct {
	*host.Host
	t *testing.T
}

// clean makes a host as if gated had never run there, for the test t.
func clean(t *testing.T, h *host.Host) gated {
	t.Helper()
	install(t, h, "gated.yaml")
	script(t, h, `rm -f /srv/* /run/gate-*`)
	return gated{h, t}
}

// gate is a named pipe on the host. Who reads from it stands there until it is opened.
type gate struct {
	h    gated
	path string
}

// gate puts up the gate of that name.
func (h gated) gate(name string) gate {
	h.t.Helper()
	g := gate{h, "/run/gate-" + name}
	script(h.t, h.Host, "mkfifo "+g.path)
	return g
}

// reached waits until somebody stands at the gate, and takes the gate away for all who come later. open lets them go
// on.
func (g gate) reached() (open func()) {
	t := g.h.t
	t.Helper()
	cmd := g.h.Command(t.Context(), "/bin/sh", "-euc", `exec 3>"$0"; rm "$0"; echo reached; cat`, g.path)
	inside, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	said, outside, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout = inside, outside
	err = cmd.Start()
	_, _ = inside.Close(), outside.Close()
	if err != nil {
		t.Fatal(err)
	}
	// The gate goes with the shell that holds it, so it is open at the end of the test in any case.
	t.Cleanup(func() { _, _, _ = hold.Close(), said.Close(), cmd.Process().Kill() })
	line := make(chan error, 1)
	go func() {
		_, err := bufio.NewReader(said).ReadString('\n')
		line <- err
	}()
	select {
	case err := <-line:
		if err != nil {
			t.Fatalf("hold %s: %v", g.path, err)
		}
	case <-time.After(patience):
		t.Fatalf("nobody comes to %s", g.path)
	}
	return func() {
		t.Helper()
		_ = hold.Close()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("open %s: %v", g.path, err)
		}
	}
}

// made lists the changes that were begun on the host, by the marks that they left there.
func (h gated) made() string {
	h.t.Helper()
	return strings.Join(strings.Fields(script(h.t, h.Host, "cat /srv/made 2>/dev/null || true")), " ")
}

// expectMade holds the changes that were begun on the host, and those that the journal knows of, against the expected
// ones.
func (h gated) expectMade(run, want string) []event {
	h.t.Helper()
	if got := h.made(); got != want {
		h.t.Errorf("made on the host: %q, not %q", got, want)
	}
	events := journal(h.t, h.Host, run)
	expectSteps(h.t, events, "change.started", want)
	return events
}

// recorded waits until the journal of a run has an event of a type.
func recorded(t *testing.T, h *host.Host, run, typ string) {
	t.Helper()
	await(t, h, `grep -q '"type":"`+typ+`"' `+path.Join(run, "journal.jsonl"))
}

// await waits until a shell script on the host succeeds.
func await(t *testing.T, h *host.Host, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		cmd := h.Command(t.Context(), "/bin/sh", "-c", text)
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
		if cmd.Run() == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", text)
		}
	}
}

// supervisor is the process on the host that makes a change: who has the claim on its first attempt.
func supervisor(t *testing.T, h *host.Host, run, step string) int {
	t.Helper()
	claim := path.Join(run, "changes", step+"-1", "claim")
	pid, err := strconv.Atoi(strings.TrimSpace(script(t, h, `sed 's/.*"pid":\([0-9]*\).*/\1/' `+claim)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
