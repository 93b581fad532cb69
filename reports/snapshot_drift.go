package reports

import (
	"fmt"
	"strings"
	"time"

	"runbook/engine"
)

// Drift is what is different on a host from the values of a page.
type Drift struct {
	Host   string    // that was looked at now
	Looked time.Time // when
	Checks []CheckDrift
	// Unseen is what stands on the page and could not be compared: nobody could look, or nobody looks any more.
	Unseen []NotCompared
	// Notes are sentences about what is different and is no drift: the runbook, what was not seen for the page.
	Notes []string
}

// CheckDrift is what one check sees that is not as the page has it.
type CheckDrift struct {
	Step        string
	Kind        string
	Title       string
	About       string // what it looks at: "unit nginx.service"
	Differences []Difference
}

// Difference is one value that is not as the page has it. Values are those of JSON.
type Difference struct {
	Field  string // "active", "sockets[127.0.0.1:3000].process", or "outcome"
	Change DriftKind
	Was    any      // nil for an item of a list that is new
	Is     any      // nil for one that is lost
	Diff   []string // of a text of several lines: a unified diff
	Why    string   // of an outcome: what the check saw
	Keys   []string // of an item of a list: the fields that Field names it by
}

// DriftKind is how a value differs.
type DriftKind string

// The ways to differ.
const (
	Changed DriftKind = "changed"
	New     DriftKind = "new"  // an item of a list, or an entry of a mapping, that the page does not have
	Lost    DriftKind = "lost" // one that only the page has
)

// NotCompared is a check, or a part of what it saw, that stands on the page and was not compared.
type NotCompared struct {
	Step string
	Why  string
}

// Compare holds a look at a host against the values of a page, with the plan and the events of that look. Only what
// stands on the page is compared: a value that was taken out of it is nobody's business any more.
func Compare(page Values, plan *engine.Plan, events []engine.Stamped) Drift {
	now, view := NewValues(plan, events), NewView(plan, events)
	d := Drift{Host: now.Host, Looked: now.Taken}
	if page.Hash != now.Hash {
		d.Notes = append(d.Notes, "the runbook "+page.Runbook+" has changed since the page was written")
	}
	if fresh := now.without(page); len(fresh) > 0 {
		d.Notes = append(d.Notes, "checks that the page does not have: "+strings.Join(fresh, ", "))
	}
	var unseenThen []string
	for _, was := range page.Checks {
		i := now.index(was.Step)
		if i < 0 {
			if was.Unseen+was.Skipped == "" {
				d.Unseen = append(d.Unseen, NotCompared{was.Step, view.whyNot(was.Step)})
			}
			continue
		}
		is, step := now.Checks[i], view.Step(was.Step)
		why := is.incomparable(was)
		switch {
		case was.Unseen+was.Skipped != "" && is.Unseen+is.Skipped == "":
			d.Notes = append(d.Notes, "the page has no values of "+was.Step+", and now there are some")
			continue
		case was.Unseen+was.Skipped != "":
			continue
		case why != "":
			d.Unseen = append(d.Unseen, NotCompared{was.Step, why})
			continue
		}
		c := comparing{}
		c.outcome(was, is, step)
		if was.Like == "" || was.Like != is.Like {
			c.object("", step.Plan.Kind.Output.Fields, page.of(was), now.of(is))
		}
		if len(c.found) > 0 {
			d.Checks = append(d.Checks, CheckDrift{Step: was.Step, Kind: is.Kind, Title: step.Title, About: about(step, is.With), Differences: c.found})
		}
		if len(c.hidden) > 0 {
			d.Unseen = append(d.Unseen, NotCompared{was.Step, "not to be seen now: " + strings.Join(c.hidden, ", ")})
		}
		for _, field := range c.shown {
			unseenThen = append(unseenThen, was.Step+"."+field)
		}
	}
	if len(unseenThen) > 0 {
		d.Notes = append(d.Notes, "not seen when the page was written, so not compared: "+strings.Join(unseenThen, ", "))
	}
	return d
}

// whyNot is why a run has nothing of a check.
func (v *View) whyNot(path string) string {
	for i, r := range path {
		if outer := v.Step(path[:i]); r == '/' && outer != nil && outer.Book == nil {
			return "the runbook of " + outer.Path + " was not run: " + outer.Status().Word
		}
	}
	return "the runbook has no such check any more"
}

// without lists the checks that another look does not have.
func (v Values) without(other Values) []string {
	var out []string
	for _, c := range v.Checks {
		if other.index(c.Step) < 0 {
			out = append(out, c.Step)
		}
	}
	return out
}

// incomparable is why what a check sees now can't be held against what it saw then, "" when it can.
func (c Checked) incomparable(was Checked) string {
	switch {
	case c.Kind != was.Kind:
		return fmt.Sprintf("it is made by %s now, and was by %s", c.Kind, was.Kind)
	case !same(c.With, was.With):
		return "it looks at something else than for the page: " + brieflyGiven(c.With) + ", not " + brieflyGiven(was.With)
	default:
		return c.Unseen + c.Skipped
	}
}

func brieflyGiven(with map[string]any) string { return clip(plainValue(with), longestBrief) }

// about tells what a check looks at: the inputs that its kind can't do without, or all of them.
func about(s *Step, with map[string]any) string {
	var required, all []string
	for _, f := range s.Plan.Kind.Input.Fields {
		v, given := with[f.Name]
		if !given {
			continue
		}
		if items, ok := v.([]any); ok {
			words := make([]string, len(items))
			for i, item := range items {
				words[i] = plainValue(item)
			}
			v = strings.Join(words, " ")
		}
		text := f.Name + " " + oneLine(plainValue(v))
		all = append(all, text)
		if f.Required {
			required = append(required, text)
		}
	}
	if len(required) > 0 {
		all = required
	}
	return clip(strings.Join(all, ", "), longestBrief)
}
