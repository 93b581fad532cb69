package journal_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine/journal"
)

// playDecide answers every question it is told of on its input, and says whether it won.
func playDecide(run *journal.Run, answer string) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		won, standing, err := run.Decide(in.Text(), json.RawMessage(answer))
		if err != nil {
			return err
		}
		fmt.Println(won, string(standing)) //nolint:forbidigo // this is how the test knows
	}
	return in.Err()
}

func TestExactlyOneAnswerWins(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	run := w.Run()
	a, b := startOther(t, "decide", s, `"a"`), startOther(t, "decide", s, `"b"`)
	wins := map[string]int{}
	for i := range 1000 {
		nonce := fmt.Sprintf("q%04d", i)
		if err := run.Pose(journal.Question{Nonce: nonce, Data: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
		for _, o := range []*other{a, b} {
			if _, err := io.WriteString(o.in, nonce+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		saidA, saidB := a.line(t), b.line(t)
		answer, found, err := run.Decision(nonce)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		switch {
		case saidA == `true "a"` && saidB == `false "a"` && string(answer) == `"a"`:
		case saidA == `false "b"` && saidB == `true "b"` && string(answer) == `"b"`:
		default:
			t.Fatalf("question %d: a: %s, b: %s, stands: %s", i, saidA, saidB, answer)
		}
		wins[string(answer)]++
	}
	a.end(t)
	b.end(t)
	t.Logf("won: %v", wins)
	if len(wins) != 2 {
		t.Error("they did not race")
	}
	closeWriter(t, w)
}

func TestQuestions(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	defer closeWriter(t, w)
	run, err := s.Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	if open, err := run.OpenQuestions(); err != nil || len(open) != 0 {
		t.Errorf("open before the first: %v, %v", open, err)
	}
	for _, q := range []journal.Question{
		{Nonce: "b", Data: json.RawMessage(`{"step":"restart"}`)},
		{Nonce: "a", Data: json.RawMessage(`{"step":"rebuild"}`)},
		{Nonce: "b", Data: json.RawMessage(`{"step":"posed again"}`)},
	} {
		if err := w.Run().Pose(q); err != nil {
			t.Fatal(err)
		}
	}
	open, err := run.OpenQuestions()
	if err != nil || len(open) != 2 || open[0].Nonce != "a" || string(open[1].Data) != `{"step":"restart"}` {
		t.Errorf("open: %v, %v", open, err)
	}
	if _, _, err := run.Decide("c", json.RawMessage(`1`)); !errors.Is(err, journal.ErrNoQuestion) {
		t.Errorf("answer to no question: %v", err)
	}
	for nonce, answer := range map[string]string{"a": "{", "../a": `1`, "": `1`} {
		if won, _, err := run.Decide(nonce, json.RawMessage(answer)); err == nil {
			t.Errorf("answer %q to question %q: %v", answer, nonce, won)
		}
	}
	if _, found, err := run.Decision("a"); found || err != nil {
		t.Errorf("decided before it was: %v", err)
	}
	got := make(chan string)
	go func() {
		answer, err := w.Run().AwaitDecision(t.Context(), "a")
		got <- fmt.Sprint(string(answer), err)
	}()
	if won, _, err := run.Decide("a", json.RawMessage(`{"yes":true}`)); !won || err != nil {
		t.Errorf("%v, %v", won, err)
	}
	if answer := <-got; answer != `{"yes":true}<nil>` {
		t.Errorf("awaited %s", answer)
	}
	if open, err := run.OpenQuestions(); err != nil || len(open) != 1 || open[0].Nonce != "b" {
		t.Errorf("open after one answer: %v, %v", open, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("hung up"))
	if _, err := run.AwaitDecision(ctx, "b"); err == nil || err.Error() != "hung up" {
		t.Errorf("wait that was given up: %v", err)
	}
}

func TestNotesGetInExactlyOnce(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	// While the run is driven a note waits for its driver.
	startOther(t, "note", s).end(t)
	run, err := s.Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	if taken, err := run.AddNote("note.added", json.RawMessage(`{"text":"second"}`)); taken || err != nil {
		t.Errorf("a driven run's note: %v, %v", taken, err)
	}
	added, err := w.TakeNotes()
	if err != nil || len(added) != 2 || string(added[0].Data) != `{"text":"from elsewhere"}` || string(added[1].Data) != `{"text":"second"}` {
		t.Errorf("taken in: %v, %v", added, err)
	}
	if added, err := w.TakeNotes(); err != nil || len(added) != 0 {
		t.Errorf("taken in again: %v, %v", added, err)
	}
	// One that nobody took in until the end is taken in at the end.
	if _, err := run.AddNote("note.added", json.RawMessage(`{"text":"late"}`)); err != nil {
		t.Error(err)
	}
	closeWriter(t, w)
	// And one to a run that nobody drives gets in at once.
	if taken, err := run.AddNote("note.added", json.RawMessage(`{"text":"after the end"}`)); !taken || err != nil {
		t.Errorf("an ended run's note: %v, %v", taken, err)
	}
	var texts []string
	for _, rec := range records(t, run) {
		var data struct{ Text string }
		if err := json.Unmarshal(rec.Data, &data); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, data.Text)
	}
	if got := strings.Join(texts, ", "); got != "from elsewhere, second, late, after the end" {
		t.Errorf("journal has %s", got)
	}
	for _, bad := range []struct{ typ, data string }{{"", `{}`}, {"note.added", `[]`}, {"note.added", `{"seq":1}`}} {
		if _, err := run.AddNote(bad.typ, json.RawMessage(bad.data)); err == nil {
			t.Errorf("took %q %s", bad.typ, bad.data)
		}
	}
}

// A crash between the append of a note and the removal of its file leaves both.
func TestNoteAfterACrashBetween(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	if _, err := w.Run().AddNote("note.added", nil); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.Dir, "runs", testID, "notes")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	file := filepath.Join(dir, files[0].Name())
	text := readFile(t, file)
	if added, err := w.TakeNotes(); err != nil || len(added) != 1 {
		t.Fatal(added, err)
	}
	writeFile(t, file, text)
	if added, err := w.TakeNotes(); err != nil || len(added) != 0 {
		t.Errorf("added again: %v, %v", added, err)
	}
	writeFile(t, file, text)
	closeWriter(t, w)
	if got := len(records(t, w.Run())); got != 1 {
		t.Errorf("%d events of one note", got)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the note's file is still there")
	}
}

// Notes come from everywhere while the run ends, and the run is held and let go of all the time: none is lost, none
// doubled, none left lying.
func TestNotesWhileTheRunEnds(t *testing.T) {
	s := tempStore(t)
	closeWriter(t, create(t, s))
	run, err := s.Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	const writers, each = 4, 25
	var group sync.WaitGroup
	for g := range writers {
		group.Go(func() {
			for i := range each {
				if _, err := run.AddNote("note.added", fmt.Appendf(nil, `{"n":"%d-%d"}`, g, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		for range 20 {
			w, err := run.Hold(journal.Holder{By: "driver"})
			if err != nil {
				continue // a note is being taken in
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
	seen := map[string]int{}
	for _, rec := range records(t, run) {
		seen[string(rec.Data)]++
	}
	for g := range writers {
		for i := range each {
			if n := seen[fmt.Sprintf(`{"n":"%d-%d"}`, g, i)]; n != 1 {
				t.Errorf("note %d-%d is in the journal %d times", g, i, n)
			}
		}
	}
}

func TestEvidence(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	var names []string
	for _, step := range []string{"port", "sub/page", "logs"} {
		e, err := w.Run().Evidence(step)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(e, step); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(e.Sync(), e.Close()); err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name())
	}
	closeWriter(t, w)
	w = hold(t, s)
	defer closeWriter(t, w)
	for range 98 {
		e, err := w.Run().Evidence("x")
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name())
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range map[int]string{0: "evidence/E01-port.txt", 1: "evidence/E02-sub.page.txt", 3: "evidence/E04-x.txt", 100: "evidence/E101-x.txt"} {
		if names[i] != want {
			t.Errorf("file %d is %s, not %s", i, names[i], want)
		}
	}
	if got, err := w.Run().EvidenceFiles(); err != nil || !slices.Equal(got, names) {
		t.Errorf("listed %v, %v", got, err)
	}
	again, err := w.Run().OpenEvidence(names[1])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(again, " and more"); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := w.Run().ReadEvidence(names[1])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // only read
	if text, err := io.ReadAll(f); err != nil || string(text) != "sub/page and more" {
		t.Errorf("read %q, %v", text, err)
	}
	for _, bad := range []string{"journal.jsonl", "evidence/../journal.jsonl", "evidence/x", "../evidence/E01-port.txt", "evidence/E09-none.txt"} {
		if _, err := w.Run().ReadEvidence(bad); err == nil {
			t.Errorf("read %s as evidence", bad)
		}
		if _, err := w.Run().OpenEvidence(bad); err == nil {
			t.Errorf("opened %s as evidence", bad)
		}
	}
}

// playClaim claims, says how that went, and then finishes or dies as it is told.
func playClaim(run *journal.Run) error {
	claim, taken, err := run.Claim("sub/restart", 1, journal.Holder{By: "supervisor"})
	if err != nil {
		return err
	}
	fmt.Println(taken) //nolint:forbidigo // this is how the test knows
	result, err := io.ReadAll(os.Stdin)
	if err != nil || !taken {
		return err
	}
	return claim.Finish(result)
}

func TestClaimIsTakenOnce(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	defer closeWriter(t, w)
	run := w.Run()
	if c, err := run.Attach(t.Context(), "sub/restart", 1); err != nil || c.State != journal.NeverClaimed {
		t.Errorf("before: %+v, %v", c, err)
	}
	first := startOther(t, "claim", s)
	if got := first.line(t); got != "true" {
		t.Fatal(got)
	}
	second := startOther(t, "claim", s)
	if got := second.line(t); got != "false" {
		t.Fatal(got)
	}
	second.end(t)
	c, err := run.Change("sub/restart", 1)
	if err != nil || c.State != journal.Running || c.By.By != "supervisor" || c.By.PID != first.cmd.Process.Pid || c.By.Run != testID {
		t.Errorf("while it runs: %+v, %v", c, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if c, err := run.Attach(ctx, "sub/restart", 1); !errors.Is(err, context.DeadlineExceeded) || c.State != journal.Running {
		t.Errorf("wait that was given up: %+v, %v", c, err)
	}
	ended := make(chan journal.Change)
	go func() {
		c, err := run.Attach(t.Context(), "sub/restart", 1)
		if err != nil {
			t.Error(err)
		}
		ended <- c
	}()
	if _, err := io.WriteString(first.in, `{"exit":0}`); err != nil {
		t.Fatal(err)
	}
	first.end(t)
	if c := <-ended; c.State != journal.Finished || string(c.Result) != `{"exit":0}` {
		t.Errorf("at the end: %+v", c)
	}
	if _, taken, err := run.Claim("sub/restart", 1, journal.Holder{}); taken || err != nil {
		t.Errorf("claimed again after the end: %v, %v", taken, err)
	}
	all, err := run.Changes()
	if err != nil || len(all) != 1 || all[0].Step != "sub/restart" || all[0].Attempt != 1 || all[0].State != journal.Finished {
		t.Errorf("changes: %+v, %v", all, err)
	}
}

func TestSupervisorThatDied(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	defer closeWriter(t, w)
	o := startOther(t, "claim", s)
	if got := o.line(t); got != "true" {
		t.Fatal(got)
	}
	o.kill(t)
	c, err := w.Run().Attach(t.Context(), "sub/restart", 1)
	if err != nil || c.State != journal.Died {
		t.Errorf("after the kill: %+v, %v", c, err)
	}
	if _, taken, err := w.Run().Claim("sub/restart", 1, journal.Holder{}); taken || err != nil {
		t.Errorf("the dead one's claim was taken: %v, %v", taken, err)
	}
	if _, taken, err := w.Run().Claim("sub/restart", 2, journal.Holder{}); !taken || err != nil {
		t.Errorf("the next attempt: %v, %v", taken, err)
	}
}

// Many supervisors race for one claim, and somebody watches: there is one winner, and at no moment does it look dead.
func TestClaimRace(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	defer closeWriter(t, w)
	for attempt := range 30 {
		var group sync.WaitGroup
		wins := make(chan *journal.Claim, 4)
		done := make(chan struct{})
		group.Go(func() {
			for {
				c, err := w.Run().Change("restart", attempt)
				if err != nil || c.State == journal.Died {
					t.Errorf("seen %+v, %v", c, err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
		var racers sync.WaitGroup
		for range cap(wins) {
			racers.Go(func() {
				claim, taken, err := w.Run().Claim("restart", attempt, journal.Holder{})
				if err != nil {
					t.Error(err)
				}
				if taken {
					wins <- claim
				}
			})
		}
		racers.Wait()
		if len(wins) != 1 {
			t.Fatalf("%d won", len(wins))
		}
		if err := (<-wins).Finish(json.RawMessage(`1`)); err != nil {
			t.Error(err)
		}
		close(done)
		group.Wait()
	}
}

func playLock(s journal.Store, id string) error {
	// The run goes with it, and a claim of its own: as an engine and its supervisor in one.
	lock, err := s.Lock("dixis frontend", journal.Holder{Run: id, By: "deploy"})
	if err != nil {
		return err
	}
	fmt.Println(lock.Name()) //nolint:forbidigo // this is how the test knows
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
