package prompt

import (
	"fmt"
	"io"
	"strings"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/reports"
)

// How much of a piece of evidence is shown: its beginning and its end, with a note between them on what is left out.
const (
	headLines = 8
	tailLines = 24
	mostBytes = 4 << 20
)

// show prints what was kept before the change that a question is about.
func (p *Prompt) show(s screen.Screen, q engine.Question) {
	if len(q.Evidence) == 0 {
		_, _ = io.WriteString(s, "There is no evidence for this step.\n")
		return
	}
	for _, e := range q.Evidence {
		_, _ = io.WriteString(s, strings.Join(p.piece(s, e), "\n")+"\n")
	}
	_, _ = io.WriteString(s, s.Rule("", "")+"\n")
}

func (p *Prompt) piece(s screen.Screen, e engine.Evidence) []string {
	lines := []string{s.Rule(screen.Line(e.ID+" · "+e.Name), reports.Size(e.Bytes))}
	if e.Failed != "" {
		return append(lines, screen.Wrap("It could not be kept: "+screen.Clean(e.Failed), s.Width)...)
	}
	f, err := p.Evidence(e.File)
	if err != nil {
		return append(lines, screen.Wrap("It can't be read: "+screen.Clean(err.Error()), s.Width)...)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, mostBytes))
	if err != nil {
		return append(lines, screen.Wrap("It can't be read: "+screen.Clean(err.Error()), s.Width)...)
	}
	text := strings.TrimRight(screen.Clean(string(raw)), "\n")
	if text == "" {
		return append(lines, "It is empty.")
	}
	all := strings.Split(text, "\n")
	if len(all) > headLines+tailLines+1 {
		cut := len(all) - headLines - tailLines
		rest := all[len(all)-tailLines:]
		all = append(append([]string{}, all[:headLines]...), fmt.Sprintf("  … %d more lines, in %s", cut, screen.Line(e.File)))
		all = append(all, rest...)
	}
	for _, line := range all {
		lines = append(lines, screen.Hard(line, s.Width)...)
	}
	return lines
}
