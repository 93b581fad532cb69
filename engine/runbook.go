package engine

import "time"

// Pos is a place in a runbook's file. Both count from 1; the zero Pos is nowhere.
type Pos struct {
	Line, Col int // Col counts characters, not bytes
}

// Text is a scalar of the document, with the place where its first character stands.
type Text struct {
	Value string
	Pos   Pos
	// Block is true for a literal or folded block scalar, whose text begins on a line below Pos.
	Block bool
}

// Runbook is the document: what the file says, each thing with its place, nothing resolved and nothing compiled.
type Runbook struct {
	File   string // as the user named it
	Source []byte

	Name     Text
	Title    Text
	Summary  Text
	Service  Text
	Severity Text
	Owner    Text
	Reviewed Text // YYYY-MM-DD
	Links    []Text
	Params   []Param
	Goal     []Text // ids of checks
	Steps    []Step
	Findings []Finding
	Limits   Limits
	Requires Requires
	Notify   Value // kept as it stands
	Triggers Value // kept as it stands

	Given map[string]Pos // the keys that the file has, those with a value that can't be read too
}

// ParamType is the type of a parameter.
type ParamType string

// The types of parameters.
const (
	ParamString   ParamType = "string"
	ParamInt      ParamType = "int"
	ParamNumber   ParamType = "number"
	ParamBool     ParamType = "bool"
	ParamDuration ParamType = "duration"
	ParamPath     ParamType = "path" // absolute
	ParamURL      ParamType = "url"
	ParamUnit     ParamType = "unit" // a systemd unit's full name
	ParamPort     ParamType = "port"
	ParamUser     ParamType = "user"
	ParamEnum     ParamType = "enum"
)

// Param is one typed input of a runbook.
type Param struct {
	Name     Text
	Type     ParamType
	TypePos  Pos
	Values   []Text // of an enum
	Default  *Value // nil for none
	Required bool
	Pattern  Text // a regular expression that the whole value must match
	Min, Max *float64
	Secret   bool // looked up by name, never given on the command line
	About    Text

	Given map[string]Pos // the keys that the parameter has
}

// ValueKind is the form of a YAML value.
type ValueKind int

// The forms of a YAML value.
const (
	NoValue ValueKind = iota // not there
	Scalar
	Sequence
	Mapping
)

// Value is a YAML value that the document keeps as it stands, with every place in it.
type Value struct {
	Kind    ValueKind
	Pos     Pos
	Text    Text    // of a Scalar, as written
	Plain   any     // of a Scalar: its YAML value: string, int, float64, bool or nil
	Items   []Value // of a Sequence
	Entries []Entry // of a Mapping, in order
}

// Entry is one key of a mapping with its value.
type Entry struct {
	Key   Text
	Value Value
}

// Entry finds a key of a mapping.
func (v Value) Entry(key string) (Value, bool) {
	for _, e := range v.Entries {
		if e.Key.Value == key {
			return e.Value, true
		}
	}
	return Value{}, false
}

// Null tells whether a value is there and says nothing: null, ~, or a key with nothing behind it.
func (v Value) Null() bool { return v.Kind == Scalar && v.Plain == nil }

// Risk is how much harm a fix can do.
type Risk string

// The risks, in rising order.
const (
	Low    Risk = "low"
	Medium Risk = "medium" // the default
	High   Risk = "high"
)

// Step is one node of the graph.
type Step struct {
	Pos   Pos
	ID    Text
	Uses  Text // a kind
	Reads bool // command and script: it only reads
	Title Text
	With  Value // a Mapping, or NoValue
	Needs []Text
	When  Text
	As    Text // another Unix user

	Timeout time.Duration // of one attempt, 0 for the default
	Retry   Retries

	Expect Text // checks

	Risk      Risk // fixes; Medium when not given
	Why       Text
	Verify    Verify
	Within    time.Duration // 30s when not given
	Settle    time.Duration // 1s when not given
	Undo      *Body
	Target    Text // what a person types when the risk is high; the kind's own target when not given
	Approvals int  // people who must agree, 1 when not given
	Expires   time.Duration

	Given map[string]Pos // the keys that the step has, for rules that ask whether a key belongs there
}

// Retries is how often an attempt is made, at most.
type Retries struct {
	Attempts int           // the total number of tries; 1 when not given
	Every    time.Duration // between two tries
	Backoff  float64       // every wait is so many times the one before; 1 when not given
}

// Verify names the checks to look at again after a fix.
type Verify struct {
	Pos    Pos
	Checks []Text
	Goal   bool // all of the goal
	None   bool // nothing; the fix must say why
}

// Body is what an undo does: a kind with its inputs.
type Body struct {
	Pos  Pos
	Uses Text
	With Value
	As   Text

	Given map[string]Pos // the keys that it has
}

// Finding is a named conclusion.
type Finding struct {
	Pos       Pos
	ID        Text
	When      Text
	Say       Text
	See       Text
	Certainty Text // "rule" when not given
}

// Limits hold a run back.
type Limits struct {
	Pos      Pos
	Changes  int           // most changes in one run; 10 when not given
	Time     time.Duration // of the whole run; 0 for none
	Lock     Text          // the runbook's name when not given
	Cooldown time.Duration // least time between two live runs that change the host
}

// Requires is looked at before the first step.
type Requires struct {
	Pos      Pos
	Root     bool
	Systemd  bool
	Commands []Text
}
