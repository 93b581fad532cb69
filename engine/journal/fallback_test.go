package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"runbook/engine/journal"
)

// notices keeps what a store says, and appends to the run that it says it of: who hears a notice may do that.
type notices struct {
	all []journal.Notice
	w   *journal.Writer
}

func (n *notices) hear(t *testing.T) func(journal.Notice) {
	t.Helper()
	return func(notice journal.Notice) {
		n.all = append(n.all, notice)
		if n.w == nil {
			return
		}
		w := n.w
		n.w = nil
		appendEvent(t, w, journal.Later, "journal.moved", `{"says":%q}`, notice.String())
	}
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, ""); err != nil {
		t.Fatal(err)
	}
}

// smallDisk is a store whose home is on a disk of 8 MiB that nothing else uses.
func smallDisk(t *testing.T) journal.Store {
	t.Helper()
	return store(filepath.Join(mountTmpfs(t, "8m"), "runbook"), filepath.Join(t.TempDir(), "memory"))
}

// use does everything that writes into a run.
func use(t *testing.T, w *journal.Writer, name string) {
	t.Helper()
	run := w.Run()
	appendEvent(t, w, journal.Now, "used", `{"name":%q}`, name)
	e, err := run.Evidence(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(e, name); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := run.Pose(journal.Question{Nonce: name, Data: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if won, _, err := run.Decide(name, fmt.Appendf(nil, "%q", name)); !won || err != nil {
		t.Fatal(won, err)
	}
	claim, taken, err := run.Claim(name, 1, journal.Holder{})
	if !taken || err != nil {
		t.Fatal(taken, err)
	}
	if err := claim.Finish(fmt.Appendf(nil, "%q", name)); err != nil {
		t.Fatal(err)
	}
	if _, err := run.AddNote("note.added", fmt.Appendf(nil, `{"note":%q}`, name)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.TakeNotes(); err != nil {
		t.Fatal(err)
	}
}

// used checks that all which use did is there, wherever it lies.
func used(t *testing.T, s journal.Store, names ...string) {
	t.Helper()
	run, err := s.Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, rec := range records(t, run) {
		seen[rec.Type+string(rec.Data)]++
	}
	files, err := run.EvidenceFiles()
	if err != nil || len(files) != len(names) {
		t.Fatalf("evidence %v, %v", files, err)
	}
	for i, name := range names {
		if seen[fmt.Sprintf(`used{"name":%q}`, name)] != 1 || seen[fmt.Sprintf(`note.added{"note":%q}`, name)] != 1 {
			t.Errorf("%s: in the journal: %v", name, seen)
		}
		f, err := run.ReadEvidence(files[i])
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil || string(text) != name || files[i] != fmt.Sprintf("evidence/E%02d-%s.txt", i+1, name) {
			t.Errorf("%s: evidence %s is %q, %v", name, files[i], text, err)
		}
		if answer, found, err := run.Decision(name); err != nil || !found || string(answer) != fmt.Sprintf("%q", name) {
			t.Errorf("%s: answer %s, %v, %v", name, answer, found, err)
		}
		if won, _, err := run.Decide(name, json.RawMessage(`"again"`)); won || err != nil {
			t.Errorf("%s: answered again: %v, %v", name, won, err)
		}
		if c, err := run.Change(name, 1); err != nil || string(c.Result) != fmt.Sprintf("%q", name) {
			t.Errorf("%s: change %+v, %v", name, c, err)
		}
		if _, taken, err := run.Claim(name, 1, journal.Holder{}); taken || err != nil {
			t.Errorf("%s: claimed again: %v, %v", name, taken, err)
		}
	}
}

func inMemory(t *testing.T, s journal.Store) bool {
	t.Helper()
	_, err := os.Stat(filepath.Join(s.Fallbacks[0], "runs", testID))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return err == nil
}

// heldByUs says whether another process sees the run driven.
func heldByUs(t *testing.T, s journal.Store) {
	t.Helper()
	run, err := s.Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	if holder, live, err := run.Holder(); !live || err != nil || holder.By != "deploy" {
		t.Errorf("the run is not held: %+v, %v, %v", holder, live, err)
	}
	if _, err := run.Hold(journal.Holder{}); err == nil {
		t.Error("the run was held twice")
	}
}

func TestDiskFullInTheMiddle(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	s := smallDisk(t)
	var heard notices
	s.Notice = heard.hear(t)
	w := create(t, s)
	use(t, w, "before")
	ballast := fill(t, filepath.Dir(s.Dir))
	heard.w = w
	use(t, w, "full") // the journal has its reserve, the other files have not
	big := strings.Repeat("x", 300<<10)
	appendEvent(t, w, journal.Now, "big", `{"text":%q}`, big)
	if len(heard.all) != 1 || !heard.all[0].Fallback || heard.all[0].Run != testID || !errors.Is(heard.all[0].Err, syscall.ENOSPC) {
		t.Fatalf("heard %+v", heard.all)
	}
	dir, err := w.Run().Path()
	if err != nil || dir != heard.all[0].Path || dir != filepath.Join(s.Fallbacks[0], "runs", testID) {
		t.Errorf("the journal is in %s, not %s: %v", dir, heard.all[0].Path, err)
	}
	used(t, s, "before", "full")
	heldByUs(t, s)
	if ids, err := s.List(); err != nil || len(ids) != 1 {
		t.Errorf("listed %v, %v", ids, err)
	}
	// The copy is a whole journal by itself.
	for _, err := range journal.Read(filepath.Join(dir, "journal.jsonl")) {
		if err != nil {
			t.Error(err)
		}
	}
	closeWriter(t, w)
	if !inMemory(t, s) {
		t.Error("went home to a full disk")
	}
	if err := s.BringHome(); err == nil {
		t.Error("BringHome says nothing of what it could not bring")
	}
	w = hold(t, s)
	use(t, w, "resumed")
	heldByUs(t, s)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	use(t, w, "room")
	if inMemory(t, s) {
		t.Error("there is room, and the run did not come home")
	}
	if last := heard.all[len(heard.all)-1]; last.Fallback || last.Path != filepath.Join(s.Dir, "runs", testID) {
		t.Errorf("heard %+v", heard.all)
	}
	heldByUs(t, s)
	used(t, s, "before", "full", "resumed", "room")
	closeWriter(t, w)
	used(t, s, "before", "full", "resumed", "room")
	if got := records(t, w.Run())[2]; got.Type == "journal.moved" {
		t.Errorf("third event is %s", got.Type)
	}
}

func TestDiskReadOnlyFromTheStart(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	s := smallDisk(t)
	var heard notices
	s.Notice = heard.hear(t)
	disk := filepath.Dir(s.Dir)
	remount(t, disk, unix.MS_RDONLY)
	w := create(t, s)
	if len(heard.all) != 1 || !heard.all[0].Fallback || !errors.Is(heard.all[0].Err, syscall.EROFS) {
		t.Fatalf("heard %+v", heard.all)
	}
	if _, err := s.Create(testID, journal.Holder{}); !errors.Is(err, journal.ErrExists) {
		t.Errorf("created twice: %v", err)
	}
	use(t, w, "first")
	used(t, s, "first")
	heldByUs(t, s)
	if got, err := s.Resolve("last"); err != nil || got != testID {
		t.Errorf("last is %s, %v", got, err)
	}
	remount(t, disk, 0)
	appendEvent(t, w, journal.Now, "x", `{}`)
	if inMemory(t, s) {
		t.Error("the disk can be written, and the run did not come home")
	}
	heldByUs(t, s)
	use(t, w, "second")
	used(t, s, "first", "second")
	closeWriter(t, w)
	run, err := s.Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	if _, live, err := run.Holder(); live || err != nil {
		t.Errorf("still held: %v", err)
	}
}

func TestResumeOnAReadOnlyDisk(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	s := smallDisk(t)
	w := create(t, s)
	use(t, w, "before")
	path := journalPath(t, w.Run())
	closeWriter(t, w)
	addTo(t, path, `{"seq":3,"at`)
	disk := filepath.Dir(s.Dir)
	remount(t, disk, unix.MS_RDONLY)
	var heard notices
	s.Notice = heard.hear(t)
	w = hold(t, s)
	if len(heard.all) != 1 || !errors.Is(heard.all[0].Err, syscall.EROFS) || len(w.Torn()) != 1 {
		t.Errorf("heard %+v, torn %v", heard.all, w.Torn())
	}
	use(t, w, "read-only")
	heldByUs(t, s)
	used(t, s, "before", "read-only")
	closeWriter(t, w)
	remount(t, disk, 0)
	if err := s.BringHome(); err != nil {
		t.Error(err)
	}
	if inMemory(t, s) {
		t.Error("BringHome left something")
	}
	used(t, s, "before", "read-only")
	if text, err := os.ReadFile(filepath.Join(filepath.Dir(path), "journal.torn-1")); err != nil || string(text) != `{"seq":3,"at` {
		t.Errorf("set aside %q, %v", text, err)
	}
}

func TestNoPlaceLeft(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	disk, memory := mountTmpfs(t, "2m"), mountTmpfs(t, "2m")
	s := store(disk, memory)
	w := create(t, s)
	appendEvent(t, w, journal.Now, "first", `{}`)
	ballast := fill(t, disk)
	fill(t, memory)
	big := journal.Record{Type: "big", Data: json.RawMessage(`{"text":"` + strings.Repeat("x", 300<<10) + `"}`)}
	if _, err := w.Append(big, journal.Now); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("append to a full disk: %v", err)
	}
	if seq, _ := w.Head(); seq != 1 {
		t.Errorf("head is %d", seq)
	}
	if got := len(records(t, w.Run())); got != 1 {
		t.Errorf("%d events", got)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(big, journal.Now); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	closeWriter(t, w)
	if got := len(records(t, w.Run())); got != 2 {
		t.Errorf("%d events in the end", got)
	}
	fill(t, disk)
	if _, err := s.Create(otherID, journal.Holder{}); err != nil {
		t.Logf("a run on two full disks: %v", err) // that depends on the file system's last inode
	}
}

// A supervisor writes evidence in the fallback place while the journal goes home. Its file must not move under it.
func TestFileInUseStays(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	s := smallDisk(t)
	w := create(t, s)
	e, err := w.Run().Evidence("build")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(e, "one "); err != nil {
		t.Fatal(err)
	}
	supervisors, err := w.Run().OpenEvidence(e.Name())
	if err != nil {
		t.Fatal(err)
	}
	if err := supervisors.Close(); err != nil {
		t.Fatal(err)
	}
	ballast := fill(t, filepath.Dir(s.Dir))
	big := strings.Repeat("x", 4096)
	if _, err := io.WriteString(e, big); err != nil {
		t.Fatal(err)
	}
	claimer := startOther(t, "claim", s)
	claimer.line(t)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	appendEvent(t, w, journal.Now, "x", `{}`)
	if _, err := io.WriteString(e, " two"); err != nil {
		t.Fatal(err)
	}
	if c, err := w.Run().Change("sub/restart", 1); err != nil || c.State != journal.Running {
		t.Errorf("the change that goes on: %+v, %v", c, err)
	}
	closeWriter(t, w)
	if !inMemory(t, s) {
		t.Error("files in use were moved")
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(claimer.in, `{}`); err != nil {
		t.Fatal(err)
	}
	claimer.end(t)
	if err := s.BringHome(); err != nil {
		t.Error(err)
	}
	if inMemory(t, s) {
		t.Error("nothing is in use, and something stayed")
	}
	f, err := w.Run().ReadEvidence(e.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := io.ReadAll(f); err != nil || string(text) != "one "+big+" two" {
		t.Errorf("evidence has %d bytes, %v", len(text), err)
	}
	if c, err := w.Run().Change("sub/restart", 1); err != nil || c.State != journal.Finished {
		t.Errorf("the change that ended: %+v, %v", c, err)
	}
}

func TestLocksOnAReadOnlyDisk(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	s := smallDisk(t)
	disk := filepath.Dir(s.Dir)
	by, other := journal.Holder{Run: testID, By: "one"}, journal.Holder{Run: otherID, By: "two"}
	taken := func(when string) {
		t.Helper()
		_, err := s.Lock("l", other)
		held, ok := errors.AsType[*journal.HeldError](err)
		if !ok || held.Holder.By != "one" {
			t.Errorf("%s: %v", when, err)
		}
	}
	free := func(when string, by journal.Holder) *journal.Lock {
		t.Helper()
		lock, err := s.Lock("l", by)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		return lock
	}
	remount(t, disk, unix.MS_RDONLY)
	lock := free("read-only", by)
	taken("read-only")
	remount(t, disk, 0)
	taken("taken when read-only")
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	lock = free("can be written again", by)
	remount(t, disk, unix.MS_RDONLY)
	taken("taken before it was read-only")
	// Its text can't be taken back any more, and names it for ever; the next holder's is newer.
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	lock = free("given back when read-only", other)
	holder, held, err := s.LockHolder("l")
	if err != nil || !held || holder.By != "two" {
		t.Errorf("holder %+v, %v, %v", holder, held, err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if holder, held, err := s.LockHolder("l"); err != nil || held {
		t.Errorf("held by %+v, %v", holder, err)
	}
}

// The journal has room on the disk before it needs it.
func TestReserve(t *testing.T) {
	needRoot(t, "only root can mount an image")
	if !ownMounts(t) {
		return
	}
	disk := mountImage(t, newImage(t, filepath.Join(t.TempDir(), "disk"), 16<<20))
	s := store(filepath.Join(disk, "runbook"), filepath.Join(t.TempDir(), "memory"))
	var heard notices
	s.Notice = heard.hear(t)
	w := create(t, s)
	appendEvent(t, w, journal.Now, "first", `{}`)
	ballast := fill(t, disk)
	for range 40 {
		appendEvent(t, w, journal.Now, "change", `{"text":%q}`, strings.Repeat("x", 4000))
	}
	if len(heard.all) != 0 || inMemory(t, s) {
		t.Errorf("160 KB after the disk was full the journal is not at home: %+v", heard.all)
	}
	for range 40 {
		appendEvent(t, w, journal.Now, "change", `{"text":%q}`, strings.Repeat("x", 4000))
	}
	if len(heard.all) != 1 || !errors.Is(heard.all[0].Err, syscall.ENOSPC) {
		t.Errorf("320 KB after the disk was full: %+v", heard.all)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	appendEvent(t, w, journal.Now, "home", `{}`)
	appendEvent(t, w, journal.Now, "last", `{}`)
	path := journalPath(t, w.Run())
	closeWriter(t, w)
	if got := len(records(t, w.Run())); got != 83 || inMemory(t, s) {
		t.Errorf("%d events, in memory: %v", got, inMemory(t, s))
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if blocks := info.Sys().(*syscall.Stat_t).Blocks * 512; blocks > info.Size()+64<<10 {
		t.Errorf("a closed journal of %d bytes takes %d of the disk", info.Size(), blocks)
	}
}
