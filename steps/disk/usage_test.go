package disk

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/stepstest"
)

// df is the other witness.
func TestUsageSaysWhatDfSays(t *testing.T) {
	dir := t.TempDir()
	out := stepstest.Look(t, stepstest.Kind(t, Kinds, "disk.usage"), map[string]any{"path": dir})
	df, err := exec.CommandContext(t.Context(), "df", "--output=size,pcent,target,fstype,source", "-B1", dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(df)), "\n")
	f := strings.Fields(lines[len(lines)-1])
	if size := strconv.Itoa(out["size_bytes"].(int)); size != f[0] {
		t.Errorf("size_bytes is %s, df says %s", size, f[0])
	}
	percent, err := strconv.Atoi(strings.TrimSuffix(f[1], "%"))
	if err != nil {
		t.Fatal(err)
	}
	// df rounds up; others write meanwhile.
	if used := out["used_percent"].(float64); used < float64(percent)-2 || used > float64(percent)+1 {
		t.Errorf("used_percent is %v, df says %d", used, percent)
	}
	if out["mount"] != f[2] || out["filesystem"] != f[3] || out["device"] != f[4] {
		t.Errorf("have %v on %v of type %v, df says %v", out["device"], out["mount"], out["filesystem"], f[2:])
	}
}

func TestUsageOfASmallDisk(t *testing.T) {
	stepstest.Root(t)
	dir := filepath.Join(t.TempDir(), "a b\\040c")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("small disk", dir, "tmpfs", 0, "size=1m,nr_inodes=10"); err != nil {
		t.Skipf("no file system of our own: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, 0) })
	for _, name := range []string{"1", "2", "3", "4"} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 128<<10), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kind := stepstest.Kind(t, Kinds, "disk.usage")
	out := stepstest.Look(t, kind, map[string]any{"path": filepath.Join(dir, "1")})
	want := map[string]any{
		"free_bytes": 512 << 10, "size_bytes": 1 << 20, "used_percent": 50.0, "inodes_free_percent": 50.0, "read_only": false,
		"mount": dir, "filesystem": "tmpfs", "device": "small disk",
	}
	for field, value := range want {
		if out[field] != value {
			t.Errorf("%s is %v, want %v", field, out[field], value)
		}
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if out := stepstest.Look(t, kind, map[string]any{"path": dir}); out["read_only"] != true {
		t.Errorf("have %v", out)
	}
}

func TestUsageOfNothing(t *testing.T) {
	kind := stepstest.Kind(t, Kinds, "disk.usage")
	task, _ := stepstest.Task()
	_, err := kind.Do(t.Context(), map[string]any{"path": filepath.Join(t.TempDir(), "no")}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Missing {
		t.Errorf("have %v", err)
	}
	if err := kind.Check(map[string]any{"path": "here"}); engine.FailureOf(err) == nil {
		t.Error("a relative path was taken")
	}
}

func TestMountPathsAreUnescaped(t *testing.T) {
	for text, want := range map[string]string{
		`/a\040b`: "/a b", `/a\134040b`: `/a\040b`, `/a\`: `/a\`, `/a\9`: `/a\9`, `/\303\244`: "/ä", `/a`: "/a",
	} {
		if got := unescape(text); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}
