package hostinfo

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
	"runbook/steps/stepstest"
)

// A real dpkg installs, upgrades and removes a package, in a folder of its own.
func TestPackagesAreWhatDpkgDid(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs dpkg, and CI must run it")
		}
		t.Skip("dpkg is not installed")
	}
	h := host{root: t.TempDir()}
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"} {
		must(t, os.MkdirAll(h.path(dir), 0o755))
	}
	put(t, h, "var/lib/dpkg/status", "")
	zone, err := os.ReadFile("/usr/share/zoneinfo/Asia/Kolkata")
	must(t, err)
	put(t, h, "etc/localtime", string(zone))
	dpkg := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "dpkg", append([]string{
			"--force-not-root", "--force-bad-path", "--instdir=" + h.root, "--admindir=" + h.path("var/lib/dpkg"), "--log=" + h.path("var/log/dpkg.log"),
		}, args...)...)
		cmd.Env = append(os.Environ(), "TZ=Asia/Kolkata")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("dpkg %v: %v: %s", args, err, out)
		}
	}
	began := time.Now()
	dpkg("--install", deb(t, "1.0"))
	dpkg("--install", deb(t, "1.1"))
	dpkg("--remove", "some-thing")
	dpkg("--purge", "some-thing")

	s := packagesOf(t, h, began)
	for i, p := range *s.packages {
		at, err := time.Parse(time.RFC3339, p.At)
		if err != nil || at.Before(began.Truncate(time.Second)) || at.After(time.Now()) {
			t.Errorf("at %s: it is not in the host's own zone", p.At)
		}
		(*s.packages)[i].At = ""
	}
	want := []packageChange{
		{Action: "purge", Name: "some-thing:all", OldVersion: "1.1"},
		{Action: "remove", Name: "some-thing:all", OldVersion: "1.1"},
		{Action: "upgrade", Name: "some-thing:all", OldVersion: "1.0", Version: "1.1"},
		{Action: "install", Name: "some-thing:all", Version: "1.0"},
	}
	if diff := cmp.Diff(want, *s.packages); diff != "" {
		t.Error(diff)
	}
	if s.count != 4 || !s.short {
		t.Errorf("counted %d, and that the log begins later than asked for is %t", s.count, s.short)
	}
}

func TestPackagesInRotatedLogs(t *testing.T) {
	line := func(at, rest string) string { return at + " " + rest + "\n" }
	oldest := line("2026-08-01 10:00:00", "install oldest:amd64 <none> 1")
	middle := line("2026-09-01 10:00:00", "upgrade middle:amd64 1 2") + line("2026-09-02 10:00:00", "status installed middle:amd64 2")
	latest := line("2026-10-01 10:00:00", "startup packages remove") + line("2026-10-01 10:00:01", "remove latest:amd64 3 <none>") + "half a li"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(oldest))
	must(t, w.Close())

	h := host{root: t.TempDir()}
	if s := packagesOf(t, h, time.Unix(0, 0)); s.packages != nil || s.short {
		t.Errorf("no dpkg here, and yet: %v", s)
	}
	put(t, h, "var/log/dpkg.log.2.gz", packed.String())
	put(t, h, "var/log/dpkg.log.1", middle)
	for _, tt := range []struct {
		log, since string
		want       []string
		short      bool
	}{
		{"-", "2026-08-15T00:00:00Z", []string{"middle:amd64"}, false},
		{"", "2026-10-15T00:00:00Z", nil, false},
		{latest, "2026-10-01T10:00:01Z", []string{"latest:amd64"}, false},
		{latest, "2026-09-15T00:00:00Z", []string{"latest:amd64"}, false},
		{latest, "2026-08-15T00:00:00Z", []string{"latest:amd64", "middle:amd64"}, false},
		{latest, "2026-07-15T00:00:00Z", []string{"latest:amd64", "middle:amd64", "oldest:amd64"}, true},
	} {
		if tt.log != "-" {
			put(t, h, "var/log/dpkg.log", tt.log)
		}
		since, err := time.Parse(time.RFC3339, tt.since)
		must(t, err)
		s := packagesOf(t, h, since)
		var names []string
		for _, p := range *s.packages {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, tt.want) || s.short != tt.short {
			t.Errorf("since %s: have %v, short %t", tt.since, names, s.short)
		}
	}
}

func TestFilesThatWereChanged(t *testing.T) {
	h := host{root: t.TempDir()}
	etc := "etc/systemd/system/"
	for _, name := range []string{
		etc + "old.service", etc + "edited.service", etc + "app.service.d/old.conf", etc + "app.service.d/new.conf",
		etc + "multi-user.target.wants/.keep", etc + "some-folder/ignored.service",
		"srv/app/old", "srv/app/edited", "srv/app/below/too-deep", "srv/current/edited", "srv/alone", "srv/touched-back",
	} {
		put(t, h, name, "")
	}
	must(t, os.Symlink(h.path("srv/current"), h.path("srv/link")))
	since := tick(t)
	for _, name := range []string{etc + "edited.service", etc + "app.service.d/new.conf", etc + "some-folder/ignored.service", "srv/app/edited", "srv/app/below/too-deep", "srv/current/edited"} {
		put(t, h, name, "x")
	}
	must(t, os.Symlink(h.path(etc, "edited.service"), h.path(etc, "multi-user.target.wants/edited.service")))
	// One whose time was set back: the kernel knows better, and takes it for the newest.
	tick(t)
	then := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	must(t, os.Chtimes(h.path("srv/touched-back"), then, then))

	s := seen{}
	must(t, h.addFiles(t.Context(), since, []string{
		h.path("srv/app"), h.path("srv/link") + "/", h.path("srv/alone"), h.path("srv/touched-back"), h.path("srv/nothing"), h.path("srv/alone/below"),
	}, &s))
	have := map[string]string{}
	for _, f := range s.files {
		have[strings.TrimPrefix(f.Path, h.root+"/")] = f.Kind + " " + f.Type
		if f.Changed < stamp(since) || f.Owner == "" {
			t.Errorf("have %+v", f)
		}
		if strings.HasSuffix(f.Path, "touched-back") && f.Modified != "2020-01-02T03:04:05Z" {
			t.Errorf("have %+v", f)
		}
	}
	want := map[string]string{
		etc + "edited.service": "unit file", etc + "app.service.d/new.conf": "unit file",
		etc + "multi-user.target.wants": "unit directory", etc + "multi-user.target.wants/edited.service": "unit link",
		"srv/app/edited": "path file", "srv/link/edited": "path file", "srv/touched-back": "path file",
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(s.missing, []string{h.path("srv/nothing"), h.path("srv/alone/below")}) || s.count != len(want) || s.short {
		t.Errorf("missing %v, count %d, short %t", s.missing, s.count, s.short)
	}
	if s.files[0].Path != h.path("srv/touched-back") {
		t.Errorf("the newest does not come first: %v", s.files)
	}
}

func TestBootsOfTheJournal(t *testing.T) {
	for name, text := range map[string]string{
		"252": "-1 5953f3eab7f4464f90ef71b5374b4c3c Mon 2026-11-23 18:40:25 UTC Mon 2026-11-23 18:41:11 UTC\n" +
			" 0 c6a92f074b264f1c87d8c8dc1d7c5090 Mon 2026-11-23 18:43:27 UTC Mon 2026-11-23 18:43:28 UTC\n",
		"with a head": "IDX BOOT ID                          FIRST ENTRY                 LAST ENTRY\n" +
			"-10 5953f3eab7f4464f90ef71b5374b4c3c Mon 2026-11-23 18:40:25 UTC Mon 2026-11-23 18:41:11 UTC\n" +
			"  0 c6a92f074b264f1c87d8c8dc1d7c5090 Mon 2026-11-23 18:43:27 UTC Mon 2026-11-23 18:43:28 UTC\n",
		"247": "-1 5953f3eab7f4464f90ef71b5374b4c3c Mon 2026-11-23 18:40:25 UTC—Mon 2026-11-23 18:41:11 UTC\n" +
			" 0 c6a92f074b264f1c87d8c8dc1d7c5090 Mon 2026-11-23 18:43:27 UTC—Mon 2026-11-23 18:43:28 UTC\n",
	} {
		want := []booted{
			{"5953f3ea-b7f4-464f-90ef-71b5374b4c3c", time.Date(2026, 11, 23, 18, 40, 25, 0, time.UTC)},
			{"c6a92f07-4b26-4f1c-87d8-c8dc1d7c5090", time.Date(2026, 11, 23, 18, 43, 27, 0, time.UTC)},
		}
		if diff := cmp.Diff(want, readBoots(text), cmp.AllowUnexported(booted{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if boots := readBoots("No journal files were found.\n"); boots != nil {
		t.Errorf("have %v", boots)
	}
}

// However much was changed, the result stays small, and the evidence has all of it.
func TestManyChanges(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 {
		must(t, os.WriteFile(fmt.Sprintf("%s/%s-%03d", dir, strings.Repeat("long", 40), i), nil, 0o600))
	}
	task, evidence := stepstest.Task()
	kind := stepstest.Kind(t, Kinds, "host.changes")
	out, err := kind.Do(t.Context(), map[string]any{"since": "1h", "paths": []any{dir}}, task)
	must(t, err)
	files := out["files"].([]any)
	if out["truncated"] != true || out["count"].(int) < 301 || len(files) == 0 || len(files) > mostFiles {
		t.Errorf("have %d of %v, truncated %v", len(files), out["count"], out["truncated"])
	}
	if n := strings.Count(evidence.Text("changes"), dir); n != 301 {
		t.Errorf("the evidence names %d", n)
	}
}

func TestChangesRefuse(t *testing.T) {
	kind := stepstest.Kind(t, Kinds, "host.changes")
	for _, with := range []map[string]any{
		{"since": "yesterday"},
		{"since": "-1h"},
		{"since": "0s"},
		{"since": "2026-11-23"},
		{"paths": []any{"relative"}},
		{"paths": []any{"/a\nb"}},
		{"paths": slices.Repeat([]any{"/etc"}, 51)},
	} {
		if f := engine.FailureOf(kind.Check(with)); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%v: have %v", with, f)
		}
	}
	must(t, kind.Check(map[string]any{"since": "2026-11-23T15:38:29+02:00", "paths": []any{"/etc"}}))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	task, _ := stepstest.Task()
	_, err := kind.Do(ctx, nil, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled {
		t.Errorf("have %v", f)
	}
}

// That a watched path may not be looked at is no answer.
func TestChangesWithoutPermission(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		must(t, os.Chmod(at, 0o755))
	}
	must(t, os.MkdirAll(dir+"/closed/below", 0o755))
	must(t, os.Chmod(dir+"/closed", 0o700))
	task, _ := stepstest.Task()
	task.As = "nobody"
	kind := stepstest.Kind(t, Kinds, "host.changes")
	_, err := kind.Do(t.Context(), map[string]any{"paths": []any{dir + "/closed/below"}}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Denied {
		t.Errorf("have %v", f)
	}
	out, err := kind.Do(t.Context(), map[string]any{"paths": []any{dir}}, task)
	if err != nil || out["boots"] != nil {
		t.Errorf("nobody may not read the journal, and yet: %v, %v", out["boots"], err)
	}
}

func packagesOf(t *testing.T, h host, since time.Time) seen {
	t.Helper()
	var s seen
	must(t, h.addPackages(t.Context(), since, &s))
	return s
}

// deb makes a package with nothing in it but a file of settings, which only a purge takes away.
func deb(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	must(t, os.Mkdir(dir+"/DEBIAN", 0o755))
	control := "Package: some-thing\nVersion: " + version + "\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: nothing\n"
	must(t, os.WriteFile(dir+"/DEBIAN/control", []byte(control), 0o644))
	must(t, os.WriteFile(dir+"/DEBIAN/conffiles", []byte("/etc/some-thing.conf\n"), 0o644))
	must(t, os.Mkdir(dir+"/etc", 0o755))
	must(t, os.WriteFile(dir+"/etc/some-thing.conf", nil, 0o644))
	file := filepath.Join(t.TempDir(), "some-thing.deb")
	printed(t, "dpkg-deb", "--build", "--root-owner-group", dir, file)
	return file
}

// tick gives a time that is later than every change of a file until now, and not later than every one to come.
func tick(t *testing.T) time.Time {
	t.Helper()
	probe := filepath.Join(t.TempDir(), "probe")
	touch := func() time.Time {
		must(t, os.WriteFile(probe, nil, 0o600))
		var st syscall.Stat_t
		must(t, syscall.Stat(probe, &st))
		return time.Unix(st.Ctim.Unix())
	}
	for first := touch(); ; {
		if at := touch(); at.After(first) {
			return at
		}
	}
}
