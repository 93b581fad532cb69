package systemd

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/engine"
	"runbook/steps/internal/signature"
)

func TestReadEntry(t *testing.T) {
	const frame = `"__REALTIME_TIMESTAMP":"1795448306770686","__CURSOR":"s=1;i=2","_BOOT_ID":"24ad"`
	for _, c := range []struct {
		name, fields string
		want         func(e entry) bool
	}{
		{"plain", `"MESSAGE":"hello","PRIORITY":"3","_PID":"84","SYSLOG_IDENTIFIER":"node","_COMM":"x"`, func(e entry) bool {
			return e.message == "hello" && e.priority == 3 && e.pid == 84 && e.from == "node" && e.cursor == "s=1;i=2" && e.boot == "24ad" &&
				e.at.Equal(time.UnixMicro(1795448306770686)) && !e.cut
		}},
		{"left out for its length", `"MESSAGE":null`, func(e entry) bool { return e.message == "" }},
		{"no message", `"_PID":"1"`, func(e entry) bool { return e.message == "" && e.priority == 6 }},
		{"bytes that are not UTF-8", `"MESSAGE":[98,105,110,255,1,32,120]`, func(e entry) bool { return e.message == "bin\uFFFD\uFFFD x" }},
		{"given twice", `"MESSAGE":["one","two"],"PRIORITY":["4"]`, func(e entry) bool { return e.message == "one\ntwo" && e.priority == 4 }},
		{"given twice, once in bytes", `"MESSAGE":[[104,105],"two"]`, func(e entry) bool { return e.message == "hi\ntwo" }},
		{"an empty list", `"MESSAGE":[]`, func(e entry) bool { return e.message == "" }},
		{"numbers that are no bytes", `"MESSAGE":[1,2,3000]`, func(e entry) bool { return e.message == "" }},
		{"a number", `"MESSAGE":12`, func(e entry) bool { return e.message == "12" }},
		{"a strange priority", `"PRIORITY":"9"`, func(e entry) bool { return e.priority == 6 }},
		{"escape sequences", `"MESSAGE":"\u001b[31mError:\u001b[0m EADDRINUSE"`, func(e entry) bool { return e.message == "Error: EADDRINUSE" }},
		{"suppressed", `"MESSAGE":"Suppressed 32 messages from a.service","MESSAGE_ID":"a596d6fe7bfa4994828e72309e95d61e","N_DROPPED":"32"`, func(e entry) bool { return e.dropped == 32 }},
		{"only says that it was suppressed", `"MESSAGE":"Suppressed 32 messages from a.service","N_DROPPED":"32"`, func(e entry) bool { return e.dropped == 0 }},
		{"very long", `"MESSAGE":"` + strings.Repeat("é", 60_000) + `"`, func(e entry) bool {
			return e.cut && len(e.message) <= maxMessage && strings.HasSuffix(e.message, "é…")
		}},
	} {
		e, err := readEntry([]byte("{" + frame + "," + c.fields + "}"))
		if err != nil || !c.want(e) {
			t.Errorf("%s: %+v, %v", c.name, e, err)
		}
	}
	for _, bad := range []string{"", "{}", "[]", "{", `{"__REALTIME_TIMESTAMP":"soon"}`, "-- No entries --"} {
		if e, err := readEntry([]byte(bad)); err == nil {
			t.Errorf("%q is read as %+v", bad, e)
		}
	}
}

func TestInvocation(t *testing.T) {
	for _, c := range []struct {
		name string
		e    entry
		want string
	}{
		{"of the unit's process", entry{unit: "a.service", run: "1"}, "1"},
		{"of the unit's process, which ended too soon", entry{unit: "a.service"}, ""},
		{"of systemd, about the unit", entry{unit: "init.scope", aboutRun: "2"}, "2"},
		{"of journald, about the unit", entry{unit: "systemd-journald.service", run: "3", aboutRun: "2"}, "2"},
		{"of journald, about a process that is gone", entry{unit: "systemd-journald.service", run: "3"}, ""},
	} {
		if got := c.e.invocation("a.service"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLineSplitter(t *testing.T) {
	const text = "one\n\ntwo words\nthis one is far too long to be kept\nfour\nlast"
	want := []string{"one", "", "two words", "(too long)", "four", "last"}
	for step := 1; step <= len(text); step++ {
		var got []string
		s := &lineSplitter{limit: 20, each: func(l []byte) { got = append(got, string(l)) }, overlong: func() { got = append(got, "(too long)") }}
		for rest := text; rest != ""; {
			n := min(step, len(rest))
			if _, err := s.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("in steps of %d: %q, want %q", step, got, want)
		}
	}
}

func FuzzReadEntry(f *testing.F) {
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1","MESSAGE":[98,255]}`))
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1","MESSAGE":[["a"],null,{}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := readEntry(line)
		if err == nil && strings.ContainsAny(e.message+e.from, "\x1b\x00\a") {
			t.Errorf("%q keeps control characters: %q", line, e.message)
		}
	})
}

func TestTally(t *testing.T) {
	q, err := journalIn{Lines: 10, Match: "EADDR", Signatures: map[string]string{"port_taken": "EADDRINUSE", "no_build": "BUILD_ID"}}.query(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	sum := newTally(q)
	for i, m := range []string{"listen EADDRINUSE :::3000", "fine", "again EADDRINUSE", "EADDRNOTAVAIL"} {
		sum.add(entry{at: time.Unix(int64(i), 0), message: m, cursor: fmt.Sprint(i), boot: "b", dropped: i})
	}
	out := sum.result()
	if out.Read != 4 || out.Count != 3 || len(out.Matched) != 3 || out.Matched[0].Message != "listen EADDRINUSE :::3000" || out.Truncated ||
		out.Suppressed != 6 || out.Cursor != "3" || out.Boot != "b" || len(out.Lines) != 4 {
		t.Errorf("the tally is %+v", out)
	}
	if !out.Found["port_taken"] || out.Found["no_build"] || out.Counts["port_taken"] != 2 || out.Examples["port_taken"] != "again EADDRINUSE" {
		t.Errorf("the signatures are %+v", out)
	}
	if _, ok := out.Counts["no_build"]; !ok {
		t.Error("a signature that was not seen has no count")
	}
}

func TestTallyIsBounded(t *testing.T) {
	k, err := journalKind(thisHost())
	if err != nil {
		t.Fatal(err)
	}
	for _, letter := range []string{"a", "<", "\\", "é", "\n"} {
		in := journalIn{Lines: maxLines, Match: ".*", Signatures: map[string]string{}}
		for i := range signature.Most {
			in.Signatures[fmt.Sprintf("signature_%d", i)] = ".*"
		}
		q, err := in.query(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		sum := newTally(q)
		for i := range 60 {
			sum.add(entry{at: time.Unix(int64(i), 0), message: strings.Repeat(letter, 3000), from: "node"})
		}
		out := sum.result()
		if n := encodedSize(t, k, out); n > 32<<10 || !out.Truncated || len(out.Lines) == 0 || len(out.Matched) == 0 {
			t.Errorf("%q: %d bytes, %d lines, %d matched, truncated %v", letter, n, len(out.Lines), len(out.Matched), out.Truncated)
		}
		if last := out.Lines[len(out.Lines)-1].At; last != stamp(time.Unix(59, 0)) {
			t.Errorf("%q: the newest line is of %s", letter, last)
		}
	}
}

// encodedSize is how many bytes an output takes in the journal of a run.
func encodedSize(t *testing.T, k engine.Kind, out any) int {
	t.Helper()
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := k.Output.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return size(decoded)
}

func TestJournalInput(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, in := range map[string]journalIn{
		"unit and kernel":  {Unit: "a.service", Kernel: true},
		"no unit":          {Invocation: "latest"},
		"a user's nothing": {User: "deploy"},
		"too many lines":   {Lines: 10001},
		"since tomorrow":   {Since: "-1h"},
		"since whenever":   {Since: "yesterday"},
		"until boot":       {Until: "boot"},
		"a bad id":         {Unit: "a.service", Invocation: "abc"},
		"a bad match":      {Match: "("},
		"a bad signature":  {Signatures: map[string]string{"a": "("}},
		"a bad name":       {Signatures: map[string]string{"port-taken": "x"}},
		"a bad unit":       {Unit: "a b"},
		"an option":        {Unit: "a.service", Invocation: "--file=/etc/shadow"},
		"too much to match": {Signatures: func() map[string]string {
			m := map[string]string{}
			for i := range 33 {
				m[fmt.Sprintf("s%d", i)] = "x"
			}
			return m
		}()},
	} {
		if in.Lines == 0 {
			in.Lines = 100
		}
		if q, err := in.query(now); err == nil {
			t.Errorf("%s: %+v", name, q)
		}
	}
	q, err := journalIn{Unit: "a.service", Lines: 5, Since: "90m", Until: "2026-11-23T11:00:00.5+01:00", Priority: "err"}.query(now)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		fmt.Sprintf("--since=@%d.000000", now.Add(-90*time.Minute).Unix()),
		fmt.Sprintf("--until=@%d.500000", now.Add(-2*time.Hour).Unix()),
	}
	if got := q.span.args(); !slices.Equal(got, want) {
		t.Errorf("the span is %q, want %q", got, want)
	}
}
