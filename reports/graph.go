package reports

import (
	"errors"
	"fmt"
	"strings"

	"runbook/engine"
)

// Format is a form in which a graph is shown.
type Format string

// The formats of a graph.
const (
	Text    Format = "text"    // for a terminal of 80 columns
	Mermaid Format = "mermaid" // for Markdown
	Dot     Format = "dot"     // for Graphviz
)

// Graph shows a runbook's graph, and, with the view of a run of it, the way that was taken. The view may be nil.
func Graph(plan *engine.Plan, view *View, format Format) (string, error) {
	if plan == nil {
		return "", errors.New("show the graph: there is no runbook")
	}
	switch format {
	case Text:
		return textGraph(plan, view), nil
	case Mermaid:
		return mermaid(plan, view), nil
	case Dot:
		return dot(plan, view), nil
	}
	return "", fmt.Errorf("show the graph: %q is no format; there are %s, %s and %s", format, Text, Mermaid, Dot)
}

// node is one step in a picture.
type node struct {
	path  string
	plan  *engine.PlanStep
	step  *Step // nil without a run
	stage int   // 1 for steps that wait for nothing; else one more than the last of those that it waits for
	after []int // the steps that it waits for directly: those that stand before one of these are left out
	goal  bool
	inner []node // of a runbook that the step runs

	defaults map[string]any // of the parameters of the runbook that it stands in
}

// nodesOf lays out a plan, and the runbooks inside it. Those that a run did not enter are left out of its picture.
func nodesOf(plan *engine.Plan, view *View, prefix string) []node {
	nodes := make([]node, len(plan.Steps))
	defaults := map[string]any{}
	for _, p := range plan.Runbook.Params {
		if p.Default != nil {
			defaults[p.Name.Value] = p.Default.Plain
		}
	}
	before := make([][]bool, len(plan.Steps)) // all that a step waits for, however far
	var lay func(i int)
	lay = func(i int) {
		if before[i] != nil {
			return
		}
		before[i] = make([]bool, len(plan.Steps))
		s := plan.Steps[i]
		n := node{path: prefix + s.ID.Value, plan: s, stage: 1, defaults: defaults}
		if view != nil {
			n.step = view.Step(n.path)
		}
		for _, a := range s.After {
			lay(a)
			n.stage = max(n.stage, nodes[a].stage+1)
			for k, is := range before[a] {
				before[i][k] = before[i][k] || is
			}
		}
		for _, a := range s.After {
			if !before[i][a] {
				n.after = append(n.after, a)
			}
		}
		for _, a := range s.After {
			before[i][a] = true
		}
		if s.Book != nil && (view == nil || n.step != nil && n.step.Book != nil) {
			n.inner = nodesOf(s.Book, view, n.path+"/")
		}
		nodes[i] = n
	}
	for i := range plan.Steps {
		lay(i)
	}
	for _, g := range plan.Goal {
		nodes[g].goal = true
	}
	return nodes
}

// taken tells whether the run came this way: the step was looked at, described, asked about or made.
func (n node) taken() bool {
	s := n.step
	return s != nil && (len(s.Looks)+len(s.Preparations)+len(s.Questions)+len(s.Changes) > 0 || s.Escalated != nil || s.Book != nil)
}

// status is the word for what became of the step, "" without a run. A check that changed has two.
func (n node) status() string {
	if n.step == nil {
		return ""
	}
	word := n.step.Status().Word
	if first := n.step.First(); first != nil && n.plan.Effect == engine.Reads && outcomeWords(first.Outcome) != word {
		return outcomeWords(first.Outcome) + ", then " + word
	}
	return word
}

// verb says what a step does to the world, in a word for people.
func verb(e engine.Effect) string {
	switch e {
	case engine.Reads:
		return "looks"
	case engine.Changes:
		return "CHANGES"
	case engine.AsksYou:
		return "asks"
	case engine.EndsRun:
		return "hands over"
	case engine.RunsBook:
		return "runs"
	}
	return "unknown"
}

// graphTitle is the name and the title of a runbook.
func graphTitle(plan *engine.Plan) string {
	title := oneLine(plan.Runbook.Name.Value)
	if t := oneLine(plan.Runbook.Title.Value); t != "" {
		title += ": " + t
	}
	return title
}

// condition is a step's condition in one line, "" for none.
func (n node) condition() string { return oneLine(n.plan.Step.When.Value) }

// verified names the checks that are looked at again after a fix.
func (n node) verified() []string {
	var names []string
	for _, c := range n.plan.Step.Verify.Checks {
		names = append(names, c.Value)
	}
	if n.plan.Step.Verify.Goal {
		names = append(names, "the goal")
	}
	return names
}

// stages sorts nodes by their stage, in each in the order of the file.
func stages(nodes []node) [][]int {
	var out [][]int
	for i, n := range nodes {
		for len(out) < n.stage {
			out = append(out, nil)
		}
		out[n.stage-1] = append(out[n.stage-1], i)
	}
	return out
}

func names(nodes []node, indices []int) string {
	list := make([]string, len(indices))
	for k, i := range indices {
		list[k] = nodes[i].plan.ID.Value
	}
	return strings.Join(list, ", ")
}

// name is the step's own name, with a word when it is part of the goal.
func (n node) name() string {
	if n.goal {
		return n.plan.ID.Value + " (goal)"
	}
	return n.plan.ID.Value
}

// title is the step's title, as the run showed it or, without a run, with the defaults of parameters; what the step does
// when it has none.
func (n node) title() string {
	title := withoutRun(n.plan.Step.Title.Value, n.defaults)
	if n.step != nil {
		title = n.step.Title
	}
	return oneLine(orElse(title, n.plan.Kind.Name))
}

// deed says what the step does to the world, "" for one that looks.
func (n node) deed() string {
	switch n.plan.Effect {
	case engine.Reads:
		return ""
	case engine.Changes:
		return verb(n.plan.Effect) + ", risk " + string(orRisk(n.plan.Risk))
	case engine.RunsBook:
		if n.plan.Book != nil {
			return verb(n.plan.Effect) + " " + n.plan.Book.Runbook.Name.Value
		}
	case engine.AsksYou, engine.EndsRun:
	}
	return verb(n.plan.Effect)
}

// Widths of the text in the box of a step, in characters and lines.
const (
	boxWidth = 26
	boxLines = 3
)

// label is what stands in the box of a step: its name, and what became of it; without a run its title, what it does and
// when.
func (n node) label() []string {
	lines := []string{n.name()}
	if status := n.status(); status != "" {
		return append(lines, boxed(status)...)
	}
	lines = append(lines, boxed(n.title())...)
	if deed := n.deed(); deed != "" {
		lines = append(lines, boxed(deed)...)
	}
	if when := n.condition(); when != "" {
		lines = append(lines, boxed("when "+inPicture(when))...)
	}
	return lines
}

// inPicture shortens a condition for a picture: what it names is in the picture.
func inPicture(when string) string {
	return strings.NewReplacer("steps.", "", "findings.", "").Replace(when)
}

// boxed breaks a text into the lines of a box. What does not fit shows as an ellipsis.
func boxed(s string) []string {
	lines := wrap(s, boxWidth)
	if len(lines) > boxLines {
		lines = lines[:boxLines]
		lines[boxLines-1] += " …"
	}
	return lines
}

// sideways tells whether a graph is wider than it is long: then it is drawn from left to right, so that it fits a page.
func sideways(nodes []node) bool {
	widest, all := 0, stages(nodes)
	for _, stage := range all {
		widest = max(widest, len(stage))
	}
	return widest > len(all)
}

// wrap breaks a text at its blanks into lines of about a width.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
