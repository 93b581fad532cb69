package host_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runbook/lab/host"
)

func TestFaultsAreWellFormed(t *testing.T) {
	healthy := map[string]string{}
	for _, p := range host.Probes() {
		if _, twice := healthy[p.Name]; twice || p.Asks == "" || p.Healthy == "" {
			t.Errorf("probe %q comes twice or is incomplete", p.Name)
		}
		healthy[p.Name] = p.Healthy
	}
	seen := map[string]bool{}
	for _, f := range host.Faults() {
		if seen[f.Name] || !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(f.Name) || f.Summary == "" {
			t.Errorf("fault %q comes twice, has no summary or no simple name", f.Name)
		}
		seen[f.Name] = true
		broken := 0
		for probe, value := range f.Shows {
			want, known := healthy[probe]
			if !known {
				t.Errorf("fault %q shows %q, which no probe asks", f.Name, probe)
			}
			if value != want {
				broken++
			}
		}
		if broken == 0 && f.Name != "healthy" {
			t.Errorf("fault %q shows nothing that differs from a healthy host", f.Name)
		}
	}
}

func TestHealth(t *testing.T) {
	page := host.Probe{Name: "/products", Healthy: "200"}
	disk := host.Probe{Name: "disk", Healthy: "room"}
	good := host.Health{{Probe: page, Value: "200"}, {Probe: disk, Value: "room"}}
	bad := host.Health{{Probe: page, Value: "no answer"}, {Probe: disk, Value: "room"}}
	if !good.Healthy() || bad.Healthy() {
		t.Errorf("healthy: %t and %t", good.Healthy(), bad.Healthy())
	}
	if got := bad.Value("/products"); got != "no answer" {
		t.Errorf("/products is %q", got)
	}
	want := "BAD  /products  no answer (healthy: 200)\nok   disk       room\n"
	if diff := cmp.Diff(want, bad.String()); diff != "" {
		t.Error(diff)
	}
}

func TestDiff(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	file := host.File{Mode: 0o644, Size: 2, Changed: at, Digest: strings.Repeat("ab", 32)}
	folder := host.File{Mode: fs.ModeDir | 0o755, Changed: at}
	later := folder
	later.Changed = at.Add(time.Second)
	closed := later
	closed.Mode = fs.ModeDir | 0o700

	of := func(files map[string]host.File) host.Snapshot { return host.Snapshot{Files: files} }
	cases := []struct {
		name          string
		before, after host.Snapshot
		except        []string
		want          []string
	}{
		{
			name:   "nothing",
			before: of(map[string]host.File{"/a": file}), after: of(map[string]host.File{"/a": file}),
		},
		{
			name:   "new and gone, by path",
			before: of(map[string]host.File{"/b": file}), after: of(map[string]host.File{"/a": file}),
			want: []string{
				"file /a: none, or as in the image  =>  -rw-r--r-- 0:0 2 bytes 2026-01-02T03:04:05Z sha256 abababababab",
				"file /b: -rw-r--r-- 0:0 2 bytes 2026-01-02T03:04:05Z sha256 abababababab  =>  none, or as in the image",
			},
		},
		{
			name:   "an exception covers what is below it and the time of the folder above it",
			before: of(map[string]host.File{"/var/lib": folder}),
			after:  of(map[string]host.File{"/var/lib": later, "/var/lib/runbook": folder, "/var/lib/runbook/runs/1": file}),
			except: []string{"/var/lib/runbook"},
		},
		{
			name:   "but not the folder's permissions, nor a neighbour with a longer name",
			before: of(map[string]host.File{"/var/lib": folder}),
			after:  of(map[string]host.File{"/var/lib": closed, "/var/lib/runbook2": folder}),
			except: []string{"/var/lib/runbook"},
			want: []string{
				"file /var/lib: drwxr-xr-x 0:0 2026-01-02T03:04:05Z  =>  drwx------ 0:0 2026-01-02T03:04:06Z",
				"file /var/lib/runbook2: none, or as in the image  =>  drwxr-xr-x 0:0 2026-01-02T03:04:05Z",
			},
		},
		{
			name:   "units and processes",
			before: host.Snapshot{Units: map[string]string{"a": "active"}},
			after:  host.Snapshot{Units: map[string]string{"a": "failed"}, Processes: map[string]string{"pid 1 started 2": "sh"}},
			want:   []string{"unit a: active  =>  failed", "process pid 1 started 2: none  =>  sh"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, change := range c.before.Diff(c.after, c.except...) {
				got = append(got, change.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
