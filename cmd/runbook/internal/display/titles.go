package display

import (
	"regexp"
	"strings"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// titles knows what the steps of a run are called, from the sources that the run was started with.
type titles struct {
	book   *engine.Runbook
	others map[string]*engine.Runbook
	params map[string]map[string]any // of the run under "", of the runbook that step frontend runs under "frontend/"
}

func newTitles(e engine.RunStarted) titles {
	t := titles{others: map[string]*engine.Runbook{}, params: map[string]map[string]any{"": e.Params}}
	t.book, _ = engine.Parse(e.Runbook.File, []byte(e.Runbook.Text))
	for _, source := range e.Books {
		t.others[source.Name], _ = engine.Parse(source.File, []byte(source.Text))
	}
	return t
}

// step finds the step of a path: "restart", or "frontend/restart" in the runbook that step frontend runs.
func (t titles) step(path string) *engine.Step {
	book := t.book
	for {
		id, rest, inner := strings.Cut(path, "/")
		s := stepOf(book, id)
		if s == nil || !inner {
			return s
		}
		name, _ := s.With.Entry("name")
		book, path = t.others[name.Text.Value], rest
	}
}

func stepOf(rb *engine.Runbook, id string) *engine.Step {
	if rb == nil {
		return nil
	}
	for i := range rb.Steps {
		if rb.Steps[i].ID.Value == id {
			return &rb.Steps[i]
		}
	}
	return nil
}

// widest is how many columns the longest path takes, within bounds.
func (t titles) widest() int {
	const least, most = 8, 18
	return min(max(least, t.paths(t.book, "")), most)
}

func (t titles) paths(rb *engine.Runbook, prefix string) int {
	if rb == nil {
		return 0
	}
	widest := 0
	for i := range rb.Steps {
		path := prefix + rb.Steps[i].ID.Value
		widest = max(widest, screen.Width(path))
		if name, ok := rb.Steps[i].With.Entry("name"); ok && rb.Steps[i].Uses.Value == "runbook" {
			widest = max(widest, t.paths(t.others[name.Text.Value], path+"/"))
		}
	}
	return widest
}

var (
	expression = regexp.MustCompile(`\$\{\{(.*?)\}\}`)
	parameter  = regexp.MustCompile(`^\s*params\.(\w+)\s*$`)
)

// title is a step's title, or its kind where it has none. What only the run knows stands there as an ellipsis.
func (t titles) title(path string) string {
	s := t.step(path)
	switch {
	case s == nil:
		return ""
	case s.Title.Value == "":
		return s.Uses.Value
	}
	params := t.params[path[:strings.LastIndexByte(path, '/')+1]]
	return screen.Line(expression.ReplaceAllStringFunc(s.Title.Value, func(found string) string {
		name := parameter.FindStringSubmatch(expression.FindStringSubmatch(found)[1])
		if name == nil {
			return "…"
		}
		v, ok := params[name[1]]
		if !ok {
			return "…"
		}
		return text(v)
	}))
}
