package journal_test

import (
	"errors"
	"io"
	"slices"
	"testing"
)

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
	defer f.Close()
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
