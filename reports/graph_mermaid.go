package reports

import (
	"fmt"
	"slices"
	"strings"

	"runbook/engine"
)

// mermaid shows the graph as a Mermaid flowchart. The shape of a node is what the step does: a box looks, a hexagon
// changes the host, a stadium asks a person, a slanted box hands over, a box with double sides runs another runbook.
// Colours are the step's effect, or, with a run, what became of it; thick lines are the way that was taken.
func mermaid(plan *engine.Plan, view *View) string {
	m := &mermaidWriter{classes: map[string][]string{}}
	nodes := nodesOf(plan, view, "")
	fmt.Fprintln(m, "flowchart "+direction(nodes))
	m.book(nodes, "n", "  ")
	for _, c := range mermaidClasses() {
		if ids := m.classes[c.name]; len(ids) > 0 {
			fmt.Fprintf(m, "  classDef %s %s\n  class %s %s\n", c.name, c.look, strings.Join(ids, ","), c.name)
		}
	}
	return m.String()
}

func direction(nodes []node) string {
	if sideways(nodes) {
		return "LR"
	}
	return "TB"
}

type mermaidWriter struct {
	strings.Builder
	classes map[string][]string // ids of nodes, by class
}

type class struct{ name, look string }

// mermaidClasses gives the colours, each with a text colour of its own, so that they can be read on dark pages too.
func mermaidClasses() []class {
	return []class{
		{"read", "fill:#e7f0fa,stroke:#3b6ea5,color:#10253a"},
		{"change", "fill:#fde8d8,stroke:#c2570c,color:#431c05,stroke-width:2px"},
		{"human", "fill:#f3e8fd,stroke:#7e3fb5,color:#2b1240"},
		{"handover", "fill:#fbdfe3,stroke:#b4233a,color:#45101a"},
		{"runbook", "fill:#e6f4f1,stroke:#1f7a68,color:#0b2f28"},
		{"good", "fill:#dcf3e0,stroke:#2c7a3d,color:#0f2e17"},
		{"bad", "fill:#fbdfe3,stroke:#b4233a,color:#45101a"},
		{"doubt", "fill:#fdf3cf,stroke:#9a7400,color:#3a2c00"},
		{"off", "fill:#f1f1f1,stroke:#8a8a8a,color:#4a4a4a,stroke-dasharray:4 3"},
	}
}

func (m *mermaidWriter) book(nodes []node, prefix, indent string) {
	id := func(i int) string { return fmt.Sprintf("%s%d", prefix, i) }
	for i, n := range nodes {
		left, right := shapeOf(n.plan.Effect)
		fmt.Fprintf(m, "%s%s%s\"%s\"%s\n", indent, id(i), left, mermaidLabel(n), right)
		name := mermaidClass(n)
		m.classes[name] = append(m.classes[name], id(i))
	}
	for i, n := range nodes {
		for _, a := range n.after {
			arrow := "-->"
			switch {
			case n.step == nil:
			case n.taken() && nodes[a].taken():
				arrow = "==>"
			default:
				arrow = "-.->"
			}
			fmt.Fprintf(m, "%s%s %s %s\n", indent, id(a), arrow, id(i))
		}
	}
	for i, n := range nodes {
		if len(n.inner) == 0 {
			continue
		}
		fmt.Fprintf(m, "%ssubgraph %ss[\"%s\"]\n", indent, id(i), mermaidText(n.plan.Book.Runbook.Name.Value))
		fmt.Fprintf(m, "%s  direction %s\n", indent, direction(n.inner))
		m.book(n.inner, id(i)+"_", indent+"  ")
		fmt.Fprintf(m, "%send\n%s%s --- %ss\n", indent, indent, id(i), id(i))
		fmt.Fprintf(m, "%sstyle %ss fill:none,stroke:#8a8a8a\n", indent, id(i))
	}
}

func shapeOf(e engine.Effect) (left, right string) {
	switch e {
	case engine.Changes:
		return "{{", "}}"
	case engine.AsksYou:
		return "([", "])"
	case engine.EndsRun:
		return "[/", "/]"
	case engine.RunsBook:
		return "[[", "]]"
	case engine.Reads:
	}
	return "[", "]"
}

func mermaidClass(n node) string {
	if n.step == nil {
		switch n.plan.Effect {
		case engine.Changes:
			return "change"
		case engine.AsksYou:
			return "human"
		case engine.EndsRun:
			return "handover"
		case engine.RunsBook:
			return "runbook"
		case engine.Reads:
		}
		return "read"
	}
	switch n.step.Status().Class {
	case Good:
		return "good"
	case Bad, HandedOver:
		return "bad"
	case NotNeeded, NotReached:
		return "off"
	case Blind, Declined, Expired, CouldNot, Doubtful, Described, Open:
	}
	return "doubt"
}

func mermaidLabel(n node) string {
	lines := n.label()
	for i, l := range lines {
		lines[i] = mermaidText(l)
	}
	return strings.Join(lines, "<br/>")
}

// mermaidText writes text inside a quoted label. Mermaid has its own entities, and knows no other way to quote; whatever
// is not a letter, a digit or one of a few harmless signs is written as one.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range clip(oneLine(s), longestCode) {
		if r < 0x80 && !isPlain(r) {
			fmt.Fprintf(&b, "#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isPlain(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || slices.Contains([]rune(" _-.,:()!?="), r)
}
