package engine

import (
	"math"
	"time"

	"go.yaml.in/yaml/v4"
)

// Bounds of the lengths of time in a document. The lower ones keep out what was meant otherwise, the upper ones what
// nobody waits for.
const (
	instant  = time.Millisecond
	aDay     = 24 * time.Hour
	aWeek    = 7 * aDay
	thirty   = 30 * aDay
	shortest = time.Second
)

// Bounds of the counts in a document.
const (
	maxApprovals   = 10
	maxAttempts    = 1_000
	maxChanges     = 1_000
	defaultChanges = 10
)

func (r *reader) runbook(n *yaml.Node, rb *Runbook) {
	r.keys = keyTables{
		runbook: runbookKeys(), param: paramKeys(), step: stepKeys(), retry: retryKeys(), undo: undoKeys(),
		finding: findingKeys(), limits: limitKeys(), requires: requireKeys(),
	}
	r.refused(n)
	rb.Limits.Changes = defaultChanges
	rb.Given = r.mapping(n, "the file", r.keys.runbook, func(key string, v *yaml.Node) {
		switch key {
		case "runbook":
			rb.Name = r.text(v, key)
		case "title":
			rb.Title = r.text(v, key)
		case "summary":
			rb.Summary = r.text(v, key)
		case "service":
			rb.Service = r.text(v, key)
		case "severity":
			rb.Severity = r.word(v, key, enumOf(r.keys.runbook, key))
		case "owner":
			rb.Owner = r.text(v, key)
		case "reviewed":
			rb.Reviewed = r.text(v, key)
		case "links":
			rb.Links = r.texts(v, key, "[https://wiki.example.com/frontend]")
		case "params":
			rb.Params = r.params(v)
		case "goal":
			rb.Goal = r.texts(v, key, "[page, port]")
		case "steps":
			for _, item := range r.items(v, key, "") {
				rb.Steps = append(rb.Steps, r.step(item))
			}
		case "findings":
			for _, item := range r.items(v, key, "") {
				rb.Findings = append(rb.Findings, r.findingOf(item))
			}
		case "limits":
			rb.Limits = r.limits(v)
		case "requires":
			rb.Requires = r.requires(v)
		case "notify":
			rb.Notify = r.value(v)
		case "triggers":
			rb.Triggers = r.value(v)
		}
	})
	if rb.Limits.Lock.Value == "" {
		rb.Limits.Lock = rb.Name
	}
}

func (r *reader) params(n *yaml.Node) []Param {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "params", "a mapping, like {port: {type: port, default: 3000}}", "")
		return nil
	}
	if len(n.Content) == 0 {
		r.empty(n, "params")
	}
	var params []Param
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind == yaml.ScalarNode && k.Tag != "!!merge" {
			params = append(params, r.param(textOf(k), n.Content[i+1]))
		}
	}
	return params
}

func (r *reader) param(name Text, n *yaml.Node) Param {
	p := Param{Name: name}
	what := "parameter " + quoteKey(name.Value)
	if n.Kind == yaml.ScalarNode && !isNull(n) && !silent(n) { // port: 3000
		r.wrong(n, what, "a mapping with its type, like {type: string, default: "+n.Value+"}", "")
		return p
	}
	p.Given = r.mapping(n, what, r.keys.param, func(key string, v *yaml.Node) {
		switch key {
		case "type":
			p.TypePos = nodePos(v)
			p.Type = ParamType(r.word(v, "type", paramTypes()).Value)
		case "values":
			p.Values = r.texts(v, key, "[low, high]")
		case "default":
			if v.Kind != yaml.ScalarNode || isNull(v) {
				r.wrong(v, key, "one value", "")
			} else if !silent(v) {
				value := r.value(v)
				p.Default = &value
			}
		case "required":
			p.Required = r.boolean(v, key) || v.Tag != "!!bool" // what can't be read was meant to say something
		case "pattern":
			p.Pattern = r.text(v, key)
		case "min":
			p.Min = r.bound(v, key)
		case "max":
			p.Max = r.bound(v, key)
		case "secret":
			p.Secret = r.boolean(v, key)
		case "about":
			p.About = r.text(v, key)
		}
	})
	return p
}

func (r *reader) bound(n *yaml.Node, name string) *float64 {
	if v, ok := r.number(n, name, -math.MaxFloat64, math.MaxFloat64); ok {
		return &v
	}
	return nil
}

func (r *reader) step(n *yaml.Node) Step {
	s := Step{Pos: nodePos(n), Risk: Medium, Within: 30 * time.Second, Settle: time.Second, Approvals: 1}
	s.Retry = Retries{Attempts: 1, Backoff: 1}
	s.Given = r.mapping(n, named("step", n), r.keys.step, func(key string, v *yaml.Node) {
		switch key {
		case "id":
			s.ID = r.text(v, key)
		case "uses":
			s.Uses = r.text(v, key)
		case "reads":
			s.Reads = r.boolean(v, key)
		case "title":
			s.Title = r.text(v, key)
		case "with":
			s.With = r.with(v)
		case "needs":
			s.Needs = r.texts(v, key, "[page, port]")
		case "when":
			s.When = r.condition(v, key)
		case "as":
			s.As = r.text(v, key)
		case "timeout":
			s.Timeout = r.duration(v, key, instant, aDay)
		case "retry":
			s.Retry = r.retry(v)
		case "expect":
			s.Expect = r.condition(v, key)
		default:
			r.fixKey(&s, key, v)
		}
	})
	return s
}

// fixKey reads a key that only steps with a question have.
func (r *reader) fixKey(s *Step, key string, v *yaml.Node) {
	switch key {
	case "risk":
		if risk := r.word(v, key, enumOf(r.keys.step, key)).Value; risk != "" {
			s.Risk = Risk(risk)
		}
	case "why":
		s.Why = r.text(v, key)
	case "verify":
		s.Verify = r.verify(v)
	case "within":
		s.Within = r.duration(v, key, instant, aDay)
	case "settle":
		s.Settle = r.duration(v, key, 0, aDay)
	case "undo":
		s.Undo = r.undo(v)
	case "target":
		s.Target = r.text(v, key)
	case "approvals":
		s.Approvals = r.integer(v, key, 1, maxApprovals)
	case "expires":
		s.Expires = r.duration(v, key, shortest, aWeek)
	}
}

// named is what messages call a step or finding: by its id when it has one that can be read.
func named(what string, n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if v := n.Content[i+1]; n.Content[i].Value == "id" && v.Kind == yaml.ScalarNode && v.Value != "" {
				return what + " " + quoteKey(v.Value)
			}
		}
	}
	return "a " + what
}

func (r *reader) with(n *yaml.Node) Value {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "with", "a mapping of inputs", "")
		return Value{}
	}
	return r.value(n)
}

func (r *reader) retry(n *yaml.Node) Retries {
	out := Retries{Attempts: 1, Backoff: 1}
	r.mapping(n, "retry", r.keys.retry, func(key string, v *yaml.Node) {
		switch key {
		case "attempts":
			out.Attempts = r.integer(v, key, 1, maxAttempts)
		case "every":
			out.Every = r.duration(v, key, 0, aDay)
		case "backoff":
			if b, ok := r.number(v, key, 1, 10); ok {
				out.Backoff = b
			}
		}
	})
	return out
}

func (r *reader) verify(n *yaml.Node) Verify {
	out := Verify{Pos: nodePos(n)}
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == "goal" && !silent(n):
		out.Goal = true
	case n.Kind == yaml.ScalarNode && n.Value == "none" && !silent(n):
		out.None = true
	case n.Kind == yaml.ScalarNode:
		hint := ""
		if n.Value != "" {
			hint = didYouMean("[" + n.Value + "]")
		}
		r.wrong(n, "verify", "a list of checks, or goal, or none", hint)
	default:
		out.Checks = r.texts(n, "verify", "[page, port]")
	}
	return out
}

func (r *reader) undo(n *yaml.Node) *Body {
	b := &Body{Pos: nodePos(n)}
	b.Given = r.mapping(n, "undo", r.keys.undo, func(key string, v *yaml.Node) {
		switch key {
		case "uses":
			b.Uses = r.text(v, key)
		case "with":
			b.With = r.with(v)
		case "as":
			b.As = r.text(v, key)
		}
	})
	return b
}

func (r *reader) findingOf(n *yaml.Node) Finding {
	f := Finding{Pos: nodePos(n), Certainty: Text{Value: "rule"}}
	r.mapping(n, named("finding", n), r.keys.finding, func(key string, v *yaml.Node) {
		switch key {
		case "id":
			f.ID = r.text(v, key)
		case "when":
			f.When = r.condition(v, key)
		case "say":
			f.Say = r.text(v, key)
		case "see":
			f.See = r.text(v, key)
		case "certainty":
			if t := r.word(v, key, enumOf(r.keys.finding, key)); t.Value != "" {
				f.Certainty = t
			}
		}
	})
	return f
}

func (r *reader) limits(n *yaml.Node) Limits {
	out := Limits{Pos: nodePos(n), Changes: defaultChanges}
	r.mapping(n, "limits", r.keys.limits, func(key string, v *yaml.Node) {
		switch key {
		case "changes":
			out.Changes = r.integer(v, key, 1, maxChanges)
		case "time":
			out.Time = r.duration(v, key, shortest, aWeek)
		case "lock":
			out.Lock = r.text(v, key)
		case "cooldown":
			out.Cooldown = r.duration(v, key, 0, thirty)
		}
	})
	return out
}

func (r *reader) requires(n *yaml.Node) Requires {
	out := Requires{Pos: nodePos(n)}
	r.mapping(n, "requires", r.keys.requires, func(key string, v *yaml.Node) {
		switch key {
		case "root":
			out.Root = r.boolean(v, key)
		case "systemd":
			out.Systemd = r.boolean(v, key)
		case "commands":
			out.Commands = r.texts(v, key, "[curl, jq]")
		}
	})
	return out
}
