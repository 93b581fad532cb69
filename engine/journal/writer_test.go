package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/journal"
)

func TestRunFolderIsPrivate(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	if err := w.Run().Pose(journal.Question{Nonce: "q1", Data: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	e, err := w.Run().Evidence("port")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Run().Claim("port", 1, journal.Holder{}); err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	files := 0
	err = filepath.WalkDir(filepath.Join(s.Dir, "runs", testID), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		files++
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode().Perm())
		}
		return nil
	})
	if err != nil || files < 8 {
		t.Errorf("walked over %d files: %v", files, err)
	}
}

func TestCreateTwice(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	appendEvent(t, w, journal.Now, "run.started", `{}`)
	if _, err := s.Create(testID, journal.Holder{}); !errors.Is(err, journal.ErrExists) {
		t.Errorf("second: %v", err)
	}
	closeWriter(t, w)
	if _, err := s.Create(testID, journal.Holder{}); !errors.Is(err, journal.ErrExists) {
		t.Errorf("after the first was closed: %v", err)
	}
	if _, err := s.Create("../../etc", journal.Holder{}); err == nil || errors.Is(err, journal.ErrExists) {
		t.Errorf("an id that is none: %v", err)
	}
	if got := len(records(t, w.Run())); got != 1 {
		t.Errorf("%d events left of the first run", got)
	}
}

func TestOnlyOneProcessDrivesARun(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	run, err := s.Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	holder, live, err := run.Holder()
	if err != nil || !live || holder.By != "deploy" || holder.PID != os.Getpid() || holder.Run != testID {
		t.Errorf("holder is %+v, %v, %v", holder, live, err)
	}
	_, err = run.Hold(journal.Holder{By: "other"})
	held, ok := errors.AsType[*journal.HeldError](err)
	if !ok || held.Holder != holder {
		t.Fatalf("held twice: %v", err)
	}
	want := fmt.Sprintf("this run is already driven, by deploy (process %d), since %s", os.Getpid(), holder.Since.Format("2006-01-02 15:04:05 UTC"))
	if err.Error() != want {
		t.Errorf("says %q\nnot  %q", err, want)
	}
	closeWriter(t, w)
	if _, live, err := run.Holder(); live || err != nil {
		t.Errorf("after closing: %v, %v", live, err)
	}
	closeWriter(t, hold(t, s))
}

// Whoever looks whether a run is driven, or a lock held, takes its lock for an instant. That must never keep off who
// wants to hold it.
func TestLookingDoesNotDisturb(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	closeWriter(t, w)
	stop := make(chan struct{})
	var looking sync.WaitGroup
	look := func(at func() error) {
		looking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := at(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 2 {
		look(func() error { _, _, err := w.Run().Holder(); return err })
		look(func() error { _, _, err := s.LockHolder("l"); return err })
	}
	for range 10 {
		w, err := w.Run().Hold(journal.Holder{})
		if err != nil {
			t.Error(err)
			break
		}
		closeWriter(t, w)
	}
	for range 60 {
		for range 50 {
			runtime.Gosched() // the others look at a lock that is free
		}
		lock, err := s.Lock("l", journal.Holder{Run: testID})
		if err != nil {
			t.Error(err)
			break
		}
		if err := lock.Release(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	looking.Wait()
}

func TestAppendFromManyGoroutines(t *testing.T) {
	w := create(t, tempStore(t))
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 50 {
				d := journal.Later
				if i%10 == 0 {
					d = journal.Now
				}
				if _, err := w.Append(journal.Record{Type: "step.ended", Data: fmt.Appendf(nil, `{"g":%d,"i":%d}`, g, i)}, d); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	next := map[int]int{}
	recs := records(t, w.Run())
	for _, rec := range recs {
		var data struct{ G, I int }
		if err := json.Unmarshal(rec.Data, &data); err != nil {
			t.Fatal(err)
		}
		if data.I != next[data.G] {
			t.Fatalf("goroutine %d: event %d stands where %d belongs", data.G, data.I, next[data.G])
		}
		next[data.G]++
	}
	if len(recs) != 400 {
		t.Errorf("%d events of 400", len(recs))
	}
	closeWriter(t, w)
}

func TestOnce(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	rec := journal.Record{Type: "note.added", Once: "note-1"}
	if _, err := w.Append(rec, journal.Now); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(rec, journal.Now); !errors.Is(err, journal.ErrOnce) {
		t.Errorf("twice: %v", err)
	}
	closeWriter(t, w)
	w = hold(t, s)
	if _, err := w.Append(rec, journal.Now); !errors.Is(err, journal.ErrOnce) {
		t.Errorf("after reopening: %v", err)
	}
	closeWriter(t, w)
	if got := len(records(t, w.Run())); got != 1 {
		t.Errorf("%d events", got)
	}
}

func TestClosedWriter(t *testing.T) {
	w := create(t, tempStore(t))
	closeWriter(t, w)
	if _, err := w.Append(journal.Record{Type: "a"}, journal.Later); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("append: %v", err)
	}
	if err := w.Flush(); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("flush: %v", err)
	}
	if err := w.Close(); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("close: %v", err)
	}
}

func TestMonoGoesOnAfterResume(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	at, mono := w.Stamp()
	if mono < 0 || time.Since(at) > time.Hour {
		t.Errorf("stamp %v, %v", at, mono)
	}
	_, err := w.Append(journal.Record{At: time.Now().Add(-time.Hour), Mono: 3 * time.Hour, Type: "a"}, journal.Now)
	if err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	w = hold(t, s)
	rec := appendEvent(t, w, journal.Now, "b", `{}`)
	if rec.Mono < 4*time.Hour || rec.Mono > 5*time.Hour {
		t.Errorf("an hour after an event at 3h comes one at %v", rec.Mono)
	}
	// The wall clock was ahead, and has been put right.
	_, err = w.Append(journal.Record{At: time.Now().Add(time.Hour), Mono: 6 * time.Hour, Type: "c"}, journal.Now)
	if err != nil {
		t.Fatal(err)
	}
	closeWriter(t, w)
	w = hold(t, s)
	rec = appendEvent(t, w, journal.Now, "d", `{}`)
	if rec.Mono < 6*time.Hour || rec.Mono > 7*time.Hour {
		t.Errorf("after an event from the future at 6h comes one at %v", rec.Mono)
	}
	closeWriter(t, w)
}

func TestClock(t *testing.T) {
	start := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	c := journal.StartClock(start)
	if at, mono := c.Stamp(start.Add(time.Second)); !at.Equal(start.Add(time.Second)) || mono != time.Second {
		t.Errorf("%v, %v", at, mono)
	}
	last := journal.Record{At: start.Add(time.Minute), Mono: time.Minute}
	c = journal.ContinueClock(last, start.Add(3*time.Minute))
	if _, mono := c.Stamp(start.Add(4 * time.Minute)); mono != 4*time.Minute {
		t.Errorf("two minutes' gap and one more: %v", mono)
	}
	c = journal.ContinueClock(last, start)
	if _, mono := c.Stamp(start.Add(time.Second)); mono != time.Minute+time.Second {
		t.Errorf("the clock went back a minute: %v", mono)
	}
}

func TestIDs(t *testing.T) {
	at := time.Date(2026, 11, 23, 5, 10, 45, 999999999, time.FixedZone("EET", 7200))
	if id := journal.NewID(at, 0x98de7); id != "20261123T031045Z-z7f7" {
		t.Errorf("id %s", id)
	}
	got, err := journal.ParseID(testID)
	if err != nil || !got.Equal(at.Truncate(time.Second)) {
		t.Errorf("began at %v, %v", got, err)
	}
	seen := map[string]bool{}
	for random := range uint32(1 << 10) {
		seen[journal.NewID(at, random)] = true
	}
	if len(seen) != 1<<10 {
		t.Errorf("%d ids of 2^10 random numbers", len(seen))
	}
	// Whatever is random in them, ids sort as their runs began.
	for milli := range time.Duration(2_000) {
		earlier, later := at.Add(milli*time.Millisecond), at.Add((milli+1)*time.Millisecond)
		if a, b := journal.NewID(earlier, 1<<32-1), journal.NewID(later, 0); a >= b {
			t.Fatalf("%s of %v is not before %s of %v", a, earlier, b, later)
		}
	}
	for _, bad := range []string{"", "last", "20261123T031045Z", "20261123T031045Z-K3f7", "20261323T031045Z-k3f7", "20261123T031045Z-k3/7", "20261123T031045Z-k3f77"} {
		if _, err := journal.ParseID(bad); err == nil {
			t.Errorf("%q taken for an id", bad)
		}
	}
}

func TestListAndResolve(t *testing.T) {
	s := tempStore(t)
	if ids, err := s.List(); err != nil || len(ids) != 0 {
		t.Errorf("before the first run: %v, %v", ids, err)
	}
	if _, err := s.Resolve("last"); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("last of none: %v", err)
	}
	ids := []string{"20261122T000000Z-aaaa", "20261123T031045Z-k3f7", "20261123T031045Z-k3f8", "20261124T000000Z-zzzz"}
	for _, i := range []int{2, 0, 3, 1} {
		w, err := s.Create(ids[i], journal.Holder{})
		if err != nil {
			t.Fatal(err)
		}
		closeWriter(t, w)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "runs", "README"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.List(); err != nil || strings.Join(got, " ") != strings.Join(ids, " ") {
		t.Errorf("list %v, %v", got, err)
	}
	for name, want := range map[string]string{
		"last": ids[3], ids[1]: ids[1], "20261122": ids[0], "k3f8": ids[2], "20261123T031045Z-k3f7": ids[1],
	} {
		if got, err := s.Resolve(name); err != nil || got != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	_, err := s.Resolve("20261123")
	ambiguous, ok := errors.AsType[*journal.AmbiguousError](err)
	if !ok || len(ambiguous.IDs) != 2 {
		t.Errorf("a prefix of two: %v", err)
	}
	for _, name := range []string{"", "2025", "k3f"} {
		if got, err := s.Resolve(name); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("%q: %s, %v", name, got, err)
		}
	}
	if _, err := s.Open("20250101T000000Z-0000"); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("open a run that is not there: %v", err)
	}
	if _, err := s.Open("../runs"); err == nil {
		t.Error("opened what is not an id")
	}
}

func TestUserStore(t *testing.T) {
	env := func(vars map[string]string) func(string) string {
		return func(name string) string { return vars[name] }
	}
	for _, c := range []struct {
		uid  int
		vars map[string]string
		dir  string
		fall string
	}{
		{0, map[string]string{"XDG_STATE_HOME": "/x"}, "/var/lib/runbook", "/dev/shm/runbook-0 /run/runbook"},
		{1000, nil, "/home/deploy/.local/state/runbook", "/dev/shm/runbook-1000"},
		{1000, map[string]string{"XDG_STATE_HOME": "/x", "XDG_RUNTIME_DIR": "/run/user/1000"}, "/x/runbook", "/dev/shm/runbook-1000 /run/user/1000/runbook"},
		{1000, map[string]string{"XDG_STATE_HOME": "relative"}, "/home/deploy/.local/state/runbook", "/dev/shm/runbook-1000"},
	} {
		s := journal.UserStore(c.uid, "/home/deploy", env(c.vars))
		if s.Dir != c.dir || strings.Join(s.Fallbacks, " ") != c.fall || s.UID != c.uid {
			t.Errorf("user %d with %v: %+v", c.uid, c.vars, s)
		}
	}
}
