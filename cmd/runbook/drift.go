package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"runbook/cmd/runbook/internal/screen"
	"runbook/reports"
)

// driftJSON is what snapshot --check --json prints.
type driftJSON struct {
	Page        string            `json:"page"`
	Runbook     string            `json:"runbook"`
	PageHost    string            `json:"page_host"`
	Host        string            `json:"host"`
	Taken       string            `json:"taken"`
	Looked      string            `json:"looked"`
	Exit        int               `json:"exit"`
	Drift       []differenceJSON  `json:"drift"`
	NotCompared []notComparedJSON `json:"not_compared"`
	Notes       []string          `json:"notes,omitempty"`
}

type differenceJSON struct {
	Step   string   `json:"step"`
	Kind   string   `json:"kind"`
	Title  string   `json:"title,omitempty"`
	About  string   `json:"about,omitempty"`
	Field  string   `json:"field"`
	Change string   `json:"change"`
	Was    any      `json:"was"`
	Is     any      `json:"is"`
	Diff   []string `json:"diff,omitempty"`
	Why    string   `json:"why,omitempty"`
}

type notComparedJSON struct {
	Step string `json:"step"`
	Why  string `json:"why"`
}

func driftOf(file string, page reports.Values, d reports.Drift, code int) driftJSON {
	const moment = "2006-01-02T15:04:05Z"
	out := driftJSON{
		Page: file, Runbook: page.Runbook, PageHost: page.Host, Host: d.Host,
		Taken: page.Taken.UTC().Format(moment), Looked: d.Looked.UTC().Format(moment),
		Exit: code, Drift: []differenceJSON{}, NotCompared: []notComparedJSON{}, Notes: d.Notes,
	}
	for _, c := range d.Checks {
		for _, x := range c.Differences {
			out.Drift = append(out.Drift, differenceJSON{
				Step: c.Step, Kind: c.Kind, Title: c.Title, About: c.About,
				Field: x.Field, Change: string(x.Change), Was: x.Was, Is: x.Is, Diff: x.Diff, Why: x.Why,
			})
		}
	}
	for _, n := range d.Unseen {
		out.NotCompared = append(out.NotCompared, notComparedJSON(n))
	}
	return out
}

// driftScreen shows a person what is different.
type driftScreen struct {
	screen.Screen
	file  string
	page  reports.Values
	drift reports.Drift
	lines []string
}

func newDriftScreen(s screen.Screen, file string, page reports.Values, d reports.Drift) *driftScreen {
	return &driftScreen{Screen: s, file: file, page: page, drift: d}
}

func (s *driftScreen) print(code int) {
	s.head()
	differences := 0
	for _, c := range s.drift.Checks {
		s.check(c)
		differences += len(c.Differences)
	}
	if len(s.drift.Unseen)+len(s.drift.Notes) > 0 {
		s.add("")
	}
	s.notCompared()
	for _, n := range s.drift.Notes {
		s.worded("NOTICE", s.Paint.Warn, n)
	}
	s.add("")
	switch {
	case differences > 0:
		s.worded("DRIFTED", s.Paint.Bad, count(differences, "value is", "values are")+" not as on the page, in "+count(len(s.drift.Checks), "check", "checks"))
	case len(s.drift.Unseen) > 0:
		s.worded("UNDECIDED", s.Paint.Warn, "What could be compared is as on the page.")
	default:
		s.worded("unchanged", s.Paint.Good, "Everything is as on the page.")
	}
	s.add(fmt.Sprintf("exit %d", code))
	_, _ = io.WriteString(s, strings.Join(s.lines, "\n")+"\n")
}

func (s *driftScreen) add(lines ...string) { s.lines = append(s.lines, lines...) }

// worded is a sentence behind a word that is to be seen first.
func worded(s screen.Screen, word string, paint func(string) string, text string) []string {
	left := screen.Pad(word, 12) + "  "
	lines := screen.Indent(screen.Wrap(screen.Line(text), s.Width-screen.Width(left)), left)
	lines[0] = strings.Replace(lines[0], word, paint(word), 1)
	return lines
}

func (s *driftScreen) worded(word string, paint func(string) string, text string) {
	s.add(worded(s.Screen, word, paint, text)...)
}

// head says which page it is, of which host and how old: an old page explains much.
func (s *driftScreen) head() {
	age := s.drift.Looked.Sub(s.page.Taken)
	text := fmt.Sprintf("%s: %s as of %s, %s ago", s.file, s.page.Host, s.page.Taken.UTC().Format("2006-01-02 15:04:05 UTC"), screen.Span(max(age, 0)))
	s.add(screen.Wrap(screen.Line(text), s.Width)...)
	if s.page.Host != s.drift.Host {
		s.worded("NOTICE", s.Paint.Warn, fmt.Sprintf("the page is of %s, and this is %s", s.page.Host, s.drift.Host))
	}
}

func (s *driftScreen) check(c reports.CheckDrift) {
	text := screen.Line(c.Title)
	if c.About != "" {
		text += " (" + screen.Line(c.About) + ")"
	}
	left := s.Paint.Strong(screen.Line(c.Step)) + "  "
	s.add("")
	s.add(screen.Indent(screen.Wrap(strings.TrimSpace(text), s.Width-screen.Width(left)), left)...)
	for _, d := range c.Differences {
		s.difference(c.Step+"."+d.Field, d)
	}
}

// notCompared says what was not compared, once for all that have the same reason.
func (s *driftScreen) notCompared() {
	var reasons []string
	steps := map[string][]string{}
	for _, n := range s.drift.Unseen {
		if steps[n.Why] == nil {
			reasons = append(reasons, n.Why)
		}
		steps[n.Why] = append(steps[n.Why], n.Step)
	}
	for _, why := range reasons {
		s.worded("NOT COMPARED", s.Paint.Warn, strings.Join(steps[why], ", ")+": "+why)
	}
}

// difference is one line, and more when the values are long.
func (s *driftScreen) difference(field string, d reports.Difference) {
	const indent, deeper = "  ", "      "
	field = screen.Line(field)
	switch {
	case len(d.Diff) > 0:
		s.add(indent + field + ":")
		for _, line := range d.Diff {
			for _, piece := range screen.Hard(screen.Exact(line), s.Width-len(deeper)) {
				s.add(strings.TrimRight(deeper+piece, " "))
			}
		}
	case d.Change == reports.Changed:
		was, is := inJSON(d.Was), inJSON(d.Is)
		if line := indent + field + ": " + was + " → " + is; screen.Width(line) <= s.Width {
			s.add(line)
		} else {
			s.add(indent + field + ":")
			s.add(screen.Indent(screen.Hard(was, s.Width-len(deeper)-5), deeper+"was  ")...)
			s.add(screen.Indent(screen.Hard(is, s.Width-len(deeper)-5), deeper+"now  ")...)
		}
	case d.Change == reports.New:
		s.item(indent+field+": new", deeper, d.Is, d.Keys)
	case d.Change == reports.Lost:
		s.item(indent+field+": lost", deeper, d.Was, d.Keys)
	}
	if d.Why != "" {
		s.add(screen.Indent(screen.Wrap(screen.Line(d.Why), s.Width-len(deeper)), deeper)...)
	}
}

// item is an item of a list that is new or lost: on the same line if it has room there. The keys stand in its head.
func (s *driftScreen) item(head, indent string, v any, keys []string) {
	text := inJSON(v)
	if fields, ok := v.(map[string]any); ok {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if value := fields[name]; value != nil && value != "" && !slices.Contains(keys, name) {
				parts = append(parts, screen.Line(name)+" "+inJSON(value))
			}
		}
		text = strings.Join(parts, ", ")
	}
	if line := head + "  " + text; screen.Width(line) <= s.Width {
		s.add(strings.TrimRight(line, " "))
		return
	}
	s.add(screen.Indent(screen.Hard(strings.TrimLeft(head, " "), s.Width-4), "  ")...)
	s.add(screen.Indent(screen.Wrap(text, s.Width-len(indent)), indent)...)
}

// inJSON writes a value of a page as JSON does, fit for a terminal.
func inJSON(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return screen.Line(fmt.Sprint(v))
	}
	return screen.Line(b.String())
}
