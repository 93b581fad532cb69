package scenario

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/engine"
)

// file writes what a transcript holds as a file of scenarios.
func (t *transcript) file(name string) string {
	v, _ := t.state.Ended()
	s := section{{"title", fmt.Sprintf("Run %s: %s", t.Started.Run, v)}}
	add := func(key string, value any, there bool) {
		if there {
			s = append(s, pair{key, value})
		}
	}
	add("mode", string(t.Started.Mode), t.Started.Mode == engine.DryRun)
	add("host", t.Started.Host, t.names("run.host"))
	var params pairs
	for _, key := range slices.Sorted(maps.Keys(t.given())) {
		params = append(params, pair{key, t.Started.Params[key]})
	}
	add("params", params, len(params) > 0)
	sees, does, after := t.sections()
	add("sees", sees, len(sees) > 0)
	add("does", does, len(does) > 0)
	add("after", after, len(after) > 0)
	answers := t.said()
	add("answers", answers, len(answers) > 0)
	add("expect", t.expected(), true)
	var b strings.Builder
	fmt.Fprintf(&b, "# Recorded from run %s. Say in its name and title what had happened to the host.\n", t.Started.Run)
	if t.Resumed {
		b.WriteString("# The run was interrupted and resumed; here it goes through at once.\n")
	}
	b.WriteString("scenarios:\n")
	write(&b, "  "+name+": ", s)
	return b.String()
}

// names tells whether a text stands in one of the runbooks that ran.
func (t *transcript) names(text string) bool {
	for _, source := range append([]engine.Source{t.Started.Runbook}, t.Started.Books...) {
		if strings.Contains(source.Text, text) {
			return true
		}
	}
	return false
}

// sections sorts what was seen and done by step: what a check found at first, and from each fix on as far as that is
// something else.
func (t *transcript) sections() (sees, does, after section) {
	afters := map[string]pairs{}
	for _, path := range t.layout.names {
		m, first, last := t.layout.steps[path], true, Reply{}
		for _, row := range t.rows {
			list := row.looks[path]
			if len(list) == 0 {
				continue
			}
			replies := t.replies(m, list, first, &last)
			switch {
			case first && len(m.uses()) == 0 && !t.all && plainly(replies): // nothing hangs on it
			case first:
				sees = append(sees, pair{path, replies})
			case replies != nil:
				afters[row.by] = append(afters[row.by], pair{path, replies})
			}
			first = false
		}
		if list := t.does[path]; len(list) > 0 {
			if replies := t.replies(m, list, true, &Reply{}); !plainly(replies) {
				does = append(does, pair{path, replies})
			}
		}
	}
	for _, row := range t.rows[1:] {
		if len(afters[row.by]) > 0 {
			after = append(after, pair{row.by, afters[row.by]})
		}
	}
	return sees, does, after
}

// plainly tells whether something was looked at, or done, and no more is said of it.
func plainly(replies any) bool {
	p, ok := replies.(pairs)
	return ok && len(p) == 0
}

// replies writes one reply after the other, each as far as it differs from the one before. What stays to the end is said
// once, and nothing is given when all is as it was. The first reply that a scenario has of a step is always said.
func (t *transcript) replies(m member, list []Reply, first bool, last *Reply) any {
	var out []any
	said := 0
	for i, r := range list {
		news := pairs{}
		if r.Fails != "" {
			news = append(news, pair{"fails", string(r.Fails)})
		} else {
			fields := map[string]any{}
			for name, v := range r.Fields {
				if was, there := last.Fields[name]; !there || !reflect.DeepEqual(was, v) {
					fields[name] = v
				}
			}
			news = ordered(m.kind().Output.Fields, fields)
		}
		if i == 0 && first || r.Fails != last.Fails || r.Fails == "" && len(news) > 0 {
			said = i + 1
		}
		out = append(out, news)
		*last = Reply{Fails: r.Fails, Fields: merge(last.Fields, r.Fields)}
	}
	switch said {
	case 0:
		return nil
	case 1:
		return out[0]
	}
	return out[:said]
}

func (t *transcript) said() pairs {
	var out pairs
	for _, path := range t.layout.names {
		var list []any
		for _, a := range t.answers[path] {
			if a.In == 0 {
				list = append(list, a.Say)
			} else {
				list = append(list, pairs{{"say", a.Say}, {"in", span(a.In)}})
			}
		}
		switch len(list) {
		case 0:
		case 1:
			out = append(out, pair{path, list[0]})
		default:
			out = append(out, pair{path, list})
		}
	}
	return out
}

// expected is what the run came to.
func (t *transcript) expected() section {
	told := tell(t.Events)
	var findings, unknown []any
	for _, path := range t.layout.concepts {
		if _, is := told.concluded[path]; is {
			findings = append(findings, path)
		}
	}
	var changes []any
	for _, path := range told.changes {
		changes = append(changes, path)
	}
	var outcomes pairs
	for _, path := range t.layout.names {
		if told.unknown(path) {
			unknown = append(unknown, path)
		}
		o, check := t.state.Outcome(path), t.layout.steps[path].step.Effect == engine.Reads
		whole := t.all && !t.Resumed // of several lives, the last one tells how each check ended
		if o != engine.Pending && (whole || !check && o != engine.OutcomeSkipped) {
			outcomes = append(outcomes, pair{path, string(o)})
		}
	}
	out := section{{"verdict", string(told.verdict)}, {"findings", findings}, {"changes", changes}, {"unknown", unknown}}
	if len(outcomes) > 0 {
		out = append(out, pair{"outcomes", outcomes})
	}
	return out
}

// pairs is a mapping as it is written: in this order, and in one line where it fits. A section has a line for each key.
type (
	pair struct {
		key   string
		value any
	}
	pairs   []pair
	section []pair
)

// ordered is a mapping in the order of its fields.
func ordered(fields []engine.Field, m map[string]any) pairs {
	out := pairs{}
	for _, f := range fields {
		if v, ok := m[f.Name]; ok {
			out = append(out, pair{f.Name, orderedValue(f.Type, v)})
		}
	}
	return out
}

func orderedValue(t engine.Type, v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = orderedValue(elem(t), item)
		}
		return out
	case map[string]any:
		if t.Kind == engine.Object {
			return ordered(t.Fields, v)
		}
		out := pairs{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(out, pair{key, orderedValue(elem(t), v[key])})
		}
		return out
	default:
		return v
	}
}

// write writes a value as YAML behind what stands before it in its line.
func write(b *strings.Builder, lead string, v any) {
	const most = 100 // columns
	inner := strings.Repeat(" ", len(lead)-len(strings.TrimLeft(lead, " -"))+2)
	block, _ := v.(section)
	if line := lead + flow(v); block == nil && len([]rune(line)) <= most {
		b.WriteString(line + "\n")
		return
	}
	switch v := v.(type) {
	case section:
		b.WriteString(strings.TrimRight(lead, " ") + "\n")
		for _, p := range v {
			write(b, inner+scalar(p.key)+": ", p.value)
		}
	case pairs:
		if strings.HasSuffix(lead, "- ") {
			for i, p := range v {
				if i > 0 {
					lead = strings.Repeat(" ", len(lead))
				}
				write(b, lead+scalar(p.key)+": ", p.value)
			}
			return
		}
		write(b, lead, section(v))
	case []any:
		if strings.HasSuffix(lead, "- ") {
			b.WriteString(lead + flow(v) + "\n")
			return
		}
		b.WriteString(strings.TrimRight(lead, " ") + "\n")
		for _, item := range v {
			write(b, inner+"- ", item)
		}
	default:
		b.WriteString(lead + flow(v) + "\n")
	}
}

// flow is a value in one line.
func flow(v any) string {
	var parts []string
	switch v := v.(type) {
	case section:
		return flow(pairs(v))
	case pairs:
		for _, p := range v {
			parts = append(parts, scalar(p.key)+": "+flow(p.value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, item := range v {
			parts = append(parts, flow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		return scalar(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case nil:
		return "null"
	default:
		return fmt.Sprint(v)
	}
}

var (
	bare     = regexp.MustCompile(`^([A-Za-z_/][A-Za-z0-9_./+-]*( [A-Za-z0-9_./+-]+)*|([0-9]+(ms|s|m|h))+)$`)
	reserved = regexp.MustCompile(`^(?i:true|false|yes|no|on|off|y|n|null)$`)
)

// scalar writes a text as an author would: in quotes where YAML, or another reader of it, would take it for something
// else.
func scalar(s string) string {
	if bare.MatchString(s) && !reserved.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}
