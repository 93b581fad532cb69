package books

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// own makes a tree below a folder that belongs to root, with a runbook in it. Only root can make files of other users.
func own(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("whose files root trusts can only be tried as root")
		}
		t.Skip("whose files root trusts can only be tried as root")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/etc/runbooks/page.yaml", "runbook: page")
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRootRunsOnlyWhatRootAloneCanWrite(t *testing.T) {
	const page = "/etc/runbooks/page.yaml"
	for name, c := range map[string]struct {
		change func(t *testing.T, dir string)
		path   string // that is refused, "" for none
		fix    string
	}{
		"as it is":                     {func(t *testing.T, _ string) { t.Helper() }, "", ""},
		"the file, everybody's":        {func(t *testing.T, d string) { t.Helper(); must(t, os.Chmod(d+page, 0o646)) }, page, "chmod o-w"},
		"the file, its group's":        {func(t *testing.T, d string) { t.Helper(); must(t, os.Chmod(d+page, 0o664)) }, page, "chmod g-w"},
		"the file, another's":          {func(t *testing.T, d string) { t.Helper(); must(t, os.Chown(d+page, 1000, 0)) }, page, "chown root"},
		"the folder, everybody's":      {func(t *testing.T, d string) { t.Helper(); must(t, os.Chmod(d+"/etc/runbooks", 0o777)) }, "/etc/runbooks", "chmod o-w"},
		"a folder above, another's":    {func(t *testing.T, d string) { t.Helper(); must(t, os.Chown(d+"/etc", 1000, 0)) }, "/etc", "chown root"},
		"a folder above, its group's":  {func(t *testing.T, d string) { t.Helper(); must(t, os.Chmod(d+"/etc", 0o775)) }, "/etc", "chmod g-w"},
		"a sticky folder, like /tmp":   {func(t *testing.T, d string) { t.Helper(); must(t, os.Chmod(d+"/etc", 0o777|os.ModeSticky)) }, "", ""},
		"read by others, as it may be": {func(t *testing.T, d string) { t.Helper(); must(t, os.Chmod(d+page, 0o644)) }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := own(t)
			c.change(t, dir)
			_, err := Shelf{Root: true}.Find(dir + page)
			e, refused := errors.AsType[*UntrustedError](err)
			switch {
			case c.path == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.path != "" && !refused:
				t.Errorf("it was not refused: %v", err)
			case refused && (e.Path != dir+c.path || !strings.HasPrefix(e.Fix, c.fix)):
				t.Errorf("%s is blamed, want %s: %v", e.Path, c.path, err)
			}
			if _, err := (Shelf{}).Find(dir + page); err != nil {
				t.Errorf("another user may run what he can read: %v", err)
			}
		})
	}
}

func TestLinksOnTheWayAreLookedAt(t *testing.T) {
	dir := own(t)
	open := filepath.Join(dir, "open")
	must(t, os.Mkdir(open, 0o777))
	must(t, os.Chmod(open, 0o777))
	must(t, os.Symlink("../etc/runbooks", open+"/link"))
	must(t, os.Symlink(open+"/link/page.yaml", dir+"/page.yaml"))
	_, err := Shelf{Root: true}.Find(dir + "/page.yaml")
	if e, ok := errors.AsType[*UntrustedError](err); !ok || e.Path != open {
		t.Errorf("a link in a folder that everybody can write was followed: %v", err)
	}
	must(t, os.Chmod(open, 0o755))
	if _, err := (Shelf{Root: true}).Find(dir + "/page.yaml"); err != nil {
		t.Errorf("links that root alone can change are good: %v", err)
	}
	must(t, os.Lchown(open+"/link", 1000, 0))
	if _, err := (Shelf{Root: true}).Find(dir + "/page.yaml"); err == nil {
		t.Error("another's link was followed")
	}
}
