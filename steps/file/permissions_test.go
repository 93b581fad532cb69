package file_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/stepstest"
)

func TestPermissionsOfOnePath(t *testing.T) {
	stepstest.Root(t)
	path := filepath.Join(t.TempDir(), "app.env")
	put(t, path, "x")
	must(t, os.Chown(path, 1, 54321))
	must(t, os.Chmod(path, 0o600))
	with := map[string]any{"path": path, "owner": "root", "group": "daemon", "mode": "0640"}

	task, evidence := stepstest.Task()
	d, err := kind(t, "file.permissions").Describe(t.Context(), with, task)
	must(t, err)
	what := "owner daemon -> root, group 54321 -> daemon, mode 0600 -> 0640"
	want := engine.Description{
		Summary: "change " + path + ": " + what, Exact: []string{path + ": " + what}, Target: path,
		Undo: "give it owner daemon, group 54321, mode 0600 again",
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	must(t, kind(t, "file.permissions").Before(t.Context(), with, task))
	if kept := evidence.Text("before"); !strings.Contains(kept, "  files: daemon:54321 0600\n") {
		t.Errorf("kept %q", kept)
	}
	if rights(t, path) != "0600 1:54321" {
		t.Fatalf("describing it changed it: %s", rights(t, path))
	}

	out, err := permit(t, with)
	must(t, err)
	if diff := cmp.Diff(map[string]any{
		"changed": true, "count": 1, "looked": 1, "examples": []any{path + ": " + what}, "left": 0, "left_examples": []any{},
		"old_owner": "daemon", "old_group": "54321", "old_mode": "0600",
	}, out); diff != "" || rights(t, path) != "0640 0:1" {
		t.Errorf("have %s, %s", rights(t, path), diff)
	}

	// A second time there is nothing to do.
	before := status(t, path).Ctim
	again, err := permit(t, with)
	must(t, err)
	d, err = kind(t, "file.permissions").Describe(t.Context(), with, task)
	must(t, err)
	if again["changed"] != false || again["old_mode"] != "0640" || status(t, path).Ctim != before || d.Summary != "leave "+path+" as it is" {
		t.Errorf("have %v, %v", again, d)
	}

	// And back, by what the first one gave.
	_, err = permit(t, map[string]any{"path": path, "owner": out["old_owner"], "group": out["old_group"], "mode": out["old_mode"]})
	if err != nil || rights(t, path) != "0600 1:54321" {
		t.Errorf("have %s, %v", rights(t, path), err)
	}
}

// Whatever is in a tree, nothing outside of it changes.
func TestPermissionsStayInTheTree(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	app, outside := filepath.Join(dir, "app"), filepath.Join(dir, "outside")
	must(t, os.MkdirAll(filepath.Join(app, "sub", "deep"), 0o755))
	must(t, os.MkdirAll(filepath.Join(outside, "dir"), 0o755))
	put(t, filepath.Join(outside, "dir", "file"), "")
	put(t, filepath.Join(outside, "file"), "")
	put(t, filepath.Join(app, "sub", "deep", "file"), "")
	put(t, filepath.Join(app, "odd\nname"), "")
	must(t, os.Symlink(outside+"/dir", filepath.Join(app, "link-to-dir")))
	must(t, os.Symlink(outside+"/file", filepath.Join(app, "sub", "link-to-file")))
	must(t, os.Symlink("nowhere", filepath.Join(app, "broken")))
	must(t, os.Link(outside+"/file", filepath.Join(app, "sub", "hard")))
	must(t, unix.Mkfifo(filepath.Join(app, "pipe"), 0o600))
	must(t, unix.Mknod(filepath.Join(app, "null"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	for _, name := range []string{"tmpfs", "bind", "file"} {
		must(t, os.Mkdir(filepath.Join(app, name), 0o755))
	}
	mount(t, "tmpfs", filepath.Join(app, "tmpfs"), "tmpfs", 0)
	put(t, filepath.Join(app, "tmpfs", "inside"), "")
	// A bind mount is on the same device, and so is one of a single file.
	mount(t, outside+"/dir", filepath.Join(app, "bind"), "", unix.MS_BIND)
	put(t, filepath.Join(app, "file", "mounted"), "")
	mount(t, outside+"/file", filepath.Join(app, "file", "mounted"), "", unix.MS_BIND)
	with := map[string]any{"path": app + "/", "owner": "daemon", "group": "daemon", "mode": "go-rwx", "recursive": true}

	outsideBefore := treeRights(t, outside)
	task, evidence := stepstest.Task()
	d, err := kind(t, "file.permissions").Describe(t.Context(), with, task)
	must(t, err)
	for _, line := range []string{
		`"./odd\nname": owner root -> daemon, group root -> daemon`,
		"./link-to-dir: owner root -> daemon, group root -> daemon",
		"./sub: owner root -> daemon, group root -> daemon, mode 0755 -> 0700",
		".: owner root -> daemon, group root -> daemon, mode 0755 -> 0700",
		"left as they are: 3 where another file system is mounted (./bind, ./file/mounted, ./tmpfs)",
		"left as they are: 1 devices (./null)",
		"left as they are: 1 with several names (hard links), which may be files outside as well (./sub/hard)",
	} {
		if !slices.Contains(d.Exact, line) {
			t.Errorf("not described: %s", line)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(d.Exact, "\n"))
	}
	if want := "change 10 of 15 files and directories in " + app + ": owner daemon, group daemon, mode go-rwx"; d.Summary != want || d.Undo == "" {
		t.Errorf("have %q, undo %q", d.Summary, d.Undo)
	}
	must(t, kind(t, "file.permissions").Before(t.Context(), with, task))
	if kept := evidence.Text("before"); !strings.Contains(kept, "\n  directories: root:root 0755\n  files: root:root 0600\n  links: root:root\n") {
		t.Errorf("kept %s", kept)
	}

	out, err := permit(t, with)
	must(t, err)
	if out["count"] != 10 || out["looked"] != 15 || out["left"] != 5 || len(out["left_examples"].([]any)) != 5 {
		t.Errorf("have %v", out)
	}
	if diff := cmp.Diff(outsideBefore, treeRights(t, outside)); diff != "" {
		t.Errorf("it has left the tree: %s", diff)
	}
	for name, want := range map[string]string{
		"": "0700 1:1", "sub/deep": "0700 1:1", "sub/deep/file": "0600 1:1", "odd\nname": "0600 1:1", "pipe": "0600 1:1",
		"link-to-dir": "0777 1:1", "broken": "0777 1:1", "sub/hard": "0600 0:0", "null": "0600 0:0", "tmpfs": "1777 0:0", "tmpfs/inside": "0600 0:0",
		"bind": "0755 0:0",
	} {
		if have := rights(t, filepath.Join(app, name)); have != want {
			t.Errorf("%s: have %s, want %s", name, have, want)
		}
	}

	// With hard links as well, and knowingly also what is outside.
	with["hard_links"] = true
	out, err = permit(t, with)
	must(t, err)
	if out["count"] != 1 || rights(t, outside+"/file") != "0600 1:1" {
		t.Errorf("have %v, %s", out, rights(t, outside+"/file"))
	}
}

// Between the look and the change, and in the middle of it, somebody who may write to the tree puts something else into
// the place of a directory.
func TestPermissionsOfWhatIsSwappedMeanwhile(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	app, outside := filepath.Join(dir, "app"), filepath.Join(dir, "outside")
	for _, name := range []string{app + "/a", app + "/b", outside + "/b"} {
		must(t, os.MkdirAll(name, 0o755))
		put(t, filepath.Join(name, "file"), "")
	}
	task, _ := stepstest.Task()
	swapped := false
	task.Keep = func(string) io.WriteCloser {
		return hook(func([]byte) {
			if !swapped {
				swapped = true
				must(t, os.Rename(app+"/b", app+"/c"))
				must(t, os.Symlink(outside+"/b", app+"/b"))
				must(t, os.RemoveAll(app+"/a"))
			}
		})
	}
	before := treeRights(t, outside)
	_, err := kind(t, "file.permissions").Do(t.Context(), map[string]any{"path": app, "owner": "daemon", "recursive": true}, task)
	must(t, err)
	if diff := cmp.Diff(before, treeRights(t, outside)); diff != "" || !swapped {
		t.Errorf("swapped %t, it has left the tree: %s", swapped, diff)
	}
}

// A new owner takes the set-id bits away, and that is said before.
func TestPermissionsAndSetIDBits(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	program, folder := filepath.Join(dir, "program"), filepath.Join(dir, "folder")
	put(t, program, "")
	must(t, os.Mkdir(folder, 0o755))
	reset := func() {
		for _, path := range []string{program, folder} {
			must(t, os.Chown(path, 0, 0))
			must(t, unix.Chmod(path, 0o6755))
		}
	}
	reset()
	with := map[string]any{"path": dir, "owner": "daemon", "recursive": true}
	task, evidence := stepstest.Task()
	d, err := kind(t, "file.permissions").Describe(t.Context(), with, task)
	must(t, err)
	if !slices.Contains(d.Exact, "./program: owner root -> daemon, mode 6755 -> 0755") || !slices.Contains(d.Exact, "./folder: owner root -> daemon") {
		t.Errorf("have %v", d.Exact)
	}
	must(t, kind(t, "file.permissions").Before(t.Context(), with, task))
	if kept := evidence.Text("before"); !strings.Contains(kept, "  files: root:root 6755\n") {
		t.Errorf("kept %s", kept)
	}
	_, err = permit(t, with)
	if err != nil || rights(t, program) != "0755 1:0" || rights(t, folder) != "6755 1:0" {
		t.Errorf("have %s and %s, %v", rights(t, program), rights(t, folder), err)
	}
	reset()
	_, err = permit(t, map[string]any{"path": program, "owner": "daemon", "mode": "6755"})
	if err != nil || rights(t, program) != "6755 1:0" {
		t.Errorf("have %s, %v", rights(t, program), err)
	}
	reset()
	_, err = permit(t, map[string]any{"path": program, "group": "daemon", "mode": "u+w"})
	if err != nil || rights(t, program) != "0755 0:1" {
		t.Errorf("have %s, %v", rights(t, program), err)
	}
}

// Modes mean what they mean to chmod(1).
func TestModesAreThoseOfChmod(t *testing.T) {
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	must(t, os.Mkdir(ours, 0o700))
	must(t, os.Mkdir(theirs, 0o700))
	for _, path := range []string{ours, theirs} {
		put(t, filepath.Join(path, "file"), "")
		must(t, os.Mkdir(filepath.Join(path, "dir"), 0o700))
	}
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from string, least int) string {
		var b strings.Builder
		for n := least + random.IntN(3); n > 0; n-- {
			b.WriteByte(from[random.IntN(len(from))])
		}
		return b.String()
	}
	for range 300 {
		var parts []string
		for range 1 + random.IntN(3) {
			switch how := pick("+-=", 1)[:1]; how {
			case "-":
				parts = append(parts, pick("ugoa", 1)+how+pick("rwx", 1))
			case "+":
				parts = append(parts, pick("ugoa", 1)+how+pick("rwxX", 1))
			default:
				parts = append(parts, pick("ugoa", 1)+how+pick("rwxX", 0))
			}
		}
		mode, was := strings.Join(parts, ","), uint32(random.IntN(0o1000))
		if random.IntN(10) == 0 {
			mode = fmt.Sprintf("0%o", random.IntN(0o10000))
		}
		for _, name := range []string{"file", "dir"} {
			must(t, unix.Chmod(filepath.Join(ours, name), was))
			must(t, unix.Chmod(filepath.Join(theirs, name), was))
			out, err := exec.CommandContext(t.Context(), "chmod", mode, filepath.Join(theirs, name)).CombinedOutput()
			if err != nil {
				t.Fatalf("chmod %s: %v: %s", mode, err, out)
			}
			if _, err := permit(t, map[string]any{"path": filepath.Join(ours, name), "mode": mode}); err != nil {
				t.Fatal(err)
			}
			have, want := status(t, filepath.Join(ours, name)).Mode, status(t, filepath.Join(theirs, name)).Mode
			if have != want {
				t.Errorf("%s, %04o %s: have %04o, want %04o", name, was, mode, have, want)
			}
		}
	}
}

func TestPermissionsThatStopOnTheWay(t *testing.T) {
	stepstest.Root(t)
	app := filepath.Join(t.TempDir(), "app")
	must(t, os.Mkdir(app, 0o755))
	for i := range 9 {
		put(t, fmt.Sprintf("%s/%d", app, i), "")
	}
	with := map[string]any{"path": app, "owner": "daemon", "mode": "u+rX", "recursive": true}
	ctx, cancel := context.WithCancel(t.Context())
	task, _ := stepstest.Task()
	var kept bytes.Buffer
	task.Keep = func(string) io.WriteCloser {
		return hook(func(line []byte) {
			kept.Write(line)
			if bytes.Count(kept.Bytes(), []byte("\n")) == 3 {
				cancel()
			}
		})
	}
	out, err := kind(t, "file.permissions").Do(ctx, with, task)
	f := engine.FailureOf(err)
	if f == nil || f.Kind != engine.Cancelled || !strings.Contains(f.Message, "after 3 of 10 changes, which stay") || out["count"] != 3 || out["changed"] != true {
		t.Errorf("have %v, %v", f, out)
	}
	changed := 0
	for _, line := range treeRights(t, app) {
		if strings.Contains(line, " 1:0 ") {
			changed++
		}
	}
	if changed != 3 || !strings.HasPrefix(kept.String(), ".: owner root -> daemon\n./0: owner root -> daemon\n") {
		t.Errorf("%d are changed, and kept was %q", changed, kept.String())
	}
	out, err = permit(t, with)
	if err != nil || out["count"] != 7 {
		t.Errorf("going on: have %v, %v", out, err)
	}

	// One that may not be changed: the others before it are, and it is named.
	openPath(t, app)
	must(t, os.Chown(app+"/5", 0, 0))
	task, _ = stepstest.Task()
	task.As = "daemon"
	out, err = kind(t, "file.permissions").Do(t.Context(), map[string]any{"path": app, "mode": "o+r", "recursive": true}, task)
	f = engine.FailureOf(err)
	if f == nil || f.Kind != engine.Denied || !strings.Contains(f.Message, app+"/5") || !strings.Contains(f.Message, "after 5 of 9 changes") || out["count"] != 5 {
		t.Errorf("have %v, %v", f, out)
	}
}

func TestPermissionsRefuse(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	put(t, path, "")
	must(t, os.Symlink("file", filepath.Join(dir, "link")))
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	must(t, os.Symlink(dir, filepath.Join(dir, "planted")))
	must(t, os.Lchown(filepath.Join(dir, "planted"), 1, 1))
	must(t, os.Symlink("/etc", filepath.Join(dir, "etc")))
	put(t, filepath.Join(dir, "two"), "")
	must(t, os.Link(filepath.Join(dir, "two"), filepath.Join(dir, "names")))
	must(t, os.MkdirAll(filepath.Join(dir, "deep", strings.Repeat("d/", 210)), 0o755))
	for _, tt := range []struct {
		with    map[string]any
		want    engine.FailureKind
		message string
	}{
		{map[string]any{"path": dir + "/no", "mode": "0640"}, engine.Missing, "no such file"},
		{map[string]any{"path": dir + "/no/no", "mode": "0640"}, engine.Missing, "no such file"},
		{map[string]any{"path": path, "owner": "no-such-user-here"}, engine.Missing, "no-such-user-here"},
		{map[string]any{"path": path, "group": "no-such-group-here"}, engine.Missing, "no-such-group-here"},
		{map[string]any{"path": dir + "/link", "mode": "0640"}, engine.Invalid, "it is a link to file"},
		{map[string]any{"path": dir + "/planted/file", "mode": "0640"}, engine.Denied, "belongs to daemon"},
		{map[string]any{"path": dir + "/two", "mode": "0640"}, engine.Invalid, "2 names"},
		{map[string]any{"path": dir + "/deep", "owner": "daemon", "recursive": true}, engine.Invalid, "more than 200 directories deep"},
		// /etc by a way that the author did not write.
		{map[string]any{"path": "/proc/self/root/etc", "owner": "daemon", "recursive": true}, engine.Invalid, "/etc is a directory of the system"},
	} {
		task, _ := stepstest.Task()
		_, err := kind(t, "file.permissions").Describe(t.Context(), tt.with, task)
		_, doErr := permit(t, tt.with)
		for _, err := range []error{err, doErr} {
			if f := engine.FailureOf(err); f == nil || f.Kind != tt.want || !strings.Contains(f.Message, tt.message) {
				t.Errorf("%v: have %v, want %s: %s", tt.with, f, tt.want, tt.message)
			}
		}
	}
	if rights(t, path) != "0600 0:0" || rights(t, dir+"/deep") != "0755 0:0" {
		t.Errorf("have %s, %s", rights(t, path), rights(t, dir+"/deep"))
	}
	for _, with := range []map[string]any{
		{"path": path},
		{"path": "relative", "mode": "0644"},
		{"path": "/a\nb", "mode": "0644"},
		{"path": "/", "mode": "0755"},
		{"path": "/etc", "owner": "root", "recursive": true},
		{"path": "//var//", "owner": "root", "recursive": true},
		{"path": dir, "mode": "0644", "recursive": true},
		{"path": dir, "mode": "a+x", "recursive": true},
		{"path": dir, "mode": "u=rw", "recursive": true},
		{"path": dir, "mode": "u-X"},
		{"path": dir, "mode": "+x"},
		{"path": dir, "mode": "u+"},
		{"path": dir, "mode": "u+s"},
		{"path": dir, "mode": "u+r,"},
		{"path": dir, "mode": "0o644"},
		{"path": dir, "mode": "77777"},
	} {
		if f := engine.FailureOf(kind(t, "file.permissions").Check(with)); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%v: have %v", with, f)
		}
	}
	must(t, kind(t, "file.permissions").Check(map[string]any{"path": dir, "mode": "u=rwX,g=rX,o=", "recursive": true}))
}

// What the evidence does not hold line by line can be told from it.
func TestPermissionsKeepWhatALargeTreeHad(t *testing.T) {
	stepstest.Root(t)
	app := filepath.Join(t.TempDir(), "app")
	for i := range 30 {
		folder := fmt.Sprintf("%s/node_modules/package-with-a-long-name-%d/dist", app, i)
		must(t, os.MkdirAll(folder, 0o755))
		for j := range 100 {
			path := fmt.Sprintf("%s/some-module-file-%d.js", folder, j)
			must(t, os.WriteFile(path, nil, 0o644))
		}
	}
	odd := "./node_modules/package-with-a-long-name-7/dist/some-module-file-7.js"
	must(t, os.Chown(filepath.Join(app, odd), 2, 3))
	must(t, os.Chmod(filepath.Join(app, odd), 0o755))
	with := map[string]any{"path": app, "owner": "daemon", "mode": "o-rwx", "recursive": true}
	task, evidence := stepstest.Task()
	d, err := kind(t, "file.permissions").Describe(t.Context(), with, task)
	must(t, err)
	if diff := cmp.Diff([]string{
		"62: owner root -> daemon, mode 0755 -> 0750 (., ./node_modules, ./node_modules/package-with-a-long-name-0, …)",
		"2999: owner root -> daemon, mode 0644 -> 0640 (./node_modules/package-with-a-long-name-0/dist/some-module-file-0.js, " +
			"./node_modules/package-with-a-long-name-0/dist/some-module-file-1.js, ./node_modules/package-with-a-long-name-0/dist/some-module-file-10.js, …)",
		"1: owner bin -> daemon, mode 0755 -> 0750 (" + odd + ")",
	}, d.Exact); diff != "" {
		t.Error(diff)
	}
	must(t, kind(t, "file.permissions").Before(t.Context(), with, task))
	kept := app + " before 3062 of 3062 files and directories are changed: owner daemon, mode o-rwx\n" +
		"All have what stands here, but for those that are named below:\n" +
		"  directories: root:root 0755\n  files: root:root 0644\nbin:sys 0755 " + odd + "\n"
	if diff := cmp.Diff(kept, evidence.Text("before")); diff != "" {
		t.Error(diff)
	}
	out, err := kind(t, "file.permissions").Do(t.Context(), with, task)
	must(t, err)
	if out["count"] != 3062 || len(out["examples"].([]any)) != 20 || strings.Count(evidence.Text("changes"), "\n") != 3062 {
		t.Errorf("have %v, %d lines", out["count"], strings.Count(evidence.Text("changes"), "\n"))
	}
}

// Changes of too many kinds are still all counted.
func TestPermissionsOfManyKinds(t *testing.T) {
	stepstest.Root(t)
	dir := t.TempDir()
	for i := range 30 {
		put(t, fmt.Sprintf("%s/%02d", dir, i), "")
		must(t, os.Chown(fmt.Sprintf("%s/%02d", dir, i), 50000+i, 0))
	}
	task, _ := stepstest.Task()
	d, err := kind(t, "file.permissions").Describe(t.Context(), map[string]any{"path": dir, "owner": "root", "recursive": true}, task)
	must(t, err)
	if len(d.Exact) != 21 || d.Exact[0] != "1: owner 50000 -> root (./00)" || d.Exact[20] != "10: other changes (./20, ./21, ./22, …)" {
		t.Errorf("have %v", d.Exact)
	}
}

func permit(t *testing.T, with map[string]any) (map[string]any, error) {
	t.Helper()
	task, _ := stepstest.Task()
	return kind(t, "file.permissions").Do(t.Context(), with, task)
}

// hook is called with what is written.
type hook func([]byte)

func (h hook) Write(p []byte) (int, error) { h(p); return len(p), nil }
func (hook) Close() error                  { return nil }

func mount(t *testing.T, from, to, kind string, flags uintptr) {
	t.Helper()
	if err := unix.Mount(from, to, kind, flags, ""); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("CI must be able to mount: %v", err)
		}
		t.Skipf("nothing can be mounted here: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(to, 0)) })
}

// treeRights lists everything in a tree with mode and owner.
func treeRights(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			lines = append(lines, rights(t, path)+" "+path)
		}
		return err
	}))
	return lines
}
