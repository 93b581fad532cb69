package engine

import (
	"fmt"
	"strings"
	"time"
)

// reviewEvery is how long a review is good for. Hosts change, and a runbook that nobody has read for half a year is
// trusted at night by somebody who was not there.
const reviewEvery = 180 * 24 * time.Hour

// LintRules lists what [Lint] looks at. None of it keeps a runbook from being run.
func LintRules() []Rule {
	return []Rule{
		{Name: "no-title", Doc: "A runbook says in a few words what is wrong when it is needed."},
		{Name: "no-owner", Doc: "A runbook has somebody who keeps it right."},
		{Name: "no-review", Doc: "Somebody has read a runbook through, and says when."},
		{Name: "old-review", Doc: "The last review is at most 180 days ago."},
		{Name: "future-review", Doc: "A review has happened."},
		{Name: "unused-param", Doc: "Every parameter is used."},
	}
}

// Lint tells what a runbook's keeper should think about. today is the day on which it is asked; only its date counts.
func Lint(rb *Runbook, today time.Time) []Diagnostic {
	v := &review{rb: rb}
	start := rb.Name
	warn := func(rule string, at Text, format string, args ...any) {
		v.rule = rule
		v.report(at, "", format, args...)
	}
	given := func(key string) bool { _, ok := rb.Given[key]; return ok }
	if !given("title") {
		warn("no-title", start, "the runbook has no title: say in a few words what is wrong when it is needed")
	}
	if !given("owner") {
		warn("no-owner", start, "the runbook has no owner: who keeps it right?")
	}
	if !given("reviewed") {
		warn("no-review", start, "the runbook was never reviewed: read it through and add reviewed: %s", today.Format(time.DateOnly))
	}
	v.linted(warn, today)
	for _, p := range rb.Params {
		if p.Name.Value != "" && !usesParam(rb, p.Name.Value) {
			warn("unused-param", p.Name, "nothing uses the parameter %s", quoteKey(p.Name.Value))
		}
	}
	return sorted(v.found)
}

func (v *review) linted(warn func(rule string, at Text, format string, args ...any), today time.Time) {
	reviewed, err := time.Parse(time.DateOnly, v.rb.Reviewed.Value)
	if err != nil {
		return // Check has said so
	}
	day := time.Date(today.Year(), today.Month(), today.Day(), 0, 0, 0, 0, time.UTC)
	switch age := day.Sub(reviewed); {
	case age < 0:
		warn("future-review", v.rb.Reviewed, "the review of %s has not happened yet: today is %s", v.rb.Reviewed.Value, day.Format(time.DateOnly))
	case age > reviewEvery:
		warn("old-review", v.rb.Reviewed, "the last review is %s ago: read the runbook through again", plural(int(age/(24*time.Hour)), "day"))
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// usesParam tells whether the name of a parameter stands anywhere as params.NAME or params["NAME"]. It errs on the side
// of silence: it may take text that nobody evaluates for a use.
func usesParam(rb *Runbook, name string) bool {
	src := string(rb.Source)
	for _, form := range []string{"params." + name, "params?." + name, `params["` + name, "params['" + name, `params[\"` + name} {
		for rest := src; ; {
			i := strings.Index(rest, form)
			if i < 0 {
				break
			}
			rest = rest[i+len(form):]
			if rest == "" || !isNameByte(rest[0]) {
				return true
			}
		}
	}
	return false
}

func isNameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
