package reports

import (
	"slices"
	"time"

	"runbook/engine"
)

// ValuesFormat is the version of the values on a page, as [Values.Encode] writes them.
const ValuesFormat = 1

// Values are what a snapshot is compared by: what the checks of a runbook saw of a host, without what moves by itself.
// Two looks at a host that stays as it is give the same values, but for the moment at which they were taken.
type Values struct {
	Format  int               `json:"runbook_snapshot"`
	Runbook string            `json:"runbook"`
	Hash    string            `json:"hash"`   // of the runbook's text
	Params  map[string]string `json:"params"` // as they are given on a command line; secrets are left out
	Host    string            `json:"host"`
	Taken   time.Time         `json:"taken"`
	Tool    string            `json:"tool"` // its version
	Checks  []Checked         `json:"checks"`
}

// Checked is what one check saw. Either there are values, or Like, Unseen or Skipped says why there are none.
type Checked struct {
	Step    string         `json:"step"`
	Kind    string         `json:"kind"`
	With    map[string]any `json:"with"`              // what it was given, as far as that does not hang on other steps
	Outcome engine.Outcome `json:"outcome,omitempty"` // healthy or unhealthy; left out when nobody could tell
	Like    string         `json:"like,omitempty"`    // the check before it that looks at the same, and has the values
	Unseen  string         `json:"unseen,omitempty"`  // why it could not look
	Skipped string         `json:"skipped,omitempty"` // why it did not look, because nobody needed it to
	Values  map[string]any `json:"values,omitempty"`
}

// NewValues takes the values of a run: of each check what it saw last. The plan must be that of the run.
func NewValues(plan *engine.Plan, events []engine.Stamped) Values {
	v := NewView(plan, events)
	out := Values{
		Format: ValuesFormat, Runbook: v.Start.Runbook.Name, Hash: v.Start.Runbook.Hash, Params: map[string]string{},
		Host: v.Start.Host, Taken: v.Began.At.UTC().Truncate(time.Second), Tool: v.Start.Version,
	}
	for _, p := range plan.Runbook.Params {
		if value, ok := v.Start.Params[p.Name.Value]; ok && !p.Secret {
			out.Params[p.Name.Value] = plainValue(value)
		}
	}
	for _, s := range v.Steps {
		if s.Plan == nil || s.Effect != engine.Reads {
			continue
		}
		c := Checked{Step: s.Path, Kind: s.Kind, With: v.given(s)}
		look, why, spare := s.sight()
		if c.Unseen = why; spare {
			c.Unseen, c.Skipped = "", why
		}
		if look != nil {
			if look.Outcome != engine.OutcomeUnknown {
				c.Outcome = look.Outcome
			}
			c.Values, _ = still(engine.Type{Kind: engine.Object, Fields: s.Plan.Kind.Output.Fields}, blankedFacts(look.Output)).(map[string]any)
			if i := slices.IndexFunc(out.Checks, c.looksAtTheSame); i >= 0 {
				c.Like, c.Values = out.Checks[i].Step, nil
			}
		}
		out.Checks = append(out.Checks, c)
	}
	return out
}

// looksAtTheSame tells whether another check has the values that this one would have.
func (c Checked) looksAtTheSame(other Checked) bool {
	return c.Kind == other.Kind && other.Values != nil && same(c.With, other.With) && same(c.Values, other.Values)
}

// of gives the values of a check: its own, or those of the check that looked at the same.
func (v Values) of(c Checked) map[string]any {
	if c.Like != "" {
		if i := v.index(c.Like); i >= 0 {
			return v.Checks[i].Values
		}
	}
	return c.Values
}

func (v Values) index(step string) int {
	return slices.IndexFunc(v.Checks, func(c Checked) bool { return c.Step == step })
}

// Blind tells whether the check could not look, or could not tell whether what it saw is as expected.
func (c Checked) Blind() bool { return c.Unseen != "" || c.Skipped == "" && c.Outcome == "" }

// sight is the look at a check that counts, or the reason why there is none; spare tells that nobody needed one. A check
// that looked, and whose expectation could not be told, has seen something all the same.
func (s *Step) sight() (look *Look, why string, spare bool) {
	l := s.Latest()
	switch {
	case l == nil && len(s.Skips) > 0:
		reason := s.Skips[len(s.Skips)-1].Reason
		return nil, skipWords(reason), skipClass(reason) == NotNeeded
	case l == nil:
		return nil, "the run did not come to it", false
	case l.Failure != nil && len(l.Because) == 0:
		return nil, oneLine(l.Failure.Message) + " (" + oneLine(string(l.Failure.Kind)) + ")", false
	default:
		return l, "", false
	}
}

// given are the inputs of a step as far as the runbook and its parameters tell them. What hangs on another step stays
// as the runbook has it.
func (v *View) given(s *Step) map[string]any {
	out, _ := plainInput(s.Plan.With, v.params(s)).(map[string]any)
	if out == nil {
		return map[string]any{}
	}
	return out
}

func plainInput(v engine.Value, params map[string]any) any {
	switch v.Kind {
	case engine.Scalar:
		if s, ok := v.Plain.(string); ok {
			return blanked(withParams(s, params))
		}
		return v.Plain
	case engine.Sequence:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = plainInput(item, params)
		}
		return out
	case engine.Mapping:
		out := make(map[string]any, len(v.Entries))
		for _, e := range v.Entries {
			out[e.Key.Value] = blankedEntry(e.Key.Value, plainInput(e.Value, params))
		}
		return out
	case engine.NoValue:
	}
	return nil
}

// still is a value without what moves by itself, and without what other fields say as well. A text of several lines
// becomes the list of its lines: that is how it is read on a page.
func still(t engine.Type, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			switch t.Kind {
			case engine.Object:
				f, ok := engine.Shape{Fields: t.Fields}.Field(name)
				if ok && !f.Moves && f.Restates == "" {
					out[name] = still(f.Type, inner)
				}
			case engine.Map:
				out[name] = still(*t.Elem, inner)
			default:
				out[name] = inner
			}
		}
		return out
	case []any:
		if t.Kind != engine.List {
			return v
		}
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = still(*t.Elem, inner)
		}
		return out
	case string:
		if t.Kind == engine.String {
			return lines(v)
		}
	}
	return v
}
