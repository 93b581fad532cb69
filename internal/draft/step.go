package draft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// step is one step of the draft.
type step struct {
	id, title, uses string
	with            []input
	as              string
	reads           bool
	when, expect    string
	why             string
	verify          []string
	notes           []string // comments

	line     int
	sections []int    // in which it stands on the page
	object   string   // what it looks at or acts on: a fix is verified by the checks of the same
	gives    bool     // a check of what a service gives, which verifies the fixes of its section
	gate     bool     // a check of what must be so before a fix, and not of what a fix is for
	before   []string // checks that stand before a fix and &&
	lifts    bool     // a fix that nobody needs while its checks are healthy
	alone    bool     // a fix that no check of the page shows to have helped
}

type input struct {
	name  string
	value any // string, int, bool, []string or []setting
}

type setting struct{ name, value string }

// note adds a comment, as long as they are few.
func (s *step) note(text string) {
	if len(s.notes) < mostNames && !slices.Contains(s.notes, text) {
		s.notes = append(s.notes, text)
	}
}

// slug makes an identifier of a text: small letters, digits and _.
func slug(text string) string { return slugged(text, 40, "step") }

// slugged cuts it at a word. What does not begin with a letter gets a prefix.
func slugged(text string, most int, prefix string) string {
	out := ""
	for _, part := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) {
		if len(out)+len(part) >= most {
			break
		}
		out = strings.TrimPrefix(out+"_"+part, "_")
	}
	if out == "" || out[0] < 'a' {
		out = strings.TrimSuffix(prefix+"_"+out, "_")
	}
	return out
}

// Name makes the name of a runbook of a heading, or of a file without its ending.
func Name(text string) string { return strings.ReplaceAll(slugged(text, 58, "page"), "_", "-") }

// literal is a text in an expression.
func literal(text string) string {
	if m := onlyParam.FindStringSubmatch(text); m != nil {
		return "params." + m[1]
	}
	return strconv.Quote(text)
}

// plain is a text that YAML takes for a text as it stands, in brackets too.
var (
	plain    = regexp.MustCompile(`^(?:(?:--?)?[A-Za-z/][A-Za-z0-9_./+@-]*(?: [A-Za-z0-9_./+@()'-]+)*|https?://[A-Za-z0-9._:/-]*[A-Za-z0-9/]|\d+[smh])$`)
	notPlain = regexp.MustCompile(`(?i)^(?:true|false|null|yes|no|on|off|y|n|\.inf|\.nan)$`)
)

// scalar is a value in YAML: a text as it stands, or in double quotes as JSON has it.
func scalar(v any) string {
	text, ok := v.(string)
	if !ok || plain.MatchString(text) && !notPlain.MatchString(text) {
		return fmt.Sprint(v)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a text can be encoded
	return strings.TrimSuffix(b.String(), "\n")
}

// value is an input's value in one line.
func value(v any) string {
	var parts []string
	switch v := v.(type) {
	case []string:
		for _, s := range v {
			parts = append(parts, scalar(s))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []setting:
		for _, s := range v {
			parts = append(parts, scalar(s.name)+": "+scalar(s.value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return scalar(v)
}

// yaml is the step as an item of steps.
func (s step) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - id: %s\n", s.id)
	add := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "    %s: %s\n", key, value)
		}
	}
	text := func(key, value string) {
		if value != "" {
			add(key, scalar(value))
		}
	}
	text("title", s.title)
	add("when", s.when)
	add("uses", s.uses)
	s.inputs(&b)
	text("as", s.as)
	if s.reads {
		add("reads", "true")
	}
	if expect := s.expect; strings.HasPrefix(expect, `"`) {
		add("expect", "'"+strings.ReplaceAll(expect, "'", "''")+"'")
	} else {
		add("expect", expect)
	}
	text("why", s.why)
	switch {
	case s.verify != nil && len(s.verify) == 0:
		add("verify", "none")
	case s.verify != nil:
		add("verify", value(s.verify))
	}
	return b.String()
}

// inputs writes with: in one line if that is a short one.
func (s step) inputs(b *strings.Builder) {
	var parts []string
	for _, in := range s.with {
		parts = append(parts, in.name+": "+value(in.value))
	}
	line := strings.Join(parts, ", ")
	long := slices.ContainsFunc(s.with, func(in input) bool {
		text, _ := in.value.(string)
		return strings.Contains(text, "\n")
	})
	switch {
	case line == "":
		return
	case !long && len(line) <= 100:
		fmt.Fprintf(b, "    with: {%s}\n", line)
		return
	}
	b.WriteString("    with:\n")
	for i, in := range s.with {
		text, _ := in.value.(string)
		if !strings.Contains(text, "\n") {
			fmt.Fprintf(b, "      %s\n", parts[i])
			continue
		}
		fmt.Fprintf(b, "      %s: |\n", in.name)
		for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
			if strings.TrimSpace(line) != "" {
				b.WriteString("        " + line)
			}
			b.WriteString("\n")
		}
	}
}
