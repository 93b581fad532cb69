package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/engine/journal"
)

func playLock(s journal.Store, id string) error {
	// The run goes with it, and a claim of its own: as an engine and its supervisor in one.
	lock, err := s.Lock("dixis frontend", journal.Holder{Run: id, By: "deploy"})
	if err != nil {
		return err
	}
	fmt.Println(lock.Name())
	if _, err := io.ReadAll(os.Stdin); err != nil {
		return err
	}
	return lock.Release()
}

const otherID = "20261123T040000Z-zzzz"

func TestLockHasOneHolder(t *testing.T) {
	s := tempStore(t)
	closeWriter(t, create(t, s))
	if _, held, err := s.LockHolder("dixis frontend"); held || err != nil {
		t.Errorf("held before anybody came: %v", err)
	}
	o := startOther(t, "lock", s)
	o.line(t)
	_, err := s.Lock("dixis frontend", journal.Holder{Run: otherID})
	held, ok := errors.AsType[*journal.HeldError](err)
	if !ok || held.Holder.Run != testID || held.Holder.By != "deploy" || held.Holder.PID != o.cmd.Process.Pid {
		t.Fatalf("taken twice: %v", err)
	}
	want := fmt.Sprintf("lock dixis frontend is held by run %s, by deploy (process %d), since %s",
		testID, o.cmd.Process.Pid, held.Holder.Since.Format("2006-01-02 15:04:05 UTC"))
	if err.Error() != want {
		t.Errorf("says %q\nnot  %q", err, want)
	}
	if holder, live, err := s.LockHolder("dixis frontend"); !live || err != nil || holder != held.Holder {
		t.Errorf("holder %+v, %v, %v", holder, live, err)
	}
	elsewhere, err := s.Lock("dixis-frontend", journal.Holder{Run: otherID})
	if err != nil {
		t.Fatalf("another lock: %v", err)
	}
	if err := elsewhere.Release(); err != nil {
		t.Error(err)
	}
	o.kill(t)
	if _, held, err := s.LockHolder("dixis frontend"); held || err != nil {
		t.Errorf("held by the dead: %v", err)
	}
	lock, err := s.Lock("dixis frontend", journal.Holder{Run: otherID})
	if err != nil {
		t.Fatalf("after the kill: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	o = startOther(t, "lock", s)
	o.line(t)
	o.end(t)
}

// The engine is gone and its change goes on: nobody else may have the lock until that has ended.
func TestLockOutlivesItsRunWhileAChangeGoesOn(t *testing.T) {
	s := tempStore(t)
	closeWriter(t, create(t, s))
	engine := startOther(t, "lock", s)
	engine.line(t)
	supervisor := startOther(t, "claim", s)
	supervisor.line(t)
	engine.kill(t)
	_, err := s.Lock("dixis frontend", journal.Holder{Run: otherID})
	held, ok := errors.AsType[*journal.HeldError](err)
	if !ok || held.Change != "sub/restart" || !strings.HasSuffix(err.Error(), "; the process is gone, but its change sub/restart still goes on") {
		t.Errorf("while the change goes on: %v", err)
	}
	if _, live, err := s.LockHolder("dixis frontend"); !live || err != nil {
		t.Errorf("nobody holds it: %v", err)
	}
	resumed, err := s.Lock("dixis frontend", journal.Holder{Run: testID})
	if err != nil {
		t.Fatalf("the same run, resumed: %v", err)
	}
	if _, err := io.WriteString(supervisor.in, `{}`); err != nil {
		t.Fatal(err)
	}
	supervisor.end(t)
	if err := resumed.Release(); err != nil {
		t.Error(err)
	}
	lock, err := s.Lock("dixis frontend", journal.Holder{Run: otherID})
	if err != nil {
		t.Fatalf("after the change: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// A child of the driver must not keep the run, a lock or a claim alive when the driver dies.
func TestChildrenInheritNoLock(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	lock, err := s.Lock("l", journal.Holder{Run: testID})
	if err != nil {
		t.Fatal(err)
	}
	claim, taken, err := w.Run().Claim("restart", 1, journal.Holder{})
	if err != nil || !taken {
		t.Fatal(taken, err)
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, e := range entries {
		file, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || !strings.Contains(file, filepath.Dir(s.Dir)) {
			continue
		}
		seen++
		info, err := os.ReadFile("/proc/self/fdinfo/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		var pos, flags int
		if _, err := fmt.Sscanf(string(info), "pos: %d\nflags: %o\n", &pos, &flags); err != nil {
			t.Fatal(err)
		}
		if flags&0o2000000 == 0 {
			t.Errorf("%s would be inherited", file)
		}
	}
	if seen < 5 { // the journal twice, the run's lock, the named one twice, the claim
		t.Errorf("only %d files are open", seen)
	}
	if err := errors.Join(claim.Finish(json.RawMessage(`1`)), lock.Release()); err != nil {
		t.Error(err)
	}
	closeWriter(t, w)
}

func TestLockNamesAreSafe(t *testing.T) {
	s := tempStore(t)
	names := []string{"", ".", "..", "/", "a/b", "a.b", "a~2eb", "../../etc/passwd", "-", ".a", "a\x00b", "a\nb", "ÄÖ", strings.Repeat("x", 300), strings.Repeat("x", 301), "~", "a b"}
	var locks []*journal.Lock
	for _, name := range names {
		lock, err := s.Lock(name, journal.Holder{Run: testID})
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		locks = append(locks, lock)
	}
	files, err := os.ReadDir(filepath.Join(s.Dir, "locks"))
	if err != nil || len(files) != len(names) {
		t.Errorf("%d files for %d names: %v", len(files), len(names), err)
	}
	for _, lock := range locks {
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	}
}
