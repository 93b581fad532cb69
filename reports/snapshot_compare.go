package reports

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"runbook/engine"
)

// comparing is a comparison in the making.
type comparing struct {
	found  []Difference
	hidden []string // fields that were seen for the page, and are not now
	shown  []string // fields that are seen now, and were not for the page
}

func (c *comparing) add(d Difference) { c.found = append(c.found, d) }

// outcome compares how a check judged what it saw. That also tells of what moves: free space, days left.
func (c *comparing) outcome(was, is Checked, s *Step) {
	switch {
	case was.Outcome == "" || was.Outcome == is.Outcome:
	case is.Outcome == "":
		c.hidden = append(c.hidden, "outcome")
	default:
		why := ""
		if l := s.Latest(); l != nil {
			why = engine.InShort(l.Outcome, l.Because)
		}
		c.add(Difference{Field: "outcome", Change: Changed, Was: string(was.Outcome), Is: string(is.Outcome), Why: why})
	}
}

// value compares two values of a type.
func (c *comparing) value(path string, t engine.Type, was, is any) {
	switch {
	case was == nil && is == nil:
		return
	case is == nil:
		c.hidden = once(c.hidden, generic(path))
		return
	case was == nil:
		c.shown = once(c.shown, generic(path))
		return
	}
	switch t.Kind {
	case engine.Object:
		old, new, ok := both[map[string]any](was, is)
		if ok {
			c.object(path+".", t.Fields, old, new)
			return
		}
	case engine.Map, engine.AnyValue:
		if old, new, ok := both[map[string]any](was, is); ok {
			c.mapping(path, t, old, new)
			return
		}
		if old, new, ok := both[[]any](was, is); ok {
			c.list(path, t, old, new)
			return
		}
	case engine.List:
		if old, new, ok := both[[]any](was, is); ok {
			c.list(path, *t.Elem, old, new)
			return
		}
	case engine.String:
		c.text(path, was, is)
		return
	case engine.Span, engine.Bool, engine.Int, engine.Number:
	}
	c.scalar(path, was, is)
}

func both[T any](was, is any) (old, now T, ok bool) {
	old, isOld := was.(T)
	now, isNow := is.(T)
	return old, now, isOld && isNow
}

// object compares the fields of a shape, in its order. Of what is there no more, or not yet, nothing else is said: all
// its fields would follow.
func (c *comparing) object(prefix string, fields []engine.Field, was, is map[string]any) {
	const exists = "exists"
	if old, new, ok := both[bool](was[exists], is[exists]); ok && old != new {
		c.scalar(prefix+exists, old, new)
		return
	}
	for _, f := range fields {
		old, onPage := was[f.Name]
		if onPage && !f.Moves && f.Restates == "" {
			c.value(prefix+f.Name, f.Type, old, is[f.Name])
		}
	}
}

// mapping compares entries by their names.
func (c *comparing) mapping(path string, t engine.Type, was, is map[string]any) {
	elem := t
	if t.Elem != nil {
		elem = *t.Elem
	}
	names := append(sortedNames(was), sortedNames(is)...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		old, onPage := was[name]
		new, there := is[name]
		at := path + "[" + oneLine(name) + "]"
		switch {
		case !there:
			c.add(Difference{Field: at, Change: Lost, Was: old})
		case !onPage:
			c.add(Difference{Field: at, Change: New, Is: new})
		default:
			c.value(at, elem, old, new)
		}
	}
}

// list compares lists as what they hold: an order that is another is no news. Items with keys are told apart by them,
// all others by everything that they are.
func (c *comparing) list(path string, elem engine.Type, was, is []any) {
	lost, gained := lacking(was, is), lacking(is, was)
	if len(lost) == 1 && len(gained) == 1 && (key(elem, lost[0]) == key(elem, gained[0]) || isText(lost[0]) && isText(gained[0])) {
		c.value(path+inBrackets(key(elem, lost[0])), elem, lost[0], gained[0])
		return
	}
	for _, old := range lost {
		at := key(elem, old)
		i := slices.IndexFunc(gained, func(g any) bool { return at != "" && key(elem, g) == at })
		if i < 0 {
			c.add(Difference{Field: path + inBrackets(at), Change: Lost, Was: old, Keys: keys(elem)})
			continue
		}
		c.value(path+inBrackets(at), elem, old, gained[i])
		gained = slices.Delete(gained, i, i+1)
	}
	for _, new := range gained {
		c.add(Difference{Field: path + inBrackets(key(elem, new)), Change: New, Is: new, Keys: keys(elem)})
	}
}

// lacking are the items of a list that another list does not have.
func lacking(items, others []any) (out []any) {
	there := map[string]int{}
	for _, v := range others {
		there[encoded(v)]++
	}
	for _, v := range items {
		if there[encoded(v)]--; there[encoded(v)] < 0 {
			out = append(out, v)
		}
	}
	return out
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// key names an item of a list by its key fields: "127.0.0.1:3000". It is "" for items without keys.
func key(t engine.Type, item any) string {
	values, _ := item.(map[string]any)
	var parts []string
	for _, f := range t.Fields {
		if v, ok := values[f.Name]; ok && f.Key {
			part := oneLine(plainValue(v))
			if strings.Contains(part, ":") {
				part = "[" + part + "]"
			}
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ":")
}

func keys(t engine.Type) []string {
	var out []string
	for _, f := range t.Fields {
		if f.Key {
			out = append(out, f.Name)
		}
	}
	return out
}

func inBrackets(key string) string {
	if key == "" {
		return ""
	}
	return "[" + key + "]"
}

func (c *comparing) scalar(path string, was, is any) {
	if !same(was, is) {
		c.add(Difference{Field: path, Change: Changed, Was: was, Is: is})
	}
}

// text compares texts, those of several lines line by line.
func (c *comparing) text(path string, was, is any) {
	old, oldLines := fullText(was)
	new, newLines := fullText(is)
	switch {
	case !oldLines && !newLines:
		c.scalar(path, was, is)
	case old != new:
		diff := strings.TrimRight(udiff.Unified("page", "now", old, new), "\n")
		c.add(Difference{Field: path, Change: Changed, Was: old, Is: new, Diff: strings.Split(diff, "\n")})
	}
}

// lines is a text as it stands on a page: one of several lines is the list of its lines.
func lines(s string) any {
	if !strings.Contains(strings.TrimSuffix(s, "\n"), "\n") {
		return s
	}
	parts := strings.Split(s, "\n")
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out
}

// fullText is the text of what lines gave, and whether it has several.
func fullText(v any) (text string, several bool) {
	items, several := v.([]any)
	if !several {
		s, _ := v.(string)
		return s, false
	}
	parts := make([]string, len(items))
	for i, item := range items {
		parts[i], _ = item.(string)
	}
	return strings.Join(parts, "\n"), true
}

// same tells whether two values of JSON are equal.
func same(a, b any) bool { return encoded(a) == encoded(b) }

func encoded(v any) string {
	raw, _ := json.Marshal(v) // values of JSON can be written as JSON
	return string(raw)
}

// itemName is the name of an item in a path. An address of IPv6 in it has brackets of its own.
var itemName = regexp.MustCompile(`\[(?:[^\[\]]|\[[^\]]*\])*\]`)

// generic is a path without the names of items, which may be many: "sockets[].process".
func generic(path string) string { return itemName.ReplaceAllString(path, "[]") }

func once(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
