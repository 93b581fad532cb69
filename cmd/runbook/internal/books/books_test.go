package books

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestTheFirstPlaceCounts(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	write(t, first+"/page.yaml", "first")
	write(t, second+"/page.yaml", "second")
	write(t, second+"/disk.yaml", "second")
	write(t, second+"/disk.scenarios.yaml", "no runbook")
	write(t, second+"/notes.txt", "no runbook")
	s := Shelf{
		Dirs:    []string{first, t.TempDir() + "/missing", second},
		Shipped: fstest.MapFS{"disk.yaml": {Data: []byte("shipped")}, "boot.yaml": {Data: []byte("shipped")}},
	}
	var got []string
	for _, e := range s.List() {
		if e.Err != nil {
			t.Fatal(e.Err)
		}
		got = append(got, e.Name+" "+string(e.Source))
	}
	if diff := cmp.Diff([]string{"boot shipped", "disk second", "page first"}, got); diff != "" {
		t.Error(diff)
	}
	b, err := s.Find(second + "/page.yaml")
	if err != nil || b.Name != "page" || string(b.Source) != "second" {
		t.Errorf("a path is a path: %+v, %v", b, err)
	}
	b, err = s.Beside(b).Find("page")
	if err != nil || string(b.Source) != "second" {
		t.Errorf("what lies beside comes first: %+v, %v", b, err)
	}
}

func TestUnknownNames(t *testing.T) {
	s := Shelf{Dirs: []string{"/nowhere"}, Shipped: fstest.MapFS{"frontend-not-starting.yaml": {}, "backend-not-starting.yaml": {}, "disk-full.yaml": {}}}
	for name, near := range map[string]string{
		"frontend-not-startng": "frontend-not-starting", "frontend": "frontend-not-starting", "not-starting": "",
		"Disk-Full": "disk-full", "mail": "", "di": "", "../etc/passwd.yaml/x": "",
	} {
		_, err := s.Find(name)
		if e, ok := errors.AsType[*UnknownError](err); ok && e.Near != near || !ok && !IsPath(name) {
			t.Errorf("%s: %v, want near %q", name, err, near)
		}
	}
	if _, err := s.Find("mail"); err == nil || !strings.Contains(err.Error(), "/nowhere, the shipped ones") {
		t.Errorf("it does not say where it looked: %v", err)
	}
}

func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir + "/", dir + "/none.yaml"} {
		if _, err := (Shelf{}).Find(path); err == nil {
			t.Errorf("%s was read", path)
		}
	}
	if _, err := (Shelf{}).Find(dir + "/none.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestFilesBelowAFolder(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"a.yaml", "deep/b.yaml", "a.scenarios.yaml", ".git/c.yaml", ".d.yaml", "e.txt"} {
		write(t, filepath.Join(dir, f), "")
	}
	got, err := In(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{dir + "/a.yaml", dir + "/deep/b.yaml"}, got); diff != "" {
		t.Error(diff)
	}
}
