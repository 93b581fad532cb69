package scenario

import (
	"strings"

	"runbook/engine"
)

// layout is where the steps and findings of a plan stand, by path, those of the runbooks that its steps run too.
type layout struct {
	steps    map[string]member
	names    []string // of the steps and ways back, in the order of the files
	findings map[string]*engine.PlanFinding
	concepts []string // names of the findings
}

// member is a step, or the way back of one.
type member struct {
	plan *engine.Plan // that it is a step of
	step *engine.PlanStep
	undo bool
}

const undoSuffix = "/undo"

func layOut(plan *engine.Plan) *layout {
	l := &layout{steps: map[string]member{}, findings: map[string]*engine.PlanFinding{}}
	l.add(plan, "")
	return l
}

func (l *layout) add(plan *engine.Plan, prefix string) {
	for _, s := range plan.Steps {
		path := prefix + s.ID.Value
		l.steps[path] = member{plan: plan, step: s}
		l.names = append(l.names, path)
		if s.Undo != nil {
			l.steps[path+undoSuffix] = member{plan: plan, step: s, undo: true}
			l.names = append(l.names, path+undoSuffix)
		}
		if s.Book != nil {
			l.add(s.Book, path+"/")
		}
	}
	for _, f := range plan.Findings {
		l.findings[prefix+f.ID.Value] = f
		l.concepts = append(l.concepts, prefix+f.ID.Value)
	}
}

// kind is what performs the member.
func (m member) kind() engine.Kind {
	if m.undo {
		return m.step.Undo.Kind
	}
	return m.step.Kind
}

// uses is what expressions look at in what the member gives. A way back gives what nobody can name.
func (m member) uses() []engine.Use {
	if m.undo {
		return nil
	}
	return m.plan.Uses(m.step.Index)
}

// scopeOf is what stands before the names of the runbook that a path leads into: "frontend/" for frontend/page.
func scopeOf(path string) string { return path[:strings.LastIndexByte(path, '/')+1] }

// effect is what a member does, in the words of people.
func (m member) effect() string {
	switch m.step.Effect {
	case engine.Reads:
		return "a check"
	case engine.Changes:
		return "a fix"
	case engine.AsksYou:
		return "a question to a person"
	case engine.EndsRun:
		return "an escalation"
	case engine.RunsBook:
		return "a runbook"
	}
	return "a step"
}
