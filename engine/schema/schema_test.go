package schema_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"

	"runbook/engine"
	"runbook/engine/enginetest"
	"runbook/engine/schema"
)

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	return compiled(t, func() ([]byte, error) { return schema.Generate(enginetest.Kinds()) })
}

func compiled(t *testing.T, generate func() ([]byte, error)) *jsonschema.Schema {
	t.Helper()
	raw, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("runbook.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("runbook.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decode reads YAML as editors do, in the core schema of YAML 1.2, where a date is text.
func decode(t *testing.T, path string) any {
	t.Helper()
	src, err := fs.ReadFile(os.DirFS("../testdata"), path)
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, path, src)
}

func decoded(t *testing.T, path string, src []byte) any {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Load(src, &doc); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return plain(t, doc.Content[0])
}

func plain(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		items := make([]any, len(n.Content))
		for i, c := range n.Content {
			items[i] = plain(t, c)
		}
		return items
	default:
	}
	if n.Tag == "!!timestamp" {
		return n.Value
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGoodFilesAreValid(t *testing.T) {
	t.Parallel()
	s := compile(t)
	paths, err := fs.Glob(os.DirFS("../testdata"), "good/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no good files", err)
	}
	for _, path := range paths {
		if err := s.Validate(decode(t, path)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What an editor can see at one place, the schema refuses there.
func TestBadFilesAreNot(t *testing.T) {
	t.Parallel()
	s := compile(t)
	for _, tt := range []struct{ stem, where string }{ // where one of the mistakes must be seen
		{"unknown-key", "/steps/0"},
		{"missing-key", "/params/port"},
		{"wrong-type", "/steps/0/timeout"},
		{"unknown-value", "/severity"},
		{"out-of-range", "/limits/cooldown"},
		{"empty", "/links"},
		{"runbook-name", "/runbook"},
		{"bad-id", "/steps/1/id"},
		{"reviewed-date", "/reviewed"},
		{"link", "/links/0"},
		{"lock-name", "/limits/lock"},
		{"unknown-kind", "/steps/0/uses"},
		{"misplaced-key", "/steps/0/risk"},
		{"not-a-reader", "/steps/0/reads"},
		{"no-verify", "/steps/1"},
		{"no-why", "/steps/1"},
		{"undo-not-a-fix", "/steps/1/undo"},
		{"unknown-input", "/steps/0/with"},
		{"missing-input", "/steps/0"},
		{"input-type", "/steps/0/with/timeout"},
		{"input-value", "/steps/5/with/protocol"},
		{"param-values", "/params/level"},
		{"param-optional", "/params/dir"},
		{"param-range", "/params/dir/min"},
		{"param-pattern", "/params/port/pattern"},
		{"param-secret", "/params/token/default"},
		{"repeated-name", "/steps/1/verify"},
		{"wrong-type-file", ""},
		{"misplaced-template", "/steps/0/expect"},
	} {
		err := s.Validate(decode(t, "bad/"+tt.stem+".yaml"))
		fault, ok := errors.AsType[*jsonschema.ValidationError](err)
		if !ok {
			t.Errorf("%s is valid", tt.stem)
			continue
		}
		if !seenAt(fault, tt.where) {
			t.Errorf("%s: nothing is seen at %q:\n%v", tt.stem, tt.where, err)
		}
	}
}

// The schema of scenarios takes those that are rehearsed elsewhere, and sees in others what an editor can see.
func TestScenarios(t *testing.T) {
	t.Parallel()
	s := compiled(t, schema.Scenarios)
	stories, err := filepath.Glob("../scenario/testdata/stories/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatal("no stories", err)
	}
	for _, story := range stories {
		archive, err := txtar.ParseFile(story)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name == "story.scenarios.yaml" {
				if err := s.Validate(decoded(t, story, f.Data)); err != nil {
					t.Errorf("%s: %v", story, err)
				}
			}
		}
	}
	for where, text := range map[string]string{
		"":                                  "scenario: {}",
		"/scenarios/a":                      "scenarios: {a: {}}",
		"/scenarios/a/expect/verdict":       "scenarios: {a: {expect: {verdict: fine}}}",
		"/scenarios/a/expect/changes":       "scenarios: {a: {expect: {verdict: fixed, changes: restart}}}",
		"/scenarios/a/sees/page/fails":      "scenarios: {a: {sees: {page: {fails: lost}}, expect: {verdict: fixed}}}",
		"/scenarios/a/after/restart/page":   "scenarios: {a: {after: {restart: {page: 3}}, expect: {verdict: fixed}}}",
		"/scenarios/a/answers/restart":      "scenarios: {a: {answers: {restart: {in: 5m}}, expect: {verdict: fixed}}}",
		"/scenarios/a/answers/restart/1/in": "scenarios: {a: {answers: {restart: [\"yes\", {say: retry, in: soon}]}, expect: {verdict: fixed}}}",
		"/params/port":                      "params: {port: [1]}\nscenarios: {a: {expect: {verdict: fixed}}}",
	} {
		err := s.Validate(decoded(t, where, []byte(text)))
		if fault, ok := errors.AsType[*jsonschema.ValidationError](err); !ok || !seenAt(fault, where) {
			t.Errorf("%s: nothing is seen at %q:\n%v", text, where, err)
		}
	}
}

func seenAt(e *jsonschema.ValidationError, where string) bool {
	at := ""
	for _, part := range e.InstanceLocation {
		at += "/" + part
	}
	if at == where && len(e.Causes) == 0 {
		return true
	}
	for _, c := range e.Causes {
		if seenAt(c, where) {
			return true
		}
	}
	return false
}

// Every key and every input is in the schema, with its words.
func TestSchemaIsWhole(t *testing.T) {
	t.Parallel()
	raw, err := schema.Generate(enginetest.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	again, err := schema.Generate(enginetest.Kinds())
	if err != nil || !bytes.Equal(raw, again) {
		t.Error("it is another one the second time", err)
	}
	text := string(raw)
	var walk func(fields []engine.Field)
	walk = func(fields []engine.Field) {
		for _, f := range fields {
			if !strings.Contains(text, `"`+f.Name+`": `) {
				t.Errorf("no key %s", f.Name)
			}
			walk(f.Type.Fields)
			if f.Type.Elem != nil {
				walk(f.Type.Elem.Fields)
			}
		}
	}
	walk(engine.Document().Fields)
	for _, k := range enginetest.Kinds() {
		walk(k.Input.Fields)
		if !strings.Contains(text, k.Doc) {
			t.Errorf("no doc of %s", k.Name)
		}
	}
}
