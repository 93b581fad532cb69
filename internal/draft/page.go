package draft

import (
	"bytes"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// form is what a passage is.
type form int

const (
	prose form = iota
	heading
	bullet
	numbered
	code
)

// passage is a part of a page that stands by itself.
type passage struct {
	form  form
	line  int
	level int    // of a heading
	list  int    // of an item: which list it is in
	lang  string // of code, in small letters
	lead  int    // of code: the passage that introduces it, -1 for none
	lines []line // the text without Markdown; code as it stands
	words string // the text in one line, with … for the code within it
	spans []span // the code within the text
}

// line is one line of a passage, by its number on the page.
type line struct {
	no   int
	text string
}

// span is a piece of code within a text, and the words up to it.
type span struct {
	line
	before string
}

// text is the passage in one line.
func (p passage) text() string { return clean(p.joined()) }

func (p passage) joined() string {
	parts := make([]string, len(p.lines))
	for i, l := range p.lines {
		parts[i] = l.text
	}
	return strings.Join(parts, " ")
}

// reader goes over the blocks of a page.
type reader struct {
	source []byte
	starts []int // the offset of each line
	lists  int
	out    []passage
}

// Nobody writes for people what is nested deeper, or is longer or has more code in one paragraph.
const (
	deepest   = 32
	longest   = 8192
	mostSpans = 50
)

// read takes a page apart.
func read(source []byte) []passage {
	r := &reader{source: normal(source), starts: []int{0}}
	for i, c := range r.source {
		if c == '\n' {
			r.starts = append(r.starts, i+1)
		}
	}
	p := parser.NewParser(
		parser.WithBlockParsers(parser.DefaultBlockParsers()...), parser.WithInlineParsers(parser.DefaultInlineParsers()...),
		parser.WithParagraphTransformers(parser.DefaultParagraphTransformers()...),
	)
	r.blocks(p.Parse(text.NewReader(r.source)), passage{}, 0)
	return r.out
}

// normal has one kind of line ends and, in place of what some tools keep above a page, empty lines.
func normal(source []byte) []byte {
	source = bytes.ReplaceAll(bytes.ToValidUTF8(source, []byte("\uFFFD")), []byte("\r\n"), []byte("\n"))
	source = bytes.ReplaceAll(source, []byte("\r"), []byte(" "))
	if matter, rest, ok := bytes.Cut(source, []byte("\n---\n")); ok && bytes.HasPrefix(matter, []byte("---\n")) {
		return append(bytes.Repeat([]byte("\n"), 2+bytes.Count(matter, []byte("\n"))), rest...)
	}
	return source
}

// lineAt is the number of the line that holds an offset.
func (r *reader) lineAt(offset int) int {
	i, _ := slices.BinarySearch(r.starts, offset+1)
	return i
}

// blocks reads what stands in a block. Its first paragraph is of the form and the list of like.
func (r *reader) blocks(parent ast.Node, like passage, depth int) {
	for n := parent.FirstChild(); n != nil && depth <= deepest; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			r.prose(n, passage{form: heading, level: n.Level})
		case *ast.Paragraph, *ast.TextBlock:
			r.prose(n, like)
			like = passage{}
		case *ast.FencedCodeBlock:
			r.code(n, strings.ToLower(string(n.Language(r.source))))
		case *ast.CodeBlock:
			r.code(n, "")
		case *ast.List:
			r.lists++
			item := passage{form: bullet, list: r.lists}
			if n.IsOrdered() {
				item.form = numbered
			}
			for i := n.FirstChild(); i != nil; i = i.NextSibling() {
				r.blocks(i, item, depth+1)
			}
		case *ast.Blockquote:
			r.blocks(n, passage{}, depth+1)
		}
	}
}

func (r *reader) code(n ast.Node, lang string) {
	p := passage{form: code, lang: lang, lead: len(r.out) - 1}
	if p.lead >= 0 && (r.out[p.lead].form == code || r.out[p.lead].form == heading) {
		p.lead = -1
	}
	for _, s := range n.Lines().Sliced(0, n.Lines().Len()) {
		p.lines = append(p.lines, line{r.lineAt(s.Start), strings.TrimRight(string(s.Value(r.source)), " \t\n")})
	}
	if len(p.lines) > 0 {
		p.line = p.lines[0].no
		r.out = append(r.out, p)
	}
}

func (r *reader) prose(n ast.Node, p passage) {
	link, ok := n.FirstChild().(*ast.Link)
	if n.Lines().Len() == 0 || ok && n.ChildCount() == 1 && bytes.HasPrefix(link.Destination, []byte("#")) {
		return // a table of contents
	}
	p.line = r.lineAt(n.Lines().At(0).Start)
	p.lines = []line{{no: p.line}}
	r.inline(n, &p, 0)
	p.words = clean(p.words)
	if p.text() != "" && !strings.HasPrefix(p.lines[0].text, "|") { // a table tells what is, not what to do
		r.out = append(r.out, p)
	}
}

// inline gathers the text of a passage, line by line.
func (r *reader) inline(parent ast.Node, p *passage, depth int) {
	add := func(s []byte) {
		if len(p.words) > longest {
			return
		}
		text := strings.ReplaceAll(string(s), "\n", " ")
		p.lines[len(p.lines)-1].text += text
		p.words += text
	}
	for n := parent.FirstChild(); n != nil && depth <= deepest; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			add(n.Segment.Value(r.source))
			if n.SoftLineBreak() || n.HardLineBreak() {
				p.lines = append(p.lines, line{no: r.lineAt(n.Segment.Stop) + 1})
				p.words += " "
			}
		case *ast.String:
			add(n.Value)
		case *ast.CodeSpan:
			own := passage{lines: []line{{no: p.lines[len(p.lines)-1].no}}}
			r.inline(n, &own, depth+1)
			if len(p.spans) < mostSpans {
				p.spans = append(p.spans, span{line{own.lines[0].no, strings.TrimSpace(own.joined())}, clean(p.words)})
			}
			p.lines[len(p.lines)-1].text += own.lines[0].text
			p.lines = append(p.lines, own.lines[1:]...)
			p.words += "…"
		case *ast.AutoLink:
			add(n.URL(r.source))
		case *ast.RawHTML:
			for _, s := range n.Segments.Sliced(0, n.Segments.Len()) {
				if tag := s.Value(r.source); placeholder.Match(tag) && !markup.Match(tag) {
					add(tag) // <service-name>, which is no HTML
				}
			}
		default:
			r.inline(n, p, depth+1)
		}
	}
}
