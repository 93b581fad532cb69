package systemd

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/google/go-cmp/cmp"

	"runbook/steps/internal/budget"
)

func bootOf(change func(f *bootFacts)) bootOut {
	f := bootFacts{
		manager: props{
			"SystemState": "running", "KernelTimestamp": uint64(1_700_000_000_000_000), "KernelTimestampMonotonic": uint64(0),
			"UserspaceTimestamp": uint64(1_700_000_002_000_000), "UserspaceTimestampMonotonic": uint64(2_000_000), "FinishTimestampMonotonic": uint64(12_500_000),
		},
		units: []dbus.UnitStatus{
			{Name: "late.service", LoadState: "loaded", ActiveState: "active"},
			{Name: "early.service", LoadState: "loaded", ActiveState: "inactive"},
			{Name: "idle.service", LoadState: "loaded", ActiveState: "inactive"},
			{Name: "getty@tty1.service", LoadState: "loaded", ActiveState: "active"},
			{Name: "app.service", LoadState: "loaded", ActiveState: "active"},
			{Name: "session-1.scope", LoadState: "loaded", ActiveState: "active"},
			{Name: "none.service", LoadState: "not-found", ActiveState: "inactive"},
			{Name: "multi-user.target", LoadState: "loaded", ActiveState: "active"},
		},
		files: map[string]string{
			"late.service": "enabled", "early.service": "static", "idle.service": "disabled", "getty@.service": "enabled",
			"app.service": "transient", "session-1.scope": "transient", "soon.service": "enabled-runtime",
		},
		bootID: "id", clock: clocks{monotonic: 100_000_000, boottime: 160_000_000}, via: viaBus,
	}
	if change != nil {
		change(&f)
	}
	f.details = map[string]props{}
	started := map[string]uint64{"early.service": 3_000_000, "app.service": 4_000_000, "getty@tty1.service": 4_000_500, "late.service": 5_000_000}
	for _, w := range f.wanted() {
		values := map[string]any{"InactiveExitTimestampMonotonic": started[w.unit], "UnitFileState": "enabled", "Result": "exit-code"}
		values["ExecStart"] = [][]any{{"/usr/bin/app", []string{"/usr/bin/app", "--token=hunter2", strings.Repeat("x", 1000)}}}
		if f.details[w.unit] == nil {
			f.details[w.unit] = props{}
		}
		f.details[w.unit][w.name] = values[w.name]
	}
	return f.output()
}

func TestABoot(t *testing.T) {
	got := bootOf(nil)
	command := got.Transient[0].Command
	if !strings.HasPrefix(command, "/usr/bin/app --token=*** xxx") || len(command) > maxCommandText {
		t.Errorf("the command is %q", command)
	}
	want := bootOut{
		State: "running", Finished: true, BootID: "id", BootedAt: "2023-11-14T22:13:20.000000Z", UptimeS: 160, BootMS: new(12_500),
		Failed: []failedUnit{}, Enabled: &[]string{"getty@.service", "getty@tty1.service", "late.service"},
		Transient: []transientUnit{{"app.service", "active", command}},
		Order: []startedUnit{
			{"early.service", "inactive", 3000}, {"app.service", "active", 4000}, {"getty@tty1.service", "active", 4000}, {"late.service", "active", 5000},
		},
		Via: "bus",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A container's clock was started with its host's, long before it.
func TestABootOfAContainer(t *testing.T) {
	got := bootOf(func(f *bootFacts) { f.manager["KernelTimestamp"] = uint64(0) })
	if got.UptimeS != 98 || got.BootMS == nil || *got.BootMS != 10_500 || got.BootedAt != "2023-11-14T22:13:22.000000Z" || got.Order[0].StartedMS != 1000 {
		t.Errorf("have %+v", got)
	}
}

func TestABootThatIsNotOver(t *testing.T) {
	got := bootOf(func(f *bootFacts) {
		f.manager["FinishTimestampMonotonic"] = uint64(0)
		f.manager["SystemState"] = "starting"
	})
	if got.Finished || got.BootMS != nil || got.State != "starting" {
		t.Errorf("have %+v", got)
	}
}

// Of a great many, those that somebody wrote a file for are listed first.
func TestAHostWithAGreatMany(t *testing.T) {
	got := bootOf(func(f *bootFacts) {
		for i := range 3000 {
			name := fmt.Sprintf("run-%s-%d.service", strings.Repeat("r", 100), i)
			f.units = append(f.units, dbus.UnitStatus{Name: name, LoadState: "loaded", ActiveState: "failed"})
			f.files[name] = "transient"
		}
		f.units = append(f.units, dbus.UnitStatus{Name: "zebra.service", LoadState: "loaded", ActiveState: "failed"})
		f.files["zebra.service"] = "static"
	})
	raw, err := json.Marshal(got)
	if err != nil || len(raw) > budget.Result {
		t.Errorf("%d bytes, %v", len(raw), err)
	}
	if got.FailedCount != 3001 || len(got.Failed) == 0 || got.Failed[0] != (failedUnit{"zebra.service", "exit-code"}) {
		t.Errorf("%d failed, first %v", got.FailedCount, got.Failed[0])
	}
	if got.Enabled == nil || len(*got.Enabled) != 3 {
		t.Errorf("enabled are %v", got.Enabled)
	}
	got = bootOf(func(f *bootFacts) {
		for i := range 3000 {
			f.files[fmt.Sprintf("a%d.service", i)] = "enabled"
		}
	})
	if got.Enabled != nil {
		t.Error("a list without all that are enabled says of the others that they are not")
	}
}
