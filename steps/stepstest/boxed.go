package stepstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
	"runbook/steps/sandbox"
)

// inside is the environment variable that tells a test binary to perform one step and nothing else.
const inside = "RUNBOOK_STEPSTEST"

// errand is the step to perform.
type errand struct {
	Kind     string         `json:"kind"`
	With     map[string]any `json:"with"`
	Describe bool           `json:"describe"`
}

// report is what came of it.
type report struct {
	Failure *engine.Failure `json:"failure"`
	Output  map[string]any  `json:"output"`
}

// Main runs the tests of a package that runs the suite, and performs single steps when the suite asks for it.
func Main(m *testing.M, kinds func() ([]engine.Kind, error)) {
	asked := os.Getenv(inside)
	if asked == "" {
		os.Exit(m.Run())
	}
	if err := performErrand(asked, kinds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func performErrand(asked string, kinds func() ([]engine.Kind, error)) error {
	var e errand
	if err := json.Unmarshal([]byte(asked), &e); err != nil {
		return err
	}
	all, err := kinds()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k engine.Kind) bool { return k.Name == e.Kind })
	if i < 0 {
		return fmt.Errorf("there is no kind %s", e.Kind)
	}
	task, _ := Task()
	task.Reads = !e.Describe
	var r report
	if e.Describe {
		_, err = all[i].Describe(context.Background(), e.With, task)
	} else {
		r.Output, err = all[i].Do(context.Background(), e.With, task)
	}
	r.Failure = engine.FailureOf(err)
	return json.NewEncoder(os.Stdout).Encode(r)
}

// boxed has a check look, and a change describe itself, where the kernel lets nothing be changed. A change describes
// itself outside as well: there a write would show.
func boxed(t *testing.T, k engine.Kind, c Case, example map[string]any) {
	t.Helper()
	if k.Effect != engine.Reads && k.Effect != engine.Changes {
		return
	}
	with := orExample(t, c, example)
	before := tree(t, with)
	if k.Effect == engine.Changes {
		task, _ := Task()
		_, describeErr := k.Describe(t.Context(), with, task)
		beforeErr := k.Before(t.Context(), with, task)
		// Where nobody is there to ask, it can't. It changes nothing either way.
		if err := errors.Join(describeErr, beforeErr); err != nil && c.With != nil {
			t.Errorf("it can't describe itself: %v", err)
		}
	}
	if c.Unboxed == "" {
		needSandbox(t)
		if k.Effect == engine.Changes || !c.Starts {
			inTheBox(t, errand{Kind: k.Name, With: with, Describe: k.Effect == engine.Changes})
		}
		if c.Starts && (k.MayRead || k.Effect == engine.Reads) {
			task, _ := Task()
			task.Reads, task.Sandboxed = true, true
			if _, err := k.Do(t.Context(), with, task); err != nil {
				t.Errorf("it can't look inside the sandbox: %v", err)
			}
		}
	}
	if diff := cmp.Diff(before, tree(t, with)); diff != "" {
		t.Errorf("it changed what it was to look at:\n%s", diff)
	}
}

func needSandbox(t *testing.T) {
	t.Helper()
	support := sandbox.Available()
	switch {
	case support.Enforceable():
	case os.Getenv("CI") != "":
		t.Fatalf("no sandbox on this machine: %s", support)
	default:
		t.Skipf("no sandbox on this machine: %s", support)
	}
}

func inTheBox(t *testing.T, e errand) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // it is this very program
	cmd.Env = append(os.Environ(), inside+"="+string(plain(t, e)))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := sandbox.Start(cmd); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("read %q: %v", stdout.String(), err)
	}
	if r.Failure != nil {
		t.Errorf("inside the sandbox: %s: %s", r.Failure.Kind, r.Failure.Message)
	}
}

// tree lists, with sizes, times and modes, what the inputs that are paths below the temporary directory lead to.
func tree(t *testing.T, with map[string]any) string {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(with)) {
		path, ok := with[name].(string)
		if !ok || !strings.HasPrefix(path, os.TempDir()+"/") {
			continue
		}
		err := filepath.WalkDir(filepath.Dir(path), func(at string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			fmt.Fprintln(&b, at, info.Mode(), info.Size(), info.ModTime().UnixNano())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
