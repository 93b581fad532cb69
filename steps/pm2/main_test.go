package pm2

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/proc"
	"runbook/steps/stepstest"
)

// TestMain makes this program the parent of every process that loses its own: so nothing that a test starts, be it a
// daemon, can hide from it.
func TestMain(m *testing.M) {
	if stepstest.Inside() != "" {
		os.Exit(m.Run()) // what is started there is systemd's to look after
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

type values = map[string]any

// home is a pm2 of the user who runs the tests, in a directory of its own.
type home struct {
	*testing.T
	host host
	dir  string
	user string
}

func newHome(t *testing.T) *home {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	h := &home{T: t, dir: t.TempDir(), user: u.Username}
	h.host = host{root: t.TempDir(), answer: time.Second, patience: 20 * time.Second}
	return h
}

// withPM2 puts pm2 where npm puts it for a user, and node beside it.
func withPM2(t *testing.T) *home {
	t.Helper()
	h := newHome(t)
	node, err := exec.LookPath("node")
	if err != nil {
		h.lack("node")
	}
	bin := filepath.Join(h.dir, ".npm-global/bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"pm2": installed(h), "node": node} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(h.killAll)
	return h
}

const version = "6.0.14"

// installed gives the path of a real pm2, which is fetched once.
func installed(h *home) string {
	h.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		h.Fatal(err)
	}
	dir := filepath.Join(cache, "runbook-test", "pm2-"+version)
	program := filepath.Join(dir, "node_modules/pm2/bin/pm2")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		h.lack("npm")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		h.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "fetching-")
	if err != nil {
		h.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	cmd := exec.CommandContext(h.Context(), npm, "install", "--prefix", fresh, "--no-audit", "--no-fund", "pm2@"+version)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.Logf("%s: %v: %s", cmd, err, out)
		h.lack("pm2 " + version)
	}
	if err := os.Rename(fresh, dir); err != nil && !exists(program) {
		h.Fatal(err)
	}
	return program
}

// exists tells whether somebody else was faster.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (h *home) lack(what string) {
	h.Helper()
	if os.Getenv("CI") != "" {
		h.Fatalf("this test needs %s, and CI must run it", what)
	}
	h.Skipf("%s is not here", what)
}

func (h *home) path(name string) string { return filepath.Join(h.dir, ".pm2", name) }

func (h *home) write(name, text string) {
	h.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		h.Fatal(err)
	}
}

// open lets every user in.
func (h *home) open() {
	h.Helper()
	for _, dir := range []string{filepath.Dir(h.dir), h.dir, h.host.root} {
		if err := os.Chmod(dir, 0o755); err != nil {
			h.Fatal(err)
		}
	}
}

func (h *home) read(name string) string {
	h.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		h.Fatal(err)
	}
	return string(data)
}

// pm2 calls the program as a person would, with some variables.
func (h *home) pm2(args ...string) {
	h.Helper()
	env := []string{"HOME=" + h.dir, "PM2_HOME=" + filepath.Join(h.dir, ".pm2"), "PATH=" + filepath.Join(h.dir, ".npm-global/bin") + ":/usr/bin:/bin"}
	for len(args) > 0 && strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	cmd := exec.CommandContext(h.Context(), filepath.Join(h.dir, ".npm-global/bin/pm2"), args...)
	cmd.Dir, cmd.Env = h.dir, env
	if out, err := cmd.CombinedOutput(); err != nil {
		h.Fatalf("%s: %v: %s", cmd, err, out)
	}
}

// app is a program that runs until it is told to end.
const app = "setInterval(() => {}, 1000)\n"

// start has pm2 run an app of this name.
func (h *home) start(name string) {
	h.Helper()
	h.write(name+".js", app)
	h.pm2("start", filepath.Join(h.dir, name+".js"), "--name", name)
}

// daemon gives the pid of the daemon, as pm2 wrote it down.
func (h *home) daemon() int {
	h.Helper()
	pid, err := strconv.Atoi(strings.TrimSpace(h.read(".pm2/pm2.pid")))
	if err != nil {
		h.Fatal(err)
	}
	return pid
}

// killAll ends whatever this test has started.
func (h *home) killAll() {
	for _, p := range started(h.T) {
		_ = unix.Kill(p.PID, unix.SIGKILL)
	}
	h.until("everything has ended", func() bool { return len(started(h.T)) == 0 })
}

// started lists the processes that this program and those before them have started.
func started(t *testing.T) []proc.Process {
	t.Helper()
	table, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	pids, err := table.PIDs()
	if err != nil {
		t.Fatal(err)
	}
	var out []proc.Process
	for _, pid := range pids {
		above, err := table.Ancestors(pid)
		if err != nil || !slices.Contains(above, os.Getpid()) {
			continue
		}
		if p, err := table.Process(pid); err == nil && p.State != "Z" {
			out = append(out, p)
		}
	}
	return out
}

// until waits for what somebody else does at their own time.
func (h *home) until(what string, holds func() bool) {
	h.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.Fatalf("it never came true that %s", what)
		}
	}
}

func (h *home) kind(name string) engine.Kind {
	h.Helper()
	return stepstest.Kind(h.T, func() ([]engine.Kind, error) { return kindsOf(h.host) }, name)
}

// inputs adds whose pm2 it is.
func (h *home) inputs(in values) values {
	all := values{"user": h.user, "home": h.dir}
	maps.Copy(all, in)
	return all
}

// do performs a kind that is expected to work.
func (h *home) do(kind string, in values) values {
	h.Helper()
	task, _ := stepstest.Task()
	out, err := h.kind(kind).Do(h.Context(), h.inputs(in), task)
	if err != nil {
		h.Fatalf("%s %v: %v", kind, in, err)
	}
	return out
}

// fail performs a kind that is expected to fail in a certain way.
func (h *home) fail(kind string, in values, how engine.FailureKind) (values, string) {
	h.Helper()
	task, _ := stepstest.Task()
	return h.failIn(h.Context(), task, kind, in, how)
}

func (h *home) failIn(ctx context.Context, task engine.Task, kind string, in values, how engine.FailureKind) (values, string) {
	h.Helper()
	out, err := h.kind(kind).Do(ctx, h.inputs(in), task)
	if f := engine.FailureOf(err); f == nil || f.Kind != how {
		h.Fatalf("%s %v failed with %+v, want a failure of kind %s", kind, in, f, how)
	}
	return out, err.Error()
}

// describe tells what a change would do, as one text.
func (h *home) describe(kind string, in values) string {
	h.Helper()
	task, _ := stepstest.Task()
	d, err := h.kind(kind).Describe(h.Context(), h.inputs(in), task)
	if err != nil {
		h.Fatalf("describe %s %v: %v", kind, in, err)
	}
	return strings.Join(append([]string{d.Summary}, append(d.Exact, d.Undo)...), "\n")
}

func (h *home) contains(text any, parts ...string) {
	h.Helper()
	for _, p := range parts {
		if !strings.Contains(fmt.Sprint(text), p) {
			h.Errorf("%q does not contain %q", text, p)
		}
	}
}

// want compares some fields of an output, as JSON.
func (h *home) want(out, want values) {
	h.Helper()
	for name, w := range want {
		have, _ := json.Marshal(out[name])
		expected, _ := json.Marshal(w)
		if !bytes.Equal(have, expected) {
			h.Errorf("%s is %s, want %s", name, have, expected)
		}
	}
}

// process finds a process in an output.
func (h *home) process(out values, name string) values {
	h.Helper()
	list, _ := out["processes"].([]any)
	for _, p := range list {
		if p, ok := p.(values); ok && p["name"] == name {
			return p
		}
	}
	h.Fatalf("there is no process %s in %v", name, list)
	return nil
}

// untouched fails when what is called starts a process, or changes a file.
func (h *home) untouched(call func()) {
	h.Helper()
	processes, files := pids(h.T), h.files()
	call()
	if now := pids(h.T); !slices.Equal(processes, now) {
		h.Errorf("processes: had %v, have %v", processes, now)
	}
	if now := h.files(); files != now {
		h.Errorf("files: had\n%s\nhave\n%s", files, now)
	}
}

func pids(t *testing.T) []int {
	t.Helper()
	var out []int
	for _, p := range started(t) {
		out = append(out, p.PID)
	}
	return out
}

func (h *home) files() string {
	h.Helper()
	var b strings.Builder
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return b.String()
}
