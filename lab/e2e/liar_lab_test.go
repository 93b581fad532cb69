//go:build lab

package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"runbook/lab/host"
)

// witnesses are what the checks of liar.yaml try to change.
const witnesses = `
	echo truth >/srv/witness
	install -o deploy /srv/witness /home/deploy/witness
	setsid sleep 4711 </dev/null >/dev/null 2>&1 &
	echo $! >/srv/victim
	systemctl stop witness.service 2>/dev/null || true
	printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n' >/etc/systemd/system/witness.service
	systemctl daemon-reload`

// The kernel stops checks that do not only read: in a dry run, and as well when changes are allowed.
func TestChecksThatLie(t *testing.T) {
	t.Parallel()
	attempts := liars(t)
	for _, mode := range []string{"--dry-run", "--yes"} {
		t.Run(mode, func(t *testing.T) {
			h := boot(t)
			install(t, h, "liar.yaml")
			script(t, h, witnesses)
			before := snapshot(t, h)
			result := call(t, h, "run", "liar", mode)
			looked := map[string]event{}
			for _, e := range of(journal(t, h, lastRun(t, h)), "check.looked") {
				looked[e.Step] = e
			}
			for _, a := range attempts {
				switch e := looked[a.id]; e.Outcome {
				case "unhealthy", "unknown":
				default:
					t.Errorf("%s came through: %+v", a.id, e)
				}
			}
			if text, _ := looked["clock"].Output["stderr"].(string); !strings.Contains(text, "not permitted") {
				t.Errorf("the clock is not out of reach, but %q", text)
			}
			// What the last one left behind would write by now.
			script(t, h, "sleep 2")
			unchanged(t, h, before, stateFolder, memory, memoryToo)
			if t.Failed() {
				t.Log(result.stderr)
			}
		})
	}

	// Nothing but the sandbox is in their way.
	t.Run("without a sandbox", func(t *testing.T) {
		h := boot(t)
		for _, a := range attempts {
			if a.id == "clock" { // the machine's own
				continue
			}
			script(t, h, witnesses)
			before := snapshot(t, h)
			argv := a.argv
			if a.as != "" {
				argv = append([]string{"sudo", "-u", a.as}, argv...)
			}
			if out, err := h.Run(t.Context(), argv...); err != nil && a.id != "later" {
				t.Errorf("%s fails in any case: %v\n%s", a.id, err, out)
			}
			changed(t, h, a.id, before)
		}
	})
}

// changed waits until an attempt shows, but for those that can't be seen in a snapshot: they have exited with 0.
func changed(t *testing.T, h *host.Host, id string, before host.Snapshot) {
	t.Helper()
	if slices.Contains([]string{"log", "network", "mount", "namespace", "host_name"}, id) {
		return
	}
	for deadline := time.Now().Add(patience); len(before.Diff(snapshot(t, h))) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s changes nothing in any case", id)
		}
	}
}

// attempt is one lying check.
type attempt struct {
	id, as string
	argv   []string
}

// liars reads the attempts from the runbook, so that it is these very commands that are tried without a sandbox.
func liars(t *testing.T) []attempt {
	t.Helper()
	source, err := os.ReadFile("testdata/liar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var book struct {
		Steps []struct {
			ID, As string
			With   struct {
				Argv []string
				Text string
			}
		}
	}
	if err := yaml.Unmarshal(source, &book); err != nil {
		t.Fatal(err)
	}
	var all []attempt
	for _, s := range book.Steps {
		argv := s.With.Argv
		if s.With.Text != "" {
			argv = []string{"/bin/sh", "-e", "-c", s.With.Text}
		}
		all = append(all, attempt{s.ID, s.As, slices.Clone(argv)})
	}
	if len(all) < 20 || !strings.Contains(string(source), "reads: true") {
		t.Fatalf("only %d attempts", len(all))
	}
	return all
}
