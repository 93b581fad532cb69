package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// noteFile is what a note's file holds until the note is in the journal: an event without its times.
type noteFile struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// AddNote puts an event from outside into the journal, exactly once: what a person says about a run, from whichever
// process. It is on the disk when AddNote returns. taken says whether it is in the journal already: if a process drives
// the run, that one takes it in with TakeNotes; else, the run being ended or interrupted, AddNote does so itself.
func (r *Run) AddNote(typ string, data json.RawMessage) (taken bool, err error) {
	if _, _, err := encode(Record{Type: typ, Data: data}, firstHash); err != nil {
		return false, fmt.Errorf("add note: %w", err)
	}
	if len(data) == 0 {
		data = json.RawMessage("{}")
	}
	text, err := json.Marshal(noteFile{Type: typ, Data: data})
	if err != nil {
		return false, fmt.Errorf("add note: %w", err)
	}
	// Names sort by time.
	name := fmt.Sprintf("%019d-%06x", time.Now().UnixNano(), rand.Uint32()>>8) //nolint:gosec // a name, not a secret
	err = r.folder.locked(func() error { return r.folder.create("notes/"+name+".json", text) })
	if err != nil {
		return false, fmt.Errorf("add note to run %s: %w", r.ID, err)
	}
	added, err := r.takeInLateNotes()
	if err != nil {
		return false, err
	}
	for _, rec := range added {
		taken = taken || rec.Once == onceKey(name)
	}
	if !taken { // by us; its driver may have been quick
		waits, err := r.folder.exists("notes/" + name + ".json")
		return err == nil && !waits, err
	}
	return true, nil
}

// takeInLateNotes takes in the notes of a run that nobody drives. Who adds a note calls it after writing the note, and
// a driver after letting go of the run: whichever is later finds the note, so none is left lying.
func (r *Run) takeInLateNotes() (added []Record, err error) {
	done := map[string]bool{}
	for {
		pending, err := r.pendingNotes()
		pending = slices.DeleteFunc(pending, func(name string) bool { return done[name] }) // their files can't be removed now
		if err != nil || len(pending) == 0 {
			return added, err
		}
		w, err := r.Hold(Holder{For: "note"})
		if _, held := errors.AsType[*HeldError](err); held {
			return added, nil
		}
		if err != nil {
			return added, err
		}
		now, err := w.TakeNotes()
		added = append(added, now...)
		// The notes that came meanwhile are found in the next round, and not by Close: that would call this function.
		if err = errors.Join(err, w.letGo()); err != nil {
			return added, err
		}
		for _, name := range pending {
			done[name] = true
		}
	}
}

// pendingNotes names the notes that are not in the journal yet, oldest first.
func (r *Run) pendingNotes() ([]string, error) {
	names, err := r.folder.list("notes")
	if err != nil {
		return nil, fmt.Errorf("list notes of run %s: %w", r.ID, err)
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(name, ".json")
	}
	return names, nil
}

// TakeNotes moves what others have noted into the journal, oldest first and each exactly once, and returns the events
// that were added. A driver calls it whenever it likes; it is cheap when there are none. A note that was taken in just
// before a crash is recognised by its Once key and not added again.
func (w *Writer) TakeNotes() ([]Record, error) {
	names, err := w.run.pendingNotes()
	if err != nil {
		return nil, err
	}
	var added []Record
	for _, name := range names {
		rec, err := w.takeNote(name)
		switch {
		case err == nil:
			added = append(added, rec)
		case !errors.Is(err, ErrOnce):
			return added, fmt.Errorf("take in note %s: %w", name, err)
		}
		// One that can't be removed, on a disk that is read-only now, is known by its Once key the next time.
		file := "notes/" + name + ".json"
		w.run.folder.locked(func() error { return w.run.folder.remove(file) }) //nolint:errcheck // see above
	}
	return added, nil
}

func (w *Writer) takeNote(name string) (Record, error) {
	text, err := w.run.folder.read("notes/" + name + ".json")
	if err != nil {
		return Record{}, err
	}
	var n noteFile
	if err := json.Unmarshal(text, &n); err != nil {
		return Record{}, fmt.Errorf("decode: %w", err)
	}
	return w.Append(Record{Type: n.Type, Data: n.Data, Once: onceKey(name)}, Now)
}

func onceKey(note string) string { return "note-" + note }
