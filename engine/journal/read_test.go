package journal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"runbook/engine/journal"
)

// smallJournal writes a journal of a few events and returns its bytes.
func smallJournal(t *testing.T) []byte {
	t.Helper()
	w := create(t, tempStore(t))
	appendEvent(t, w, journal.Later, "run.started", `{"runbook":"a"}`)
	appendEvent(t, w, journal.Later, "step.ended", `{"step":"port","n":[1,2]}`)
	appendEvent(t, w, journal.Later, "step.ended", `{}`)
	appendEvent(t, w, journal.Later, "run.ended", `{"verdict":"healthy"}`)
	closeWriter(t, w)
	return readFile(t, journalPath(t, w.Run()))
}

func read(text []byte) (recs []journal.Record, end journal.End, err error) {
	r := journal.NewReader(bytes.NewReader(text), "journal.jsonl")
	for rec, err := range r.Records() {
		if err != nil {
			return recs, r.End(), err
		}
		recs = append(recs, rec)
	}
	return recs, r.End(), nil
}

// lineOf is the number, from 1, of the line that holds the byte.
func lineOf(text []byte, at int) int { return 1 + bytes.Count(text[:at], []byte{'\n'}) }

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	good := smallJournal(t)
	lines := bytes.Count(good, []byte{'\n'})
	for at := range good {
		for bit := range 8 {
			bad := slices.Clone(good)
			bad[at] ^= 1 << bit
			recs, end, err := read(bad)
			line := lineOf(good, at)
			damage, damaged := errors.AsType[*journal.DamageError](err)
			switch {
			case damaged && damage.Line == line && len(recs) == line-1:
			case damaged:
				t.Fatalf("byte %d in line %d flipped: %v, after %d events", at, line, err, len(recs))
			case err == nil && at == len(good)-1 && end.Torn > 0 && len(recs) == lines-1:
				// The last newline is gone: that is a torn line.
			default:
				t.Fatalf("byte %d in line %d flipped: not noticed: %d events, %+v, %v", at, line, len(recs), end, err)
			}
		}
	}
}

func TestEveryReplacedByteIsNoticed(t *testing.T) {
	good := smallJournal(t)
	last := bytes.Count(good, []byte{'\n'})
	for at := range good {
		for _, b := range []byte{0, '\n', '"', '}', ' ', 0xff} {
			if good[at] == b {
				continue
			}
			bad := slices.Clone(good)
			bad[at] = b
			recs, end, err := read(bad)
			damage, damaged := errors.AsType[*journal.DamageError](err)
			torn := err == nil && end.Torn > 0 && lineOf(good, at) == last && len(recs) == last-1
			if !torn && (!damaged || damage.Line != lineOf(good, at)) {
				t.Fatalf("byte %d replaced by %q: %d events, %+v, %v", at, b, len(recs), end, err)
			}
			if torn && at != len(good)-1 && (b != 0 || good[at-1] != '\n') {
				t.Fatalf("byte %d of the last line replaced by %q: taken for a torn line", at, b)
			}
		}
	}
}

func TestEveryTruncationIsRepaired(t *testing.T) {
	if !ownMounts(t) { // in memory, where some ten thousand flushes take no time
		return
	}
	good := smallJournal(t)
	top := mountTmpfs(t, "64m")
	for size := range len(good) + 1 {
		s := store(filepath.Join(top, strconv.Itoa(size)), "")
		closeWriter(t, create(t, s))
		path := filepath.Join(s.Dir, "runs", testID, "journal.jsonl")
		writeFile(t, path, good[:size])
		whole := bytes.LastIndexByte(good[:size], '\n') + 1
		w := hold(t, s)
		if got := len(records(t, w.Run())); got != bytes.Count(good[:whole], []byte{'\n'}) {
			t.Fatalf("cut to %d bytes: %d events left", size, got)
		}
		if size == whole {
			if len(w.Torn()) != 0 {
				t.Fatalf("cut to %d bytes, between lines: %v set aside", size, w.Torn())
			}
		} else {
			torn, err := os.ReadFile(filepath.Join(filepath.Dir(path), "journal.torn-1"))
			if err != nil || !bytes.Equal(torn, good[whole:size]) || !slices.Equal(w.Torn(), []string{"journal.torn-1"}) {
				t.Fatalf("cut to %d bytes: set aside %q in %v, not %q: %v", size, torn, w.Torn(), good[whole:size], err)
			}
		}
		appendEvent(t, w, journal.Now, "run.resumed", `{}`)
		closeWriter(t, w)
		recs := records(t, w.Run())
		if last := recs[len(recs)-1]; last.Type != "run.resumed" {
			t.Fatalf("cut to %d bytes: last event is %s", size, last.Type)
		}
	}
}

func TestTornLinesAreKeptOneByOne(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	path := journalPath(t, w.Run())
	closeWriter(t, w)
	for _, text := range []string{"{", `{"seq"`} {
		addTo(t, path, text)
		closeWriter(t, hold(t, s))
	}
	w = hold(t, s)
	defer closeWriter(t, w)
	if want := []string{"journal.torn-1", "journal.torn-2"}; !slices.Equal(w.Torn(), want) {
		t.Errorf("torn lines in %v, not %v", w.Torn(), want)
	}
}

func TestPowerCutLeavesZeros(t *testing.T) {
	good := smallJournal(t)
	lines := bytes.SplitAfter(good, []byte{'\n'})
	last := lines[3]
	before := len(good) - len(last)
	// A long last line, of which the disk has the second half.
	long := append(slices.Clone(good[:before]), bytes.Repeat([]byte("x"), 2000)...)
	long = append(long, '\n')
	atStart := slices.Clone(long)
	clear(atStart[before:1024])
	inside := slices.Clone(long)
	clear(inside[1024:1536])
	for name, text := range map[string][]byte{
		"zeros to the end":           append(slices.Clone(good[:before]), make([]byte, 4096)...),
		"half a line, then zeros":    append(slices.Clone(good[:before+20]), make([]byte, 4096)...),
		"the last line's first half": atStart,
		"a hole in the last line":    inside,
		"nothing but zeros":          make([]byte, 512),
		"the file begins with half":  good[:5],
	} {
		recs, end, err := read(text)
		if err != nil || end.Torn == 0 {
			t.Errorf("%s: torn %d, %v, after %d events", name, end.Torn, err, len(recs))
		}
	}
	for name, text := range map[string][]byte{
		"zeros that are no sector":       slices.Concat(long[:1024], make([]byte, 400), long[1424:]),
		"a hole, and another line after": slices.Concat(inside, []byte("x\n")),
	} {
		if _, end, err := read(text); err == nil {
			t.Errorf("%s: taken for torn: %+v", name, end)
		}
	}
}

func TestDamageIsRefusedAndLeftAlone(t *testing.T) {
	good := smallJournal(t)
	lines := bytes.SplitAfter(good, []byte{'\n'})
	for name, c := range map[string]struct {
		text []byte
		line int
		says string
	}{
		"a line is missing":     {slices.Concat(lines[0], lines[2], lines[3]), 2, "event 3 stands where event 2 belongs"},
		"a line is there twice": {slices.Concat(lines[0], lines[1], lines[1], lines[2]), 3, "event 2 stands where event 3 belongs"},
		"the start is missing":  {slices.Concat(lines[1], lines[2]), 1, "event 2 stands where event 1 belongs"},
		"an empty line":         {slices.Concat(lines[0], []byte("\n"), lines[1]), 2, "does not end in a hash"},
		"another's last line":   {slices.Concat(lines[0], lines[1], lines[2], smallLast(t)), 4, "its hash does not fit"},
		"a line too long":       {append(slices.Clone(lines[0]), bytes.Repeat([]byte("x"), 5<<20)...), 2, "longer than"},
	} {
		s := tempStore(t)
		closeWriter(t, create(t, s))
		run, err := s.Open(testID)
		if err != nil {
			t.Fatal(err)
		}
		path := journalPath(t, run)
		writeFile(t, path, c.text)
		_, err = run.Hold(journal.Holder{})
		damage, ok := errors.AsType[*journal.DamageError](err)
		if !ok || damage.Line != c.line || damage.File != path || !strings.Contains(damage.Problem, c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(readFile(t, path), c.text) {
			t.Errorf("%s: the damaged journal was touched", name)
		}
		if _, held, err := run.Holder(); held || err != nil {
			t.Errorf("%s: the run is still held: %v", name, err)
		}
	}
}

func smallLast(t *testing.T) []byte {
	t.Helper()
	lines := bytes.SplitAfter(smallJournal(t), []byte{'\n'})
	return lines[3]
}

func TestLastReadsOnlyTheEnd(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	run := w.Run()
	if rec, err := run.Last(); err != nil || rec.Seq != 0 {
		t.Errorf("last event of an empty journal: %v, %v", rec, err)
	}
	// Short and long lines, so that the last ones lie across every window that is read.
	for _, size := range []int{1, 70_000, 10, 300_000, 1_200_000, 5, 4_000_000, 4_000_000, 7} {
		rec := appendEvent(t, w, journal.Later, "step.ended", `{"text":"%s"}`, strings.Repeat("x", size))
		got, err := run.Last()
		if err != nil || got.Seq != rec.Seq || got.Hash != rec.Hash || len(got.Data) != len(rec.Data) {
			t.Errorf("last event after one of %d bytes: seq %d, %v", size, got.Seq, err)
		}
	}
	if first, err := run.First(); err != nil || first.Seq != 1 {
		t.Errorf("first event: seq %d, %v", first.Seq, err)
	}
	closeWriter(t, w)

	path := journalPath(t, run)
	want, err := run.Last()
	if err != nil {
		t.Fatal(err)
	}
	text := readFile(t, path)
	addTo(t, path, `{"seq":`)
	if got, err := run.Last(); err != nil || got.Hash != want.Hash {
		t.Errorf("last event before a torn line: seq %d, %v", got.Seq, err)
	}
	text[len(text)-100]++
	writeFile(t, path, text)
	_, err = run.Last()
	if damage, ok := errors.AsType[*journal.DamageError](err); !ok || damage.Line != 9 {
		t.Errorf("damaged last event: %v", err)
	}
	// A power cut has left a hole in the last line.
	writeFile(t, path, holed(t))
	if got, err := run.Last(); err != nil || got.Seq != 3 {
		t.Errorf("last event before a hole: seq %d, %v", got.Seq, err)
	}
}

// holed is a journal of three events and a fourth line whose first half never reached the disk.
func holed(t *testing.T) []byte {
	t.Helper()
	good := smallJournal(t)
	lines := bytes.SplitAfter(good, []byte{'\n'})
	before := len(good) - len(lines[3])
	return slices.Concat(good[:before], make([]byte, 1024-before), []byte("xxxx\n"))
}

func TestReadingALongJournalTakesLittleMemory(t *testing.T) {
	w := create(t, tempStore(t))
	for range 100_000 {
		appendEvent(t, w, journal.Later, "step.ended", `{"step":"port","text":"%0200d"}`, 0)
	}
	closeWriter(t, w)
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak uint64
	n := 0
	for _, err := range w.Run().Records() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%5000 == 0 {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
	}
	// The file has 43 MB, and garbage is collected when the heap has doubled.
	if n != 100_000 || peak > before.HeapAlloc+16<<20 {
		t.Errorf("%d events; the heap grew from %d to %d bytes", n, before.HeapAlloc, peak)
	}
}

// Whatever bytes a disk gives, reading ends in events, a torn line or damage, and never in a panic.
func FuzzRead(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"seq":1,"at":"2026-11-23T03:10:45Z","mono":0,"type":"a","hash":"a8335040005086ebef3a9ffde4fdbb354dfd97cf3a8a976eebcd1e11c3c0b560"}` + "\n\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		recs, end, err := read(text)
		if err == nil && end.Size+end.Torn != int64(len(text)) {
			t.Errorf("%d events, %+v, of %d bytes", len(recs), end, len(text))
		}
		name := filepath.Join(t.TempDir(), "runs", testID, "journal.jsonl")
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, name, text)
		run, err := store(filepath.Dir(filepath.Dir(filepath.Dir(name))), "").Open(testID)
		if err != nil {
			t.Fatal(err)
		}
		last, err := run.Last()
		if err == nil && len(recs) > 0 && end.Torn+end.Size == int64(len(text)) && last.Seq < uint64(len(recs)) {
			t.Errorf("last event is %d of %d", last.Seq, len(recs))
		}
	})
}

func TestReadOfAMissingFile(t *testing.T) {
	for rec, err := range journal.Read(filepath.Join(t.TempDir(), "none")) {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("read %v, %v", rec, err)
		}
	}
}
