package reports

import (
	"regexp"
	"strings"
)

// title is a step's title as the run showed it. The journal has those that a run had to work out. Where it has none, the
// title is plain text, or the run did not come to the step: then it is as much of it as parameters tell.
func (v *View) title(s *Step) string {
	var at Moment
	var shown string
	take := func(m Moment, title string) {
		if title != "" && m.Seq >= at.Seq {
			at, shown = m, title
		}
	}
	for _, l := range s.Looks {
		take(l.Moment, l.Title)
	}
	for _, skip := range s.Skips {
		take(skip.Moment, skip.Title)
	}
	for _, p := range s.Preparations {
		take(p.Moment, p.Title)
	}
	for _, q := range s.Questions {
		take(q.Moment, q.Title)
	}
	if shown != "" {
		return shown
	}
	return withoutRun(s.Title, v.params(s))
}

// params are the parameters of the runbook that a step stands in.
func (v *View) params(s *Step) map[string]any {
	scope := strings.TrimSuffix(s.scope(), "/")
	if scope == "" {
		return v.Start.Params
	}
	if outer := v.Step(scope); outer != nil && outer.Book != nil {
		return outer.Book.Params
	}
	return nil
}

var anyMark = regexp.MustCompile(`\$\{\{.*?\}\}`)

// withoutRun is a title as far as it is known without a run of the step.
func withoutRun(title string, params map[string]any) string {
	return anyMark.ReplaceAllString(withParams(title, params), "…")
}

var paramMark = regexp.MustCompile(`\$\{\{\s*params\.([a-z][a-z0-9_]*)\s*\}\}`)

// filledIn fills parameters into a text of the runbook. It is "" when the text needs more than those.
func filledIn(text string, params map[string]any) string {
	out := withParams(text, params)
	if strings.Contains(out, "${{") {
		return ""
	}
	return out
}

func withParams(text string, params map[string]any) string {
	return paramMark.ReplaceAllStringFunc(text, func(mark string) string {
		v, ok := params[paramMark.FindStringSubmatch(mark)[1]]
		if !ok {
			return mark
		}
		return plainValue(v)
	})
}
