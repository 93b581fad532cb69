//go:build lab

package e2e

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"runbook/lab/host"
)

// Where a live run leaves traces beside its own folder: the names of locks, in memory too.
const (
	stateFolder = "/var/lib/runbook"
	memory      = "/dev/shm/runbook-0"
	memoryToo   = "/run/runbook"
)

var update = flag.Bool("update", false, "write docs/faults.md anew")

// matrixPage is where people read the matrix.
const matrixPage = "../../docs/faults.md"

// row is one way in which a host is broken, and all that the runbook may make of it.
type row struct {
	faults   string     // one or more, with blanks between
	reboot   host.Shows // what the host shows after a reboot; nil when there was none
	runbook  string
	plan     string // verdict of the dry run; planned unless given
	verdict  string
	findings string     // all that are true at some time, with the path of an inner runbook
	unknown  string     // checks that can't look
	changes  string     // exactly these, in this order
	units    string     // exactly these are in another state, or another run, than before
	files    string     // at or below these paths the disk may change; elsewhere nothing does
	leaves   host.Shows // what a host that was changed shows at the end, and a healthy one does not
	alive    string     // the host changes by itself: deploy's processes, and what is below these paths
	tells    string     // words of what the person who has to go on is told
}

// exits are the exit codes of the verdicts, as docs/language.md gives them.
func exits() map[string]int {
	return map[string]int{
		"healthy": 0, "fixed": 0, "planned": 0, "not-fixed": 3, "failed": 4, "declined": 5, "escalated": 6, "undecided": 8,
	}
}

// TestFaultMatrix breaks a host in each way, rehearses the runbook on it, which must change nothing, and then runs it
// for a person who agrees to everything that is asked: whatever is wrong to do is done then, and seen here.
func TestFaultMatrix(t *testing.T) {
	var mu sync.Mutex
	says := make([]string, len(rows()))
	passed := make([]bool, len(rows()))
	t.Run("rows", func(t *testing.T) {
		for i, r := range rows() {
			t.Run(r.runbook+"/"+r.name(), func(t *testing.T) {
				t.Parallel()
				told := r.try(t)
				mu.Lock()
				defer mu.Unlock()
				says[i], passed[i] = told, !t.Failed()
			})
		}
	})
	t.Logf("\n%s", table(rows(), passed))
	if slices.Contains(passed, false) {
		return // a row has failed, or only a part of the matrix was asked for
	}
	now := page(rows(), says)
	if *update {
		if err := os.WriteFile(matrixPage, now, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept, err := os.ReadFile(matrixPage); err != nil || !bytes.Equal(kept, now) {
		t.Errorf("docs/faults.md is not what was seen (%v); `task matrix -- -update` writes it anew:\n%s", err, now)
	}
}

// try makes a row real, and tells what the person who has to go on is told.
func (r row) try(t *testing.T) (says string) {
	t.Helper()
	h := boot(t, strings.Fields(r.faults)...)
	if r.reboot != nil {
		if err := errors.Join(h.Reboot(t.Context()), h.Await(t.Context(), r.reboot)); err != nil {
			t.Fatal(err)
		}
	}
	before := snapshot(t, h)

	plan := r.plan
	if plan == "" {
		plan = "planned"
	}
	rehearsal := call(t, h, "run", r.runbook, "--dry-run")
	for _, c := range before.Diff(snapshot(t, h), append(strings.Fields(r.alive), stateFolder, memory, journalStreams)...) {
		if r.alive == "" || c.Kind != "process" || !strings.Contains(c.Before+c.After, "uid 1000/") {
			t.Errorf("changed by a dry run: %s", c)
		}
	}
	events := journal(t, h, lastRun(t, h))
	expectVerdict(t, events, plan)
	expectNothingDone(t, events)
	if want := exits()[plan]; rehearsal.exit != want {
		t.Errorf("the dry run exits with %d, not %d", rehearsal.exit, want)
	}
	if t.Failed() {
		t.Logf("the dry run said:\n%s", rehearsal.stderr)
	}

	person := sit(t, h, "runbook", "run", r.runbook)
	person.agrees()
	person.ends(exits()[r.verdict])
	run := lastRun(t, h)
	events = journal(t, h, run)
	expectVerdict(t, events, r.verdict)
	for _, typ := range []string{"question.asked", "change.started", "change.ended"} {
		expectSteps(t, events, typ, r.changes)
	}
	expectLooks(t, events, r.unknown)
	expectFindings(t, events, r.findings)
	free := append(strings.Fields(r.files), stateFolder, "/run", "/dev/shm", "/tmp", "/var/log")
	r.expectTouched(t, before.Diff(snapshot(t, h), free...))

	if r.changes != "" {
		expectHost(t, h, r.leaves)
	} else if err := h.Await(t.Context(), r.shows()); err != nil {
		t.Errorf("nobody has changed the host, and it is not as broken as before: %v", err)
	}
	report := script(t, h, "cat "+path.Join(run, "report.md"))
	for _, word := range append(strings.Fields(r.findings), strings.ToUpper(strings.ReplaceAll(r.verdict, "-", " "))) {
		if !strings.Contains(report, path.Base(word)) {
			t.Errorf("the report does not say %q:\n%s", word, report)
		}
	}
	says = told(events)
	if !strings.Contains(says, r.tells) || (r.tells == "") != (says == "") {
		t.Errorf("the person who has to go on is told %q, not %q", says, r.tells)
	}
	return says
}

// name is what the row is called.
func (r row) name() string {
	if r.reboot != nil {
		return r.faults + ", then a reboot"
	}
	return r.faults
}

// shows is what a host shows that is broken in all the ways of the row, before the runbook is run.
func (r row) shows() host.Shows {
	if r.reboot != nil {
		return r.reboot
	}
	shows := host.Shows{}
	for _, f := range host.Faults() {
		if slices.Contains(strings.Fields(r.faults), f.Name) {
			maps.Copy(shows, f.Shows)
		}
	}
	return shows
}

// told is what the person who has to go on is told, "" when nobody has to.
func told(events []event) string {
	var says []string
	for _, e := range of(events, "run.escalated") {
		says = append(says, e.Say)
	}
	return strings.Join(says, "\n")
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

// expectNothingDone holds a dry run to its word.
func expectNothingDone(t *testing.T, events []event) {
	t.Helper()
	for _, typ := range []string{"question.answered", "change.started"} {
		for _, e := range of(events, typ) {
			if e.Answer.Value != "would" {
				t.Errorf("%s at %s in a dry run", typ, e.Step)
			}
		}
	}
}

// expectTouched holds what is not as before against what may be: on the disk, and among the services. What a run keeps
// of itself, and what lives in memory, is nobody's harm.
func (r row) expectTouched(t *testing.T, changes []host.Change) {
	t.Helper()
	touched := map[string]bool{}
	for _, c := range changes {
		switch {
		case c.Kind == "unit" && strings.HasSuffix(c.Name, ".service"):
			touched[c.Name] = true
		case c.Kind == "file" && !isBackup(c.Name):
			t.Errorf("changed: %s", c)
		}
	}
	for unit := range touched {
		if !slices.Contains(strings.Fields(r.units), unit) {
			t.Errorf("unit %s is not as it was", unit)
		}
	}
	for unit := range strings.FieldsSeq(r.units) {
		if !touched[unit] {
			t.Errorf("unit %s is as it was", unit)
		}
	}
}

// isBackup says whether a file is what file.write keeps of the one that it has replaced.
func isBackup(name string) bool {
	return strings.HasPrefix(path.Base(name), ".") && strings.Contains(path.Base(name), ".runbook-")
}

// table is the matrix for a terminal, in the order of the rows.
func table(rows []row, passed []bool) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FAULT\tRUNBOOK\tCONCLUDES\tCHANGES\tVERDICT\tROW")
	for i, r := range rows {
		right := "right"
		if !passed[i] {
			right = "not shown to be right"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n",
			r.name(), r.runbook, cmp.Or(r.findings, "-"), cmp.Or(r.changes, "-"), r.verdict, right)
	}
	_ = w.Flush() // a strings.Builder takes everything
	return b.String()
}

// page is the matrix for docs/.
func page(rows []row, says []string) []byte {
	var b bytes.Buffer
	b.WriteString(pageHead)
	b.WriteString("\n| fault | the host shows | runbook | concludes | changes | verdict | afterwards |\n")
	b.WriteString("|---|---|---|---|---|---|---|\n")
	code := func(words string) string {
		if words == "" {
			return "none"
		}
		return "`" + strings.Join(strings.Fields(words), "` `") + "`"
	}
	for _, r := range rows {
		after := "as before"
		if r.changes != "" {
			after = unhealthy(r.leaves)
		}
		fmt.Fprintf(&b, "| **%s**<br>%s | %s | `%s` | %s | %s | %s | %s |\n",
			r.name(), strings.Join(r.summaries(), "<br>"), unhealthy(r.shows()), r.runbook, code(r.findings), code(r.changes), r.verdict, after)
	}
	b.WriteString("\n## What people are told\n\nWhere a runbook hands over, it says this:\n")
	for i, r := range rows {
		if says[i] != "" {
			fmt.Fprintf(&b, "\n- **%s**: %s\n", r.name(), anyPID.ReplaceAllString(strings.ReplaceAll(says[i], "\n", " "), "pid …"))
		}
	}
	return b.Bytes()
}

// anyPID is what differs from run to run in what people are told.
var anyPID = regexp.MustCompile(`pid [0-9]+`)

// summaries says in words how the host was broken.
func (r row) summaries() []string {
	var all []string
	for _, f := range host.Faults() {
		if slices.Contains(strings.Fields(r.faults), f.Name) {
			all = append(all, f.Summary)
		}
	}
	return all
}

// unhealthy says what a healthy host does not show, in a cell of a table.
func unhealthy(shows host.Shows) string {
	var bad []string
	for _, p := range host.Probes() {
		if value, ok := shows[p.Name]; ok && value != p.Healthy {
			bad = append(bad, p.Name+": "+value)
		}
	}
	if bad == nil {
		return "healthy"
	}
	return strings.Join(bad, "<br>")
}

const pageHead = `<!-- Written by a test: task matrix -- -update -->
# The fault matrix

Each row is a way in which a real host was broken in the lab, and what a shipped runbook made of it: what it concluded,
which changes it made after somebody had said yes to every question, and what the host showed afterwards. Before each
of these runs, a dry run had changed nothing. Run it with ` + "`task matrix`" + `; it needs root and takes some minutes.

No row has a change that is not listed, and every unit and file that is not as before is accounted for: see
[matrix_lab_test.go](../lab/e2e/matrix_lab_test.go).
`
