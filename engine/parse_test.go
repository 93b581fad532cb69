package engine_test

import (
	"bytes"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"runbook/engine"
	"runbook/engine/enginetest"
)

func parseFile(t *testing.T, file string) (*engine.Runbook, []byte) {
	t.Helper()
	src := readFile(t, file)
	rb, diags := engine.Parse(path.Base(file), src)
	if len(diags) > 0 {
		t.Fatal(engine.RenderAll(diags, src))
	}
	return rb, src
}

// What the file says is what the document holds.
func TestParseEveryKey(t *testing.T) {
	t.Parallel()
	rb, _ := parseFile(t, "good/every-key.yaml")

	if rb.Name.Value != "every-key" || rb.Owner.Value != "platform team" || rb.Severity.Value != "high" || len(rb.Links) != 2 ||
		rb.Reviewed.Value != "2026-11-20" || !rb.Summary.Block || rb.Notify.Kind != engine.Mapping || rb.Triggers.Kind != engine.Sequence {
		t.Errorf("the top: %+v", rb)
	}
	wantLimits := engine.Limits{Pos: engine.Pos{Line: 104, Col: 9}, Changes: 3, Time: time.Hour, Lock: engine.Text{Value: "web-1", Pos: engine.Pos{Line: 104, Col: 38}}, Cooldown: 10 * time.Minute}
	if diff := cmp.Diff(wantLimits, rb.Limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	if r := rb.Requires; !r.Root || !r.Systemd || len(r.Commands) != 2 {
		t.Errorf("requires: %+v", r)
	}
	port := rb.Params[3]
	if port.Name.Value != "port" || port.Type != engine.ParamPort || port.Default.Plain != 3000 || *port.Min != 1024 || port.Max != nil {
		t.Errorf("port: %+v", port)
	}
	page := rb.Steps[0]
	if page.Retry != (engine.Retries{Attempts: 3, Every: 2 * time.Second, Backoff: 1.5}) || page.Timeout != 20*time.Second ||
		page.Expect.Value != "status >= 200 and status < 400" || !page.Expect.Block {
		t.Errorf("page: %+v", page)
	}
	restart := rb.Steps[2]
	if restart.Risk != engine.High || !restart.Verify.Goal || restart.Within != time.Minute || restart.Settle != 2*time.Second ||
		restart.Approvals != 2 || restart.Expires != 20*time.Minute || restart.Undo.Uses.Value != "systemd.restart" || restart.As.Value != "root" {
		t.Errorf("restart: %+v", restart)
	}
	if f := rb.Findings[0]; f.Certainty.Value != "likely" || f.See.Value == "" || f.Say.Value == "" {
		t.Errorf("finding: %+v", f)
	}
}

// What a file does not say has the values that the reference promises.
func TestParseDefaults(t *testing.T) {
	t.Parallel()
	rb, _ := parseFile(t, "good/manual-only.yaml")
	s := rb.Steps[0]
	if s.Risk != engine.Medium || s.Within != 30*time.Second || s.Settle != time.Second || s.Approvals != 1 || s.Retry.Attempts != 1 || s.Retry.Backoff != 1 {
		t.Errorf("step: %+v", s)
	}
	if rb.Limits.Changes != 10 || rb.Limits.Lock != rb.Name {
		t.Errorf("limits: %+v", rb.Limits)
	}
}

// A file from Windows, or with a byte order mark, is read as if it had neither.
func TestParseLineEnds(t *testing.T) {
	t.Parallel()
	rb, src := parseFile(t, "good/windows.yaml")
	if !bytes.Contains(src, []byte("\r\n")) || !bytes.HasPrefix(src, []byte("\uFEFF")) {
		t.Fatal("the file has lost its line ends or its mark")
	}
	unix := bytes.ReplaceAll(bytes.TrimPrefix(src, []byte("\uFEFF")), []byte("\r\n"), []byte("\n"))
	want, diags := engine.Parse("windows.yaml", unix)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	if diff := cmp.Diff(want, rb, cmpopts.IgnoreFields(engine.Runbook{}, "Source")); diff != "" {
		t.Errorf("(-unix +windows):\n%s", diff)
	}
}

// Every key of the document is read: a value that can't be right is noticed. notify and triggers take anything.
func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	const wrong = "{no: {such: thing}}"
	tryKeys := func(what string, keys []engine.Field, before, indent, after string) {
		for _, f := range keys {
			if f.Type.Kind == engine.AnyValue && f.Name != "default" || f.Name == "with" {
				continue
			}
			src := before + indent + f.Name + ": " + wrong + after
			_, diags := engine.Parse("x.yaml", []byte(src))
			above, _, _ := strings.Cut(src, wrong)
			line := 1 + strings.Count(above, "\n")
			found := false
			for _, d := range diags {
				found = found || d.Pos.Line == line && (d.Rule == "wrong-type" || d.Rule == "unknown-key")
			}
			if !found {
				t.Errorf("%s: nobody reads %s", what, f.Name)
			}
		}
	}
	field := func(s []engine.Field, name string) engine.Type {
		f, ok := engine.Shape{Fields: s}.Field(name)
		if !ok {
			t.Fatalf("no key %s", name)
		}
		return f.Type
	}
	top := engine.Document().Fields
	tryKeys("the file", top, "", "", "\n")
	tryKeys("a parameter", field(top, "params").Elem.Fields, "params:\n  x:\n", "    ", "\n")
	step := field(top, "steps").Elem.Fields
	tryKeys("a step", step, "steps:\n  - \n", "    ", "\n")
	tryKeys("a retry", field(step, "retry").Fields, "steps:\n  - retry:\n", "      ", "\n")
	tryKeys("an undo", field(step, "undo").Fields, "steps:\n  - undo:\n", "      ", "\n")
	tryKeys("a finding", field(top, "findings").Elem.Fields, "findings:\n  - \n", "    ", "\n")
	tryKeys("limits", field(top, "limits").Fields, "limits:\n", "  ", "\n")
	tryKeys("requires", field(top, "requires").Fields, "requires:\n", "  ", "\n")
}

// Files that are made to be slow or large are read or refused within a time in which nobody notices.
func TestParseHostileFiles(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	fill := func(prefix, unit, suffix string) string {
		return prefix + strings.Repeat(unit, (most-len(prefix)-len(suffix))/len(unit)) + suffix
	}
	for name, src := range map[string]string{
		"brackets":        fill("a: ", "[", ""),
		"braces":          fill("a: ", "{", ""),
		"dashes":          fill("", "- ", "a"),
		"flow items":      fill("goal: [", "a,", "a]"),
		"flow keys":       fill("steps: [{", "a: b, ", "}]"),
		"duplicate keys":  fill("", "a: b\n", ""),
		"steps":           fill("steps:\n", "- {}\n", ""),
		"same steps":      fill("steps:\n", "- {id: a, uses: b, needs: [a, a]}\n", ""),
		"one long line":   fill("title: ", "x", ""),
		"questions":       fill("", "? ", ""),
		"quotes":          fill("title: \"", "\\\"", "\""),
		"open quote":      fill("title: \"", "a\n\n", ""),
		"aliases":         fill("a: &a [x]\nb: [", "*a,", "]"),
		"comments":        fill("", "# x\n", "a: b"),
		"templates":       fill("runbook: x\ntitle: \"", "${{ ", "\""),
		"block":           fill("summary: |\n", "  x\n", ""),
		"spaces":          fill("title: |\n", "      \n", " x"),
		"unknown goals":   fill("steps: [{id: a, uses: manual}]\ngoal: [", "aa,", "]"),
		"many steps":      fill("steps: [", "{id: abcdefgh}, ", "]\ngoal: ["+strings.Repeat("hgfedcba, ", 50_000)+"a]"),
		"carriage return": fill("", "\r\n", ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			go func() {
				defer close(done)
				rb, diags := engine.Parse("x.yaml", []byte(src))
				if rb != nil {
					diags = append(diags, engine.Check(rb, enginetest.Kinds())...)
				}
				engine.RenderAll(diags, []byte(src))
			}()
			select {
			case <-done:
			case <-time.After(time.Minute): // far more than the seconds that it takes: the point is that it ends
				t.Error("it takes too long")
			}
		})
	}
}

// All mistakes are found in one pass, whoever finds them, and one slip is one mistake.
func TestOnePass(t *testing.T) {
	t.Parallel()
	src := []byte(`runbook: Wrong Name
titel: The page does not answer
goal: [page, prot]
steps:
  - id: page
    uses: http.gte
    expect: status = 200
  - id: unit
    uses: systemd.unit
    with: {unit: nginx}
    expect: actve == "active"
  - id: restart
    uses: systemd.restart
    timeout: 5
    with: {unti: nginx.service}
    when: not steps.pgae.healthy
`)
	_, diags := engine.Load("wrong-name.yaml", src, enginetest.Kinds(), nil)
	var got []string
	for _, d := range diags {
		got = append(got, d.Rule)
	}
	want := []string{
		"runbook-name", "unknown-key", "unknown-step", "unknown-kind", "input-value", "unknown-field", "no-verify",
		"wrong-type", "unknown-input", "unknown-step",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, engine.RenderAll(diags, src))
	}
}
