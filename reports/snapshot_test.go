package reports

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/steps/disk"
	files "runbook/steps/file"
	"runbook/steps/hostinfo"
	"runbook/steps/httpcheck"
	"runbook/steps/netcheck"
	"runbook/steps/nginx"
	"runbook/steps/pm2"
	"runbook/steps/systemd"
)

// sightOf is a dry run of the lab's whole host, recorded there: well, or with its frontend and backend down.
func sightOf(tb testing.TB, name string) (*engine.Plan, []engine.Stamped) {
	tb.Helper()
	events := readJournal(tb, filepath.Join("testdata/snapshot", name+".jsonl"))
	start, ok := events[0].Event.(engine.RunStarted)
	if !ok {
		tb.Fatalf("the journal begins with %T", events[0].Event)
	}
	var kinds engine.Kinds
	for _, family := range []func() ([]engine.Kind, error){
		systemd.Kinds, netcheck.Kinds, httpcheck.Kinds, files.Kinds, disk.Kinds, hostinfo.Kinds, nginx.Kinds, pm2.Kinds,
	} {
		more, err := family()
		if err != nil {
			tb.Fatal(err)
		}
		kinds = append(kinds, more...)
	}
	plan, diags := engine.Load(start.Runbook.File, []byte(start.Runbook.Text), kinds, nil)
	if plan == nil {
		tb.Fatalf("load: %v", diags)
	}
	return plan, events
}

func TestSnapshot(t *testing.T) {
	for _, name := range []string{"well", "down"} {
		plan, events := sightOf(t, name)
		page, err := Snapshot(plan, events)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata/snapshot", name+".md"), page)
		visible(t, page)
		again, err := Snapshot(sightOf(t, name))
		if err != nil || !bytes.Equal(page, again) {
			t.Errorf("the same events gave another page (%v)", err)
		}
	}
}

// From the page of the host that was well to the host that is down, and back.
func TestDriftOfAHost(t *testing.T) {
	plan, well := sightOf(t, "well")
	_, down := sightOf(t, "down")
	if have := gistOf(Compare(pageValues(t, plan, well), plan, well)); len(have) > 0 {
		t.Errorf("the host has drifted from itself: %q", have)
	}
	golden(t, "testdata/snapshot/drift.txt", []byte(strings.Join(gistOf(Compare(pageValues(t, plan, well), plan, down)), "\n")+"\n"))
}

// A process that is saved as stopped does not come back, whatever else would bring it.
func TestWhatIsSavedAsStopped(t *testing.T) {
	plan, events := sightOf(t, "well")
	for i, e := range events {
		if looked, ok := e.Event.(engine.Looked); ok && looked.Step == "backend" {
			dump, _ := looked.Output["dump"].(map[string]any)
			dump["stopped"] = []any{"dixis-backend"}
			events[i].Event = looked
		}
	}
	page, err := Snapshot(plan, events)
	if want := "| `dixis-backend` | pm2 of deploy | deploy | **no**: it is in the saved list as stopped |"; err != nil || !strings.Contains(string(page), want) {
		t.Errorf("%v: there is no line %s", err, want)
	}
}

// What a person looks at by hand is what was looked at.
func TestByHand(t *testing.T) {
	step := &Step{Path: "config", Kind: "nginx.test"}
	for config, want := range map[string]string{"": "nginx -t", "/srv/a b.conf": "nginx -t -c '/srv/a b.conf'"} {
		p := snapshot{sights: []sight{{step: step, with: map[string]any{"config": config}}}}
		if diff := cmp.Diff(section("To look by hand", fence{language: "sh", lines: []string{want}}), p.byHand(), cmp.AllowUnexported(heading{}, fence{}, span{})); diff != "" {
			t.Error(diff)
		}
	}
}

// A target has no processes, and so nobody that they run as.
func TestWhoAUnitRunsAs(t *testing.T) {
	for want, f := range map[string]facts{
		"–": {"exists": true, "type": ""}, "root": {"exists": true, "type": "simple"}, "deploy": {"exists": true, "type": "simple", "runs_as": "deploy"},
	} {
		if have := (unitSight{sight: sight{facts: f}}).as(); have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}

// Texts from strangers can't change the form of a page, nor be taken for its values.
func TestHostileTextOnAPage(t *testing.T) {
	plan, events := sightOf(t, "well")
	pageWith := func(with string) []byte {
		page, err := Snapshot(plan, hostileFacts(events, with))
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	one, several := pageShape(t, pageWith("x")), pageShape(t, pageWith("x\ny"))
	rapid.Check(t, func(r *rapid.T) {
		text, want := "x"+anyText().Draw(r, "text"), one
		if strings.Contains(strings.TrimSpace(text), "\n") {
			want = several // some stand in a block of their own then
		}
		page := pageWith(text)
		if diff := cmp.Diff(want, pageShape(r, page)); diff != "" {
			r.Fatalf("another shape (-harmless +hostile):\n%s", diff)
		}
		visible(r, page)
		if _, err := ReadValues(page); err != nil {
			r.Fatalf("%v", err)
		}
	})
}

// hostileFacts replaces texts that programs of a host can choose: commands, descriptions, texts of files, answers.
func hostileFacts(events []engine.Stamped, with string) []engine.Stamped {
	theirs := []string{"description", "command", "commands", "process", "text", "stdout", "message", "version", "os", "args", "script", "cwd", "subject", "environment"}
	var walk func(name string, v any) any
	walk = func(name string, v any) any {
		switch v := v.(type) {
		case string:
			if slices.Contains(theirs, name) && v != "" {
				return with
			}
		case []any:
			out := make([]any, len(v))
			for i := range v {
				out[i] = walk(name, v[i])
			}
			return out
		case map[string]any:
			out := make(map[string]any, len(v))
			for k, inner := range v {
				out[k] = walk(k, inner)
			}
			return out
		}
		return v
	}
	out := slices.Clone(events)
	for i, e := range out {
		if looked, ok := e.Event.(engine.Looked); ok {
			looked.Output, _ = walk("", looked.Output).(map[string]any)
			out[i].Event = looked
		}
	}
	return out
}

// pageShape is the outline of a page without its text.
func pageShape(t fataler, page []byte) []string {
	var out []string
	for _, l := range outlineIn(t, page) {
		kind, text, _ := strings.Cut(l, ":")
		if strings.HasPrefix(kind, "heading 2") {
			kind += text
		}
		out = append(out, kind)
	}
	return out
}

// A run that ended early, at any event, is a page or an error, and what is missing is said.
func TestEveryBeginningOfALookHasAPage(t *testing.T) {
	plan, events := sightOf(t, "well")
	for n := range len(events) + 1 {
		page, err := Snapshot(plan, events[:n])
		if err != nil {
			t.Fatalf("%d events: %v", n, err)
		}
		v := NewValues(plan, events[:n])
		blind := 0
		for _, c := range v.Checks {
			if c.Blind() {
				blind++
			}
		}
		if said := fmt.Sprintf("%d could not look", blind); blind > 0 && !strings.Contains(string(page), said) {
			t.Errorf("%d events: %s, and the page does not say so", n, said)
		}
	}
}
