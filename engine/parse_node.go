package engine

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	refusedAlias = "anchors (&name) and aliases (*name) can't be used: write the value where it belongs, or put it in quotes"
	refusedMerge = "merge keys (<<) can't be used: write the keys where they belong"
)

func nodePos(n *yaml.Node) Pos { return Pos{Line: n.Line, Col: n.Column} }

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style&yaml.TaggedStyle == 0
}

// nodeLength is how many characters a caret underlines: those of the first line of a scalar.
func nodeLength(n *yaml.Node) int {
	switch {
	case n.Kind == yaml.AliasNode:
		return 1 + utf8.RuneCountInString(n.Value)
	case n.Kind != yaml.ScalarNode, n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return 1
	}
	length := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		length += 2
	}
	return max(length, 1)
}

func textOf(n *yaml.Node) Text {
	return Text{Value: n.Value, Pos: nodePos(n), Block: n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0}
}

// refused walks over the whole document and reports what YAML has and a runbook does not. What it reports, the rest of
// the reader passes over in silence.
func (r *reader) refused(n *yaml.Node) {
	if n.Anchor != "" {
		r.report("yaml-alias", nodePos(n), 1+utf8.RuneCountInString(n.Anchor), refusedAlias, "")
	}
	if n.Kind == yaml.AliasNode {
		r.report("yaml-alias", nodePos(n), nodeLength(n), refusedAlias, meantGlob("*"+n.Value))
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		r.refusedTag(n)
	}
	if n.Kind == yaml.MappingNode {
		r.refusedKeys(n)
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Tag == "!!merge" {
			continue
		}
		r.refused(c)
	}
}

// meantGlob is the hint for an alias that was meant as a pattern of file names.
func meantGlob(alias string) string {
	if strings.ContainsAny(alias, "./") {
		return didYouMean(strconv.Quote(alias))
	}
	return ""
}

func (r *reader) refusedTag(n *yaml.Node) {
	message := "tags can't be used: a value that begins with ! needs quotes"
	hint := ""
	if name, ok := strings.CutPrefix(n.Tag, "!steps."); ok { // when: !steps.page.healthy
		message = "YAML takes what begins with ! for a tag: write not, or put the text in quotes"
		hint = didYouMean("not steps." + name)
	}
	r.report("yaml-tag", nodePos(n), utf8.RuneCountInString(n.Tag), message, hint)
}

func (r *reader) refusedKeys(n *yaml.Node) {
	seen := map[string]int{} // line
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Tag == "!!merge":
			r.report("yaml-alias", nodePos(key), 2, refusedMerge, "")
			continue
		case key.Kind == yaml.AliasNode:
			continue
		case key.Kind != yaml.ScalarNode || isNull(key):
			r.report("wrong-type", nodePos(key), nodeLength(key), "a key must be a word; this is "+formOf(key), "")
			continue
		}
		if line, twice := seen[key.Value]; twice {
			r.report("duplicate-key", nodePos(key), nodeLength(key),
				fmt.Sprintf("%s is given twice: it is at line %d already", quoteKey(key.Value), line), "")
			continue
		}
		seen[key.Value] = key.Line
	}
}

// silent tells whether a node can't be read for a reason that was reported already.
func silent(n *yaml.Node) bool {
	return n.Kind == yaml.AliasNode || n.Style&yaml.TaggedStyle != 0
}

// formOf names the form of a value for people.
func formOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	default:
	}
	switch n.Tag {
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return n.Value
	case "!!null":
		return "nothing"
	default:
		return shorten(n.Value)
	}
}

// wrong reports a value of another form than the one that is wanted.
func (r *reader) wrong(n *yaml.Node, name, want, hint string) {
	switch {
	case silent(n):
	case isNull(n):
		r.empty(n, name)
	default:
		r.report("wrong-type", nodePos(n), nodeLength(n), fmt.Sprintf("%s must be %s; this is %s", name, want, formOf(n)), hint)
	}
}

func (r *reader) empty(n *yaml.Node, name string) {
	r.report("empty", nodePos(n), nodeLength(n), name+" is empty: give it a value, or delete the key", "")
}

// mapping reads a mapping with known keys. A key that is not known, but near one that is missing, is reported and read
// as that one, so that one slip is one mistake. It gives the keys that are there.
func (r *reader) mapping(n *yaml.Node, name string, keys []Field, read func(key string, v *yaml.Node)) map[string]Pos {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, name, "a mapping of keys and values", "")
		return nil
	}
	given := make(map[string]Pos, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind == yaml.ScalarNode && slices.ContainsFunc(keys, func(f Field) bool { return f.Name == k.Value }) {
			if _, twice := given[k.Value]; !twice {
				given[k.Value] = nodePos(k)
				read(k.Value, n.Content[i+1])
			}
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" || isNull(k) {
			continue
		}
		if _, known := given[k.Value]; known {
			continue
		}
		meant := r.unknownKey(k, name, keys)
		if _, there := given[meant]; meant != "" && !there {
			given[meant] = nodePos(k)
			read(meant, n.Content[i+1])
		}
	}
	for _, f := range keys {
		if _, there := given[f.Name]; f.Required && !there {
			r.report("missing-key", nodePos(n), 1, fmt.Sprintf("%s needs the key %s: %s", name, f.Name, lowerFirst(f.Doc)), "")
		}
	}
	return given
}

func (r *reader) unknownKey(k *yaml.Node, name string, keys []Field) (meant string) {
	names := fieldNames(Shape{Fields: keys})
	meant = nearest(k.Value, names)
	message := fmt.Sprintf("%s has no key %s", name, quoteKey(k.Value))
	if meant == "" && len(names) <= 10 {
		message += "; it has " + orList(names, "and")
	}
	r.report("unknown-key", nodePos(k), nodeLength(k), message, didYouMean(meant))
	return meant
}

// quoteKey shows a key as it stands when it is a word, and in quotes otherwise.
func quoteKey(key string) string {
	if key != "" && strings.IndexFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) < 0 && len(key) <= 40 {
		return key
	}
	return shorten(key)
}

// shorten quotes a text, at most some forty characters of it.
func shorten(s string) string {
	const most = 40
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most-1]) + "…"
	}
	return strconv.Quote(s)
}

func lowerFirst(doc string) string {
	first, _, _ := strings.Cut(doc, ". ")
	first = strings.TrimSuffix(first, ".")
	return strings.ToLower(first[:1]) + first[1:]
}

// orList joins words as people do: "a, b or c".
func orList(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// text reads a text that is not empty. Numbers and true or false are read as they are written.
func (r *reader) text(n *yaml.Node, name string) Text {
	switch {
	case n.Kind != yaml.ScalarNode || silent(n) || isNull(n):
		r.wrong(n, name, "text", "")
		return Text{}
	case strings.TrimSpace(n.Value) == "":
		r.empty(n, name)
		return Text{}
	}
	return textOf(n)
}

// condition reads an expression. One with ${{ }} around it is not given back: what is wrong with it has been said.
func (r *reader) condition(n *yaml.Node, name string) Text {
	t := r.text(n, name)
	if i := strings.Index(t.Value, openMark); i >= 0 {
		r.report("misplaced-template", placeIn(r.src, t, i), len(openMark),
			name+" is a condition, which is an expression as it stands: write it without ${{ }}", "")
		return Text{}
	}
	return t
}

// word reads a text that must be one of a few.
func (r *reader) word(n *yaml.Node, name string, values []string) Text {
	t := r.text(n, name)
	if t.Value == "" || slices.Contains(values, t.Value) {
		return t
	}
	r.report("unknown-value", t.Pos, nodeLength(n),
		fmt.Sprintf("%s can't be %s: it is %s", name, shorten(t.Value), orList(values, "or")), suggest(t.Value, values))
	return Text{}
}

// items gives the elements of a list that is not empty.
func (r *reader) items(n *yaml.Node, name, example string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		hint := ""
		if n.Kind == yaml.ScalarNode && !isNull(n) && !silent(n) && example != "" {
			hint = didYouMean("[" + n.Value + "]")
		}
		want := "a list"
		if example != "" && hint == "" {
			want += ", like " + example
		}
		r.wrong(n, name, want, hint)
		return nil
	}
	if len(n.Content) == 0 {
		r.empty(n, name)
	}
	return n.Content
}

// texts reads a list of texts.
func (r *reader) texts(n *yaml.Node, name, example string) []Text {
	var out []Text
	for _, item := range r.items(n, name, example) {
		if t := r.text(item, "an item of "+name); t.Value != "" {
			out = append(out, t)
		}
	}
	return out
}

func (r *reader) boolean(n *yaml.Node, name string) bool {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" && !silent(n) {
		return strings.EqualFold(n.Value, "true")
	}
	hint := ""
	switch strings.ToLower(n.Value) {
	case "yes", "on", "y":
		hint = didYouMean("true")
	case "no", "off", "n":
		hint = didYouMean("false")
	}
	r.wrong(n, name, "true or false", hint)
	return false
}

// integer reads a whole number between two bounds, both included.
func (r *reader) integer(n *yaml.Node, name string, least, most int) int {
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || silent(n) || err != nil {
		hint := ""
		if n.Tag == "!!str" && err == nil {
			hint = didYouMean(n.Value + ", without quotes")
		}
		r.wrong(n, name, "a whole number", hint)
		return 0
	}
	if v < least || v > most {
		r.report("out-of-range", nodePos(n), nodeLength(n), fmt.Sprintf("%s must be from %d to %d; this is %d", name, least, most, v), "")
		return 0
	}
	return v
}

// number reads a number between two bounds, both included.
func (r *reader) number(n *yaml.Node, name string, least, most float64) (float64, bool) {
	v, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!int" && n.Tag != "!!float" || silent(n) || err != nil {
		r.wrong(n, name, "a number", "")
		return 0, false
	}
	if v < least || v > most {
		r.report("out-of-range", nodePos(n), nodeLength(n), fmt.Sprintf("%s must be from %g to %g; this is %s", name, least, most, n.Value), "")
		return 0, false
	}
	return v, true
}

// duration reads a length of time between two bounds, both included.
func (r *reader) duration(n *yaml.Node, name string, least, most time.Duration) time.Duration {
	if n.Kind != yaml.ScalarNode || silent(n) || isNull(n) {
		r.wrong(n, name, "a length of time, like 90s or 5m", "")
		return 0
	}
	v, err := time.ParseDuration(n.Value)
	if err != nil {
		r.report("wrong-type", nodePos(n), nodeLength(n),
			fmt.Sprintf("%s must be a length of time, like 90s or 5m; this is %s", name, quoteKey(n.Value)), didYouMean(meantDuration(n.Value)))
		return 0
	}
	if v < least || v > most {
		r.report("out-of-range", nodePos(n), nodeLength(n),
			fmt.Sprintf("%s must be from %s to %s; this is %s", name, shortDuration(least), shortDuration(most), n.Value), "")
		return 0
	}
	return v
}

// meantDuration guesses the duration behind "30", "5 min" or "2d"; "" when it can't.
func meantDuration(text string) string {
	digits := strings.TrimSpace(text)
	unit := strings.ToLower(strings.TrimLeft(digits, "0123456789."))
	digits = digits[:len(digits)-len(unit)]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return ""
	}
	switch strings.TrimSpace(unit) {
	case "", "sec", "secs", "second", "seconds":
		return digits + "s"
	case "min", "mins", "minute", "minutes":
		return digits + "m"
	case "hour", "hours", "hr", "hrs":
		return digits + "h"
	case "d", "day", "days":
		return strconv.FormatFloat(n*24, 'f', -1, 64) + "h"
	default:
		return ""
	}
}

// shortDuration writes a duration without the units that are zero: 5m, not 5m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// value keeps a value as it stands. A part that was refused is left out.
func (r *reader) value(n *yaml.Node) Value {
	v := Value{Pos: nodePos(n)}
	switch n.Kind {
	case yaml.SequenceNode:
		v.Kind = Sequence
		v.Items = make([]Value, len(n.Content))
		for i, c := range n.Content {
			v.Items[i] = r.value(c)
		}
	case yaml.MappingNode:
		v.Kind = Mapping
		v.Entries = make([]Entry, 0, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Tag == "!!merge" { // nobody knows what else would be in it
				return Value{}
			}
			if n.Content[i].Kind == yaml.ScalarNode {
				v.Entries = append(v.Entries, Entry{Key: textOf(n.Content[i]), Value: r.value(n.Content[i+1])})
			}
		}
	case yaml.ScalarNode:
		if silent(n) {
			return Value{}
		}
		v.Kind, v.Text, v.Plain = Scalar, textOf(n), plainScalar(n)
	default:
		return Value{}
	}
	return v
}

// plainScalar is the YAML value of a scalar: string, int, float64, bool or nil. A number that neither int nor float64
// can hold, and a date, is text.
func plainScalar(n *yaml.Node) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int":
		if v, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 0); err == nil {
			return int(v)
		}
	case "!!float":
		var v float64
		if err := n.Decode(&v); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	}
	return n.Value
}
