package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Effect is what a step does to the world. It follows from the step's kind, never from a flag an author might forget.
type Effect string

// The effects a kind can have.
const (
	Reads    Effect = "read"    // a check: it looks and changes nothing
	Changes  Effect = "change"  // a fix: it acts on the host
	AsksYou  Effect = "human"   // a person does or answers something
	EndsRun  Effect = "end"     // escalate: a person has to go on
	RunsBook Effect = "runbook" // another runbook, as one step
)

// Kind is one step kind: a documented value, made by [Define] and listed in one place, with no registry behind it.
type Kind struct {
	Name    string // "systemd.unit"
	Doc     string // Markdown; the first sentence is the summary
	Effect  Effect
	MayRead bool // a step of this changing kind may say `reads: true`, and is a check then
	Input   Shape
	Output  Shape
	Expect  string        // the default condition over the output, "" for none
	Timeout time.Duration // of one attempt when the step gives none; 0 for the engine's own default
	Example string        // the YAML of a `with` block

	check    func(in map[string]any) error
	describe func(ctx context.Context, in map[string]any, t Task) (Description, error)
	before   func(ctx context.Context, in map[string]any, t Task) error
	do       func(ctx context.Context, in map[string]any, t Task) (map[string]any, error)
}

// Task is what a kind gets to know about the step that it performs, and the only way it has to leave evidence.
type Task struct {
	Step      string // path of the step, "restart" or "frontend/restart"
	Attempt   int    // from 1
	As        string // the Unix user to act as, "" for the user who runs the engine
	Reads     bool   // the step is a check: of a kind that reads, or of one that may and a step that says `reads: true`
	Sandboxed bool   // processes must be started inside the read sandbox
	// Keep opens a new piece of evidence, named for a reader ("stdout", "journal"). What is written to it is streamed,
	// capped, hashed and cleaned of secrets. It is never nil, and writing to it never fails the step.
	Keep func(name string) io.WriteCloser
}

// Description is what a change would do, exactly, told without touching anything.
type Description struct {
	Summary string   `json:"summary"`          // "restart dixis-frontend-launcher.service": a verb phrase
	Exact   []string `json:"exact,omitempty"`  // argv, the D-Bus call, or the lines of a unified diff
	Target  string   `json:"target,omitempty"` // what the change is made to, typed by a person when the risk is high
	Undo    string   `json:"undo,omitempty"`   // how the kind itself takes it back, "" when it can't
}

// Definition is a kind as its package writes it, with its input and output as Go structs. Fields are described by
// tags, which [ShapeOf] reads.
type Definition[In, Out any] struct {
	Name, Doc, Example, Expect string
	Effect                     Effect
	// Timeout is that of one attempt when the step gives none; 0 for the engine's own default.
	Timeout time.Duration
	// MayRead lets a step of a changing kind say `reads: true`. Only command and script have it: what they do is
	// their author's word, which the read sandbox holds them to. Do finds it in Task.Reads.
	MayRead bool
	// Check looks at an input for mistakes that its types do not show. It runs at load when all inputs are
	// literals, and before every call. It is pure.
	Check func(In) error
	// Describe tells what Do would do. It may read, and changes nothing. A change must have it.
	Describe func(context.Context, In, Task) (Description, error)
	// Before keeps what Do is about to destroy.
	Before func(context.Context, In, Task) error
	// Do looks, or acts. Its error says that it could not; an answer that nobody likes is an output.
	Do func(context.Context, In, Task) (Out, error)
}

var kindName = regexp.MustCompile(`^[a-z][a-z0-9]*(\.[a-z][a-z0-9-]*)?$`)

// Define checks a definition and makes a kind of it. A definition that is incomplete is an error of the program, not
// of its user, and is named in full.
func Define[In, Out any](d Definition[In, Out]) (Kind, error) {
	in, inErr := ShapeOf[In]()
	out, outErr := ShapeOf[Out]()
	errs := []error{inErr, outErr}
	missing := func(bad bool, what string) {
		if bad {
			errs = append(errs, errors.New(what))
		}
	}
	missing(!kindName.MatchString(d.Name), "its name is not of the form family.verb")
	missing(strings.TrimSpace(d.Doc) == "", "it has no doc")
	missing(d.Example == "" && len(in.Fields) > 0, "it has no example")
	missing(d.Do == nil, "it does nothing: Do is nil")
	missing(d.Effect == Changes && d.Describe == nil, "a change must be able to describe itself")
	for _, f := range out.Fields {
		missing(reservedOutput(f.Name, d.Effect), fmt.Sprintf("output %s hides a word that conditions use", f.Name))
	}
	missing(d.MayRead && d.Effect != Changes, "only a changing kind can have MayRead")
	switch d.Effect {
	case Reads, Changes, AsksYou, EndsRun, RunsBook:
	default:
		missing(true, fmt.Sprintf("it has no effect (%q)", d.Effect))
	}
	if err := errors.Join(errs...); err != nil {
		return Kind{}, fmt.Errorf("define kind %q: %w", d.Name, err)
	}

	k := Kind{
		Name: d.Name, Doc: strings.TrimSpace(d.Doc), Effect: d.Effect, MayRead: d.MayRead,
		Input: in, Output: out, Expect: d.Expect, Timeout: d.Timeout, Example: d.Example,
	}
	typed := func(values map[string]any) (In, error) {
		v, err := decodeInto[In](in, values)
		if err == nil && d.Check != nil {
			err = d.Check(v)
		}
		if err != nil {
			return v, Fail(Invalid, fmt.Errorf("read the inputs of %s: %w", d.Name, err))
		}
		return v, nil
	}
	k.check = func(values map[string]any) error {
		_, err := typed(values)
		return err
	}
	if d.Describe != nil {
		k.describe = func(ctx context.Context, values map[string]any, t Task) (Description, error) {
			v, err := typed(values)
			if err != nil {
				return Description{}, err
			}
			return d.Describe(ctx, v, t)
		}
	}
	if d.Before != nil {
		k.before = func(ctx context.Context, values map[string]any, t Task) error {
			v, err := typed(values)
			if err != nil {
				return err
			}
			return d.Before(ctx, v, t)
		}
	}
	k.do = func(ctx context.Context, values map[string]any, t Task) (map[string]any, error) {
		v, err := typed(values)
		if err != nil {
			return nil, err
		}
		result, doErr := d.Do(ctx, v, t)
		encoded, err := encodeOutput(out, result)
		return encoded, errors.Join(doErr, err)
	}
	return k, nil
}

// Kinds is the explicit list of all step kinds.
type Kinds []Kind

// Find gives the kind of this name.
func (ks Kinds) Find(name string) (Kind, bool) {
	i := slices.IndexFunc(ks, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return ks[i], true
}

// EffectOf is the effect of a step of this kind that says `reads: true`, or does not.
func (k Kind) EffectOf(reads bool) Effect {
	if reads && k.MayRead {
		return Reads
	}
	return k.Effect
}

// Check reports what is wrong with complete inputs, as a [Failure] of kind [Invalid].
func (k Kind) Check(inputs map[string]any) error { return k.check(inputs) }

// Describe tells what Do would do with these inputs. A kind that changes nothing describes itself by its name.
func (k Kind) Describe(ctx context.Context, inputs map[string]any, t Task) (Description, error) {
	if k.describe == nil {
		return Description{Summary: k.Name}, nil
	}
	return k.describe(ctx, inputs, t)
}

// Before keeps, through t.Keep, what Do is about to destroy. Most kinds destroy nothing and keep nothing.
func (k Kind) Before(ctx context.Context, inputs map[string]any, t Task) error {
	if k.before == nil {
		return nil
	}
	return k.before(ctx, inputs, t)
}

// Do looks or acts, and gives the output as plain values in the kind's output shape. With an error the output holds
// what is known nevertheless.
func (k Kind) Do(ctx context.Context, inputs map[string]any, t Task) (map[string]any, error) {
	return k.do(ctx, inputs, t)
}

// encodeOutput turns a kind's output struct into the plain values that conditions, the journal and reports use.
func encodeOutput(s Shape, v any) (map[string]any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the output: %w", err)
	}
	return s.Decode(raw)
}
