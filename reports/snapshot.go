package reports

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/engine"
)

// Snapshot writes what a dry run saw of a host as a Markdown page that a team keeps: which manager runs what and as
// whom, units with their files, pm2, listeners, endpoints, boot, host. What every check saw stands on it, sorted by the
// kind of check; at its end are the [Values] that a later look is compared with. Changes that the run described are no
// part of it. The same plan and events give the same bytes.
func Snapshot(plan *engine.Plan, events []engine.Stamped) ([]byte, error) {
	if plan == nil {
		return nil, errors.New("write a snapshot: the runbook of the run can't be loaded")
	}
	p := &snapshot{report: report{plan: plan, view: NewView(plan, events)}}
	for _, s := range p.view.Steps {
		if s.Plan != nil && s.Effect == engine.Reads {
			look, why, spare := s.sight()
			x := sight{step: s, look: look, why: why, spare: spare, with: p.view.given(s)}
			if look != nil {
				x.facts = blankedFacts(look.Output)
			}
			p.sights = append(p.sights, x)
		}
	}
	values := NewValues(plan, events)
	if len(values.Checks) == 0 {
		return nil, fmt.Errorf("write a snapshot: runbook %s has no checks, so nothing was looked at", p.view.name())
	}
	block, err := values.encode()
	if err != nil {
		return nil, err
	}
	var d document
	for _, section := range []func() document{
		p.head, p.wrong, p.managers, p.about, p.units, p.pm2, p.listeners, p.endpoints, p.boot, p.host, p.files, p.others, p.byHand,
	} {
		d = append(d, section()...)
	}
	d = append(d, section("Values that are compared",
		line(code("runbook snapshot --check FILE"), text(" looks at the host again and compares what it sees with these values, and with nothing else on "+
			"this page. What moves by itself (process ids, ages, memory, latency) is not among them. When the host has changed on purpose, take the page anew.")),
		fence{language: blockLanguage, lines: block})...)
	return markdown(d), nil
}

// snapshot is a page in the making.
type snapshot struct {
	report
	sights []sight
}

// sight is what one check saw.
type sight struct {
	step  *Step
	look  *Look          // nil: it did not look
	why   string         // why not
	spare bool           // it did not look because nobody needed it to
	with  map[string]any // its inputs
	facts                // its output
}

// facts are an output, or an object in one, of which nothing is certain: a journal can be of another version.
type facts map[string]any

func (f facts) str(name string) string {
	s, _ := f[name].(string)
	return s
}

func (f facts) yes(name string) bool {
	b, _ := f[name].(bool)
	return b
}

// num is a number, and whether it is there.
func (f facts) num(name string) (float64, bool) {
	switch n := f[name].(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// size is a number of bytes for people, "" when it is not there.
func (f facts) size(name string) string {
	n, ok := f.num(name)
	if !ok {
		return ""
	}
	return Size(int64(n))
}

func (f facts) object(name string) facts {
	o, _ := f[name].(map[string]any)
	return o
}

func (f facts) objects(name string) []facts {
	items, _ := f[name].([]any)
	var out []facts
	for _, item := range items {
		if o, ok := item.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

func (f facts) texts(name string) []string {
	items, _ := f[name].([]any)
	var out []string
	for _, item := range items {
		out = append(out, plainValue(item))
	}
	return out
}

// of gives the sights of a kind.
func (p *snapshot) of(kind string) []sight {
	var out []sight
	for _, x := range p.sights {
		if x.step.Kind == kind {
			out = append(out, x)
		}
	}
	return out
}

// seen is of for those that could look.
func (p *snapshot) seen(kind string) []sight {
	return slices.DeleteFunc(p.of(kind), func(x sight) bool { return x.look == nil })
}

// input is an input as text.
func (x sight) input(name string) string {
	v, ok := x.with[name]
	if !ok || v == nil {
		return ""
	}
	return plainValue(v)
}

// judged is how a check judged what it saw: "healthy", or, to be found first, what it is. Nothing is said of a check that
// expects nothing.
func (x sight) judged() inline {
	switch {
	case x.spare:
		return words(sentence(x.why))
	case x.look == nil:
		return words(strong("could not look"), text(": "), sentence(x.why))
	case x.look.Outcome == engine.OutcomeHealthy && len(x.look.Because) == 0:
		return nil // nothing is expected of it
	case x.look.Outcome == engine.OutcomeHealthy:
		return words(text("healthy"))
	case x.look.Outcome == engine.OutcomeUnknown:
		return words(strong("unknown"), text(": "), failure(x.look.Failure))
	default:
		return words(strong(string(x.look.Outcome)), text(": "), whatItSaw(x.look))
	}
}

// check is the name of a check with what it says.
func (x sight) check() inline { return words(code(x.step.Path), text(" "), x.judged()) }

func (p *snapshot) head() document {
	v := p.view
	bad, blind := 0, 0
	for _, x := range p.sights {
		switch {
		case x.spare:
		case x.look == nil || x.look.Outcome == engine.OutcomeUnknown:
			blind++
		case x.look.Outcome == engine.OutcomeUnhealthy:
			bad++
		}
	}
	checks := words(text(plural(len(p.sights), "check")))
	if bad+blind == 0 {
		checks = words(checks, text(", all healthy"))
	}
	if bad > 0 {
		checks = words(checks, text(", "), strong(fmt.Sprintf("%d unhealthy", bad)))
	}
	if blind > 0 {
		checks = words(checks, text(", "), strong(fmt.Sprintf("%d could not look", blind)))
	}
	t := table{head: []inline{words(text("Host")), orUnknown(v.Start.Host, "the journal does not name it")}}
	add := func(name string, what inline) {
		if len(what) > 0 {
			t.rows = append(t.rows, []inline{words(text(name)), what})
		}
	}
	add("Taken", words(text(timestamp(v.Began.At)+" by "), p.starter()))
	add("System", p.system())
	add("Up since", p.upSince())
	add("Runbook", words(code(v.name()), text(" "), sentence(p.plan.Runbook.Title.Value), text(", SHA-256 "), code(short(v.Start.Runbook.Hash))))
	if given := p.params(); len(given) > 0 {
		add("Parameters", joined(given, ", "))
	}
	add("Tool", words(text("runbook "), label(orElse(v.Start.Version, "of unknown version"))))
	return document{
		heading{level: 1, text: words(text("Snapshot of "), label(orElse(v.Start.Host, "an unknown host")))},
		line(text("What runs on this host, and who runs it, as "), code("runbook snapshot "+quoted(v.name())), text(" found it. "), checks, text(".")),
		t,
	}
}

// wrong is what somebody should look at: a page of a host that is not well says so first.
func (p *snapshot) wrong() document {
	var l list
	for _, x := range p.sights {
		if !x.spare && (x.look == nil || x.look.Outcome != engine.OutcomeHealthy) {
			l = append(l, item{text: words(named(x.step), text(" "), x.judged())})
		}
	}
	for _, f := range p.view.Findings {
		if n := len(f.Said); n > 0 && f.Said[n-1].Value == engine.True {
			l = append(l, item{text: words(text("concluded by rule "), code(f.Path), text(": "), sentence(orElse(f.Said[n-1].Say, "true")))})
		}
	}
	if len(l) == 0 {
		return nil
	}
	return section("Not as it should be", l)
}

// others are the checks of kinds that have no section of their own.
func (p *snapshot) others() document {
	own := []string{
		"systemd.unit", "systemd.boot", "pm2.list", "net.listeners", "http.get", "file.stat", "file.read", "disk.usage", "dns.lookup", "host.facts",
	}
	var d document
	for _, x := range p.sights {
		if x.look == nil || slices.Contains(own, x.step.Kind) {
			continue
		}
		d = append(d, heading{level: 3, text: named(x.step)})
		what := words(code(x.step.Kind))
		if of := about(x.step, x.with); of != "" {
			what = words(what, text(", "), code(of))
		}
		if judged := x.judged(); len(judged) > 0 {
			what = words(what, text(": "), judged)
		}
		d = append(d, line(what))
		d = append(d, x.table()...)
	}
	if len(d) == 0 {
		return nil
	}
	return append(section("Other checks"), d...)
}

// table shows all fields of an output in the order of their kind, texts of several lines below it.
func (x sight) table() document {
	t := headed("Field", "Value")
	var texts document
	for _, f := range x.step.Plan.Kind.Output.Fields {
		v, there := x.facts[f.Name]
		s, isText := v.(string)
		switch {
		case !there || f.Restates != "" || isText && s == "":
		case isText && strings.Contains(strings.TrimSpace(s), "\n"):
			texts = append(texts, line(code(f.Name), text(":")), fence{language: "text", lines: strings.Split(strings.TrimRight(s, "\n"), "\n")})
		case f.Type.Kind == engine.List && len(f.Type.Elem.Fields) > 0 && len(x.objects(f.Name)) > 0:
			texts = append(texts, line(code(f.Name), text(":")), objectTable(f.Type.Elem.Fields, x.objects(f.Name)))
		default:
			t.rows = append(t.rows, []inline{words(code(f.Name)), words(code(plainValue(v)))})
		}
	}
	if len(t.rows) == 0 {
		return texts
	}
	return append(document{t}, texts...)
}

// objectTable shows objects of one shape, a row for each. Fields that are empty in all of them have no column.
func objectTable(fields []engine.Field, objects []facts) table {
	var t table
	t.rows = make([][]inline, len(objects))
	for _, f := range fields {
		column := make([]inline, len(objects))
		empty := true
		for i, o := range objects {
			column[i] = words(text("–"))
			if v, ok := o[f.Name]; ok && v != nil && v != "" {
				empty = false
				column[i] = cell(words(code(plainValue(v))))
			}
		}
		if empty || f.Restates != "" {
			continue
		}
		t.head = append(t.head, words(text(f.Name)))
		for i := range objects {
			t.rows[i] = append(t.rows[i], column[i])
		}
	}
	return t
}

// about is what the runbook says for people: what all this is, whose it is, where to read on.
func (p *snapshot) about() document {
	rb := p.plan.Runbook
	var d document
	for paragraph := range strings.SplitSeq(strings.TrimSpace(rb.Summary.Value), "\n\n") {
		if s := oneLine(paragraph); s != "" {
			d = append(d, line(text(s)))
		}
	}
	var l list
	add := func(name, value string) {
		if value != "" {
			l = append(l, item{text: words(text(name+": "), sentence(value))})
		}
	}
	add("Service", rb.Service.Value)
	add("Owner", rb.Owner.Value)
	add("Runbook reviewed", rb.Reviewed.Value)
	for _, see := range rb.Links {
		l = append(l, item{text: words(text("See "), link(see.Value))})
	}
	if len(l) > 0 {
		d = append(d, l)
	}
	if len(d) == 0 {
		return nil
	}
	return append(section("About"), d...)
}

// headed begins a table.
func headed(names ...string) table {
	var t table
	for _, name := range names {
		t.head = append(t.head, words(text(name)))
	}
	return t
}

// pairs is a table of names and values without those that have none. The first is its head.
func pairs(head []inline, rows ...[]inline) table {
	t := table{head: head}
	for _, r := range rows {
		if slices.ContainsFunc(r[1], func(s span) bool { return s.text != "" }) {
			t.rows = append(t.rows, r)
		}
	}
	return t
}

func pair(name string, value ...part) []inline { return []inline{words(text(name)), words(value...)} }

// maybe is a name or a value as code, nothing when there is none.
func maybe(s string) inline {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return words(code(s))
}
