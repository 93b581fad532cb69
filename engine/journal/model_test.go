package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"runbook/engine/journal"
)

// model is what a run must look like, whatever has been done to it and in whatever order.
type model struct {
	w       *journal.Writer // nil while nobody drives the run
	run     *journal.Run
	events  []string          // type and data of each
	pending []string          // notes that no driver has taken in yet
	once    map[string]bool   // keys in the journal
	posed   map[string]bool   // questions
	answers map[string]string // by nonce
	torn    int
	notes   int
}

func TestAnyOrderOfThings(t *testing.T) {
	top, runs := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		s := store(filepath.Join(top, strconv.Itoa(runs)), "")
		w, err := s.Create(testID, journal.Holder{})
		if err != nil {
			rt.Fatal(err)
		}
		m := &model{w: w, run: w.Run(), once: map[string]bool{}, posed: map[string]bool{}, answers: map[string]string{}}
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.append,
			"take":   m.take,
			"note":   m.note,
			"decide": m.decide,
			"let go": m.letGo,
			"hold":   m.hold,
			"tear":   func(rt *rapid.T) { m.tear(t, rt) },
			"":       m.check,
		})
		if m.w != nil {
			m.letGo(rt)
		}
		m.check(rt)
	})
}

func (m *model) append(rt *rapid.T) {
	if m.w == nil {
		rt.Skip("nobody drives")
	}
	rec := journal.Record{Type: "event", Data: fmt.Appendf(nil, `{"n":%d}`, len(m.events))}
	if rapid.Bool().Draw(rt, "once") {
		rec.Once = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "key")
	}
	_, err := m.w.Append(rec, rapid.SampledFrom([]journal.Durability{journal.Later, journal.Now}).Draw(rt, "durability"))
	if m.once[rec.Once] {
		if !errors.Is(err, journal.ErrOnce) {
			rt.Fatalf("key %s twice: %v", rec.Once, err)
		}
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	if rec.Once != "" {
		m.once[rec.Once] = true
	}
	m.events = append(m.events, "event"+string(rec.Data))
}

func (m *model) note(rt *rapid.T) {
	m.notes++
	data := fmt.Sprintf(`{"note":%d}`, m.notes)
	taken, err := m.run.AddNote("note", json.RawMessage(data))
	if err != nil || taken != (m.w == nil) {
		rt.Fatalf("taken in: %v, driven: %v, %v", taken, m.w != nil, err)
	}
	if taken {
		m.torn = 0 // whoever takes in a note repairs
		m.events = append(m.events, "note"+data)
	} else {
		m.pending = append(m.pending, "note"+data)
	}
}

func (m *model) take(rt *rapid.T) {
	if m.w == nil {
		rt.Skip("nobody drives")
	}
	added, err := m.w.TakeNotes()
	if err != nil || len(added) != len(m.pending) {
		rt.Fatalf("took %d of %d: %v", len(added), len(m.pending), err)
	}
	m.events = append(m.events, m.pending...)
	m.pending = nil
}

func (m *model) decide(rt *rapid.T) {
	nonce := rapid.SampledFrom([]string{"q1", "q2"}).Draw(rt, "nonce")
	if rapid.Bool().Draw(rt, "pose") {
		if err := m.run.Pose(journal.Question{Nonce: nonce, Data: json.RawMessage(`{}`)}); err != nil {
			rt.Fatal(err)
		}
		m.posed[nonce] = true
	}
	answer := strconv.Itoa(rapid.IntRange(0, 9).Draw(rt, "answer"))
	won, standing, err := m.run.Decide(nonce, json.RawMessage(answer))
	before, answered := m.answers[nonce]
	switch {
	case !m.posed[nonce]:
		if !errors.Is(err, journal.ErrNoQuestion) {
			rt.Fatalf("answer to no question: %v", err)
		}
		return
	case answered:
		answer = before
	}
	if err != nil || won == answered || string(standing) != answer {
		rt.Fatalf("won %v, stands %s, not %s: %v", won, standing, answer, err)
	}
	m.answers[nonce] = answer
}

func (m *model) letGo(rt *rapid.T) {
	if m.w == nil {
		rt.Skip("nobody drives")
	}
	if err := m.w.Close(); err != nil {
		rt.Fatal(err)
	}
	m.w = nil
	m.events = append(m.events, m.pending...)
	m.pending = nil
}

func (m *model) hold(rt *rapid.T) {
	w, err := m.run.Hold(journal.Holder{By: "driver"})
	if m.w != nil {
		if _, held := errors.AsType[*journal.HeldError](err); !held {
			rt.Fatalf("held twice: %v", err)
		}
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	m.w, m.torn = w, 0
}

// tear leaves what a crash in the middle of an append leaves.
func (m *model) tear(t *testing.T, rt *rapid.T) {
	t.Helper()
	if m.w != nil || m.torn > 0 {
		rt.Skip("driven, or torn already")
	}
	part := rapid.StringMatching(`[{][ -~]{0,60}`).Draw(rt, "part")
	addTo(t, journalPath(t, m.run), part)
	m.torn = len(part)
}

func (m *model) check(rt *rapid.T) {
	var got []string
	for rec, err := range m.run.Records() {
		if err != nil {
			rt.Fatal(err)
		}
		got = append(got, rec.Type+string(rec.Data))
	}
	if !slices.Equal(got, m.events) {
		rt.Fatalf("journal has %v, not %v", got, m.events)
	}
	last, err := m.run.Last()
	if err != nil || int(last.Seq) != len(m.events) {
		rt.Fatalf("last event is %d of %d: %v", last.Seq, len(m.events), err)
	}
	if _, live, err := m.run.Holder(); err != nil || live != (m.w != nil) {
		rt.Fatalf("driven: %v: %v", live, err)
	}
}
