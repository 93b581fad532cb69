//go:build lab

package e2e

import (
	"path"
	"slices"
	"strings"
	"testing"

	"runbook/lab/host"
)

// Where a live run leaves traces beside its own folder: the names of locks, in memory too.
const (
	stateFolder = "/var/lib/runbook"
	memory      = "/dev/shm/runbook-0"
	memoryToo   = "/run/runbook"
)

// Each host is broken for real, first only rehearsed on, and then run on by a person who agrees to everything.
func TestFrontendNotStarting(t *testing.T) {
	for _, c := range []struct {
		name     string
		faults   []string
		plan     string   // verdict of the dry run
		planExit int      // 8 where something that matters could not be looked at
		words    []string // that the dry run must say of its steps
		verdict  string
		exit     int
		changes  string     // exactly these, in this order
		unknown  string     // checks that could not look
		findings string     // those that are true
		shows    host.Shows // what the host shows at the end that a healthy one does not
	}{
		{
			name: "healthy", faults: []string{"healthy"},
			plan: "healthy", verdict: "healthy",
		},
		{
			name: "transient unit stopped", faults: []string{"transient-stopped"},
			plan: "planned", words: []string{"REAL", "WOULD"},
			verdict: "fixed", changes: "restart",
		},
		{
			name: "transient unit failed", faults: []string{"transient-failed"},
			plan: "planned", words: []string{"REAL", "WOULD", "UNKNOWN"},
			verdict: "fixed", changes: "free_name restart", findings: "name_taken",
		},
		{
			name: "launcher stopped", faults: []string{"launcher-stopped"},
			plan: "planned", words: []string{"REAL", "WOULD"},
			verdict: "fixed", changes: "restart", findings: "launcher_down",
		},
		{
			name: "build missing", faults: []string{"build-missing"},
			plan: "planned", words: []string{"REAL", "WOULD", "UNKNOWN"},
			verdict: "fixed", changes: "free_name rebuild restart", findings: "name_taken build_missing",
		},
		{
			name: "IPv4 not pinned", faults: []string{"ipv6-binding"},
			plan: "planned", words: []string{"REAL", "WOULD", "UNKNOWN"},
			verdict: "fixed", changes: "free_name pin_ipv4 restart", findings: "name_taken ipv4_not_pinned address_in_use",
			// The other service is none of our business, and keeps what it has.
			shows: host.Shows{"port 3000": "127.0.0.1:3000 next-server,[::1]:3000 node"},
		},
		{
			name: "port held by a stranger", faults: []string{"port-held-foreign"},
			plan: "planned", words: []string{"REAL", "WOULD"},
			verdict: "escalated", exit: 6, findings: "port_taken name_taken address_in_use",
			shows: host.Shows{
				"transient": "failed (exit-code)", "port 3000": "127.0.0.1:3000 node", "/products": "404", "/orders": "404",
				"site /products": "404", "site /orders": "404",
			},
		},
		{
			name: "build missing and disk full", faults: []string{"build-missing-disk-full"},
			plan: "planned", words: []string{"REAL", "WOULD"},
			verdict: "escalated", exit: 6, findings: "name_taken build_missing disk_full",
			shows: host.Shows{
				"transient": "failed (exit-code)", "port 3000": "nobody", "build": "missing", "disk": "full",
				"/products": "no answer", "/orders": "no answer", "site /products": "502", "site /orders": "502",
			},
		},
		{
			name: "nobody can ask systemd", faults: []string{"systemd-unreachable"},
			plan: "undecided", planExit: 8, words: []string{"REAL", "UNKNOWN"},
			verdict: "undecided", exit: 8, unknown: "launcher transient name_free pinned",
			shows: host.Shows{
				"systemd": "does not answer", "dbus": "does not answer", "launcher": "unknown", "transient": "unknown",
				"launcher file": "unknown", "restarts": "unknown", "pm2-deploy": "unknown", "nginx": "unknown",
				"port 3000": "nobody", "/products": "no answer", "/orders": "no answer",
				"site /products": "502", "site /orders": "502",
			},
		},
		{
			name: "message bus dead", faults: []string{"dbus-dead"},
			plan: "healthy", words: []string{"private socket"},
			verdict: "healthy", findings: "bus_silent",
			shows: host.Shows{"dbus": "does not answer"},
		},
		{
			name: "message bus dead and transient unit stopped", faults: []string{"transient-stopped", "dbus-dead"},
			plan: "planned", words: []string{"REAL", "WOULD", "private socket"},
			verdict: "fixed", changes: "restart", findings: "bus_silent",
			shows: host.Shows{"dbus": "does not answer"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := boot(t, c.faults...)
			before := snapshot(t, h)

			rehearsal := call(t, h, "run", "frontend-not-starting", "--dry-run")
			for _, word := range append([]string{"verdict " + c.plan}, c.words...) {
				if !strings.Contains(strings.Join(strings.Fields(rehearsal.stderr), " "), word) {
					t.Errorf("the dry run does not say %q", word)
				}
			}
			if rehearsal.exit != c.planExit {
				t.Errorf("the dry run exits with %d, not %d", rehearsal.exit, c.planExit)
			}
			unchanged(t, h, before, stateFolder, memory)
			events := journal(t, h, lastRun(t, h))
			expectVerdict(t, events, c.plan)
			for _, typ := range []string{"question.answered", "change.started"} {
				for _, e := range of(events, typ) {
					if e.Answer.Value != "would" {
						t.Errorf("%s at %s in a dry run", typ, e.Step)
					}
				}
			}
			if t.Failed() {
				t.Logf("the dry run said:\n%s", rehearsal.stderr)
			}

			s := sit(t, h, "runbook", "run", "frontend-not-starting")
			s.agrees()
			s.ends(c.exit)
			expectHost(t, h, c.shows)
			run := lastRun(t, h)
			events = journal(t, h, run)
			expectVerdict(t, events, c.verdict)
			for _, typ := range []string{"question.asked", "change.started", "change.ended"} {
				expectSteps(t, events, typ, c.changes)
			}
			if c.changes == "" {
				unchanged(t, h, before, stateFolder, memory, memoryToo)
			}
			expectLooks(t, events, c.unknown)
			expectFindings(t, events, c.findings)
			report := script(t, h, "cat "+path.Join(run, "report.md"))
			for _, word := range append(strings.Fields(c.findings), strings.ToUpper(c.verdict)) {
				if !strings.Contains(report, word) {
					t.Errorf("the report does not say %q:\n%s", word, report)
				}
			}
		})
	}
}

// expectLooks holds the checks that could not look against the expected ones.
func expectLooks(t *testing.T, events []event, unknown string) {
	t.Helper()
	could := map[string]bool{}
	for _, e := range of(events, "check.looked") {
		if e.Outcome != "unknown" {
			continue
		}
		could[e.Step] = true
		if !slices.Contains(strings.Fields(unknown), e.Step) {
			t.Errorf("%s could not look: %+v", e.Step, e.Failure)
		}
	}
	for step := range strings.FieldsSeq(unknown) {
		if !could[step] {
			t.Errorf("%s could look", step)
		}
	}
}

// expectFindings holds all findings that were true at some time against the expected ones.
func expectFindings(t *testing.T, events []event, want string) {
	t.Helper()
	var found []string
	for _, e := range of(events, "finding.concluded") {
		if e.Value == "true" && !slices.Contains(found, e.Finding) {
			found = append(found, e.Finding)
		}
	}
	wanted := strings.Fields(want)
	slices.Sort(found)
	slices.Sort(wanted)
	if !slices.Equal(found, wanted) {
		t.Errorf("found %q, not %q", found, wanted)
	}
}
