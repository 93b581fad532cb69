//go:build lab

package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/lab/host"
)

// patience is how long a test waits for what must come. It is only reached when it does not.
const patience = 5 * time.Minute

// program is the binary under test, on the machine.
var program string

// TestMain builds the program once, as it is shipped.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "runbook-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "runbook")
		build := exec.Command("go", "build", "-o", program, "runbook/cmd/runbook")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// boot boots a host with the program on it and breaks it with each of the faults.
func boot(t *testing.T, faults ...string) *host.Host {
	t.Helper()
	h, err := host.Boot(t.Context(), host.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := h.CopyIn(t.Context(), program, "/usr/local/bin/runbook", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		if err := h.Break(t.Context(), fault); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// script runs a shell script on the host and returns what it printed. It must succeed.
func script(t *testing.T, h *host.Host, text string) string {
	t.Helper()
	out, err := h.Run(t.Context(), "/bin/sh", "-euc", text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// install puts a file of testdata where root's runbooks are.
func install(t *testing.T, h *host.Host, name string) {
	t.Helper()
	if err := h.CopyIn(t.Context(), filepath.Join("testdata", name), "/etc/runbook/runbooks/"+name, 0o644); err != nil {
		t.Fatal(err)
	}
}

// result is what a call of the program without a terminal came to.
type result struct {
	stdout, stderr string
	exit           int
}

// call runs the program without a terminal and without input: in a session of its own, so that it can't find the
// terminal of whoever runs these tests.
func call(t *testing.T, h *host.Host, args ...string) result {
	t.Helper()
	var out, text strings.Builder
	cmd := h.Command(t.Context(), append([]string{"setsid", "--wait", "runbook"}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &text
	err := cmd.Run()
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case failed:
		return result{out.String(), text.String(), exit.ExitCode()}
	case err != nil:
		t.Fatal(err)
	}
	return result{out.String(), text.String(), 0}
}

// snapshot looks at files, units and processes.
func snapshot(t *testing.T, h *host.Host) host.Snapshot {
	t.Helper()
	s, err := h.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// journalStreams is where journald remembers units, and forgets one that was stopped some time after it.
const journalStreams = "/run/systemd/journal/streams"

// unchanged fails the test for everything that is not as it was, but for what is at or below the paths in except.
func unchanged(t *testing.T, h *host.Host, before host.Snapshot, except ...string) {
	t.Helper()
	except = append(except, journalStreams)
	for _, change := range before.Diff(snapshot(t, h), except...) {
		t.Errorf("changed: %s", change)
	}
}

// expectHost holds the host against its probes: each must give the healthy answer, or the one that is named.
func expectHost(t *testing.T, h *host.Host, but host.Shows) {
	t.Helper()
	for _, r := range h.Check(t.Context()) {
		want, named := but[r.Probe.Name]
		if !named {
			want = r.Probe.Healthy
		}
		if r.Value != want {
			t.Errorf("the host shows %s: %q, not %q", r.Probe.Name, r.Value, want)
		}
	}
}
