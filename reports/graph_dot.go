package reports

import (
	"fmt"
	"strings"

	"runbook/engine"
)

// dot shows the graph for Graphviz, with the shapes and colours of the Mermaid picture.
func dot(plan *engine.Plan, view *View) string {
	w := &dotWriter{looks: map[string]string{}}
	for _, c := range mermaidClasses() {
		w.looks[c.name] = dotLook(c.look)
	}
	nodes := nodesOf(plan, view, "")
	fmt.Fprintf(w, "digraph %s {\n", dotText(plan.Runbook.Name.Value))
	fmt.Fprintf(w, "  graph [label=%s, labelloc=t, fontname=\"sans-serif\", rankdir=%s, compound=true]\n", dotText(graphTitle(plan)), direction(nodes))
	fmt.Fprint(w, "  node [fontname=\"sans-serif\", fontsize=11, style=filled, margin=\"0.1,0.05\"]\n  edge [color=\"#555555\"]\n")
	w.book(nodes, "n", "  ")
	fmt.Fprintln(w, "}")
	return w.String()
}

type dotWriter struct {
	strings.Builder
	looks map[string]string
}

func (w *dotWriter) book(nodes []node, prefix, indent string) {
	id := func(i int) string { return fmt.Sprintf("%s%d", prefix, i) }
	for i, n := range nodes {
		class := mermaidClass(n)
		style := "filled"
		if class == "off" {
			style = "filled,dashed"
		}
		fmt.Fprintf(w, "%s%s [label=%s, shape=%s, style=%q, %s]\n", indent, id(i), dotLabel(n), dotShape(n.plan.Effect), style, w.looks[class])
	}
	for i, n := range nodes {
		for _, a := range n.after {
			look := ""
			switch {
			case n.step == nil:
			case n.taken() && nodes[a].taken():
				look = " [penwidth=2.5]"
			default:
				look = " [style=dashed]"
			}
			fmt.Fprintf(w, "%s%s -> %s%s\n", indent, id(a), id(i), look)
		}
	}
	for i, n := range nodes {
		if len(n.inner) == 0 {
			continue
		}
		fmt.Fprintf(w, "%ssubgraph cluster_%s {\n%s  label=%s\n", indent, id(i), indent, dotText(n.plan.Book.Runbook.Name.Value))
		w.book(n.inner, id(i)+"_", indent+"  ")
		fmt.Fprintf(w, "%s}\n%s%s -> %s_0 [style=dotted, arrowhead=none, lhead=cluster_%s]\n", indent, indent, id(i), id(i), id(i))
	}
}

func dotShape(e engine.Effect) string {
	switch e {
	case engine.Changes:
		return "hexagon"
	case engine.AsksYou:
		return "ellipse"
	case engine.EndsRun:
		return "octagon"
	case engine.RunsBook:
		return "component"
	case engine.Reads:
	}
	return "box"
}

func dotLabel(n node) string {
	lines := n.label()
	for i, l := range lines {
		lines[i] = dotEscaped(l)
	}
	return `"` + strings.Join(lines, `\n`) + `"`
}

// dotText is a quoted string of the language of Graphviz.
func dotText(s string) string { return `"` + dotEscaped(s) + `"` }

func dotEscaped(s string) string {
	s = clip(oneLine(s), longestCode)
	return strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`)
}

// dotLook turns the colours of a class into attributes.
func dotLook(look string) string {
	var out []string
	for part := range strings.SplitSeq(look, ",") {
		name, v, _ := strings.Cut(part, ":")
		switch name {
		case "fill":
			out = append(out, fmt.Sprintf("fillcolor=%q", v))
		case "stroke":
			out = append(out, fmt.Sprintf("color=%q", v))
		case "stroke-width":
			out = append(out, "penwidth="+strings.TrimSuffix(v, "px"))
		case "color":
			out = append(out, fmt.Sprintf("fontcolor=%q", v))
		}
	}
	return strings.Join(out, ", ")
}
