package journal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"runbook/engine/journal"
)

func TestWhatIsAppendedIsRead(t *testing.T) {
	word := rapid.StringMatching(`[a-z][a-z0-9._-]{0,12}`)
	top, runs := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		s := store(filepath.Join(top, strconv.Itoa(runs)), "")
		var want []journal.Record
		w, err := s.Create(testID, journal.Holder{})
		if err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(0, 12).Draw(rt, "events") {
			if rapid.IntRange(0, 3).Draw(rt, "reopen") == 0 {
				if err := w.Close(); err != nil {
					rt.Fatal(err)
				}
				if w, err = w.Run().Hold(journal.Holder{}); err != nil {
					rt.Fatal(err)
				}
			}
			data, err := json.Marshal(map[string]any{
				"text":   rapid.String().Draw(rt, "text"),
				"number": rapid.Int64().Draw(rt, "number"),
				"nested": map[string]any{"seq": 1, "hash": "x", "list": rapid.SliceOf(rapid.Bool()).Draw(rt, "list")},
			})
			if err != nil {
				rt.Fatal(err)
			}
			rec := journal.Record{
				At:   time.Unix(rapid.Int64Range(0, 4e9).Draw(rt, "seconds"), rapid.Int64Range(0, 999999999).Draw(rt, "ns")).UTC(),
				Mono: time.Duration(rapid.Int64Range(0, 1<<62).Draw(rt, "mono")),
				Type: word.Draw(rt, "type"),
				Data: data,
			}
			if rapid.Bool().Draw(rt, "has once") {
				rec.Once = fmt.Sprintf("%s-%d", word.Draw(rt, "once"), len(want))
			}
			got, err := w.Append(rec, journal.Durability(rapid.IntRange(0, 1).Draw(rt, "durability")))
			if err != nil {
				rt.Fatal(err)
			}
			rec.Seq, rec.Hash = uint64(len(want)+1), got.Hash
			want = append(want, rec)
		}
		if err := w.Close(); err != nil {
			rt.Fatal(err)
		}
		var got []journal.Record
		for rec, err := range w.Run().Records() {
			if err != nil {
				rt.Fatal(err)
			}
			got = append(got, rec)
		}
		if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			rt.Fatalf("read\n%v\nafter writing\n%v", got, want)
		}
	})
}

func TestLineIsOneJSONObject(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	at := time.Date(2026, 11, 23, 3, 10, 45, 120000000, time.FixedZone("EET", 7200))
	_, err := w.Append(journal.Record{
		At: at, Mono: 1500 * time.Millisecond, Type: "step.ended", Once: "k",
		Data: json.RawMessage("{\n \"step\": \"port\",\n \"says\": \"a\\nb\"\n}"),
	}, journal.Now)
	if err != nil {
		t.Fatal(err)
	}
	appendEvent(t, w, journal.Now, "run.ended", `{}`)
	if _, err := w.Append(journal.Record{Type: "bare"}, journal.Now); err != nil {
		t.Fatal(err)
	}
	text := readFile(t, journalPath(t, w.Run()))
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	const want = `{"seq":1,"at":"2026-11-23T01:10:45.12Z","mono":1500000000,"type":"step.ended","once":"k","step":"port","says":"a\nb","hash":"`
	if !strings.HasPrefix(lines[0], want) {
		t.Errorf("line %s\nwant %s…", lines[0], want)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	closeWriter(t, w)
}

func TestAppendRefusesWhatCouldNotBeReadBack(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	defer closeWriter(t, w)
	bad := map[string]journal.Record{
		"no type":            {Data: json.RawMessage(`{}`)},
		"type with a quote":  {Type: `a"b`},
		"once with a quote":  {Type: "a", Once: `a"b`},
		"not JSON":           {Type: "a", Data: json.RawMessage(`{`)},
		"two values":         {Type: "a", Data: json.RawMessage(`{}{}`)},
		"not an object":      {Type: "a", Data: json.RawMessage(`[1]`)},
		"null":               {Type: "a", Data: json.RawMessage(`null`)},
		"not UTF-8":          {Type: "a", Data: json.RawMessage("{\"a\":\"\xff\"}")},
		"field seq":          {Type: "a", Data: json.RawMessage(`{"seq":1}`)},
		"field hash, hidden": {Type: "a", Data: json.RawMessage(`{"h\u0061sh":"x"}`)},
		"negative mono":      {Type: "a", At: time.Unix(1, 0), Mono: -1},
		"year 10000":         {Type: "a", At: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"too long":           {Type: "a", Data: json.RawMessage(`{"a":"` + strings.Repeat("x", 4<<20) + `"}`)},
	}
	for name, rec := range bad {
		if _, err := w.Append(rec, journal.Now); err == nil {
			t.Errorf("%s: appended", name)
		}
	}
	if rec := appendEvent(t, w, journal.Now, "good", `{}`); rec.Seq != 1 {
		t.Errorf("the first good event has seq %d", rec.Seq)
	}
	longest := journal.Record{Type: "long", Data: json.RawMessage(`{"a":"` + strings.Repeat("x", 4<<20-300) + `"}`)}
	if _, err := w.Append(longest, journal.Now); err != nil {
		t.Error(err)
	}
	if got := records(t, w.Run()); len(got) != 2 {
		t.Errorf("read %d events of 2", len(got))
	}
}

// The manual shows a stranger how to verify a journal with a shell. It has to work.
func TestManualVerifiesWithShell(t *testing.T) {
	manual, err := os.ReadFile("../../docs/journal.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, found := strings.Cut(string(manual), "```sh verify\n")
	script, _, ended := strings.Cut(script, "```")
	if !found || !ended {
		t.Fatal("docs/journal.md has no block marked `sh verify`")
	}
	s := tempStore(t)
	w := create(t, s)
	appendEvent(t, w, journal.Later, "run.started", `{"runbook":"a","text":"back\\slash and \"quotes\" and 100%%d"}`)
	appendEvent(t, w, journal.Later, "step.ended", `{"step":"port"}`)
	appendEvent(t, w, journal.Later, "run.ended", `{}`)
	closeWriter(t, w)
	path := journalPath(t, w.Run())
	verify := func() (string, error) {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", script, "sh", path).CombinedOutput()
		return string(out), err
	}
	if out, err := verify(); err != nil || out != "3 events verify\n" {
		t.Errorf("good journal: %v: %s", err, out)
	}
	writeFile(t, path, bytes.Replace(readFile(t, path), []byte("port"), []byte("page"), 1))
	if out, err := verify(); err == nil || out != "line 2 is not what was written\n" {
		t.Errorf("edited journal: %v: %s", err, out)
	}
}
