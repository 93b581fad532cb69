package reports

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"runbook/engine"
)

// graphWidth is the width of a terminal that shows a graph.
const graphWidth = 80

// textGraph shows the graph in stages: what stands in one stage waits for nothing but earlier stages.
func textGraph(plan *engine.Plan, view *View) string {
	w := &graphWriter{}
	w.wrapped("", "  ", graphTitle(plan))
	if view != nil {
		w.wrapped("", "  ", "run "+oneLine(orElse(view.Start.Run, "unknown"))+", * is the way that was taken")
	}
	w.wrapped("", "  ", "checks of one stage may run at the same time, changes run one at a time")
	w.book(plan, view, "", "")
	return w.String()
}

type graphWriter struct{ strings.Builder }

func (w *graphWriter) book(plan *engine.Plan, view *View, prefix, indent string) {
	nodes := nodesOf(plan, view, prefix)
	for stage, list := range stages(nodes) {
		fmt.Fprintf(w, "\n%sstage %d\n", indent, stage+1)
		var name, word int // widths of the first columns
		for _, i := range list {
			name = max(name, min(width(nodes[i].plan.ID.Value), 20))
			word = max(word, min(width(nodes[i].word()), 24))
		}
		for _, i := range list {
			w.node(nodes, nodes[i], view, indent, name, word)
		}
	}
	w.findings(plan, view, prefix, indent)
}

func width(s string) int { return utf8.RuneCountInString(s) }

// word says in a word or two what the step does, or what became of it.
func (n node) word() string {
	if status := n.status(); status != "" {
		return strings.ToUpper(status)
	}
	return verb(n.plan.Effect)
}

func (w *graphWriter) node(nodes []node, n node, view *View, indent string, nameWidth, wordWidth int) {
	mark := " "
	if n.taken() {
		mark = "*"
	}
	below := indent + "      "
	row := func(name, s string) { w.wrapped(fmt.Sprintf("%s%-6s", below, name), below+"      ", s) }
	head := fmt.Sprintf("%s%s %-*s  %-*s  %s", indent, mark, nameWidth, n.plan.ID.Value, wordWidth, n.word(), n.title())
	if n.goal {
		head += " (goal)"
	}
	w.wrapped("", below, head)
	if n.plan.Effect == engine.Changes {
		row("does", n.plan.Kind.Name+", changes the host, risk "+string(orRisk(n.plan.Risk)))
	}
	if len(n.after) > 0 {
		row("after", names(nodes, n.after))
	}
	if when := n.condition(); when != "" {
		row("when", when)
	}
	if checks := n.verified(); len(checks) > 0 {
		row("then", "looks at "+strings.Join(checks, ", ")+" again")
	}
	if n.plan.Undo != nil {
		row("undo", n.plan.Undo.Kind.Name)
	}
	if len(n.inner) > 0 {
		row("runs", graphTitle(n.plan.Book))
		w.book(n.plan.Book, view, n.path+"/", below)
	}
}

func (w *graphWriter) findings(plan *engine.Plan, view *View, prefix, indent string) {
	if len(plan.Findings) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%sfindings\n", indent)
	said := map[string][]string{}
	if view != nil {
		for _, f := range view.Findings {
			for _, c := range f.Said {
				said[f.Path] = append(said[f.Path], strings.ToUpper(c.Value.String()))
			}
		}
	}
	for _, f := range plan.Findings {
		head := indent + "  " + f.ID.Value
		if values := said[prefix+f.ID.Value]; len(values) > 0 {
			head += "  " + strings.Join(values, ", then ")
		} else if view != nil {
			head += "  NOT CONCLUDED"
		}
		w.wrapped("", indent+"    ", head)
		w.wrapped(indent+"      when  ", indent+"            ", oneLine(f.Finding.When.Value))
	}
}

// wrapped writes a text in lines that fit the terminal: the first behind first, the others behind next. A word that is
// too long for a line has one to itself.
func (w *graphWriter) wrapped(first, next, s string) {
	line, room := first, func(line string) int { return graphWidth - utf8.RuneCountInString(line) }
	fresh := true
	for len(s) > 0 {
		blanks := len(s) - len(strings.TrimLeft(s, " "))
		end := blanks + strings.IndexByte(s[blanks:]+" ", ' ')
		word := s[:end]
		s = s[end:]
		if utf8.RuneCountInString(word) > room(line) && !fresh {
			fmt.Fprintln(w, strings.TrimRight(line, " "))
			line, word = next, strings.TrimLeft(word, " ")
		}
		line += word
		fresh = false
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}
