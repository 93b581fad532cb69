package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"pgregory.net/rapid"

	"runbook/engine"
)

// replaced gives the events of a run with every text from strangers replaced: what was said, seen, answered, described
// and named. What the engine itself writes (paths, kinds, outcomes) stays, since it decides what stands where.
func replaced(events []engine.Stamped, with string) []engine.Stamped {
	own := map[string][]string{
		"RunStarted": {"Runbook", "Books", "Run", "Mode", "Params"}, "Looked": {"Step", "For", "Outcome"}, "Concluded": {"Finding"},
		"Skipped": {"Step", "Reason", "Hangs"}, "Prepared": {"Step"}, "Question": {"Step", "Kind", "Nonce", "Plan", "Verify"},
		"Answered": {"Step", "Kind", "Nonce"}, "ChangeStarted": {"Step"}, "ChangeEnded": {"Step"}, "ChangeLost": {"Step"},
		"FixEnded": {"Step", "Outcome"}, "Escalated": {"Step"}, "Waited": {"Step", "For"}, "BookStarted": {"Step", "Params"},
		"RunEnded": {"Step", "Verdict"}, "Evidence": {"File", "SHA256", "Name", "ID"}, "Answer": {"Value", "Via"}, "Term": {}, "Seen": {},
		"Description": {}, "Failure": {}, "Asked": {}, "Who": {"TTY"}, "Noted": {}, "Noticed": {}, "RunResumed": {}, "RunInterrupted": {}, "StopAsked": {}, "Preflight": {},
	}
	var walk func(v reflect.Value) reflect.Value
	walk = func(v reflect.Value) reflect.Value {
		switch v.Kind() {
		case reflect.String:
			if v.Len() == 0 {
				return v
			}
			return reflect.ValueOf(with).Convert(v.Type())
		case reflect.Pointer:
			if v.IsNil() {
				return v
			}
			out := reflect.New(v.Type().Elem())
			out.Elem().Set(walk(v.Elem()))
			return out
		case reflect.Interface:
			if v.IsNil() {
				return v
			}
			return walk(v.Elem())
		case reflect.Slice:
			out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				out.Index(i).Set(walk(v.Index(i)))
			}
			return out
		case reflect.Map:
			if v.IsNil() {
				return v
			}
			out := reflect.MakeMap(v.Type())
			for it := v.MapRange(); it.Next(); {
				out.SetMapIndex(it.Key(), walk(it.Value()))
			}
			return out
		case reflect.Struct:
			out := reflect.New(v.Type()).Elem()
			out.Set(v)
			kept, known := own[v.Type().Name()]
			if !known {
				panic("which texts of " + v.Type().Name() + " are the engine's own?")
			}
			for i := range v.NumField() {
				field := v.Type().Field(i)
				if field.Anonymous || field.IsExported() && !slices.Contains(kept, field.Name) {
					out.Field(i).Set(walk(v.Field(i)))
				}
			}
			return out
		default:
			return v
		}
	}
	out := make([]engine.Stamped, len(events))
	for i, e := range events {
		out[i] = e
		out[i].Event = walk(reflect.ValueOf(e.Event)).Interface().(engine.Event) //nolint:forcetypeassert // the type that went in
	}
	return out
}

// shape is the outline of a report without its text: which blocks follow each other, how many cells and items they have.
func shape(t fataler, report []byte) []string {
	var out []string
	for _, l := range outlineIn(t, report) {
		kind, text, _ := strings.Cut(l, ":")
		if strings.HasPrefix(kind, "heading 2") { // the sections
			kind += text
		}
		out = append(out, kind)
	}
	return out
}

// hostileFolder is the run's folder with other texts in its journals, recorded as such.
func hostileFolder(r stored, text string) (fs.FS, []engine.Stamped) {
	folder := fstest.MapFS{}
	events := make([]engine.Stamped, len(r.events))
	swap := func(list []engine.Evidence) []engine.Evidence {
		out := make([]engine.Evidence, len(list))
		for i, e := range list {
			if e.Failed == "" {
				sum := sha256.Sum256([]byte(text))
				if e.Kept == e.Bytes {
					e.Bytes = int64(len(text))
				} else {
					e.Bytes = int64(len(text)) + 1
				}
				e.Kept, e.SHA256 = int64(len(text)), hex.EncodeToString(sum[:])
				folder[e.File] = &fstest.MapFile{Data: []byte(text)}
			}
			out[i] = e
		}
		return out
	}
	for i, s := range r.events {
		switch e := s.Event.(type) {
		case engine.Looked:
			e.Evidence = swap(e.Evidence)
			s.Event = e
		case engine.Prepared:
			e.Evidence = swap(e.Evidence)
			s.Event = e
		case engine.ChangeEnded:
			e.Evidence = swap(e.Evidence)
			s.Event = e
		}
		events[i] = s
	}
	return folder, events
}

// TestHostileText replaces all text in a run by text that is out to break the report. The report has the same shape as
// with harmless text, and nothing in it acts on a terminal or hides.
func TestHostileText(t *testing.T) {
	runs := storedRuns(t)
	want := map[string][]string{}
	for _, r := range runs {
		folder, events := hostileFolder(r, "x\n")
		want[r.name] = shape(t, Render(r.plan, replaced(events, "x"), folder))
	}
	rapid.Check(t, func(t *rapid.T) {
		r := runs[rapid.IntRange(0, len(runs)-1).Draw(t, "run")]
		s := "x" + anyText().Draw(t, "text")
		folder, events := hostileFolder(r, s+"\n")
		got := Render(r.plan, replaced(events, s), folder)
		if diff := cmp.Diff(want[r.name], shape(t, got)); diff != "" {
			t.Fatalf("%s has another shape (-harmless +hostile):\n%s", r.name, diff)
		}
		visible(t, got)
		var page bytes.Buffer
		if err := reader(gmhtml.WithUnsafe()).Convert(got, &page); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(page.Bytes(), []byte("<script")) {
			t.Fatal("there is HTML in the report")
		}
	})
}

// visible fails when a text is not valid UTF-8, or has in it what is not seen.
func visible(t fataler, text []byte) {
	t.Helper()
	if !utf8.Valid(text) {
		t.Fatalf("not valid UTF-8: %q", clip(string(text), 2000))
	}
	for _, r := range string(text) {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Fatalf("%U in the report", r)
		}
	}
}
