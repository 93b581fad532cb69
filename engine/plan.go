package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Plan is a loaded runbook: checked, compiled, its graph in order. It is never changed once it is made.
type Plan struct {
	Runbook  *Runbook
	Hash     string // SHA-256 of the source, in hex
	Steps    []*PlanStep
	Findings []*PlanFinding
	Goal     []int   // indices of checks
	Books    []*Plan // of the runbooks that its steps run, in the order of their first use, each once

	index    map[string]int // of steps, by id
	findings map[string]int
}

// PlanStep is one step, compiled.
type PlanStep struct {
	*Step
	Index   int
	Kind    Kind
	Effect  Effect
	When    *Cond // nil: always
	Expect  *Cond // of a check; nil: an observation
	Title   Template
	Why     Template
	Target  Template
	Inputs  inputs
	User    Template // `as`
	Undo    *PlanUndo
	Verify  []int // indices of checks
	Book    *Plan // of a step that runs a runbook
	After   []int // the steps that must have ended, in file order
	Before  []int // the steps that wait for this one
	Decides []int // the checks that `when` hangs on, through findings too
}

// PlanUndo is the compiled way back of a fix.
type PlanUndo struct {
	Kind   Kind
	Inputs inputs
	User   Template
}

// PlanFinding is one finding, compiled.
type PlanFinding struct {
	*Finding
	When *Cond
	Say  Template
	// About lists the steps that the finding refers to, through other findings too.
	About []int
}

// Find gives the source of another runbook by name, for steps that run one. file is what to call it in messages.
type Find func(name string) (file string, source []byte, err error)

// Load reads a runbook and everything that it runs: parsed, checked, compiled. Any error-grade diagnostic means that
// there is no plan; all of them are given at once.
func Load(file string, source []byte, kinds Kinds, find Find) (*Plan, []Diagnostic) {
	l := &loader{kinds: kinds, find: find, done: map[string]*Plan{}}
	plan, diags := l.load(file, source, nil)
	return plan, diags
}

type loader struct {
	kinds Kinds
	find  Find
	done  map[string]*Plan
}

// load compiles one file. above are the names of the runbooks that are being loaded around it.
func (l *loader) load(file string, source []byte, above []string) (*Plan, []Diagnostic) {
	rb, diags := Parse(file, source)
	if rb == nil {
		return nil, diags
	}
	diags = append(diags, Check(rb, l.kinds)...)
	sum := sha256.Sum256(source)
	p := &Plan{Runbook: rb, Hash: hex.EncodeToString(sum[:]), index: map[string]int{}, findings: map[string]int{}}
	for i, s := range rb.Steps {
		if _, twice := p.index[s.ID.Value]; !twice {
			p.index[s.ID.Value] = i
		}
	}
	for i, f := range rb.Findings {
		if _, twice := p.findings[f.ID.Value]; !twice {
			p.findings[f.ID.Value] = i
		}
	}
	c := &compiling{plan: p, names: newNames(rb, l.kinds), kinds: l.kinds}
	c.findings()
	c.steps()
	for _, goal := range rb.Goal {
		if i, ok := p.index[goal.Value]; ok {
			p.Goal = append(p.Goal, i)
		}
	}
	if len(rb.Goal) == 0 {
		p.Goal = defaultGoal(p)
	}
	c.diags = append(c.diags, p.link()...)
	c.diags = append(c.diags, l.books(p, append(slices.Clone(above), rb.Name.Value))...)
	diags = sorted(append(diags, c.diags...))
	if len(diags) > 0 {
		return nil, diags
	}
	return p, nil
}

// defaultGoal is the goal of a runbook that names none: every unconditional check that expects something.
func defaultGoal(p *Plan) []int {
	var goal []int
	for i, s := range p.Steps {
		if s.Effect == Reads && s.When == nil && s.Expect != nil {
			goal = append(goal, i)
		}
	}
	return goal
}

// books loads the runbooks that the steps run.
func (l *loader) books(p *Plan, above []string) []Diagnostic {
	var diags []Diagnostic
	for _, s := range p.Steps {
		if s.Effect != RunsBook {
			continue
		}
		name, ok := s.With.Entry("name")
		if !ok || name.Kind != Scalar || strings.Contains(name.Text.Value, openMark) {
			continue // Check has said so
		}
		wrong := func(rule, format string, args ...any) {
			diags = append(diags, Diagnostic{
				File: p.Runbook.File, Pos: name.Pos, Length: runes(name.Text.Value), Rule: rule, Message: fmt.Sprintf(format, args...),
			})
		}
		if i := slices.Index(above, name.Text.Value); i >= 0 {
			way := fmt.Sprint(append(slices.Clone(above[i:]), name.Text.Value))
			wrong("runbook-cycle", "runbooks run each other in a circle: %s", way)
			continue
		}
		book, loaded := l.done[name.Text.Value]
		if !loaded {
			file, source, err := l.find(name.Text.Value)
			if err != nil {
				wrong("unknown-runbook", "%v", err)
				continue
			}
			var inner []Diagnostic
			book, inner = l.load(file, source, above)
			diags = append(diags, inner...)
			l.done[name.Text.Value] = book
		}
		if book == nil {
			wrong("broken-runbook", "runbook %s has mistakes of its own", name.Text.Value)
			continue
		}
		s.Book = book
		for _, b := range append(slices.Clone(book.Books), book) {
			if !slices.Contains(p.Books, b) {
				p.Books = append(p.Books, b)
			}
		}
		diags = append(diags, checkBookParams(p.Runbook.File, s, book)...)
	}
	return diags
}

// checkBookParams holds the parameters of a runbook step against those of the runbook that it runs.
func checkBookParams(file string, s *PlanStep, book *Plan) []Diagnostic {
	var diags []Diagnostic
	params, _ := s.With.Entry("params")
	var known []string
	for _, p := range book.Runbook.Params {
		known = append(known, p.Name.Value)
		if _, given := params.Entry(p.Name.Value); p.Required && !given {
			diags = append(diags, Diagnostic{
				File: file, Pos: s.Uses.Pos, Length: runes(s.Uses.Value), Rule: "missing-input",
				Message: fmt.Sprintf("runbook %s needs parameter %s", book.Runbook.Name.Value, p.Name.Value),
			})
		}
	}
	for _, e := range params.Entries {
		if i := slices.Index(known, e.Key.Value); i >= 0 {
			diags = append(diags, checkBookParam(file, book.Runbook.Params[i], e.Value)...)
		} else {
			diags = append(diags, Diagnostic{
				File: file, Pos: e.Key.Pos, Length: runes(e.Key.Value), Rule: "unknown-param", Hint: suggest(e.Key.Value, known),
				Message: fmt.Sprintf("runbook %s has no parameter %s", book.Runbook.Name.Value, e.Key.Value),
			})
		}
	}
	return diags
}

// checkBookParam holds a literal value against the parameter that it is given to. What an expression gives, the run
// finds out.
func checkBookParam(file string, p Param, v Value) []Diagnostic {
	if v.Kind != Scalar || p.Secret || strings.Contains(v.Text.Value, openMark) {
		return nil
	}
	_, want, hint := p.value(v.Text.Value)
	if want == "" {
		return nil
	}
	return []Diagnostic{{
		File: file, Pos: v.Pos, Length: runes(v.Text.Value), Rule: "type", Hint: hint,
		Message: misfitMessage("parameter "+p.Name.Value, v.Text.Value, want),
	}}
}

// compiling turns the expressions of a document into code, collecting every mistake.
type compiling struct {
	plan  *Plan
	names *names
	kinds Kinds
	diags []Diagnostic
}

func (c *compiling) report(t Text, found ...mistake) {
	rb := c.plan.Runbook
	for _, m := range found {
		c.diags = append(c.diags, Diagnostic{
			File: rb.File, Pos: rb.at(t, byteOffset(t.Value, m.offset)), Length: max(m.length, 1),
			Message: m.message, Rule: m.rule, Hint: m.hint,
		})
	}
}

func byteOffset(s string, runeOffset int) int {
	for i := range s {
		if runeOffset == 0 {
			return i
		}
		runeOffset--
	}
	return len(s)
}

func (c *compiling) cond(t Text, n *names) *Cond {
	if t.Value == "" {
		return nil
	}
	cond, found := compileCond(t.Value, n)
	c.report(t, found...)
	return cond
}

func (c *compiling) template(t Text) Template {
	out, found := compileTemplate(t.Value, c.names)
	c.report(t, found...)
	return out
}

func (c *compiling) findings() {
	for i := range c.plan.Runbook.Findings {
		f := &c.plan.Runbook.Findings[i]
		c.plan.Findings = append(c.plan.Findings, &PlanFinding{
			Finding: f, When: c.cond(f.When, c.names), Say: c.template(f.Say),
		})
	}
}

func (c *compiling) steps() {
	for i := range c.plan.Runbook.Steps {
		s := &c.plan.Runbook.Steps[i]
		kind, _ := c.kinds.Find(s.Uses.Value)
		step := &PlanStep{
			Step: s, Index: i, Kind: kind, Effect: kind.EffectOf(s.Reads),
			When: c.cond(s.When, c.names), Title: c.template(s.Title), Why: c.template(s.Why),
			Target: c.template(s.Target), User: c.template(s.As),
			Inputs: compileInputs(s.With, c.names, c.report),
		}
		if step.Effect == Reads {
			step.Expect = c.expect(s, kind)
		}
		if s.Undo != nil {
			undo, _ := c.kinds.Find(s.Undo.Uses.Value)
			step.Undo = &PlanUndo{
				Kind: undo, Inputs: compileInputs(s.Undo.With, c.names, c.report), User: c.template(s.Undo.As),
			}
			c.typed(undo, s.Undo.With, step.Undo.Inputs)
		}
		c.typed(kind, s.With, step.Inputs)
		c.plan.Steps = append(c.plan.Steps, step)
	}
}

// expect compiles a check's own expect, or its kind's.
func (c *compiling) expect(s *Step, kind Kind) *Cond {
	inner := c.names.expecting(kind)
	if s.Expect.Value != "" {
		return c.cond(s.Expect, inner)
	}
	if kind.Expect == "" {
		return nil
	}
	cond, found := compileCond(kind.Expect, inner)
	for _, m := range found {
		c.report(s.Uses, mistake{message: fmt.Sprintf("the default expect of %s is broken: %s", kind.Name, m.message), rule: "expression"})
	}
	return cond
}

// typed compares the types of the expressions in inputs with what the kind takes. Literals are Check's business.
func (c *compiling) typed(kind Kind, with Value, in inputs) {
	for i, e := range in.entries {
		field, ok := kind.Input.Field(e.name)
		if !ok || e.value.kind != Scalar || len(e.value.text.parts) == 0 {
			continue
		}
		if e.value.text.literal() {
			continue
		}
		have := e.value.text.typ()
		if !fits(have, field.Type.Kind) {
			c.report(with.Entries[i].Value.Text, mistake{
				length: runes(with.Entries[i].Value.Text.Value), rule: "type",
				message: fmt.Sprintf("%s wants a %s, and this is a %s", e.name, field.Type.Kind, have),
			})
		}
	}
}

// fits tells whether a value of type have can stand where want is asked for.
func fits(have, want TypeKind) bool {
	switch {
	case have == want, have == AnyValue, want == AnyValue:
		return true
	case want == Number:
		return have == Int
	case want == Span:
		return have == String
	case want == Object:
		return have == Map
	default:
		return false
	}
}
