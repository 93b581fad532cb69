//go:build lab

package systemd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/engine"
	"runbook/steps/stepstest"
)

// TestOnARealHost boots a host and runs this very test program inside it, where it performs the stories below on a real
// systemd.
func TestOnARealHost(t *testing.T) {
	if stepstest.Inside() != "" {
		for _, story := range stories() {
			t.Run(story.name, func(t *testing.T) { story.run(&realHost{T: t}) })
		}
		return
	}
	_, tell := stepstest.Lab(t)
	tell("the stories")
}

type story struct {
	name string
	run  func(h *realHost)
}

func stories() []story {
	var all []story
	for _, some := range [][]story{unitStories(), journalStories(), changeStories(), fileStories(), enableStories(), bootStories(), busStories(), userStories()} {
		all = append(all, some...)
	}
	return all
}

// realHost is the host that the test program runs in.
type realHost struct {
	*testing.T
	mu   sync.Mutex
	kept map[string]*bytes.Buffer // evidence, by name
}

// sh judges and breaks the host, without the kinds that are under test.
func (h *realHost) sh(script string) string {
	h.Helper()
	cmd := exec.CommandContext(h.Context(), "/bin/bash", "-ec", script)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		h.Fatalf("%s: %v: %s", script, err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

// service writes a unit file that is gone again when the story ends.
func (h *realHost) service(name, text string) {
	h.Helper()
	path := "/etc/systemd/system/" + name
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.Fatal(err)
	}
	h.sh("systemctl daemon-reload")
	h.after(fmt.Sprintf("systemctl kill -s KILL %[1]s; systemctl stop %[1]s; rm -rf %[2]s %[2]s.d; systemctl daemon-reload; systemctl reset-failed %[1]s", name, path))
}

// transient takes care that nothing of a transient unit is left when the story ends.
func (h *realHost) transient(name string) {
	h.after(fmt.Sprintf("systemctl kill -s KILL %[1]s; systemctl stop %[1]s; systemctl reset-failed %[1]s", name))
}

// after tidies up when the story ends. What is already tidy makes its commands fail.
func (h *realHost) after(script string) {
	h.Cleanup(func() {
		_ = exec.CommandContext(context.Background(), "/bin/bash", "-c", script).Run()
	})
}

// until waits for a shell condition.
func (h *realHost) until(condition string) {
	h.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for exec.CommandContext(h.Context(), "/bin/bash", "-c", condition).Run() != nil {
		if time.Now().After(deadline) {
			h.Fatalf("it never came true that %s", condition)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (h *realHost) kind(name string) engine.Kind {
	h.Helper()
	kinds, err := Kinds()
	if err != nil {
		h.Fatal(err)
	}
	for _, k := range kinds {
		if k.Name == name {
			return k
		}
	}
	h.Fatalf("there is no kind %s", name)
	return engine.Kind{}
}

func (h *realHost) task() engine.Task {
	return engine.Task{Step: "step", Attempt: 1, Keep: h.keep}
}

func (h *realHost) keep(name string) io.WriteCloser {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept == nil {
		h.kept = map[string]*bytes.Buffer{}
	}
	h.kept[name] = &bytes.Buffer{}
	return nopCloser{h.kept[name]}
}

type values = map[string]any

// do performs a kind that is expected to work.
func (h *realHost) do(kind string, in values) values {
	h.Helper()
	out, err := h.kind(kind).Do(h.Context(), in, h.task())
	if err != nil {
		h.Fatalf("%s %v: %v", kind, in, err)
	}
	return out
}

// soon performs a kind until its output is as wanted: for what others write at their own time.
func (h *realHost) soon(kind string, in, want values) {
	h.Helper()
	out := h.do(kind, in)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && !has(out, want); {
		time.Sleep(20 * time.Millisecond)
		out = h.do(kind, in)
	}
	h.want(out, want)
}

func has(out, want values) bool {
	for name, w := range want {
		if fmt.Sprint(out[name]) != fmt.Sprint(w) {
			return false
		}
	}
	return true
}

// fail performs a kind that is expected to fail in a certain way.
func (h *realHost) fail(ctx context.Context, kind string, in values, how engine.FailureKind) (values, string) {
	h.Helper()
	out, err := h.kind(kind).Do(ctx, in, h.task())
	return out, h.failure(err, how)
}

func (h *realHost) failure(err error, how engine.FailureKind) string {
	h.Helper()
	if f := engine.FailureOf(err); f == nil || f.Kind != how {
		h.Fatalf("it failed with %+v, want a failure of kind %s", f, how)
	}
	return err.Error()
}

// want compares some fields of an output.
func (h *realHost) want(out, want values) {
	h.Helper()
	for name, w := range want {
		if got := fmt.Sprint(out[name]); got != fmt.Sprint(w) {
			h.Errorf("%s is %s, want %v", name, got, w)
		}
	}
}

func (h *realHost) contains(text any, parts ...string) {
	h.Helper()
	for _, p := range parts {
		if !strings.Contains(fmt.Sprint(text), p) {
			h.Errorf("%q does not contain %q", text, p)
		}
	}
}

func (h *realHost) exists(path string) bool {
	_, err := os.Lstat(filepath.Clean(path))
	return err == nil
}
