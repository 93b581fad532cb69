//go:build lab

package stepstest

import (
	"os"
	"path/filepath"
	"testing"

	lab "runbook/lab/host"
)

// Lab boots a host of the lab, which is there until the test ends. tell runs this very test inside it, by this very test
// program, and fails when it fails; there, [Inside] gives the part that it was told.
func Lab(t *testing.T) (h *lab.Host, tell func(part string)) {
	t.Helper()
	h, err := lab.Boot(t.Context(), lab.Options{Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join("/usr/local/lib", filepath.Base(self))
	if err := h.CopyIn(t.Context(), self, inside, 0o755); err != nil {
		t.Fatal(err)
	}
	return h, func(part string) {
		t.Helper()
		cmd := h.Command(t.Context(), inside, "-test.v", "-test.run=^"+t.Name()+"$")
		cmd.Env = append(cmd.Env, insideEnv+"="+part)
		cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s, inside the host: %v", part, err)
		}
	}
}
