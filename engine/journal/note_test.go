package journal_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"runbook/engine/journal"
)

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
