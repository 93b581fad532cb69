package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine/journal"
)

// playAppend appends until it is killed, and says each event after Append has returned.
func playAppend(run *journal.Run) error {
	w, err := run.Hold(journal.Holder{By: "the one to be killed"})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		d := journal.Later
		if i%7 == 0 {
			d = journal.Now
		}
		rec, err := w.Append(journal.Record{Type: "step.ended", Data: fmt.Appendf(nil, `{"i":%d,"text":%q}`, i, strings.Repeat("x", i*37%9000))}, d)
		if err != nil {
			return err
		}
		// Long, so that the pipe is soon full and this process does not run far ahead of the test.
		fmt.Println(rec.Seq, rec.Hash, strings.Repeat(".", 4000))
	}
}

// some is a number from 0 up to but not n.
func some(n int) int { return rand.IntN(n) }

// lastSaid is the last event that a process has said before it was killed, if it said one.
func lastSaid(t *testing.T, lines []string) (seq uint64, hash string) {
	t.Helper()
	if len(lines) == 0 {
		return 0, ""
	}
	if _, err := fmt.Sscan(lines[len(lines)-1], &seq, &hash); err != nil {
		t.Fatal(err)
	}
	return seq, hash
}

func TestKillNineLosesNothing(t *testing.T) {
	s := tempStore(t)
	closeWriter(t, create(t, s))
	var before uint64
	for range 25 {
		o := startOther(t, "append", s)
		for range 1 + some(120) {
			o.line(t)
		}
		seq, hash := lastSaid(t, o.kill(t))

		run, err := s.Open(testID)
		if err != nil {
			t.Fatal(err)
		}
		if _, live, err := run.Holder(); live || err != nil {
			t.Fatalf("the dead still drive: %v", err)
		}
		w := hold(t, s)
		recs := records(t, run)
		if uint64(len(recs)) < max(seq, before+1) {
			t.Fatalf("Append had returned for event %d, and %d are left", seq, len(recs))
		}
		if seq > 0 && recs[seq-1].Hash != hash {
			t.Fatalf("event %d is another one than was appended", seq)
		}
		before = uint64(len(recs))
		closeWriter(t, w)
	}
}

// A disk that is full and is not, again and again, while the process that moves its journal to and fro is killed.
func TestKillNineWhileMoving(t *testing.T) {
	if !ownMounts(t) {
		return
	}
	home := mountTmpfs(t, "16m")
	s := store(home, filepath.Join(t.TempDir(), "memory"))
	closeWriter(t, create(t, s))
	var before uint64
	fled, homes := 0, 0
	for range 25 {
		o := startOther(t, "append", s)
		// Full and empty by turns; it is killed in the last one.
		for turn := range 2 + some(4) {
			if turn%2 == 0 {
				fill(t, home)
			} else if err := os.Remove(filepath.Join(home, "ballast")); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			for range 40 + some(120) {
				o.line(t)
			}
		}
		seq, hash := lastSaid(t, o.kill(t))
		if _, err := os.Stat(filepath.Join(s.Fallbacks[0], "runs", testID, "journal.jsonl")); err == nil {
			fled++
		} else {
			homes++
		}
		if err := os.Remove(filepath.Join(home, "ballast")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		w := hold(t, s)
		recs := records(t, w.Run())
		if uint64(len(recs)) < max(seq, before) {
			t.Fatalf("Append had returned for event %d, and %d are left", seq, len(recs))
		}
		if seq > 0 && recs[seq-1].Hash != hash {
			t.Fatalf("event %d is another one than was appended", seq)
		}
		before = uint64(len(recs))
		closeWriter(t, w)
		if _, err := os.Stat(filepath.Join(s.Fallbacks[0], "runs", testID)); err == nil {
			t.Fatal("there is room at home, and something stayed in the fallback place")
		}
		if before > 500 { // begin anew while it still fits
			if err := os.RemoveAll(filepath.Join(home, "runs", testID)); err != nil {
				t.Fatal(err)
			}
			closeWriter(t, create(t, s))
			before = 0
		}
	}
	t.Logf("killed %d times in the fallback place and %d times at home", fled, homes)
	if fled == 0 || homes == 0 {
		t.Error("the kills did not fall into both places")
	}
}

// What a disk holds of a file system at an instant is what a power cut at that instant leaves. The file system's image
// is copied while it is mounted, and the copy mounted beside it.
func TestPowerCut(t *testing.T) {
	needRoot(t, "only root can mount an image")
	if !ownMounts(t) {
		return
	}
	dir := t.TempDir()
	image := filepath.Join(dir, "disk")
	mounted := mountImage(t, newImage(t, image, 16<<20))
	s := store(filepath.Join(mounted, "runbook"), "")
	w := create(t, s)
	afterCut := func() (events int) {
		t.Helper()
		copied := filepath.Join(dir, "copy")
		writeFile(t, copied, readFile(t, image))
		there := mountImage(t, copied)
		cut := hold(t, store(filepath.Join(there, "runbook"), ""))
		events = len(records(t, cut.Run()))
		closeWriter(t, cut)
		if err := unix.Unmount(there, 0); err != nil {
			t.Fatal(err)
		}
		return events
	}
	if got := afterCut(); got != 0 {
		t.Errorf("%d events after Create and a cut", got)
	}
	for i := 1; i <= 5; i++ {
		appendEvent(t, w, journal.Later, "step.ended", `{}`)
		appendEvent(t, w, journal.Now, "change.intended", `{}`)
		if got := afterCut(); got != 2*i {
			t.Errorf("%d events of %d are on the disk after a Now", got, 2*i)
		}
	}
	run := w.Run()
	if err := run.Pose(journal.Question{Nonce: "q", Data: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if won, _, err := run.Decide("q", json.RawMessage(`"yes"`)); !won || err != nil {
		t.Fatal(won, err)
	}
	claim, taken, err := run.Claim("restart", 1, journal.Holder{})
	if !taken || err != nil {
		t.Fatal(taken, err)
	}
	if err := claim.Finish(json.RawMessage(`{"exit":0}`)); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "copy2")
	writeFile(t, copied, readFile(t, image))
	cut, err := store(filepath.Join(mountImage(t, copied), "runbook"), "").Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	if answer, found, err := cut.Decision("q"); !found || err != nil || string(answer) != `"yes"` {
		t.Errorf("answer after a cut: %s, %v, %v", answer, found, err)
	}
	if c, err := cut.Change("restart", 1); err != nil || c.State != journal.Finished || string(c.Result) != `{"exit":0}` {
		t.Errorf("change after a cut: %+v, %v", c, err)
	}

	// Nobody asks for what was left for later, and still it comes to the disk soon.
	appendEvent(t, w, journal.Later, "step.ended", `{}`)
	for deadline := time.Now().Add(time.Minute); afterCut() != 11; {
		if time.Now().After(deadline) {
			t.Fatal("an event left for later is not on the disk after a minute")
		}
	}
	closeWriter(t, w)
}

func newImage(t *testing.T, name string, size int64) string {
	t.Helper()
	writeFile(t, name, nil)
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "mkfs.ext4", "-q", "-m", "0", name).CombinedOutput(); err != nil {
		t.Fatalf("make a file system: %v: %s", err, out)
	}
	return name
}

func mountImage(t *testing.T, image string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-o", "loop,commit=300", image, dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }) // it may be unmounted already
	return dir
}
