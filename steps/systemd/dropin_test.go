package systemd

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

func TestRenderDropIn(t *testing.T) {
	got, err := renderDropIn(map[string][]string{
		"Install": {"WantedBy=multi-user.target"},
		"Service": {"Environment=HOSTNAME=127.0.0.1", "Environment = PORT=3000 ", "ExecStart=", `ExecStart=/usr/bin/app -H "127.0.0.1" %n $PORT`},
		"Unit":    {"Description=an app"},
		"Socket":  {"X-Note=none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := dropInHeader + `[Unit]
Description=an app

[Service]
Environment=HOSTNAME=127.0.0.1
Environment=PORT=3000
ExecStart=
ExecStart=/usr/bin/app -H "127.0.0.1" %n $PORT

[Socket]
X-Note=none

[Install]
WantedBy=multi-user.target
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDropInInput(t *testing.T) {
	good := func() dropInIn {
		return dropInIn{Unit: "app.service", Name: "50-ipv4", Sections: map[string][]string{"Service": {"Nice=5"}}}
	}
	d, err := good().plan()
	if err != nil || d.path() != "/etc/systemd/system/app.service.d/50-ipv4.conf" {
		t.Errorf("the path is %s, %v", d.path(), err)
	}
	for name, spoil := range map[string]func(*dropInIn){
		"a name with a path":            func(in *dropInIn) { in.Name = "../../x" },
		"a name that climbs":            func(in *dropInIn) { in.Name = ".." },
		"a hidden name":                 func(in *dropInIn) { in.Name = ".x" },
		"no name":                       func(in *dropInIn) { in.Name = "" },
		"nothing but the ending":        func(in *dropInIn) { in.Name = ".conf" },
		"a name with a line break":      func(in *dropInIn) { in.Name = "a\nb" },
		"a long name":                   func(in *dropInIn) { in.Name = strings.Repeat("a", 300) },
		"a unit with a path":            func(in *dropInIn) { in.Unit = "../app.service" },
		"no sections":                   func(in *dropInIn) { in.Sections = nil },
		"an empty section":              func(in *dropInIn) { in.Sections = map[string][]string{"Service": nil} },
		"a section that breaks out":     func(in *dropInIn) { in.Sections = map[string][]string{"Service]\n[Unit": {"Nice=5"}} },
		"a setting that breaks out":     func(in *dropInIn) { in.Sections["Service"] = []string{"Nice=5\nExecStart=/bin/evil"} },
		"a carriage return":             func(in *dropInIn) { in.Sections["Service"] = []string{"Nice=5\rx"} },
		"a setting that eats the next":  func(in *dropInIn) { in.Sections["Service"] = []string{`Nice=5 \`, "ExecStart="} },
		"a comment":                     func(in *dropInIn) { in.Sections["Service"] = []string{"#Nice=5"} },
		"no setting":                    func(in *dropInIn) { in.Sections["Service"] = []string{"Nice"} },
		"a setting without a name":      func(in *dropInIn) { in.Sections["Service"] = []string{"=5"} },
		"a section in place of setting": func(in *dropInIn) { in.Sections["Service"] = []string{"[Unit]=5"} },
		"both at once":                  func(in *dropInIn) { in.Remove = true },
	} {
		in := good()
		spoil(&in)
		if d, err := in.plan(); err == nil {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestWriteDropIn(t *testing.T) {
	h := hostAt(t)
	want, err := dropInIn{Unit: "app.service", Name: "x", Sections: map[string][]string{"Service": {"Nice=5"}}}.plan()
	if err != nil {
		t.Fatal(err)
	}
	path := h.path(want.path())
	diff, err := h.writeDropIn(want)
	if err != nil || !strings.Contains(diff, "+Nice=5") {
		t.Fatalf("the difference is %q, %v", diff, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if diff, err := h.writeDropIn(want); diff != "" || err != nil {
		t.Errorf("writing it again changes %q, %v", diff, err)
	}
	want.text = ""
	if diff, err := h.writeDropIn(want); err != nil || !strings.Contains(diff, "-Nice=5") {
		t.Errorf("deleting it changes %q, %v", diff, err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !os.IsNotExist(err) {
		t.Errorf("the empty folder is left: %v", err)
	}
	if diff, err := h.writeDropIn(want); diff != "" || err != nil {
		t.Errorf("deleting it again changes %q, %v", diff, err)
	}
	if diff, err := h.writeDropIn(dropIn{unit: "a.service", folder: "a.service.d", file: "x.conf"}); diff != "" || err != nil {
		t.Errorf("deleting what never was changes %q, %v", diff, err)
	}
}

func TestDeletingLeavesOtherDropIns(t *testing.T) {
	h := hostAt(t)
	folder := h.path(unitFiles, "app.service.d")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x.conf", "theirs.conf"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("[Service]\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := dropInIn{Unit: "app.service", Name: "x", Remove: true}.plan()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.writeDropIn(want); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "theirs.conf")); err != nil {
		t.Error(err)
	}
}

func TestDescribeDropIn(t *testing.T) {
	h := hostAt(t)
	k, err := dropInKind(h)
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]any{"unit": "app.service", "name": "x", "sections": map[string]any{"Service": []any{"Nice=5"}}}
	describe := func() engine.Description {
		t.Helper()
		d, err := k.Describe(t.Context(), in, engine.Task{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	const path = "/etc/systemd/system/app.service.d/x.conf"
	want := engine.Description{
		Summary: "write " + path, Target: "app.service", Undo: "systemd.dropin with remove: true deletes " + path,
		Exact: []string{
			"--- /dev/null", "+++ " + path, "@@ -0,0 +1,3 @@", "+" + strings.TrimSpace(dropInHeader), "+[Service]", "+Nice=5",
			"org.freedesktop.systemd1.Manager.Reload()", "systemctl daemon-reload",
		},
	}
	if diff := cmp.Diff(want, describe()); diff != "" {
		t.Error(diff)
	}
	if entries, err := os.ReadDir(h.path(unitFiles)); err != nil || len(entries) != 0 {
		t.Errorf("describing left %v, %v", entries, err)
	}
	// Somebody else's file: deleting ours would not bring theirs back.
	if err := os.MkdirAll(h.path(unitFiles, "app.service.d"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path(path), []byte("[Service]\nNice=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d := describe(); d.Undo != "" || !strings.Contains(strings.Join(d.Exact, "\n"), "-Nice=1") {
		t.Errorf("it describes itself as %+v", d)
	}
	var kept strings.Builder
	task := engine.Task{Keep: func(string) io.WriteCloser { return nopCloser{&kept} }}
	if err := k.Before(t.Context(), in, task); err != nil || kept.String() != "[Service]\nNice=1\n" {
		t.Errorf("kept %q, %v", kept.String(), err)
	}
}

// hostAt is a host with a folder for unit files and no systemd.
func hostAt(t *testing.T) host {
	t.Helper()
	h := thisHost()
	h.root = t.TempDir()
	if err := os.MkdirAll(h.path(unitFiles), 0o750); err != nil {
		t.Fatal(err)
	}
	return h
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
