package proc

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/prometheus/procfs"
)

// Each case is the text of /proc/PID/cgroup of a process, and of process 1.
func TestUnitOfAProcess(t *testing.T) {
	tests := []struct {
		name, text, init string
		unit, userUnit   string
	}{
		{"version 2", "0::/system.slice/app.service\n", "0::/init.scope\n", "app.service", ""},
		{"nested slices", "0::/system.slice/system-getty.slice/getty@tty1.service\n", "0::/init.scope\n", "getty@tty1.service", ""},
		{"below the unit", "0::/system.slice/app.service/worker/3\n", "0::/init.scope\n", "app.service", ""},
		{"a login", "0::/user.slice/user-1000.slice/session-3.scope\n", "0::/init.scope\n", "session-3.scope", ""},
		{"a user's unit", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/dev.service\n", "0::/init.scope\n", "user@1000.service", "dev.service"},
		{"a user's systemd", "0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", "0::/init.scope\n", "user@1000.service", "init.scope"},
		{"systemd itself", "0::/init.scope\n", "0::/init.scope\n", "init.scope", ""},
		{"no unit", "0::/\n", "0::/\n", "", ""},
		{"only a slice", "0::/system.slice\n", "0::/init.scope\n", "", ""},
		{"version 1", "4:memory:/x\n1:name=systemd:/system.slice/app.service\n", "1:name=systemd:/init.scope\n", "app.service", ""},
		{"mixed: systemd's own counts", "1:name=systemd:/system.slice/app.service\n0::/elsewhere.slice/other.service\n", "1:name=systemd:/init.scope\n", "app.service", ""},
		{"a container that sees its host's groups", "0::/docker/4f2a/system.slice/app.service\n", "0::/docker/4f2a/init.scope\n", "app.service", ""},
		{"a container from outside", "0::/machine.slice/machine-db.scope/payload/system.slice/app.service\n", "0::/init.scope\n", "machine-db.scope", ""},
		{"an escaped name", "0::/system.slice/_cpu.service\n", "0::/init.scope\n", "cpu.service", ""},
		{"a name that is only a suffix", "0::/system.slice/.service\n", "0::/init.scope\n", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			unit, userUnit := unitOf(groups(t, tt.text), unitRoot(groups(t, tt.init)))
			if unit != tt.unit || userUnit != tt.userUnit {
				t.Errorf("have %q, %q, want %q, %q", unit, userUnit, tt.unit, tt.userUnit)
			}
		})
	}
}

// groups has the library read the text as the kernel would show it.
func groups(t *testing.T, text string) []procfs.Cgroup {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "7"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "7", "cgroup"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	pfs, err := procfs.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pfs.Proc(7)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Cgroups()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
