package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"runbook/engine/journal"
)

// Everybody can make a directory in /dev/shm, before we do.
func TestFallbackOfAnotherUserIsNotUsed(t *testing.T) {
	for name, spoil := range map[string]func(dir string) error{
		"open to others": func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o777)) },
		"a link":         func(dir string) error { return os.Symlink(t.TempDir(), dir) },
		"a file":         func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
		"somebody else's": func(dir string) error {
			if os.Geteuid() != 0 {
				return os.Symlink(t.TempDir(), dir)
			}
			return errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 65534, -1))
		},
	} {
		dir := t.TempDir()
		s := store(filepath.Join(dir, "file", "home"), filepath.Join(dir, "spoilt"))
		if err := errors.Join(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600), spoil(s.Fallbacks[0])); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(testID, journal.Holder{}); err == nil {
			t.Errorf("%s: used", name)
		}
		s.Fallbacks = append(s.Fallbacks, filepath.Join(dir, "good"))
		w, err := s.Create(testID, journal.Holder{})
		if err != nil {
			t.Errorf("%s: the next one: %v", name, err)
			continue
		}
		appendEvent(t, w, journal.Now, "x", `{}`)
		closeWriter(t, w)
		if ids, err := s.List(); err != nil || len(ids) != 1 {
			t.Errorf("%s: listed %v, %v", name, ids, err)
		}
		if got := len(records(t, w.Run())); got != 1 {
			t.Errorf("%s: %d events", name, got)
		}
	}
}

func TestRunOfAnotherUser(t *testing.T) {
	needRoot(t, "only root can be somebody else")
	top := openDir(t)
	const nobody = 65534
	home, memory := filepath.Join(top, "home"), filepath.Join(top, "memory")
	for _, dir := range []string{home, memory} {
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
	// Root writes into the run of another user: whatever it makes, that user can read.
	s := store(home, memory)
	s.UID = nobody
	w := create(t, s)
	use(t, w, "by-root")
	closeWriter(t, w)
	var mine []string
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && path != top && info.Sys().(*syscall.Stat_t).Uid != nobody {
			mine = append(mine, path)
		}
		return err
	})
	if err != nil || len(mine) != 0 {
		t.Errorf("these belong to root: %v, %v", mine, err)
	}
	// That user goes on with it; and when home is not his to write, elsewhere.
	o := startAs(t, nobody, "append", s, testID)
	o.line(t)
	o.kill(t)
	if err := os.Chown(home, 0, 0); err != nil {
		t.Fatal(err)
	}
	o = startAs(t, nobody, "create", s, otherID)
	if got := o.line(t); got != filepath.Join(memory, "runs", otherID) {
		t.Errorf("run in %s", got)
	}
	o.end(t)
	if err := os.Chown(home, nobody, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.BringHome(); err != nil {
		t.Error(err)
	}
	used(t, s, "by-root")
}
