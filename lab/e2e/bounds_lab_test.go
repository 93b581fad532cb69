//go:build lab

package e2e

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"runbook/lab/host"
)

// What a step prints, however much it is and whatever it looks like, costs neither memory nor disk.
func TestAGigabyteOfOutput(t *testing.T) {
	t.Parallel()
	const (
		gigabyte = 1 << 30
		most     = 64 << 10 // KiB, of engine and supervisor together
		kept     = 1 << 20  // of one piece of evidence
	)
	h := boot(t)
	install(t, h, "torrent.yaml")
	for _, c := range []struct{ name, prints string }{
		{"lines", "yes 'the same line again'"},
		{"one line", "cat /dev/zero"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := clean(t, h)
			look, pour := g.gate("look"), g.gate("pour")
			s := sit(t, h, "runbook", "run", "torrent", "--yes", "-p", "prints="+c.prints)

			open := look.reached()
			if peak := peak(t, h, s, 0); peak > most {
				t.Errorf("after a check has printed a gigabyte the engine has taken up to %d KiB", peak)
			}
			open()
			open = pour.reached()
			run := lastRun(t, h)
			if peak := peak(t, h, s, supervisor(t, h, run, "pour")); peak > most {
				t.Errorf("after a change has printed a gigabyte engine and supervisor have taken up to %d KiB", peak)
			}
			open()
			s.ends(3)

			events := journal(t, h, run)
			for _, e := range append(of(events, "check.looked"), of(events, "change.ended")...) {
				if e.Step == "there" {
					continue
				}
				out := e.Evidence[0]
				if e.Failure != nil || out.Bytes != gigabyte || out.Kept > kept {
					t.Errorf("%s: failed %+v, evidence %+v", e.Step, e.Failure, out)
				}
				size, err := strconv.ParseInt(strings.TrimSpace(script(t, h, "stat -c %s "+path.Join(run, out.File))), 10, 64)
				if err != nil || size > kept+4096 {
					t.Errorf("%s has %d bytes on the disk: %v", out.File, size, err)
				}
			}
		})
	}
}

// peak is how much memory, in KiB, the program in a session and its supervisor have had at most; a supervisor 0 is none.
func peak(t *testing.T, h *host.Host, s *session, supervisor int) int {
	t.Helper()
	engine, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process().Pid))
	if err != nil {
		t.Fatal(err)
	}
	text := string(engine)
	if supervisor > 0 {
		text += script(t, h, fmt.Sprintf("cat /proc/%d/status", supervisor))
	}
	sum := 0
	for line := range strings.Lines(text) {
		var peak int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &peak); err == nil {
			t.Logf("peak %d KiB", peak)
			sum += peak
		}
	}
	if sum == 0 {
		t.Fatalf("no peak in:\n%s", text)
	}
	return sum
}

// A step whose time is over leaves nobody behind.
func TestProcessesThatIgnoreTERM(t *testing.T) {
	t.Parallel()
	h := boot(t)
	install(t, h, "deaf.yaml")
	result := call(t, h, "run", "deaf", "--yes", "--no-input")
	if result.exit != 4 {
		t.Errorf("exit %d", result.exit)
	}
	events := journal(t, h, lastRun(t, h))
	expectVerdict(t, events, "failed")
	ended := map[string]string{}
	for _, e := range append(of(events, "check.looked"), of(events, "change.ended")...) {
		if e.Failure != nil {
			ended[e.Step] = e.Failure.Kind
		}
	}
	if ended["look"] != "timeout" || ended["work"] != "timeout" {
		t.Errorf("failures: %v", ended)
	}
	if left := script(t, h, "pgrep -a -f '[s]leep 48' || true"); left != "" {
		t.Errorf("still there:\n%s", left)
	}
	if t.Failed() {
		t.Log(result.stderr)
	}
}
