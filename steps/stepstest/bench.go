package stepstest

import (
	"bytes"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"runbook/engine"
)

// Evidence collects what kinds keep. It is safe for use by several goroutines.
type Evidence struct {
	mu    sync.Mutex
	items map[string]*item
	once  sync.Once
	first chan struct{}
}

type item struct {
	of     *Evidence
	mu     sync.Mutex
	buf    bytes.Buffer
	closed bool
}

func (i *item) Write(p []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.of.once.Do(func() { close(i.of.first) })
	return i.buf.Write(p)
}

// First is closed when the first piece of evidence is written.
func (e *Evidence) First() <-chan struct{} { return e.first }

func (i *item) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.closed = true
	return nil
}

// Keep is for [engine.Task].
func (e *Evidence) Keep(name string) io.WriteCloser {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := &item{of: e}
	e.items[name] = i
	return i
}

// Names lists what was kept.
func (e *Evidence) Names() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.items))
}

// Text is what was kept under a name, "" when nothing was.
func (e *Evidence) Text(name string) string {
	e.mu.Lock()
	i := e.items[name]
	e.mu.Unlock()
	if i == nil {
		return ""
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.buf.String()
}

// Open lists what was kept and never closed.
func (e *Evidence) Open() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(e.items)) {
		i := e.items[name]
		i.mu.Lock()
		if !i.closed {
			names = append(names, name)
		}
		i.mu.Unlock()
	}
	return names
}

// Task is a step's first attempt, with a place for its evidence.
func Task() (engine.Task, *Evidence) {
	e := &Evidence{items: map[string]*item{}, first: make(chan struct{})}
	return engine.Task{Step: "step", Attempt: 1, Keep: e.Keep}, e
}

// Kind finds a kind by its name.
func Kind(t *testing.T, kinds func() ([]engine.Kind, error), name string) engine.Kind {
	t.Helper()
	all, err := kinds()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(k engine.Kind) bool { return k.Name == name })
	if i < 0 {
		t.Fatalf("there is no kind %s", name)
	}
	return all[i]
}

// Look performs a step that must be able to look, and gives its output.
func Look(t *testing.T, k engine.Kind, with map[string]any) map[string]any {
	t.Helper()
	task, _ := Task()
	task.Reads = true
	out, err := k.Do(t.Context(), with, task)
	if err != nil {
		t.Fatalf("%s could not look: %v", k.Name, err)
	}
	return out
}

// insideEnv is set for a test program that runs inside a host of the lab.
const insideEnv = "RUNBOOK_TEST_INSIDE_LAB"

// Inside is the part that a test is to perform inside a host of the lab, "" outside.
func Inside() string { return os.Getenv(insideEnv) }

// Root skips a test that needs root where there is none. In CI that is a failure: there it must run.
func Root(t *testing.T) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") != "":
		t.Fatal("this test needs root, and CI must run it")
	default:
		t.Skip("this test needs root")
	}
}
