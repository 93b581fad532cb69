package node_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/node"
	"runbook/steps/stepstest"
)

// TestMain lets a test have a build in a process that it can kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv("NODE_TEST_BUILD"); dir != "" {
		kinds, err := node.Kinds()
		if err != nil {
			panic(err)
		}
		task, _ := stepstest.Task()
		_, err = kinds[0].Do(context.Background(), map[string]any{"dir": dir, "manager": "npm"}, task)
		fmt.Fprintln(os.Stderr, "the build has ended:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// build is what a script of package.json does: it makes a new artifact, slowly or badly when it is told to.
const build = `mkdir .next && echo new > .next/BUILD_ID && echo compiled`

func TestBuildReplacesTheArtifact(t *testing.T) {
	dir := project(t, build)
	put(t, dir, ".next/BUILD_ID", "old")
	put(t, dir, ".next/cache/x", "old")
	put(t, dir, ".next.previous/BUILD_ID", "older")
	task, evidence := stepstest.Task()
	with := map[string]any{"dir": dir, "manager": "npm", "env": map[string]any{"npm_config_loglevel": "silent"}}
	d, err := kind(t).Describe(t.Context(), with, task)
	if err != nil {
		t.Fatal(err)
	}
	want := engine.Description{Summary: "build " + dir + " with npm", Target: "app", Exact: []string{
		"npm run build", "in " + dir, "with npm_config_loglevel in the environment (values not shown)", "as " + me(t),
		"keep " + dir + "/.next as " + dir + "/.next.previous, and put it back when the build fails",
		"remove the " + dir + "/.next.previous that is there",
	}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}

	out, err := kind(t).Do(t.Context(), with, task)
	if err != nil {
		t.Fatal(err)
	}
	if out["exit"] != 0 || out["artifact"] != dir+"/.next" || out["previous"] != dir+"/.next.previous" || out["restored"] != false {
		t.Errorf("have %v", out)
	}
	if !strings.Contains(out["stdout"].(string), "compiled") || !strings.Contains(evidence.Text("stdout"), "compiled") {
		t.Errorf("have %q, kept %q", out["stdout"], evidence.Text("stdout"))
	}
	holds(t, dir, ".next/BUILD_ID=new", ".next.previous/BUILD_ID=old", ".next.previous/cache/x=old", "package.json")
}

func TestBuildThatFailsLeavesWhatWasThere(t *testing.T) {
	tests := []struct {
		name, script string
		kind         engine.FailureKind
		message      string
	}{
		{"it exits", build + " && echo no room >&2 && exit 3", engine.Exit, "npm run build ended with exit code 3"},
		{"it makes nothing", "true", engine.Missing, "there is no .next"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := project(t, tt.script)
			put(t, dir, ".next/BUILD_ID", "old")
			task, _ := stepstest.Task()
			out, err := kind(t).Do(t.Context(), map[string]any{"dir": dir, "manager": "npm"}, task)
			if f := engine.FailureOf(err); f == nil || f.Kind != tt.kind || !strings.Contains(f.Message, tt.message) || out["restored"] != true {
				t.Errorf("have %v, %v", out, err)
			}
			holds(t, dir, ".next/BUILD_ID=old", "package.json")
		})
	}
	t.Run("there was nothing", func(t *testing.T) {
		dir := project(t, build+" && exit 1")
		task, _ := stepstest.Task()
		if _, err := kind(t).Do(t.Context(), map[string]any{"dir": dir, "manager": "npm"}, task); engine.FailureOf(err) == nil {
			t.Error("it did not fail")
		}
		holds(t, dir, "package.json")
	})
	t.Run("there is no manager", func(t *testing.T) {
		dir := project(t, build)
		put(t, dir, ".next/BUILD_ID", "old")
		task, _ := stepstest.Task()
		out, err := kind(t).Do(t.Context(), map[string]any{"dir": dir, "manager": "yarn", "env": map[string]any{"PATH": "/nowhere"}}, task)
		if f := engine.FailureOf(err); f == nil || f.Kind != engine.Missing || out["restored"] != true {
			t.Errorf("have %v, %v", out, err)
		}
		holds(t, dir, ".next/BUILD_ID=old", "package.json")
	})
	t.Run("nothing is kept", func(t *testing.T) {
		dir := project(t, "echo half > .next/BUILD_ID && exit 1")
		put(t, dir, ".next/BUILD_ID", "old")
		task, _ := stepstest.Task()
		out, err := kind(t).Do(t.Context(), map[string]any{"dir": dir, "manager": "npm", "keep_previous": false}, task)
		if engine.FailureOf(err) == nil || out["restored"] != false {
			t.Errorf("have %v, %v", out, err)
		}
		holds(t, dir, ".next/BUILD_ID=half", "package.json")
	})
}

func TestBuildThatIsCancelled(t *testing.T) {
	dir := project(t, "mkdir .next && echo begun && sleep 3600")
	put(t, dir, ".next/BUILD_ID", "old")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	task, evidence := stepstest.Task()
	go func() {
		<-evidence.First()
		cancel()
	}()
	out, err := kind(t).Do(ctx, map[string]any{"dir": dir, "manager": "npm"}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled || out["restored"] != true {
		t.Errorf("have %v, %v", out, err)
	}
	holds(t, dir, ".next/BUILD_ID=old", "package.json")
}

// A build that nobody could bring to an end, because the machine lost its power or somebody lost their patience.
func TestBuildAfterOneThatWasKilled(t *testing.T) {
	needNPM(t)
	dir := project(t, "mkdir .next && echo half > .next/BUILD_ID && mkfifo begun && echo > begun; sleep 3600")
	put(t, dir, ".next/BUILD_ID", "good")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "NODE_TEST_BUILD="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, filepath.Join(dir, "begun"))
	fifo, err := os.Open(filepath.Join(dir, "begun"))
	if err != nil {
		t.Fatal(err)
	}
	_ = fifo.Close()
	killTree(t, cmd)
	if err := os.Remove(filepath.Join(dir, "begun")); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, ".next.building/BUILD_ID=good", ".next/BUILD_ID=half", "package.json")

	task, _ := stepstest.Task()
	with := map[string]any{"dir": dir, "manager": "npm"}
	manifest(t, dir, "exit 1")
	d, err := kind(t).Describe(t.Context(), with, task)
	if err != nil || !slices.Contains(d.Exact, "first put "+dir+"/.next.building back to "+dir+"/.next: an earlier build was killed in the middle") {
		t.Errorf("have %v, %v", d, err)
	}
	if out, err := kind(t).Do(t.Context(), with, task); engine.FailureOf(err) == nil || out["restored"] != true {
		t.Errorf("have %v, %v", out, err)
	}
	holds(t, dir, ".next/BUILD_ID=good", "package.json")
}

func TestBuildLooksForRoomFirst(t *testing.T) {
	dir := project(t, build)
	put(t, dir, ".next/BUILD_ID", "old")
	refused(t, map[string]any{"dir": dir, "manager": "npm", "min_free_mib": 1 << 30}, engine.Missing, "free on the disk, and 1.0 PiB are wanted first")
	holds(t, dir, ".next/BUILD_ID=old", "package.json")

	stepstest.Root(t)
	for options, message := range map[string]string{
		"size=8m":                   "MiB free on the disk, and 512 MiB are wanted first",
		"size=600m,nr_inodes=100":   "inodes free on the disk",
		"size=600m,nr_inodes=20000": "",
	} {
		small := filepath.Join(t.TempDir(), "app")
		if err := os.Mkdir(small, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", small, "tmpfs", 0, options); err != nil {
			t.Skipf("no file system of our own: %v", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(small, unix.MNT_DETACH) })
		manifest(t, small, build)
		with := map[string]any{"dir": small, "manager": "npm"}
		if message != "" {
			refused(t, with, engine.Missing, message)
			holds(t, small, "package.json")
			continue
		}
		task, _ := stepstest.Task()
		if _, err := kind(t).Describe(t.Context(), with, task); err != nil {
			t.Errorf("there is room: %v", err)
		}
	}
}

func TestBuildAsAnotherUser(t *testing.T) {
	stepstest.Root(t)
	dir := project(t, "id -un > built-by && "+build)
	for at := dir; at != os.TempDir(); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, dir, ".next/BUILD_ID", "old")
	task, _ := stepstest.Task()
	with := map[string]any{"dir": dir, "manager": "npm", "env": map[string]any{"HOME": dir, "npm_config_update_notifier": "false"}}
	d, err := kind(t).Describe(t.Context(), with, task)
	if err != nil || !slices.Contains(d.Exact, "as root") {
		t.Errorf("have %v, %v", d.Exact, err)
	}
	chown(t, dir)
	d, err = kind(t).Describe(t.Context(), with, task)
	if err != nil || !slices.Contains(d.Exact, "as root, in a directory of nobody: the new files will belong to root") {
		t.Errorf("have %v, %v", d.Exact, err)
	}
	task.As = "nobody"
	out, err := kind(t).Do(t.Context(), with, task)
	if err != nil {
		t.Fatalf("have %v, %v", out, err)
	}
	if got := read(t, dir, "built-by"); got != "nobody" || read(t, dir, ".next.previous/BUILD_ID") != "old" {
		t.Errorf("built by %s", got)
	}
}

func TestBuildRefuses(t *testing.T) {
	dir := project(t, build)
	refused(t, map[string]any{"dir": dir, "script": "compile"}, engine.Missing, `no script "compile"`)
	refused(t, map[string]any{"dir": filepath.Join(dir, "no")}, engine.Missing, "no such file")
	put(t, dir, "package.json", "{")
	refused(t, map[string]any{"dir": dir}, engine.Invalid, "read package.json")
	if err := os.Remove(filepath.Join(dir, "package.json")); err != nil {
		t.Fatal(err)
	}
	refused(t, map[string]any{"dir": dir}, engine.Missing, "no package.json")
	for _, with := range []map[string]any{
		{},
		{"dir": "here"},
		{"dir": dir, "manager": "make"},
		{"dir": dir, "script": "-x"},
		{"dir": dir, "script": ""},
		{"dir": dir, "artifact": ""},
		{"dir": dir, "artifact": "."},
		{"dir": dir, "artifact": "../x"},
		{"dir": dir, "artifact": "/x"},
		{"dir": dir, "artifact": "a/../b"},
		{"dir": dir, "min_free_mib": -1},
		{"dir": dir, "env": map[string]any{"A=B": "x"}},
	} {
		if f := engine.FailureOf(kind(t).Check(with)); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%v: have %v", with, f)
		}
	}
}

func kind(t *testing.T) engine.Kind {
	t.Helper()
	return stepstest.Kind(t, node.Kinds, "pnpm.build")
}

// refused wants neither a description nor a build.
func refused(t *testing.T, with map[string]any, want engine.FailureKind, message string) {
	t.Helper()
	task, _ := stepstest.Task()
	_, doErr := kind(t).Do(t.Context(), with, task)
	_, describeErr := kind(t).Describe(t.Context(), with, task)
	for _, err := range []error{doErr, describeErr} {
		if f := engine.FailureOf(err); f == nil || f.Kind != want || !strings.Contains(f.Message, message) {
			t.Errorf("%v: have %v, want %s: %s", with, f, want, message)
		}
	}
}

// project makes a project whose script npm can run.
func project(t *testing.T, script string) string {
	t.Helper()
	needNPM(t)
	dir := filepath.Join(t.TempDir(), "app")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	manifest(t, dir, script)
	return dir
}

func needNPM(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs npm, and CI must run it")
		}
		t.Skip("npm is not installed")
	}
}

func manifest(t *testing.T, dir, script string) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"name": "app", "scripts": map[string]string{"build": script}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "package.json", string(raw))
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// holds compares all files of a directory with NAME=TEXT, or NAME for any text.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	var have []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if !slices.Contains(want, name) {
			name += "=" + read(t, dir, name)
		}
		have = append(have, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(have)
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
}

func chown(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 65534, 65534)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func me(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "id", "-un").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
