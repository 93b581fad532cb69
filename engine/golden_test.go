package engine_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path"
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
	for _, file := range glob(t, "bad/*.yaml") {
		sources[strings.TrimSuffix(path.Base(file), ".yaml")] = readFile(t, file)
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
			compareGolden(t, "bad/"+stem+".txt", engine.RenderAll(diags, src))
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

// testdata is the folder of the files that tests read.
func testdata() fs.FS { return os.DirFS("testdata") }

func glob(tb testing.TB, pattern string) []string {
	tb.Helper()
	files, err := fs.Glob(testdata(), pattern)
	if err != nil || len(files) == 0 {
		tb.Fatalf("no files %s: %v", pattern, err)
	}
	return files
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	src, err := fs.ReadFile(testdata(), name)
	if err != nil {
		tb.Fatal(err)
	}
	return src
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", name), []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(readFile(t, name)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// No golden file is left behind by a bad file that is gone.
func TestGoldenFilesHaveSources(t *testing.T) {
	t.Parallel()
	for _, file := range glob(t, "bad/*.txt") {
		stem := strings.TrimSuffix(path.Base(file), ".txt")
		if _, made := generated()[stem]; made {
			continue
		}
		if _, err := fs.Stat(testdata(), "bad/"+stem+".yaml"); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// Good files have no mistakes at all.
func TestGoodFiles(t *testing.T) {
	t.Parallel()
	for _, file := range glob(t, "good/*.yaml") {
		t.Run(path.Base(file), func(t *testing.T) {
			t.Parallel()
			src := readFile(t, file)
			if diags := mistakesOf(path.Base(file), src); len(diags) > 0 {
				t.Errorf("it has mistakes:\n%s", engine.RenderAll(diags, src))
			}
		})
	}
}

// Mistakes come in the order of the file, whatever found them.
func TestMistakesAreSorted(t *testing.T) {
	t.Parallel()
	src := readFile(t, "bad/wrong-type.yaml")
	diags := mistakesOf("wrong-type.yaml", src)
	if !slices.IsSortedFunc(diags, func(a, b engine.Diagnostic) int { return a.Pos.Line - b.Pos.Line }) {
		t.Errorf("not in order:\n%s", engine.RenderAll(diags, src))
	}
}
