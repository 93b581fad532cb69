package journal_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"runbook/engine/journal"
)

func benchAppend(b *testing.B, d journal.Durability) {
	b.Helper()
	s := store(filepath.Join(b.TempDir(), "home"), "")
	w, err := s.Create(testID, journal.Holder{})
	if err != nil {
		b.Fatal(err)
	}
	rec := journal.Record{Type: "step.ended", Data: json.RawMessage(`{"step":"port","outcome":"healthy","out":{"sockets":[{"address":"127.0.0.1","port":3000,"unit":"dixis-frontend-prod.service"}]}}`)}
	for b.Loop() {
		if _, err := w.Append(rec, d); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkAppendLater(b *testing.B) { benchAppend(b, journal.Later) }

func BenchmarkAppendNow(b *testing.B) { benchAppend(b, journal.Now) }

// benchJournal is a run of 100,000 events.
func benchJournal(b *testing.B) *journal.Run {
	b.Helper()
	s := store(filepath.Join(b.TempDir(), "home"), "")
	w, err := s.Create(testID, journal.Holder{})
	if err != nil {
		b.Fatal(err)
	}
	rec := journal.Record{Type: "step.ended", Data: json.RawMessage(`{"step":"port","outcome":"healthy","out":{"status":200,"latency_ms":12}}`)}
	for range 100_000 {
		if _, err := w.Append(rec, journal.Later); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return w.Run()
}

func BenchmarkRead100000(b *testing.B) {
	run := benchJournal(b)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range run.Records() {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 100_000 {
			b.Fatal(n)
		}
	}
}

func BenchmarkHold100000(b *testing.B) {
	run := benchJournal(b)
	for b.Loop() {
		w, err := run.Hold(journal.Holder{})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLast(b *testing.B) {
	run := benchJournal(b)
	for b.Loop() {
		if rec, err := run.Last(); err != nil || rec.Seq != 100_000 {
			b.Fatal(rec, err)
		}
	}
}
