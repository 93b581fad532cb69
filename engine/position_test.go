package engine

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"
)

// The place of every character of a text is where it stands in the file, however the text is written.
func TestPlaceOfEveryStyle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, yaml string
		find       string // in the value
		want       string // the rest of the source's line at the place that is found
	}{
		{"plain", "when: a and b\n", "b", "b"},
		{"plain over lines", "when: a\n  and b\n\n  or c\n", "or c", "or c"},
		{"plain after wide characters", "when: ü == \"é日\" and b\n", "b", "b"},
		{"single quotes", "when: 'a == ''x'' and b'\n", "and b", "and b'"},
		{"single quotes over lines", "when: 'a\n  and b'\n", "and b", "and b'"},
		{"double quotes", `when: "a == \"x\" and b"` + "\n", "and b", `and b"`},
		{"escapes", `when: "\x41\u00e9\U0001F600\t\\ b"` + "\n", "b", `b"`},
		{"escaped line break", "when: \"a \\\n    and b\"\n", "and b", `and b"`},
		{"double quotes over lines", "when: \"a\n\n    and b\"\n", "and b", `and b"`},
		{"literal", "when: |\n  a\n  and b\n", "and b", "and b"},
		{"literal with empty lines", "when: |\n\n  a\n\n\n  and b\n", "and b", "and b"},
		{"literal, further in", "when: |-\n    a\n      and b\n", "and b", "and b"},
		{"literal with an indicator", "when: |2\n    a\n   and b\n", "and b", "and b"},
		{"literal with a comment", "when: | # why\n  a\n  and b\n", "and b", "and b"},
		{"folded", "when: >-\n  a\n  and b\n  or c\n", "or c", "or c"},
		{"folded with empty lines", "when: >\n  a\n\n  and b\n  or c\n", "or c", "or c"},
		{"folded, further in", "when: >\n  a\n    and b\n  or c\n", "or c", "or c"},
		{"windows", "when: >-\r\n  a\r\n  and b\r\n", "and b", "and b"},
		{"byte order mark", "\uFEFFwhen: a and b\n", "b", "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := scalarOf(t, tt.yaml)
			i := strings.Index(text.Value, tt.find)
			if i < 0 {
				t.Fatalf("%q has no %q", text.Value, tt.find)
			}
			rb := Runbook{Source: []byte(tt.yaml)}
			p := rb.at(text, i)
			line, _ := lineOf(rb.Source, p.Line)
			if got := string([]rune(line)[p.Col-1:]); got != tt.want {
				t.Errorf("at %v stands %q, want %q", p, got, tt.want)
			}
		})
	}
}

func scalarOf(t interface{ Fatal(args ...any) }, src string) Text {
	var doc yaml.Node
	if err := yaml.Load([]byte(src), &doc); err != nil {
		t.Fatal(err)
	}
	return textOf(doc.Content[0].Content[1])
}

// A text that the YAML library writes in any style is followed character by character.
func TestPlaceOfWrittenText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune(`ab9é日😀'"\:#{}[],&*!|>%@-`)), 1, 9, -1), 1, 12).Draw(t, "words")
		gaps := rapid.SliceOfN(rapid.SampledFrom([]string{" ", " ", "  ", "\n", "\n\n", "\n  ", "\t"}), len(words), len(words)).Draw(t, "gaps")
		var value strings.Builder
		for i, w := range words {
			if i > 0 {
				value.WriteString(gaps[i])
			}
			value.WriteString(w)
		}
		style := rapid.SampledFrom([]yaml.Style{
			0, yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle, yaml.LiteralStyle, yaml.FoldedStyle,
		}).Draw(t, "style")
		node := yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Value: "key"},
			{Kind: yaml.ScalarNode, Value: value.String(), Tag: "!!str", Style: style},
		}}
		width := rapid.SampledFrom([]int{-1, 20}).Draw(t, "width")
		src, err := yaml.Dump(&node, yaml.WithLineWidth(width))
		if err != nil {
			t.Skip(err)
		}
		text := scalarOf(t, string(src))
		rb := Runbook{Source: src}
		for i, want := range text.Value {
			if want == ' ' || want == '\n' || want == '\t' {
				continue // may stand for a line break, or be written as an escape
			}
			p := rb.at(text, i)
			line, _ := lineOf(src, p.Line)
			chars := []rune(line)
			if p.Col > len(chars) {
				t.Fatalf("%q at %d: %v is past its line in\n%s", text.Value, i, p, src)
			}
			if got := chars[p.Col-1]; got != want && (got != '\\' || src[offsetOf(src, text.Pos)] != '"') {
				t.Fatalf("%q at %d is %q, found %q at %v in\n%s", text.Value, i, want, got, p, src)
			}
		}
	})
}

// A place and the byte at which it begins are two names for the same thing.
func TestOffsetsAndPlaces(t *testing.T) {
	t.Parallel()
	for _, src := range []string{"a\nbé日\n\nc", "\uFEFFab\ncd", "a\r\nb", ""} {
		for i := range src {
			if strings.HasPrefix(src[i:], "\uFEFF") {
				continue
			}
			if got := offsetOf([]byte(src), posOf([]byte(src), i)); got != i {
				t.Errorf("%q: byte %d is at %v, which is byte %d", src, i, posOf([]byte(src), i), got)
			}
		}
	}
	if got := offsetOf([]byte("ab\ncd"), Pos{Line: 1, Col: 99}); got != 2 {
		t.Errorf("a place past its line is byte %d, want the end of the line", got)
	}
	if got := offsetOf([]byte("ab"), Pos{Line: 9, Col: 1}); got != 2 {
		t.Errorf("a line that is not there is byte %d, want the end", got)
	}
}
