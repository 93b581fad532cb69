package draft_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"runbook/engine"
	"runbook/internal/draft"
	"runbook/steps"
)

var update = flag.Bool("update", false, "write the golden files anew; read them before they are committed")

// Every page below testdata gives the draft beside it.
func TestPages(t *testing.T) {
	files, err := filepath.Glob("testdata/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(file), ".md")
			golden(t, "testdata/"+name+".yaml", string(made(t, draft.Page{Name: name, File: filepath.Base(file), Source: source}).Text))
		})
	}
}

// Every command of testdata/commands.txt becomes the step that stands behind it.
func TestCommands(t *testing.T) {
	const file = "testdata/commands.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for command := range strings.Lines(string(text)) {
		if strings.HasPrefix(command, " ") {
			continue
		}
		b.WriteString(command)
		if command == "\n" || strings.HasPrefix(command, "## ") {
			continue
		}
		d := made(t, draft.Page{Name: "x", File: "p", Source: []byte("~~~sh\n" + command + "~~~\n")})
		for _, s := range strings.Split(string(d.Text), "\n  # p:")[1:] {
			for line := range strings.Lines(s) {
				if key, _, _ := strings.Cut(strings.TrimSpace(line), ":"); strings.HasPrefix(line, "    ") && key != "title" && key != "why" && key != "verify" {
					b.WriteString(line)
				}
			}
		}
	}
	golden(t, file, b.String())
}

// A section is drafted alone, and one that is not there is told with those that are.
func TestSection(t *testing.T) {
	source, err := os.ReadFile("testdata/shop.md")
	if err != nil {
		t.Fatal(err)
	}
	page := draft.Page{Name: "x", File: "p", Source: source, Section: "the api does not answer"}
	d := made(t, page)
	if text := string(d.Text); !strings.Contains(text, "title: The API does not answer\n") || strings.Contains(text, "nginx") || !strings.Contains(text, "verify: [pm2]") {
		t.Error(text)
	}
	page.Section = "nothing"
	var missing *draft.SectionError
	if _, err := draft.Make(page, kinds(t)); !errors.As(err, &missing) || len(missing.Headings) != 8 {
		t.Errorf("%v %+v", err, missing)
	}
}

// Of commands that somebody has vouched for, all of a pipeline must be.
func TestReads(t *testing.T) {
	page := draft.Page{Name: "x", File: "p", Reads: []string{"kubectl  get", "wc"}, Source: []byte("```sh\nkubectl get pods | wc -l\nkubectl getall\nkubectl get pods | tee x\n```\n")}
	d := made(t, page)
	if d.Checks != 1 || d.Fixes != 2 || len(d.Unread) != 2 {
		t.Errorf("%d checks, %d fixes\n%s", d.Checks, d.Fixes, d.Text)
	}
}

// What has no end, or is more than anybody reads, is cut, and said to be.
func TestBounds(t *testing.T) {
	for name, source := range map[string]string{
		"commands":  "```sh\n" + strings.Repeat("tool x\n", 20_000) + "```\n",
		"items":     strings.Repeat("1. run the tool\n", 10_000),
		"bullets":   strings.Repeat("- restart `systemctl restart x`\n", 5_000),
		"unknown":   "```sh\n" + strings.Repeat("tool <a> $B\n", 5_000) + "```\n",
		"long":      "```sh\n" + strings.Repeat("tool "+strings.Repeat("é", 1_000)+"\n", 1_000) + "```\n",
		"names":     "```sh\ntool" + strings.Repeat(" <a b> <c> $d$e", 500) + "\n```\n",
		"nested":    "```sh\n" + strings.Repeat("$(", 5_000) + "\n```\n",
		"quotes":    strings.Repeat(">", 5_000) + "a\n",
		"paragraph": strings.Repeat("Check `ls -l /x`. ", 5_000),
		"words":     strings.Repeat("*a ", 50_000),
		"broken":    "```sh\n" + strings.Repeat("if (\n", 5_000),
	} {
		t.Run(name, func(t *testing.T) {
			d := made(t, draft.Page{Name: "x", File: "p", Source: []byte(source)})
			if many := d.Checks + d.Fixes + d.People; many > 301 || (many > 290) != (d.Rest > 0) && name != "long" {
				t.Errorf("%d steps, nothing from line %d on", many, d.Rest)
			}
		})
	}
}

// Any page that is put together from what pages are made of gives a draft that keeps the promises.
func TestAnyPage(t *testing.T) {
	lines := rapid.SampledFrom(strings.Split(fragments, "\n"))
	rapid.Check(t, func(t *rapid.T) {
		source := strings.Join(rapid.SliceOfN(rapid.OneOf(lines, lines, lines, rapid.String()), 1, 40).Draw(t, "lines"), "\n")
		holds(t, []byte(source))
	})
}

const fragments = "# Heading: one\n## `b` # c\n```\n```bash\n```console\n~~~\n1. Check it:\n2. then `systemctl restart <unit>`\n- Restart → `pm2 restart $APP`\n   ```sh\n" +
	"   ```\n> quoted\n\n\n\n    systemctl status a b@1 'c d'\n$ curl -k http://x/?a=b&c # 200\n# Expected: 200\nss -lnt | grep -E ':(80|443)'\njournalctl -u <a b> --since today\n" +
	"cd /srv/app\ncd <dir>\nX=1\necho $X\nfor i in 1 2; do\ndone\ncat <<EOF\nEOF\nsudo -u <user> tool \"a'b\"\nsudo -i\nssh <host>\nlsof -i :<port>\ntool <port> | jq .\nkubectl get po -n $NS\n" +
	"sudo -u deploy pm2 ls\npnpm build\nnginx -t && nginx -s reload\ntool {a,b} ~/x *.log\nif true; then\nfi\ntool 'open\n\"open\n\\\n${{ params.a }}\n`${{ secret(\"x\") }}`\n\u202e\u0000\ufeff\nfalse\n---\n: ["

// No page makes the program panic, and every draft keeps the promises.
func FuzzMake(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.md")
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(source)
	}
	for line := range strings.Lines(fragments) {
		f.Add([]byte("1. x\n   ```sh\n   " + line + "   ```\n- `" + line + "`\n"))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		if len(source) < 1<<14 {
			holds(t, source)
		}
	})
}

type tester interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// holds makes the draft of a page and holds it against what the package promises of any.
func holds(t tester, source []byte) {
	t.Helper()
	d, err := draft.Make(draft.Page{Name: "x", File: "p\" '#: ${{ x }}\n.md", Source: source}, kinds(t))
	if err != nil {
		t.Fatal(err)
	}
	plan, found := engine.Load("x.yaml", d.Text, kinds(t), nil)
	if len(found) > 0 {
		t.Fatalf("it does not load:\n%s", engine.RenderAll(found, d.Text))
	}
	page := strings.NewReplacer("\r\n", "\n", "\r", " ").Replace(strings.ToValidUTF8(string(source), "\uFFFD"))
	for _, s := range plan.Steps {
		if s.Uses.Value != "script" {
			continue
		}
		text, _ := s.With.Entry("text")
		for line := range strings.Lines(text.Text.Value) {
			if !strings.Contains(page, strings.TrimSpace(line)) {
				t.Errorf("the shell gets what is not on the page: %q", line)
			}
		}
	}
	if n := strings.Count(string(d.Text), "\n  # p\" '#: $ {{ x }} .md:"); n != d.Checks+d.Fixes+d.People {
		t.Errorf("%d steps name their line, of %d:\n%s", n, d.Checks+d.Fixes+d.People, d.Text)
	}
}

func made(t *testing.T, p draft.Page) *draft.Draft {
	t.Helper()
	d, err := draft.Make(p, kinds(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, found := engine.Load(p.Name+".yaml", d.Text, kinds(t), nil); len(found) > 0 {
		t.Fatalf("it does not load:\n%s", engine.RenderAll(found, d.Text))
	}
	return d
}

var allKinds = sync.OnceValues(steps.All)

func kinds(t tester) engine.Kinds {
	t.Helper()
	all, err := allKinds()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}
