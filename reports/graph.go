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
}

// nodesOf lays out a plan, and the runbooks inside it. Those that a run did not enter are left out of its picture.
func nodesOf(plan *engine.Plan, view *View, prefix string) []node {
	nodes := make([]node, len(plan.Steps))
	before := make([][]bool, len(plan.Steps)) // all that a step waits for, however far
	var lay func(i int)
	lay = func(i int) {
		if before[i] != nil {
			return
		}
		before[i] = make([]bool, len(plan.Steps))
		s := plan.Steps[i]
		n := node{path: prefix + s.ID.Value, plan: s, stage: 1}
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

// taken tells whether the run came this way: the step was looked at, made, or asked about.
func (n node) taken() bool {
	if n.step == nil {
		return false
	}
	class := n.step.Status().Class
	return class != NotNeeded && class != NotReached
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

// label is a step's name with what it does and when, or what became of it, in lines.
func (n node) label() []string {
	lines := []string{n.plan.ID.Value}
	if status := n.status(); status != "" {
		return append(lines, status)
	}
	lines = append(lines, n.plan.Kind.Name)
	if when := n.condition(); when != "" {
		const width, longest = 32, 96
		lines = append(lines, wrap("when "+clip(when, longest), width)...)
	}
	return lines
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
