package systemd

import (
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStateWord(t *testing.T) {
	for _, c := range []struct{ load, active, want string }{
		{"loaded", "active", "active"},
		{"loaded", "inactive", "inactive"},
		{"loaded", "failed", "failed"},
		{"loaded", "activating", "activating"},
		{"not-found", "inactive", "absent"},
		{"not-found", "active", "active"}, // its file was deleted while it runs
		{"not-found", "failed", "failed"},
		{"masked", "inactive", "masked"},
		{"masked", "active", "active"}, // masked while it runs
		{"bad-setting", "inactive", "broken"},
		{"error", "inactive", "broken"},
		{"merged", "inactive", "inactive"},
	} {
		if got := stateWord(c.load, c.active); got != c.want {
			t.Errorf("%s and %s is %s, want %s", c.load, c.active, got, c.want)
		}
	}
}

func TestStateOf(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) uint64 { return uint64(now.Add(-d).UnixMicro()) }
	base := props{
		"Id": "app.service", "LoadState": "loaded", "ActiveState": "active", "SubState": "running", "Result": "success",
		"FragmentPath": "/etc/systemd/system/app.service", "ActiveEnterTimestamp": at(90 * time.Second), "InactiveEnterTimestamp": at(time.Hour),
		"MainPID": uint32(42), "MemoryCurrent": uint64(math.MaxUint64), "MemoryMax": uint64(math.MaxUint64), "TasksCurrent": uint64(3),
		"InvocationID": []byte{0xab, 0xcd}, "Job": []any{uint32(7), "/job/7"},
	}
	with := func(changes props) props {
		out := maps.Clone(base)
		maps.Copy(out, changes)
		return out
	}
	for _, c := range []struct {
		name  string
		p     props
		text  string
		check func(s unitState) bool
	}{
		{
			"running", base, "active (running) since 2026-11-23 11:58:30 UTC, for 1m30s; main process 42",
			func(s unitState) bool {
				return s.Memory == nil && s.MemoryLimit == 0 && *s.Tasks == 3 && s.Invocation == "abcd" && s.Job == 7 &&
					s.Since == "2026-11-23T11:58:30.000000Z" && *s.AgeSeconds == 90
			},
		},
		{
			"failed", with(props{"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "MainPID": uint32(0), "ExecMainCode": int32(1), "ExecMainStatus": int32(203), "InactiveEnterTimestamp": at(time.Second)}),
			"failed (exit-code) since 2026-11-23 11:59:59 UTC, for 1s; main process exited, status=203/EXEC",
			func(s unitState) bool {
				return s.Exists && s.ExitCode == "exited" && s.ExitStatus == 203 && s.MainPID == 0
			},
		},
		{
			"absent",
			props{"LoadState": "not-found", "ActiveState": "inactive", "SubState": "dead"},
			"absent: systemd holds no such unit, and there is no file of it",
			func(s unitState) bool { return !s.Exists && s.Since == "" && s.AgeSeconds == nil && s.Invocation == "" },
		},
		{
			"a clock that was put back", with(props{"ActiveEnterTimestamp": at(-time.Hour)}), "active (running) since 2026-11-23 13:00:00 UTC, for 0s; main process 42",
			func(s unitState) bool { return *s.AgeSeconds == 0 },
		},
		{
			"file deleted while it runs", with(props{"LoadState": "not-found"}), "active (running) since 2026-11-23 11:58:30 UTC, for 1m30s; main process 42; its file is not-found",
			func(s unitState) bool { return s.Exists },
		},
		{
			"properties of another type",
			props{"LoadState": "loaded", "ActiveState": "active", "SubState": 3, "Job": "none", "ExecStart": "x", "Environment": 1, "MemoryCurrent": "y", "InvocationID": "z", "Conditions": []string{"a"}, "LoadError": []any{}, "ActiveEnterTimestamp": "never"},
			"active", func(s unitState) bool { return s.State == "active" && len(s.Command) == 0 && s.Memory == nil },
		},
		{
			"nothing at all", nil, "", func(s unitState) bool { return s.State == "" && s.Exists },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stateOf("app.service", viaBus, c.p, now)
			if s.Text != c.text || !c.check(s) {
				t.Errorf("text is %q, want %q; the state is %+v", s.Text, c.text, s)
			}
		})
	}
}

func TestCommandsAndEnvironment(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	s := stateOf("a.service", viaBus, props{
		"LoadState": "loaded", "ActiveState": "active",
		"ExecStart": [][]any{
			{"/usr/bin/systemd-run", []string{"/usr/bin/systemd-run", "--setenv=HOSTNAME=127.0.0.1", "--setenv=API_TOKEN=abc", "next", "start", "-H", "127.0.0.1"}, false},
			{"/bin/b", []string{"/bin/b", "two words", "\x1b[1mbold"}, false},
		},
		"Environment": []string{"A=1=2", "DB_PASSWORD=x", "EMPTY=", "LONG=" + long},
	}, time.Now())
	if diff := cmp.Diff([]string{"/usr/bin/systemd-run", "--setenv=HOSTNAME=127.0.0.1", "--setenv=API_TOKEN=***", "next", "start", "-H", "127.0.0.1"}, s.Command); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(s.CommandLine, "next start -H 127.0.0.1") {
		t.Errorf("the command line is %q", s.CommandLine)
	}
	if diff := cmp.Diff([]string{s.CommandLine, "/bin/b two words bold"}, s.Commands); diff != "" {
		t.Error(diff)
	}
	if s.Env["A"] != "1=2" || s.Env["DB_PASSWORD"] != "***" || s.Env["EMPTY"] != "" || len(s.Env["LONG"]) > maxArg {
		t.Errorf("the environment is %q", s.Env)
	}
}

// The facts of a unit stay small enough for the journal of a run, however large the unit is.
func TestStateIsBounded(t *testing.T) {
	huge := make([]string, 300)
	rows := make([][]any, 120)
	for i := range huge {
		huge[i] = "VARIABLE=" + strings.Repeat("<", 1000)
	}
	for i := range rows {
		rows[i] = []any{"/bin/x", huge, false}
	}
	k, err := unitKind(thisHost())
	if err != nil {
		t.Fatal(err)
	}
	s := stateOf("a.service", viaBus, props{
		"ActiveState": "active", "Environment": huge, "ExecStart": rows, "DropInPaths": huge, "Description": strings.Repeat("<", 1e6), "StatusText": strings.Repeat("<", 1e6),
	}, time.Now())
	if n := encodedSize(t, k, s); n > 40<<10 {
		t.Errorf("it has %d bytes", n)
	}
}
