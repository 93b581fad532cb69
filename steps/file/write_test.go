package file_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/stepstest"
)

func TestWriteReplacesAFile(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "app.conf")
	put(t, path, "A=1\nB=2\n")
	must(t, os.Chown(path, 1, 2))
	must(t, os.Chmod(path, 0o640|os.ModeSetgid))
	hasAttributes := unix.Setxattr(path, "user.origin", []byte("lab"), 0) == nil
	before := inode(t, path)
	with := map[string]any{"path": path, "text": "A=1\nB=3\n"}

	task, evidence := stepstest.Task()
	must(t, kind(t, "file.write").Before(t.Context(), with, task))
	if evidence.Text("before") != "A=1\nB=2\n" {
		t.Errorf("kept %q", evidence.Text("before"))
	}
	d, err := kind(t, "file.write").Describe(t.Context(), with, task)
	must(t, err)
	backup := dir + "/.app.conf.runbook-"
	want := engine.Description{
		Summary: "replace " + path, Target: path, Undo: d.Undo,
		Exact: []string{"--- " + path, "+++ " + path, "@@ -1,2 +1,2 @@", " A=1", "-B=2", "+B=3"},
	}
	if diff := cmp.Diff(want, d); diff != "" || !strings.HasPrefix(d.Undo, "put back "+backup) {
		t.Errorf("undo %s, %s", d.Undo, diff)
	}
	if text(t, path) != "A=1\nB=2\n" || len(list(t, dir)) != 1 {
		t.Fatalf("describing it changed it: %v", list(t, dir))
	}

	out := do(t, with)
	kept, _ := out["backup"].(string)
	if out["changed"] != true || out["created"] != false || out["size"] != 8 || "put back "+kept != d.Undo {
		t.Errorf("have %v", out)
	}
	if text(t, path) != "A=1\nB=3\n" || rights(t, path) != "2640 1:2" || inode(t, kept) != before || text(t, kept) != "A=1\nB=2\n" {
		t.Errorf("have %q with %s, kept %q", text(t, path), rights(t, path), text(t, kept))
	}
	if hasAttributes {
		buf := make([]byte, 16)
		if n, err := unix.Getxattr(path, "user.origin", buf); err != nil || string(buf[:n]) != "lab" {
			t.Errorf("the attribute is lost: %v", err)
		}
	}

	// A second time there is nothing to do.
	if out := do(t, with); out["changed"] != false || out["backup"] != "" || len(list(t, dir)) != 2 {
		t.Errorf("have %v, and %v", out, list(t, dir))
	}
	d, err = kind(t, "file.write").Describe(t.Context(), with, task)
	if err != nil || d.Summary != "leave "+path+" as it is" || d.Exact != nil {
		t.Errorf("have %v, %v", d, err)
	}

	// And back, with mode and owner, by what the first write gave.
	must(t, os.Chmod(path, 0o600))
	if out := do(t, map[string]any{"path": path, "restore": kept}); out["changed"] != true {
		t.Errorf("have %v", out)
	}
	if text(t, path) != "A=1\nB=2\n" || rights(t, path) != "2640 1:2" {
		t.Errorf("have %q with %s", text(t, path), rights(t, path))
	}
}

func TestWriteCreatesAFileAndTakesItBack(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "new.conf")
	task, _ := stepstest.Task()
	with := map[string]any{"path": path, "text": "x\n", "mode": "0751"}
	d, err := kind(t, "file.write").Describe(t.Context(), with, task)
	must(t, err)
	if d.Summary != "create "+path || d.Undo != "remove "+path || d.Exact[0] != "mode 0751" || d.Exact[len(d.Exact)-1] != "+x" {
		t.Errorf("have %+v", d)
	}
	out := do(t, with)
	if out["created"] != true || out["backup"] != "none" || text(t, path) != "x\n" || !strings.HasPrefix(rights(t, path), "0751 ") {
		t.Errorf("have %v, %s", out, rights(t, path))
	}
	undo := map[string]any{"path": path, "restore": out["backup"]}
	d, err = kind(t, "file.write").Describe(t.Context(), undo, task)
	if err != nil || d.Summary != "remove "+path {
		t.Errorf("have %+v, %v", d, err)
	}
	if out := do(t, undo); out["changed"] != true {
		t.Errorf("have %v", out)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	if out := do(t, undo); out["changed"] != false {
		t.Errorf("have %v", out)
	}
}

func TestWriteChangesOnlyRights(t *testing.T) {
	stepstest.Root(t)
	path := filepath.Join(t.TempDir(), "f")
	put(t, path, "x")
	with := map[string]any{"path": path, "text": "x", "owner": "daemon", "group": "54321", "mode": "4755", "backup": false}
	task, _ := stepstest.Task()
	d, err := kind(t, "file.write").Describe(t.Context(), with, task)
	must(t, err)
	if diff := cmp.Diff([]string{"mode 0600 -> 4755", "owner root -> daemon", "group root -> 54321"}, d.Exact); diff != "" || d.Undo != "" {
		t.Errorf("undo %q, %s", d.Undo, diff)
	}
	if out := do(t, with); out["changed"] != true || out["backup"] != "" || rights(t, path) != "4755 1:54321" {
		t.Errorf("have %v, %s", out, rights(t, path))
	}
}

func TestWriteThroughLinks(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "releases/42"), 0o755))
	path := filepath.Join(dir, "releases/42/f")
	put(t, path, "old")
	must(t, os.Symlink("releases/../releases/42", filepath.Join(dir, "current")))
	must(t, os.Symlink(filepath.Join(dir, "current"), filepath.Join(dir, "absolute")))
	must(t, os.Symlink("f", filepath.Join(dir, "releases/42/link")))

	if out := do(t, map[string]any{"path": filepath.Join(dir, "absolute/f"), "text": "new"}); out["changed"] != true || text(t, path) != "new" {
		t.Errorf("root's own links can be trusted: have %v, %q", out, text(t, path))
	}
	refused(t, map[string]any{"path": filepath.Join(dir, "current/link"), "text": "x"}, engine.Invalid, "a link to f")

	// Whoever owns a link decides where a write ends up.
	must(t, os.Lchown(filepath.Join(dir, "current"), 65534, 65534))
	refused(t, map[string]any{"path": filepath.Join(dir, "absolute/f"), "text": "x"}, engine.Denied, "a link that belongs to nobody")
	if text(t, path) != "new" {
		t.Errorf("have %q", text(t, path))
	}
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	refused(t, map[string]any{"path": filepath.Join(dir, "loop/f"), "text": "x"}, engine.Invalid, "too many links")
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "f"), "old")
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	refused(t, map[string]any{"path": filepath.Join(dir, "no/f"), "text": "x"}, engine.Missing, "no such file")
	refused(t, map[string]any{"path": dir, "text": "x"}, engine.Invalid, "directory and not a file")
	refused(t, map[string]any{"path": filepath.Join(dir, "pipe"), "text": "x"}, engine.Invalid, "pipe and not a file")
	refused(t, map[string]any{"path": filepath.Join(dir, "f"), "text": "x", "owner": "no-such-user-here"}, engine.Missing, "no-such-user-here")
	refused(t, map[string]any{"path": filepath.Join(dir, "f"), "restore": "/etc/passwd"}, engine.Invalid, "no backup of it")
	refused(t, map[string]any{"path": filepath.Join(dir, "f"), "restore": dir + "/.f.runbook-0123456789abcdef"}, engine.Missing, "not there")
	if got := list(t, dir); len(got) != 2 || text(t, filepath.Join(dir, "f")) != "old" {
		t.Errorf("have %v", got)
	}
	for _, with := range []map[string]any{
		{"path": "relative", "text": "x"},
		{"path": "/tmp/", "text": "x"},
		{"path": "/tmp/..", "text": "x"},
		{"path": "/tmp/a\nb", "text": "x"},
		{"path": "/tmp/f"},
		{"path": "/tmp/f", "text": "x", "restore": "none"},
		{"path": "/tmp/f", "text": "x", "mode": "rw"},
		{"path": "/tmp/f", "text": "x", "mode": "0o644"},
		{"path": "/tmp/f", "text": "x", "mode": "77777"},
		{"path": "/tmp/f", "restore": "none", "mode": "0644"},
		{"path": "/tmp/f", "text": strings.Repeat("x", 1<<20+1)},
	} {
		if f := engine.FailureOf(kind(t, "file.write").Check(with)); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%v: have %v", with, f)
		}
	}
}

// A backup is put back only when it is what was kept.
func TestWriteRefusesAChangedBackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	put(t, path, "good")
	out := do(t, map[string]any{"path": path, "text": "bad"})
	put(t, out["backup"].(string), "evil")
	refused(t, map[string]any{"path": path, "restore": out["backup"]}, engine.Invalid, "not as it was kept")

	// Nor is it overwritten: somebody may want to look at it.
	put(t, path, "good")
	refused(t, map[string]any{"path": path, "text": "bad"}, engine.Invalid, "in the way")
	if text(t, path) != "good" {
		t.Errorf("have %q", text(t, path))
	}
}

func TestWriteAsAnotherUser(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	openPath(t, dir)
	task, _ := stepstest.Task()
	task.As = "nobody"
	_, err := kind(t, "file.write").Do(t.Context(), map[string]any{"path": filepath.Join(dir, "f"), "text": "x"}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Denied {
		t.Errorf("nobody may not write here: have %v", err)
	}
	must(t, os.Chown(dir, 65534, 65534))
	_, err = kind(t, "file.write").Do(t.Context(), map[string]any{"path": filepath.Join(dir, "f"), "text": "x"}, task)
	if err != nil || rights(t, filepath.Join(dir, "f")) != "0644 65534:65534" {
		t.Errorf("have %v, %s", err, rights(t, filepath.Join(dir, "f")))
	}
}

func TestWriteThatIsCancelledBeforeChangesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	put(t, path, "old")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	task, _ := stepstest.Task()
	_, err := kind(t, "file.write").Do(ctx, map[string]any{"path": path, "text": "new"}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled || text(t, path) != "old" || len(list(t, filepath.Dir(path))) != 1 {
		t.Errorf("have %v, %q", err, text(t, path))
	}
}

// A full disk is a reason why this tool was started.
func TestWriteOnAFullDisk(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("no file system of our own: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(dir, 0)) })
	path := filepath.Join(dir, "f")
	put(t, path, "old")
	with := map[string]any{"path": path, "text": strings.Repeat("x", 512<<10)}
	refused(t, with, engine.Missing, "no room on the disk")
	// The backup of the old file is a second name of it; nothing else is left over.
	if names := list(t, dir); len(names) != 2 || text(t, path) != "old" {
		t.Errorf("have %v, %q", names, text(t, path))
	}
}

func TestDifferenceOfWhatIsNoText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	put(t, path, "\xff\xfe")
	task, _ := stepstest.Task()
	d, err := kind(t, "file.write").Describe(t.Context(), map[string]any{"path": path, "text": "x"}, task)
	if err != nil || len(d.Exact) != 2 || !strings.HasPrefix(d.Exact[0], "- 2 bytes, SHA-256 ") {
		t.Errorf("have %v, %v", d, err)
	}
	put(t, path, strings.Repeat("line\n", 2000))
	d, err = kind(t, "file.write").Describe(t.Context(), map[string]any{"path": path, "text": "x\n"}, task)
	if err != nil || len(d.Exact) != 501 || !strings.HasSuffix(d.Exact[500], "more lines") {
		t.Errorf("have %d lines, %v", len(d.Exact), err)
	}
}

// The journal's diff is one that patch(1) understands.
func TestDifferenceIsAPatch(t *testing.T) {
	patch, err := exec.LookPath("patch")
	if err != nil {
		t.Skip("patch is not installed")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	put(t, path, "a\nb\nc")
	task, _ := stepstest.Task()
	d, err := kind(t, "file.write").Describe(t.Context(), map[string]any{"path": path, "text": "a\nc\nd\n"}, task)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), patch, path)
	cmd.Stdin = strings.NewReader(strings.Join(d.Exact, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil || text(t, path) != "a\nc\nd\n" {
		t.Errorf("%v: %s, have %q", err, out, text(t, path))
	}
}

func do(t *testing.T, with map[string]any) map[string]any {
	t.Helper()
	task, _ := stepstest.Task()
	out, err := kind(t, "file.write").Do(t.Context(), with, task)
	must(t, err)
	return out
}

func refused(t *testing.T, with map[string]any, want engine.FailureKind, message string) {
	t.Helper()
	task, _ := stepstest.Task()
	_, err := kind(t, "file.write").Do(t.Context(), with, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != want || !strings.Contains(f.Message, message) {
		t.Errorf("%v: have %v, want %s: %s", with, f, want, message)
	}
}

func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	return status(t, path).Ino
}

// rights are mode and owner, like "0644 0:0".
func rights(t *testing.T, path string) string {
	t.Helper()
	st := status(t, path)
	return fmt.Sprintf("%04o %d:%d", st.Mode&0o7777, st.Uid, st.Gid)
}

func status(t *testing.T, path string) syscall.Stat_t {
	t.Helper()
	var st syscall.Stat_t
	must(t, syscall.Lstat(path, &st))
	return st
}
