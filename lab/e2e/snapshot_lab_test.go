//go:build lab

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/lab/host"
)

// A page of the whole host says what runs what. The host that stays as it is does not drift from it, not even over a
// reboot; what somebody changed is named, and nothing else. Looking leaves no trace.
func TestSnapshotOfTheWholeHost(t *testing.T) {
	t.Parallel()
	h := boot(t)
	before := snapshot(t, h)
	script(t, h, "runbook snapshot > /root/one.md; runbook snapshot > /root/two.md; runbook snapshot --check /root/one.md")
	unchanged(t, h, before, "/root/one.md", "/root/two.md", "/dev/shm")
	if left := script(t, h, "ls -A /dev/shm"); left != "" {
		t.Errorf("left in memory: %s", left)
	}

	one, two := script(t, h, "cat /root/one.md"), script(t, h, "cat /root/two.md")
	for _, row := range []string{
		"| `nginx.service` | systemd | root | yes | active (running) | `0.0.0.0:80`, `[::]:80`, `0.0.0.0:443`, `[::]:443` |",
		"| `dixis-frontend-launcher.service` | systemd | root | yes | active (exited) | – |",
		"| `dixis-frontend-prod.service` | systemd, transient | root | by `dixis-frontend-launcher.service` | active (running) | `127.0.0.1:3000` |",
		"| `dixis-backend` | pm2 of deploy | deploy | by `pm2-deploy.service` | online | `127.0.0.1:8001` |",
	} {
		if !strings.Contains(one, "\n"+row+"\n") {
			t.Errorf("the page has no row %s", row)
		}
	}
	if diff := cmp.Diff(values(t, one), values(t, two)); diff != "" {
		t.Errorf("two pages in a row have different values:\n%s", diff)
	}

	if err := h.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	well := host.Shows{}
	for _, p := range host.Probes() {
		well[p.Name] = p.Healthy
	}
	if err := h.Await(t.Context(), well); err != nil {
		t.Fatal(err)
	}
	expectDrift(t, h, 0)

	if err := h.Break(t.Context(), "launcher-disabled"); err != nil {
		t.Fatal(err)
	}
	expectDrift(t, h, 3, `boot.enabled lost "dixis-frontend-launcher.service" > null`, `launcher.enabled changed "enabled" > "disabled"`)
}

// When the message bus dies, everything is as it was but the way to systemd, and that is news.
func TestDriftOfADeadBus(t *testing.T) {
	t.Parallel()
	h := boot(t)
	script(t, h, "runbook snapshot > /root/one.md")
	if err := h.Break(t.Context(), "dbus-dead"); err != nil {
		t.Fatal(err)
	}
	const via = `via changed "bus" > "private socket"`
	expectDrift(t, h, 3, "boot."+via, "frontend."+via, "launcher."+via, "nginx."+via, "pm2."+via)
}

// values is the block of values of a page, without when it was taken.
func values(t *testing.T, page string) map[string]any {
	t.Helper()
	_, block, _ := strings.Cut(page, "\n```json\n")
	block, _, _ = strings.Cut(block, "\n```\n")
	var v map[string]any
	if err := json.Unmarshal([]byte(block), &v); err != nil {
		t.Fatal(err)
	}
	delete(v, "taken")
	return v
}

// expectDrift holds the host against its page.
func expectDrift(t *testing.T, h *host.Host, exit int, want ...string) {
	t.Helper()
	r := call(t, h, "snapshot", "--check", "/root/one.md", "--json")
	var out struct {
		Drift []struct {
			Step, Field, Change string
			Was, Is             json.RawMessage
		}
	}
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatalf("%v\n%s", err, r.stdout)
	}
	have := []string{}
	for _, d := range out.Drift {
		have = append(have, fmt.Sprintf("%s.%s %s %s > %s", d.Step, d.Field, d.Change, d.Was, d.Is))
	}
	slices.Sort(have)
	if diff := cmp.Diff(append([]string{}, want...), have); diff != "" || r.exit != exit {
		t.Errorf("exit %d, want %d, drift (-want +have):\n%s", r.exit, exit, diff)
	}
}
