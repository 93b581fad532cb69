package stepstest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"runbook/engine"
)

const (
	mostResult = 64 << 10 // bytes of JSON
	// promptly is how soon a cancelled step must return. The promise is 100 ms; the rest is for a busy machine.
	promptly = 2 * time.Second
	// secret is planted wherever an input may carry one. It has characters that JSON and shells would change.
	secret = `hunter2-"s3cret"&`
)

// Case says how a kind is put to the test on this machine.
type Case struct {
	Kind string
	// With gives inputs that work here, and may prepare what they need. Without it only the example is used, and Do is
	// never called but after a cancellation.
	With func(t *testing.T) map[string]any
	// Slow gives inputs with which Do would go on for ever. begun is closed once it has begun, or nil when the first
	// piece of evidence tells.
	Slow func(t *testing.T) (with map[string]any, begun <-chan struct{})
	// Unboxed says why a check, or the description of a change, can't work inside the read sandbox as a whole.
	Unboxed string
	// Starts is true for kinds whose work is done by a process of their own, which is what is sandboxed then.
	Starts bool
}

// Conformance runs the suite. Every kind must have a case.
func Conformance(t *testing.T, kinds []engine.Kind, cases []Case) {
	t.Helper()
	for _, k := range kinds {
		i := slices.IndexFunc(cases, func(c Case) bool { return c.Kind == k.Name })
		if i < 0 {
			t.Errorf("kind %s is not put to the test", k.Name)
			continue
		}
		t.Run(k.Name, func(t *testing.T) { conform(t, k, cases[i]) })
	}
	for _, c := range cases {
		if !slices.ContainsFunc(kinds, func(k engine.Kind) bool { return k.Name == c.Kind }) {
			t.Errorf("there is no kind %s to put to the test", c.Kind)
		}
	}
}

func conform(t *testing.T, k engine.Kind, c Case) {
	t.Helper()
	example := exampleOf(t, k)
	t.Run("documented", func(t *testing.T) { documented(t, k) })
	t.Run("example", func(t *testing.T) {
		if err := k.Check(example); err != nil {
			t.Errorf("its own example is refused: %v", err)
		}
	})
	t.Run("unknown inputs", func(t *testing.T) { refusesUnknown(t, k, example) })
	t.Run("cancelled before", func(t *testing.T) { cancelledBefore(t, k, example) })
	t.Run("secrets", func(t *testing.T) { hidesSecrets(t, k, orExample(t, c, example)) })
	if c.Slow != nil {
		t.Run("cancelled", func(t *testing.T) { cancelled(t, k, c) })
	}
	if c.With != nil {
		t.Run("result", func(t *testing.T) { fits(t, k, c.With(t)) })
	}
	t.Run("sandbox", func(t *testing.T) { boxed(t, k, c, example) })
}

func exampleOf(t *testing.T, k engine.Kind) map[string]any {
	t.Helper()
	with := map[string]any{}
	if err := yaml.Unmarshal([]byte(k.Example), &with); err != nil {
		t.Fatalf("read the example of %s: %v", k.Name, err)
	}
	return with
}

func orExample(t *testing.T, c Case, example map[string]any) map[string]any {
	t.Helper()
	if c.With == nil {
		return example
	}
	return c.With(t)
}

func documented(t *testing.T, k engine.Kind) {
	t.Helper()
	first, _, _ := strings.Cut(k.Doc, "\n\n")
	if !strings.HasSuffix(first, ".") {
		t.Errorf("the first paragraph of its doc is no sentence: %q", first)
	}
	every(k.Input.Fields, func(path string, f engine.Field) { fieldDoc(t, "input "+path, f) })
	every(k.Output.Fields, func(path string, f engine.Field) {
		fieldDoc(t, "output "+path, f)
		if f.Type.Kind == engine.Span {
			t.Errorf("output %s is a duration: outputs are numbers with a unit in their name", path)
		}
		if f.Required || f.Default != "" || f.Secret {
			t.Errorf("output %s has tags that only inputs have", path)
		}
	})
}

func fieldDoc(t *testing.T, path string, f engine.Field) {
	t.Helper()
	switch {
	case strings.HasSuffix(f.Doc, "."):
		t.Errorf("%s: its doc ends with a full stop: %q", path, f.Doc)
	case strings.ToLower(f.Name) != f.Name:
		t.Errorf("%s: names are lower-case", path)
	}
}

// every visits fields, and those inside them.
func every(fields []engine.Field, visit func(path string, f engine.Field)) {
	for _, f := range fields {
		visit(f.Name, f)
		inner := f.Type
		for inner.Elem != nil {
			inner = *inner.Elem
		}
		if inner.Kind == engine.Object {
			every(inner.Fields, func(path string, g engine.Field) { visit(f.Name+"."+path, g) })
		}
	}
}

func refusesUnknown(t *testing.T, k engine.Kind, example map[string]any) {
	t.Helper()
	with := maps.Clone(example)
	with["no_such_input"] = "x"
	invalid := func(what string, err error) {
		if f := engine.FailureOf(err); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%s was given an unknown input: have %v", what, err)
		}
	}
	task, _ := Task()
	invalid("Check", k.Check(with))
	_, err := k.Do(t.Context(), with, task)
	invalid("Do", err)
	if k.Effect == engine.Changes {
		_, err = k.Describe(t.Context(), with, task)
		invalid("Describe", err)
	}
	for _, f := range k.Input.Fields {
		if f.Required {
			with := maps.Clone(example)
			delete(with, f.Name)
			if err := k.Check(with); err == nil || !strings.Contains(err.Error(), f.Name) {
				t.Errorf("input %s is missing, and the error does not name it: %v", f.Name, err)
			}
		}
		if f.Type.Kind != engine.AnyValue {
			with := maps.Clone(example)
			with[f.Name] = []any{[]any{map[string]any{"x": "y"}}}
			if err := k.Check(with); err == nil {
				t.Errorf("input %s takes anything", f.Name)
			}
		}
	}
}

// cancelledBefore uses the example even for changes: what was cancelled before it began must not begin.
func cancelledBefore(t *testing.T, k engine.Kind, example map[string]any) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	task, evidence := Task()
	task.Reads = k.Effect == engine.Reads
	err := within(t, func() error {
		_, err := k.Do(ctx, example, task)
		return err
	})
	if f := engine.FailureOf(err); k.Effect == engine.Changes && (f == nil || f.Kind != engine.Cancelled) {
		t.Errorf("a change that was cancelled before it began: have %v", err)
	}
	if names := evidence.Names(); k.Effect == engine.Changes && len(names) > 0 {
		t.Errorf("it has begun: it kept %v", names)
	}
}

func cancelled(t *testing.T, k engine.Kind, c Case) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	with, begun := c.Slow(t)
	task, evidence := Task()
	task.Reads = k.Effect == engine.Reads || k.MayRead
	if begun == nil {
		begun = evidence.First()
	}
	done := make(chan error, 1)
	go func() {
		_, err := k.Do(ctx, with, task)
		done <- err
	}()
	select {
	case <-begun:
	case err := <-done:
		t.Fatalf("it was to go on for ever, and has ended: %v", err)
	}
	cancel()
	err := within(t, func() error { return <-done })
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled {
		t.Errorf("have %v", err)
	}
	if open := evidence.Open(); len(open) > 0 {
		t.Errorf("it left evidence open: %v", open)
	}
}

// within fails when a call hangs.
func within(t *testing.T, call func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call() }()
	timer := time.NewTimer(promptly)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		t.Fatalf("a cancelled step has not returned after %s", promptly)
		return nil
	}
}

func fits(t *testing.T, k engine.Kind, with map[string]any) {
	t.Helper()
	task, evidence := Task()
	task.Reads = k.Effect == engine.Reads
	out, err := k.Do(t.Context(), with, task)
	if k.Effect == engine.AsksYou || k.Effect == engine.RunsBook {
		if engine.FailureOf(err) == nil {
			t.Errorf("nobody was asked, and yet there is an answer: %v", out)
		}
	} else if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > mostResult {
		t.Errorf("the result has %d bytes of JSON", len(raw))
	}
	again, err := k.Output.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(out, again); diff != "" {
		t.Errorf("the result is not of the declared shape: %s", diff)
	}
	if open := evidence.Open(); len(open) > 0 {
		t.Errorf("it left evidence open: %v", open)
	}
}

// hidesSecrets plants a secret in every input that may carry one, and looks for it everywhere.
func hidesSecrets(t *testing.T, k engine.Kind, with map[string]any) {
	t.Helper()
	planted := maps.Clone(with)
	n := 0
	for _, f := range k.Input.Fields {
		switch {
		case !f.Secret:
			continue
		case f.Type.Kind == engine.String:
			planted[f.Name] = secret
		case f.Type.Kind == engine.Map:
			m, _ := planted[f.Name].(map[string]any)
			m = maps.Clone(m)
			if m == nil {
				m = map[string]any{}
			}
			m["X_SECRET"] = secret
			planted[f.Name] = m
		default:
			t.Fatalf("no secret can be put into input %s", f.Name)
		}
		n++
	}
	if n == 0 {
		return
	}
	// As they are, then with one input after the other that makes no sense: errors quote what they don't like.
	tries := []map[string]any{planted}
	for _, f := range k.Input.Fields {
		broken := maps.Clone(planted)
		broken[f.Name] = map[string]any{"X_SECRET": []any{secret}}
		tries = append(tries, broken)
	}
	for i, with := range tries {
		ctx, cancel := context.WithCancel(t.Context())
		if k.Effect != engine.Reads {
			cancel() // nothing is to be changed here
		}
		task, _ := Task()
		out, doErr := k.Do(ctx, with, task)
		d, describeErr := k.Describe(t.Context(), with, task)
		cancel()
		shown := fmt.Sprint(out, doErr, d, describeErr, k.Check(with))
		if strings.Contains(shown, secret) || strings.Contains(shown, "s3cret") {
			t.Errorf("try %d shows the secret: %s", i, shown)
		}
	}
}

// plain is a value as it comes back from a process of its own.
func plain(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(raw)
}
