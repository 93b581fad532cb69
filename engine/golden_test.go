package engine_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
	"runbook/engine/enginetest"
)

var update = flag.Bool("update", false, "write the golden files anew; read them before they are committed")

// Every bad file is named for the rule that it breaks, RULE.yaml or RULE-variant.yaml, breaks no other, and is rendered
// as RULE.txt says. A rule without a bad file fails, too.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	sources := generated()
	paths, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources[strings.TrimSuffix(filepath.Base(path), ".yaml")] = src
	}

	broken := map[string]bool{}
	for stem, src := range sources {
		rule := ruleOf(stem)
		broken[rule] = true
		t.Run(stem, func(t *testing.T) {
			t.Parallel()
			if rule == "" {
				t.Fatalf("no rule is called %s", stem)
			}
			diags := mistakesOf(stem+".yaml", src)
			if len(diags) == 0 {
				t.Fatal("it has no mistake")
			}
			for _, d := range diags {
				if d.Rule != rule {
					t.Errorf("another mistake: %s", d)
				}
			}
			compareGolden(t, filepath.Join("testdata/bad", stem+".txt"), engine.RenderAll(diags, src))
		})
	}
	for _, rule := range engine.Rules() {
		if !broken[rule.Name] {
			t.Errorf("rule %s has no bad file", rule.Name)
		}
		if rule.Doc == "" {
			t.Errorf("rule %s has no doc", rule.Name)
		}
	}
}

// generated are the bad files that are better made than kept.
func generated() map[string][]byte {
	return map[string][]byte{
		"file-size": append([]byte("runbook: file-size\nsummary: "), bytes.Repeat([]byte("x"), 1<<20)...),
	}
}

// ruleOf is the rule that a bad file is named for: the longest whose name its name begins with.
func ruleOf(stem string) string {
	found := ""
	for _, rule := range engine.Rules() {
		if (stem == rule.Name || strings.HasPrefix(stem, rule.Name+"-")) && len(rule.Name) > len(found) {
			found = rule.Name
		}
	}
	return found
}

// mistakesOf gives all mistakes of a file, as a person would see them.
func mistakesOf(file string, src []byte) []engine.Diagnostic {
	_, diags := engine.Load(file, src, enginetest.Kinds(), func(string) (string, []byte, error) {
		return "other.yaml", []byte("runbook: other\nparams: {path: {type: path, default: /}}\nsteps: [{id: wait, uses: manual, with: {text: Wait.}}]\n"), nil
	})
	return diags
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// No golden file is left behind by a bad file that is gone.
func TestGoldenFilesHaveSources(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/bad/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		stem := strings.TrimSuffix(filepath.Base(path), ".txt")
		if _, made := generated()[stem]; made {
			continue
		}
		if _, err := os.Stat(filepath.Join("testdata/bad", stem+".yaml")); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Good files have no mistakes at all.
func TestGoodFiles(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal("no good files", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diags := mistakesOf(filepath.Base(path), src); len(diags) > 0 {
				t.Errorf("it has mistakes:\n%s", engine.RenderAll(diags, src))
			}
		})
	}
}

// Mistakes come in the order of the file, whatever found them.
func TestMistakesAreSorted(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/bad/wrong-type.yaml")
	if err != nil {
		t.Fatal(err)
	}
	diags := mistakesOf("wrong-type.yaml", src)
	if !slices.IsSortedFunc(diags, func(a, b engine.Diagnostic) int { return a.Pos.Line - b.Pos.Line }) {
		t.Errorf("not in order:\n%s", engine.RenderAll(diags, src))
	}
}
