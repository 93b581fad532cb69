// Package docs_test holds the pages of this folder against the program that they describe: their runbooks load, their
// links lead somewhere, and the reference of the language leaves nothing out.
package docs_test

import (
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"runbook/engine"
	"runbook/engine/scenario"
	"runbook/runbooks"
	"runbook/steps"
)

const language = "language.md"

// Every runbook in a page loads without a word, and its scenarios pass. Every YAML block of the language's reference is a
// runbook, or begins with the name of the scenarios that it holds.
func TestExamplesLoad(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	books, rehearsals := map[string][]byte{}, map[string][]byte{}
	for _, file := range pages(t) {
		for _, block := range blocks(t, file, "yaml") {
			first, _, _ := strings.Cut(block, "\n")
			if name, ok := strings.CutSuffix(strings.TrimPrefix(first, "# "), ".scenarios.yaml"); ok {
				rehearsals[name] = []byte(block)
				continue
			}
			rest, isBook := strings.CutPrefix(block, "runbook:")
			if !isBook {
				if file == language {
					t.Errorf("%s: this is not a runbook, so nothing tells whether it is right:\n%s", file, block)
				}
				continue
			}
			name, _, _ := strings.Cut(rest, "\n")
			name = strings.TrimSpace(name)
			if books[name] != nil {
				t.Errorf("%s: there is another runbook %s", file, name)
			}
			books[name] = []byte(block)
		}
	}
	if len(books) == 0 {
		t.Fatal("no page has a runbook in it")
	}
	find := func(name string) (string, []byte, error) {
		if source := books[name]; source != nil {
			return name + ".yaml", source, nil
		}
		source, err := fs.ReadFile(runbooks.FS, name+".yaml")
		if err != nil {
			return "", nil, fmt.Errorf("there is no runbook %s", name)
		}
		return name + ".yaml", source, nil
	}
	for _, name := range slices.Sorted(maps.Keys(books)) {
		t.Run(name, func(t *testing.T) {
			plan, found := engine.Load(name+".yaml", books[name], kinds, find)
			if len(found) > 0 {
				t.Fatal(engine.RenderAll(found, books[name]))
			}
			if text := rehearsals[name]; text != nil {
				delete(rehearsals, name)
				rehearse(t, name+".scenarios.yaml", text, plan)
			}
		})
	}
	for name := range rehearsals {
		t.Errorf("there are scenarios of %s, and no such runbook", name)
	}
}

// rehearse holds the scenarios of a page against its runbook.
func rehearse(t *testing.T, file string, text []byte, plan *engine.Plan) {
	t.Helper()
	scenarios, found := scenario.Parse(file, text, plan)
	if len(found) > 0 {
		t.Fatal(engine.RenderAll(found, text))
	}
	for _, s := range scenarios.Scenarios {
		if r := scenario.Rehearse(plan, s); !r.Passed() {
			t.Errorf("%s: %s\n%s", file, s.Name.Value, r.Text())
		}
	}
}

// Every link to a file of this project leads to a file that is there, and to a heading that it has.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, file := range pages(t) {
		for _, link := range links(t, file) {
			u, err := url.Parse(link)
			if err != nil {
				t.Errorf("%s: link %s: %v", file, link, err)
				continue
			}
			if u.Scheme != "" || u.Host != "" {
				continue
			}
			target := file
			if u.Path != "" {
				target = filepath.Join(filepath.Dir(file), filepath.FromSlash(u.Path))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: link %s leads nowhere: %v", file, link, err)
				continue
			}
			if u.Fragment != "" && !slices.Contains(anchors(t, target), u.Fragment) {
				t.Errorf("%s: link %s: there is no such heading in %s", file, link, target)
			}
		}
	}
}

// The reference has every key, and the rules that it describes are those that there are.
func TestLanguageIsWhole(t *testing.T) {
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(read(t, language), -1) {
		for cell := range strings.SplitSeq(m[1], ", ") {
			rows[strings.Trim(cell, "`")] = true
		}
	}
	var keys func(fields []engine.Field)
	keys = func(fields []engine.Field) {
		for _, f := range fields {
			if !rows[f.Name] && !inline(f.Name) {
				t.Errorf("%s does not describe the key %s", language, f.Name)
			}
			inner := f.Type
			for inner.Elem != nil {
				inner = *inner.Elem
			}
			keys(inner.Fields)
		}
	}
	keys(engine.Document().Fields)
	keys(scenario.Document().Fields)

	var described []string
	_, section, _ := strings.Cut(read(t, language), "\n## Rules\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(section, -1) {
		described = append(described, m[1])
	}
	slices.Sort(described)
	if diff := cmp.Diff(rules(t), described); diff != "" {
		t.Errorf("the rules that there are, and those that %s describes:\n%s", language, diff)
	}
}

// inline tells whether the text describes a key, and no table.
func inline(key string) bool { return slices.Contains([]string{"attempts", "every", "backoff"}, key) }

// rules lists the rules of files, those that only deserve a thought, and those that loading adds, whose names stand in
// the engine's source.
func rules(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, r := range slices.Concat(engine.Rules(), engine.LintRules(), scenario.Rules()) {
		names = append(names, r.Name)
	}
	named := regexp.MustCompile(`(?:rule: |Rule: |say\(|wrong\(|mistakeOf\(err, )"([a-z]+(?:-[a-z]+)*)"`)
	files, err := filepath.Glob("../engine/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of the engine: %v", len(files), err)
	}
	for _, f := range files {
		// The reader's r.wrong takes the name of a key, and its rules are in the list.
		if strings.HasSuffix(f, "_test.go") || strings.HasPrefix(filepath.Base(f), "parse") {
			continue
		}
		for _, m := range named.FindAllStringSubmatch(read(t, f), -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// The files and tests that a page names are there.
func TestNamesOfTheCodeAreThere(t *testing.T) {
	var tests strings.Builder
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			tests.WriteString(read(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	file := regexp.MustCompile("`((?:cmd|engine|internal|lab|reports|runbooks|steps)/[^` ]*)`")
	test := regexp.MustCompile("`(Test[A-Z][A-Za-z]*)`")
	for _, page := range pages(t) {
		for _, m := range file.FindAllStringSubmatch(read(t, page), -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s names %s: %v", page, m[1], err)
			}
		}
		for _, m := range test.FindAllStringSubmatch(read(t, page), -1) {
			if !strings.Contains(tests.String(), "\nfunc "+m[1]+"(") {
				t.Errorf("%s names %s, and there is no such test", page, m[1])
			}
		}
	}
}

// pages are those of this folder and of the project's own.
func pages(t *testing.T) []string {
	t.Helper()
	here, err := filepath.Glob("*.md")
	if err != nil || len(here) == 0 {
		t.Fatalf("%d pages: %v", len(here), err)
	}
	above, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(here, above...)
}

// blocks gives the fenced blocks of a language in a page.
func blocks(t *testing.T, file, lang string) []string {
	t.Helper()
	var out []string
	walk(t, file, func(n ast.Node, source []byte) {
		if b, ok := n.(*ast.FencedCodeBlock); ok && string(b.Language(source)) == lang {
			out = append(out, string(b.Lines().Value(source)))
		}
	})
	return out
}

// links gives where the links and images of a page lead.
func links(t *testing.T, file string) []string {
	t.Helper()
	var out []string
	walk(t, file, func(n ast.Node, _ []byte) {
		switch n := n.(type) {
		case *ast.Link:
			out = append(out, string(n.Destination))
		case *ast.Image:
			out = append(out, string(n.Destination))
		}
	})
	return out
}

// anchors gives the names by which the headings of a page can be linked to, as GitHub makes them.
func anchors(t *testing.T, file string) []string {
	t.Helper()
	var out []string
	walk(t, file, func(n ast.Node, source []byte) {
		if h, ok := n.(*ast.Heading); ok {
			out = append(out, strings.Map(func(r rune) rune {
				switch {
				case r == ' ':
					return '-'
				case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
					return unicode.ToLower(r)
				}
				return -1
			}, heading(h, source)))
		}
	})
	return out
}

// heading is the text of a heading without its marks.
func heading(n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if leaf, ok := c.(*ast.Text); ok {
			b.Write(leaf.Value(source))
			continue
		}
		b.WriteString(heading(c, source))
	}
	return b.String()
}

func walk(t *testing.T, file string, visit func(ast.Node, []byte)) {
	t.Helper()
	source := []byte(read(t, file))
	page := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	err := ast.Walk(page, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			visit(n, source)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
