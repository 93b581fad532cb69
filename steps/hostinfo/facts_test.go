package hostinfo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runbook/steps/stepstest"
)

// What the host's own programs say.
func TestFactsAreThoseOfThisHost(t *testing.T) {
	before := printed(t, "ps", "-o", "etimes=", "-p", "1")
	out := stepstest.Look(t, stepstest.Kind(t, Kinds, "host.facts"), nil)
	after := printed(t, "ps", "-o", "etimes=", "-p", "1")

	for field, want := range map[string]any{
		"hostname":     printed(t, "uname", "-n"),
		"kernel":       printed(t, "uname", "-r"),
		"arch":         printed(t, "uname", "-m"),
		"cpus":         number(t, printed(t, "getconf", "_NPROCESSORS_ONLN")),
		"boot_id":      printed(t, "cat", "/proc/sys/kernel/random/boot_id"),
		"os":           printed(t, "sh", "-c", `. /etc/os-release; printf %s "$PRETTY_NAME"`),
		"memory_total": 1024 * number(t, printed(t, "awk", "/^MemTotal:/ {print $2}", "/proc/meminfo")),
		"swap_total":   1024 * number(t, printed(t, "awk", "/^SwapTotal:/ {print $2}", "/proc/meminfo")),
	} {
		if diff := cmp.Diff(want, out[field]); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
	up, _ := out["uptime_s"].(int)
	if up < number(t, before)-1 || up > number(t, after)+1 {
		t.Errorf("up for %d s, and ps says %s to %s", up, before, after)
	}
	at, err := time.Parse(time.RFC3339, out["booted_at"].(string))
	if apart := time.Since(at) - time.Duration(up)*time.Second; err != nil || apart < 0 || apart > time.Minute {
		t.Errorf("booted at %v, up for %d s", out["booted_at"], up)
	}
	if free, ok := out["memory_available"].(int); !ok || free <= 0 || free > out["memory_total"].(int) {
		t.Errorf("memory_available is %v", out["memory_available"])
	}
	if synchronised, ok := out["clock_synchronised"].(bool); !ok || synchronised != (out["clock_offset_ms"] != nil) {
		t.Errorf("clock: %v, %v", out["clock_synchronised"], out["clock_offset_ms"])
	}
}

func TestWhoIsLoggedIn(t *testing.T) {
	h := host{root: t.TempDir()}
	if h.users() != nil {
		t.Error("nobody can tell, and yet there is a list")
	}
	must(t, os.MkdirAll(h.path("run/systemd/sessions"), 0o755))
	if h.users() != nil {
		t.Error("logind does not run, and yet there is a list")
	}
	put(t, h, "run/systemd/seats/seat0", "")
	if users := h.users(); users == nil || len(*users) != 0 {
		t.Errorf("have %v", users)
	}
	// Written by logind 252 for `su -` and for an ssh login.
	put(t, h, "run/systemd/sessions/c1", "# This is private data. Do not parse.\nUID=1000\nUSER=deploy\nACTIVE=1\nSTATE=active\nREMOTE=0\nTYPE=unspecified\nCLASS=user\nLEADER=135\nREALTIME=1795460521857952\n")
	put(t, h, "run/systemd/sessions/3", "UID=0\nUSER=root\nSTATE=active\nREMOTE=1\nTYPE=tty\nCLASS=user\nTTY=pts/0\nREMOTE_HOST=192.0.2.7\nREALTIME=1795460500000000\n")
	put(t, h, "run/systemd/sessions/4", "USER=Debian-gdm\nSTATE=active\nCLASS=greeter\nREALTIME=1795460500000000\n")
	put(t, h, "run/systemd/sessions/5", "USER=gone\nSTATE=closing\nCLASS=user\nREALTIME=1795460500000000\n")
	want := []login{
		{Name: "root", TTY: "pts/0", From: "192.0.2.7", Since: "2026-11-23T19:01:40Z"},
		{Name: "deploy", Since: "2026-11-23T19:02:01Z"},
	}
	if diff := cmp.Diff(&want, h.users()); diff != "" {
		t.Error(diff)
	}
}

func TestSystemName(t *testing.T) {
	h := host{root: t.TempDir()}
	for _, tt := range []struct{ file, text, want string }{
		{"usr/lib/os-release", "NAME=Fedora\nPRETTY_NAME=Fedora\\ 39\n", "Fedora\\ 39"},
		{"etc/os-release", "# PRETTY_NAME=no\nPRETTY_NAME=\"Some \\\"OS\\\" 1\"\n", `Some "OS" 1`},
		{"etc/os-release", "PRETTY_NAME='Arch Linux'\n", "Arch Linux"},
	} {
		put(t, h, tt.file, tt.text)
		if have, err := h.systemName(); err != nil || have != tt.want {
			t.Errorf("%q: have %q, %v", tt.text, have, err)
		}
	}
	if name, err := (host{root: t.TempDir()}).systemName(); name != "" || err != nil {
		t.Errorf("have %q, %v", name, err)
	}
}

func printed(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", argv, err, out)
	}
	return strings.TrimSpace(string(out))
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

func put(t *testing.T, h host, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(h.path(name)), 0o755))
	must(t, os.WriteFile(h.path(name), []byte(text), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
