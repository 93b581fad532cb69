package reports

import (
	"bufio"
	"bytes"
	"html"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	gmtext "github.com/yuin/goldmark/text"
	"pgregory.net/rapid"
)

// hostile are texts that break Markdown, terminals or HTML when they are let through.
func hostile() []string {
	return []string{
		"`", "``", "```", "````\n", "~~~\n", "|", "||", `\|`, `\\|`, `\`, "a | b", "|---|---|\n",
		"# heading", "\n# heading\n", "\n\n- item\n", "1. one", "2) two", "> quote", "\n---\n", "\n===\n", "***", "___", "+ plus",
		"*emphasis*", "**strong**", "_under_", "~~gone~~", "snake_case_name",
		"[link](http://example.com)", "![image](x)", "[x]: http://example.com", "[^1]", "[ ] task", "- [x] done",
		"http://example.com/a?b=c", "www.example.com", "a@example.com", "@everyone", "mailto:a@b.c", "$x^2$", "<http://a.b>",
		"<script>alert(1)</script>", "<!-- ", "-->", "<details>", "&lt;", "&amp;copy;", "&#124;", "<?php ", "]]>", "<br>",
		"\x1b[31mred\x1b[0m", "\x1b]8;;http://example.com\x07text\x1b]8;;\x07", "\x1b[2J", "\x07\b\b\b", "\r", "\r\n", "\x00", "\u0085",
		"\u202Ereversed\u202C", "\u2066x\u2069", "\u200B", "\uFEFF", "\u2028", "\u2029", "\u00AD", "\U000E0041",
		"\xff\xfe", "\xc3", "\t", "    indented", "\t\tcode", " ", "", "\n", "%%", "end", "```mermaid\ngraph TD\n", "#quot;", "\"", "'", "}}", "{{",
		strings.Repeat("x", 5000), strings.Repeat("`", 300), strings.Repeat("| ", 300),
	}
}

func anyText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(hostile()), rapid.String()), 1, 5).Draw(t, "parts")
		return strings.Join(parts, rapid.SampledFrom([]string{"", " ", "\n"}).Draw(t, "glue"))
	})
}

// Whatever the text is, what a reader of Markdown makes of a document is the document: the same blocks, with the same
// text in them, and nothing that the writer did not mean.
func TestMarkdownIsReadBackAsItWasMeant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) string { return anyText().Draw(t, name) }
		in := func(name string) inline {
			return words(sentence(draw(name)), text(" x "), code(draw(name)), code(draw(name)), text(" "), strong(draw(name)), text(": "), sentence(draw(name)))
		}
		d := document{
			heading{level: rapid.IntRange(1, 3).Draw(t, "level"), text: in("heading")},
			paragraph(in("paragraph")),
			list{
				{text: in("item"), below: []inline{in("below"), words(code(draw("code")))}},
				{text: words(sentence(draw("only")))},
			},
			heading{level: 2, text: words(code(draw("heading code")))},
			table{
				head: []inline{in("head"), words(text("b")), nil},
				rows: [][]inline{{in("cell"), words(code(draw("cell code"))), words(sentence(draw("cell text")))}, {nil, in("cell"), in("cell")}},
			},
			fence{language: "text", lines: []string{draw("line"), "x", draw("line")}},
			paragraph(words(text("the end"))),
		}
		want, got := outlineOf(d), outlineIn(t, markdown(d))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("read back otherwise (-meant +read):\n%s\n%s", diff, markdown(d))
		}
	})
}

// Reports are read as they are, too: what means nothing to a reader of Markdown where it stands is not escaped.
func TestMarkdownStaysReadable(t *testing.T) {
	for text, want := range map[string]string{
		"cd /srv && pnpm install": "cd /srv && pnpm install",
		"tell #shop":              "tell #shop",
		"size > 0":                "size > 0",
		"a_b, all 3.5 % - done!":  "a_b, all 3.5 % - done!",
		"&amp; &#35; <b> #12":     `&amp;amp; &amp;\#35; &lt;b> \#12`,
		"> quoted":                `\> quoted`,
	} {
		if got := strings.TrimSpace(string(markdown(document{line(sentence(text))}))); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		in := words(sentence(s), text(" "), code(s), strong(s))
		d := document{
			heading{level: 1, text: in},
			paragraph(in),
			list{{text: in, below: []inline{in, words(code(s))}}, {text: words(code(s))}},
			table{head: []inline{in, in}, rows: [][]inline{{words(code(s)), in}}},
			fence{language: "text", lines: []string{s, s}},
		}
		if diff := cmp.Diff(outlineOf(d), outlineIn(t, markdown(d))); diff != "" {
			t.Fatalf("read back otherwise (-meant +read):\n%s\n%s", diff, markdown(d))
		}
	})
}

// outlineOf lists the blocks of a document, one line each, with their text as a reader should see it.
func outlineOf(d document) []string {
	var out []string
	add := func(kind string, in inline) { out = append(out, kind+": "+seenText(in)) }
	for _, b := range d {
		switch b := b.(type) {
		case heading:
			add("heading "+string(rune('0'+b.level)), b.text)
		case paragraph:
			add("paragraph", inline(b))
		case list:
			out = append(out, "list")
			for _, it := range b {
				add("item", it.text)
				if len(it.below) > 0 {
					out = append(out, "list")
				}
				for _, below := range it.below {
					add("item", below)
				}
			}
		case table:
			out = append(out, "table")
			for i, row := range append([][]inline{b.head}, b.rows...) {
				kind := "cell"
				if i == 0 {
					kind = "head"
				}
				for _, c := range row {
					add(kind, c)
				}
			}
		case fence:
			lines := strings.Split(plainText(strings.Join(b.lines, "\n")), "\n")
			for i := range lines {
				lines[i] = strings.TrimRight(lines[i], " \t")
			}
			out = append(out, "fence "+b.language+": "+strings.Join(lines, "\n"))
		}
	}
	return out
}

// seenText is the text of an inline without any of its blanks: where they stand is not what these tests are about.
func seenText(in inline) string {
	var b strings.Builder
	for _, s := range in {
		b.WriteString(s.text)
	}
	return squeezed(plainText(b.String()))
}

func squeezed(s string) string { return strings.Join(strings.Fields(s), "") }

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// outlineIn reads Markdown and lists its blocks as outlineOf does. Links, images, emphasis that is not strong, and raw
// HTML are none of the writer's business, and fail.
func outlineIn(t fataler, source []byte) []string {
	t.Helper()
	root := reader().Parser().Parse(gmtext.NewReader(source))
	var out []string
	var visit func(n ast.Node, quiet bool)
	children := func(n ast.Node, quiet bool) {
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			visit(c, quiet)
		}
	}
	add := func(kind string, n ast.Node) { out = append(out, kind+": "+squeezed(textIn(t, n, source))) }
	visit = func(n ast.Node, quiet bool) {
		switch n := n.(type) {
		case *ast.Heading:
			add("heading "+string(rune('0'+n.Level)), n)
		case *ast.Paragraph:
			add("paragraph", n)
		case *ast.List:
			if n.IsOrdered() {
				out = append(out, "ordered")
			}
			out = append(out, "list")
			children(n, quiet)
		case *ast.ListItem:
			if first := n.FirstChild(); first == nil || first.Kind() != ast.KindTextBlock {
				out = append(out, "item: ")
				children(n, quiet)
				return
			}
			children(n, quiet)
		case *ast.TextBlock:
			add("item", n)
		case *east.Table:
			out = append(out, "table")
			children(n, quiet)
		case *east.TableHeader:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				add("head", c)
			}
		case *east.TableRow:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				add("cell", c)
			}
		case *ast.FencedCodeBlock:
			var b bytes.Buffer
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				b.Write(line.Value(source))
			}
			out = append(out, "fence "+string(n.Language(source))+": "+strings.TrimSuffix(b.String(), "\n"))
		default:
			t.Fatalf("a %s that nobody meant, in\n%s", n.Kind(), source)
		}
	}
	children(root, false)
	return out
}

// reader reads Markdown as GitHub does, as far as anyone knows.
func reader(options ...renderer.Option) goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.GFM, extension.Footnote), goldmark.WithRendererOptions(options...))
}

func textIn(t fataler, n ast.Node, source []byte) string {
	t.Helper()
	var b strings.Builder
	var visit func(n ast.Node, inCode bool)
	visit = func(n ast.Node, inCode bool) {
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			switch c := c.(type) {
			case *ast.Text:
				if inCode {
					b.Write(c.Value(source))
				} else {
					b.Write(unescaped(c.Value(source)))
				}
			case *ast.String:
				b.Write(c.Value)
			case *ast.AutoLink:
				if !strings.HasPrefix(string(c.URL(source)), "https://wiki.example.org/") { // of the runbooks of testdata
					t.Fatalf("a link to %s that nobody meant, in\n%s", c.URL(source), source)
				}
				b.Write(c.Label(source))
			case *ast.CodeSpan:
				visit(c, true)
			case *ast.Emphasis:
				if c.Level != 2 {
					t.Fatalf("emphasis that nobody meant, in\n%s", source)
				}
				visit(c, inCode)
			default:
				t.Fatalf("a %s that nobody meant, in\n%s", c.Kind(), source)
			}
		}
	}
	visit(n, false)
	return b.String()
}

// unescaped is what a text node shows: goldmark leaves that to its renderer.
func unescaped(raw []byte) []byte {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	gmhtml.DefaultWriter.Write(w, raw)
	_ = w.Flush() // into memory
	return []byte(html.UnescapeString(b.String()))
}
