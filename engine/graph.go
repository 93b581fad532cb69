package engine

import (
	"fmt"
	"slices"
	"strings"
)

// link works out what waits for what: an edge comes from `needs`, from every reference, and from `verify`, since a fix
// is held against what its checks saw before. Circles are mistakes, and so are goal checks that wait for a fix.
func (p *Plan) link() []Diagnostic {
	for _, f := range p.Findings {
		f.About = p.about(f.When.refs(), nil)
	}
	for _, s := range p.Steps {
		p.linkStep(s)
	}
	diags := p.findingCircles()
	diags = append(diags, p.circles()...)
	if len(diags) > 0 {
		return diags
	}
	for _, s := range p.Steps {
		for _, i := range s.After {
			p.Steps[i].Before = append(p.Steps[i].Before, s.Index)
		}
	}
	return p.goalAfterFix()
}

func (p *Plan) linkStep(s *PlanStep) {
	s.Decides = p.about(s.When.refs(), nil)
	after := p.about(s.refs(), nil)
	if s.Undo != nil {
		for _, i := range p.about(s.Undo.refs(), nil) {
			if i != s.Index { // the way back may rest on what the step itself gave
				after = append(after, i)
			}
		}
	}
	for _, id := range s.Needs {
		if i, ok := p.index[id.Value]; ok {
			after = append(after, i)
		}
	}
	s.Verify = p.verified(s.Step)
	after = append(after, s.Verify...)
	slices.Sort(after)
	s.After = slices.Compact(after)
}

// refs lists the names that the expressions of a step use, but for its way back.
func (s *PlanStep) refs() []ref {
	refs := s.Inputs.refs()
	for _, more := range [][]ref{s.When.refs(), s.Expect.refs(), s.Title.refs(), s.Why.refs(), s.Target.refs(), s.User.refs()} {
		refs = append(refs, more...)
	}
	return refs
}

// refs lists the names that the expressions of a way back use.
func (u *PlanUndo) refs() []ref {
	if u == nil {
		return nil
	}
	return append(u.Inputs.refs(), u.User.refs()...)
}

func (p *Plan) verified(s *Step) []int {
	if s.Verify.Goal {
		return slices.Clone(p.Goal)
	}
	var out []int
	for _, id := range s.Verify.Checks {
		if i, ok := p.index[id.Value]; ok {
			out = append(out, i)
		}
	}
	return out
}

// about lists the steps that the names hang on, those behind findings too. seen are the findings on the way.
func (p *Plan) about(refs []ref, seen []string) []int {
	var out []int
	for _, r := range refs {
		switch r.root {
		case "steps":
			if i, ok := p.index[r.id]; ok {
				out = append(out, i)
			}
		case "findings":
			if i, ok := p.findings[r.id]; ok && !slices.Contains(seen, r.id) {
				out = append(out, p.about(p.Findings[i].When.refs(), append(slices.Clone(seen), r.id))...)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// circles reports every step that waits for itself, once for each circle, starting where it stands first in the file.
func (p *Plan) circles() []Diagnostic {
	var diags []Diagnostic
	state := make([]int, len(p.Steps)) // 0 not seen, 1 on the way, 2 done
	var way []int
	var visit func(i int)
	visit = func(i int) {
		switch state[i] {
		case 2:
			return
		case 1:
			diags = append(diags, p.circle(way[slices.Index(way, i):]))
			return
		}
		state[i] = 1
		way = append(way, i)
		for _, next := range p.Steps[i].After {
			visit(next)
		}
		way = way[:len(way)-1]
		state[i] = 2
	}
	for i := range p.Steps {
		visit(i)
	}
	return diags
}

func (p *Plan) circle(way []int) Diagnostic {
	first := slices.Index(way, slices.Min(way))
	names := make([]string, 0, len(way)+1)
	for k := range len(way) + 1 {
		names = append(names, p.Steps[way[(first+k)%len(way)]].ID.Value)
	}
	at := p.Steps[way[first]]
	if len(way) == 1 {
		return Diagnostic{
			File: p.Runbook.File, Pos: at.ID.Pos, Length: runes(at.ID.Value), Rule: "cycle",
			Message: fmt.Sprintf("step %s waits for itself", at.ID.Value),
		}
	}
	return Diagnostic{
		File: p.Runbook.File, Pos: at.ID.Pos, Length: runes(at.ID.Value), Rule: "cycle",
		Message: "steps wait for each other in a circle: " + strings.Join(names, " waits for "),
	}
}

// findingCircles reports findings that refer to themselves.
func (p *Plan) findingCircles() []Diagnostic {
	var diags []Diagnostic
	for _, f := range p.Findings {
		if p.findingReaches(f.When.refs(), f.ID.Value, nil) {
			diags = append(diags, Diagnostic{
				File: p.Runbook.File, Pos: f.ID.Pos, Length: runes(f.ID.Value), Rule: "cycle",
				Message: fmt.Sprintf("finding %s refers to itself", f.ID.Value),
			})
		}
	}
	return diags
}

func (p *Plan) findingReaches(refs []ref, id string, seen []string) bool {
	for _, r := range refs {
		if r.root != "findings" || slices.Contains(seen, r.id) {
			continue
		}
		if r.id == id {
			return true
		}
		if i, ok := p.findings[r.id]; ok && p.findingReaches(p.Findings[i].When.refs(), id, append(slices.Clone(seen), r.id)) {
			return true
		}
	}
	return false
}

// goalAfterFix refuses goal checks that wait for a step that acts or asks: whether the host is healthy is asked before
// anything is done to it.
func (p *Plan) goalAfterFix() []Diagnostic {
	var diags []Diagnostic
	for _, g := range p.Goal {
		if p.Steps[g].Effect != Reads {
			continue // Check has said so
		}
		var reach func(i int) int
		seen := map[int]bool{}
		reach = func(i int) int {
			for _, a := range p.Steps[i].After {
				if p.Steps[a].Effect != Reads {
					return a
				}
				if !seen[a] {
					seen[a] = true
					if found := reach(a); found >= 0 {
						return found
					}
				}
			}
			return -1
		}
		if found := reach(g); found >= 0 {
			s := p.Steps[g]
			diags = append(diags, Diagnostic{
				File: p.Runbook.File, Pos: s.ID.Pos, Length: runes(s.ID.Value), Rule: "goal-after-fix",
				Message: fmt.Sprintf("goal check %s waits for %s: the goal is looked at before anything is done", s.ID.Value, p.Steps[found].ID.Value),
			})
		}
	}
	return diags
}
