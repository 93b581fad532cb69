package file_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/file"
	"runbook/steps/stepstest"
)

func TestStatTellsWhatIsThere(t *testing.T) {
	stepstest.Root(t)
	path := filepath.Join(t.TempDir(), "BUILD_ID")
	put(t, path, "abc")
	then := time.Now().Add(-time.Hour).Truncate(time.Second)
	must(t, os.Chtimes(path, then, then))
	must(t, os.Chmod(path, 0o640))
	must(t, os.Lchown(path, 1, 54321))
	must(t, os.Symlink("BUILD_ID", path+".link"))

	out := stepstest.Look(t, kind(t, "file.stat"), map[string]any{"path": path + ".link", "sha256": true})
	age, ok := out["age_seconds"].(int)
	if !ok || age < 3600 || age > 3600+600 {
		t.Errorf("have age %v", out["age_seconds"])
	}
	delete(out, "age_seconds")
	want := map[string]any{
		"exists": true, "type": "file", "size": 3, "mode": "0640", "owner": "daemon", "group": "54321",
		"modified": then.UTC().Format(time.RFC3339), "link": "BUILD_ID",
		"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
}

func TestStatThatNothingIsThere(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "plain"), "")
	must(t, os.Symlink("nowhere", filepath.Join(dir, "link")))
	for name, link := range map[string]string{"missing": "", "missing/below": "", "plain/below": "", "link": "nowhere"} {
		out := stepstest.Look(t, kind(t, "file.stat"), map[string]any{"path": filepath.Join(dir, name)})
		want := map[string]any{
			"exists": false, "type": "", "size": 0, "mode": "", "owner": "", "group": "", "modified": "", "age_seconds": 0,
			"link": link, "sha256": nil,
		}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestStatKnowsOtherThings(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "directory"), 0o700))
	must(t, os.Chmod(filepath.Join(dir, "directory"), 0o700|os.ModeSticky|os.ModeSetgid))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, "socket"))
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	for _, name := range []string{"pipe", "directory", "socket"} {
		out := stepstest.Look(t, kind(t, "file.stat"), map[string]any{"path": filepath.Join(dir, name), "sha256": true})
		if out["type"] != name || out["sha256"] != nil {
			t.Errorf("%s: have %v", name, out)
		}
		if name == "directory" && out["mode"] != "3700" {
			t.Errorf("have mode %v", out["mode"])
		}
	}
	if out := stepstest.Look(t, kind(t, "file.stat"), map[string]any{"path": "/dev/null"}); out["type"] != "device" {
		t.Errorf("have %v", out)
	}
}

func TestLookingWithoutPermissionIsNoAnswer(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	put(t, path, "x")
	must(t, os.Chmod(path, 0o600))
	task, _ := stepstest.Task()
	task.As = "nobody"
	openPath(t, dir)
	out, err := kind(t, "file.stat").Do(t.Context(), map[string]any{"path": path, "sha256": true}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Denied || out["exists"] != true {
		t.Errorf("nobody may not read it: have %v, %v", out, err)
	}
	_, err = kind(t, "file.read").Do(t.Context(), map[string]any{"path": path}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Denied {
		t.Errorf("nobody may not read it: have %v", err)
	}
	must(t, os.Chmod(dir, 0o700))
	_, err = kind(t, "file.stat").Do(t.Context(), map[string]any{"path": path}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Denied {
		t.Errorf("nobody may not look: have %v", err)
	}
}

func TestReadShowsText(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("ä", 1<<20) + "end"
	put(t, filepath.Join(dir, "long"), long)
	put(t, filepath.Join(dir, "short"), "PORT=3000\n")
	put(t, filepath.Join(dir, "bytes"), "a\xff\x00b")
	put(t, filepath.Join(dir, "empty"), "")

	read := func(name, from string) (map[string]any, *stepstest.Evidence) {
		task, evidence := stepstest.Task()
		out, err := kind(t, "file.read").Do(t.Context(), map[string]any{"path": filepath.Join(dir, name), "from": from}, task)
		must(t, err)
		return out, evidence
	}
	out, evidence := read("short", "head")
	if diff := cmp.Diff(map[string]any{"exists": true, "text": "PORT=3000\n", "size": 10, "truncated": false, "utf8": true}, out); diff != "" {
		t.Error(diff)
	}
	if names := evidence.Names(); len(names) != 0 {
		t.Errorf("the result holds all of it, and yet there is evidence: %v", names)
	}
	out, evidence = read("long", "head")
	if out["text"] != long[:8<<10] || out["truncated"] != true || out["utf8"] != true || out["size"] != len(long) || len(evidence.Text("text")) != 1<<20 {
		t.Errorf("have %d bytes, utf8 %v, evidence %d", len(out["text"].(string)), out["utf8"], len(evidence.Text("text")))
	}
	out, evidence = read("long", "tail")
	if text := out["text"].(string); !strings.HasSuffix(text, "ääend") || out["utf8"] != true || !strings.HasSuffix(evidence.Text("text"), "ääend") ||
		len(evidence.Text("text")) > 1<<20 {
		t.Errorf("have the end %q, utf8 %v, evidence %d", text[len(text)-9:], out["utf8"], len(evidence.Text("text")))
	}
	if out, _ := read("bytes", "head"); out["text"] != "a\uFFFD\uFFFDb" || out["utf8"] != false || out["truncated"] != false {
		t.Errorf("have %q", out)
	}
	if out, _ := read("empty", "tail"); out["exists"] != true || out["text"] != "" || out["truncated"] != false {
		t.Errorf("have %v", out)
	}
	if out, _ := read("missing", "head"); out["exists"] != false || out["text"] != "" {
		t.Errorf("have %v", out)
	}
	// The kernel makes this one up: its size is 0.
	status := stepstest.Look(t, kind(t, "file.read"), map[string]any{"path": "/proc/self/status"})
	if !strings.Contains(status["text"].(string), "Pid:") || status["truncated"] != false {
		t.Errorf("have %v", status)
	}
}

// Opening a pipe waits for a writer, for ever.
func TestReadOfAPipeDoesNotWait(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, unix.Mkfifo(pipe, 0o600))
	task, _ := stepstest.Task()
	for _, path := range []string{pipe, "/dev/zero", t.TempDir()} {
		_, err := kind(t, "file.read").Do(t.Context(), map[string]any{"path": path}, task)
		if f := engine.FailureOf(err); f == nil || f.Kind != engine.Invalid || !strings.Contains(f.Message, "not a file") {
			t.Errorf("%s: have %v", path, err)
		}
	}
}

func kind(t *testing.T, name string) engine.Kind {
	t.Helper()
	return stepstest.Kind(t, file.Kinds, name)
}

func put(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openPath lets other users into a test's directory.
func openPath(t *testing.T, dir string) {
	t.Helper()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		must(t, os.Chmod(at, 0o755))
	}
}
