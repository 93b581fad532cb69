package engine

import (
	"fmt"
	"unicode/utf8"
)

// Rule is one thing that must be true of a runbook, by the name that its diagnostics carry.
type Rule struct {
	Name string
	Doc  string // what the rule asks for, in one sentence

	check func(*review) // nil: the reader asks for it
}

// Rules lists what [Parse] and [Check] ask of a runbook. What is asked of its expressions and its graph comes on top,
// when it is loaded.
func Rules() []Rule {
	return []Rule{
		{Name: "file-size", Doc: "A file has at most 1 MiB."},
		{Name: "file-encoding", Doc: "A file is UTF-8, without invisible characters."},
		{Name: "file-empty", Doc: "A file holds a runbook."},
		{Name: "yaml-syntax", Doc: "A file is YAML."},
		{Name: "yaml-documents", Doc: "A file holds one document."},
		{Name: "yaml-alias", Doc: "Anchors, aliases and merge keys are not used."},
		{Name: "yaml-tag", Doc: "Tags are not used."},
		{Name: "too-deep", Doc: "At most 64 lists and mappings stand in each other."},
		{Name: "duplicate-key", Doc: "A key is given once."},
		{Name: "unknown-key", Doc: "Every key means something."},
		{Name: "missing-key", Doc: "The keys that must be there are there."},
		{Name: "empty", Doc: "A key that is there has a value."},
		{Name: "wrong-type", Doc: "A value has the form that its key asks for."},
		{Name: "unknown-value", Doc: "A word is one of those that its key allows."},
		{Name: "out-of-range", Doc: "A number or a length of time lies within its bounds."},

		{"runbook-name", "The name is kebab-case, and the file's name without its ending.", (*review).runbookName},
		{"reviewed-date", "The day of the review is written YYYY-MM-DD.", (*review).reviewedDate},
		{"link", "A link is an http or https address.", (*review).links},
		{"lock-name", "The name of a lock is made of letters, digits, dots, - and _.", (*review).lockName},
		{"bad-id", "Ids are made of small letters, digits and _, and begin with a letter.", (*review).ids},
		{"duplicate-id", "An id belongs to one step or finding.", (*review).duplicateIDs},
		{"unknown-step", "The steps that goal, needs and verify name are there.", (*review).unknownSteps},
		{"repeated-name", "A list of names has each of them once.", (*review).repeatedNames},
		{"not-a-check", "goal and verify name checks.", (*review).notChecks},
		{"conditional-check", "The checks of goal and verify have no when.", (*review).conditionalChecks},
		{"no-goal", "A runbook that changes the host has a goal.", (*review).noGoal},

		{"param-values", "An enum has values, and nothing else has.", (*review).paramValues},
		{"param-range", "min and max belong to numbers, and min is not above max.", (*review).paramRange},
		{"param-pattern", "A pattern compiles, and belongs to text.", (*review).paramPattern},
		{"param-optional", "A parameter has a default or is required, not both.", (*review).paramOptional},
		{"param-default", "A default fits its parameter.", (*review).paramDefault},
		{"param-secret", "A secret is text, and has neither a default nor values.", (*review).paramSecret},

		{"unknown-kind", "The kind of a step is there.", (*review).unknownKinds},
		{"misplaced-key", "A step has the keys that belong to its kind of step.", (*review).misplacedKeys},
		{"not-a-reader", "reads belongs to the kinds whose steps may only read.", (*review).notReaders},
		{"no-verify", "A fix says which checks show that it helped.", (*review).noVerify},
		{"no-why", "A fix that nothing verifies says why.", (*review).noWhy},
		{"settle-too-long", "There is time left to look after settling.", (*review).settleTooLong},
		{"undo-not-a-fix", "What takes a fix back is a fix.", (*review).undoNotFix},
		{"user-name", "as names a Unix user.", (*review).userNames},
		{"misplaced-template", "${{ }} stands where it is read.", (*review).misplacedTemplates},

		{"unknown-input", "The kind has the inputs that are given.", (*review).unknownInputs},
		{"missing-input", "The inputs that the kind must have are given.", (*review).missingInputs},
		{"input-type", "An input has the type that the kind asks for.", (*review).inputTypes},
		{"input-value", "An input is what it stands for.", (*review).inputValues},
		{"refused-inputs", "The kind accepts its inputs as a whole.", (*review).refusedInputs},
		{"secret-place", "A secret goes where neither the process list nor a report shows it.", (*review).secretPlaces},
		{"shell-text", "No ${{ }} is put into the text of a script.", (*review).shellTexts},
		{"literal-runbook", "The runbook that a step runs is named, not computed.", (*review).literalRunbooks},
	}
}

// Check holds a document against the rules that [Parse] does not know: names, references, what belongs to which kind
// of step, parameters, and literal inputs. Expressions and the graph are not its business. It gives all mistakes, in the
// order of the file. What Parse could not read is passed over, so that one mistake is reported once.
func Check(rb *Runbook, kinds Kinds) []Diagnostic {
	v := newReview(rb, kinds)
	for _, rule := range Rules() {
		if rule.check != nil {
			v.rule = rule.Name
			rule.check(v)
		}
	}
	return sorted(v.found)
}

// review is a document under the rules, with what several of them need.
type review struct {
	rb    *Runbook
	kinds Kinds
	rule  string // that is being looked at
	sheet bool   // the values are those of a [Sheet], not the inputs of a kind
	found []Diagnostic

	bodies []body         // of the steps and of their undos, in order
	effect []Effect       // of each step, "" when nobody can tell
	step   map[string]int // by id, the first of those that share one
}

// body is something that uses a kind: a step, or an undo.
type body struct {
	step   *Step
	undo   bool
	given  map[string]Pos // the keys of the step or undo
	uses   Text
	with   Value
	kind   Kind
	known  bool
	inputs []input // the given inputs that the kind has
	wrong  bool    // a mistake in the inputs was reported
}

// input is one given input with what the kind says of it.
type input struct {
	field Field
	key   Text
	value Value
}

func newReview(rb *Runbook, kinds Kinds) *review {
	v := &review{rb: rb, kinds: kinds, step: make(map[string]int, len(rb.Steps))}
	for i := range rb.Steps {
		s := &rb.Steps[i]
		if _, taken := v.step[s.ID.Value]; s.ID.Value != "" && !taken {
			v.step[s.ID.Value] = i
		}
		b := v.body(s, s.Uses, s.With)
		b.given = s.Given
		v.bodies = append(v.bodies, b)
		v.effect = append(v.effect, effectOf(s, b))
		if s.Undo != nil {
			undo := v.body(s, s.Undo.Uses, s.Undo.With)
			undo.undo, undo.given = true, s.Undo.Given
			v.bodies = append(v.bodies, undo)
		}
	}
	return v
}

// effectOf is a step's effect. A command that has an expect, and does not say whether it only reads, was meant as a
// check: it is taken for neither, so that the one word that is missing is reported once.
func effectOf(s *Step, b body) Effect {
	if !b.known || forgotReads(s, b.kind) {
		return ""
	}
	return b.kind.EffectOf(s.Reads)
}

func forgotReads(s *Step, k Kind) bool {
	_, expects := s.Given["expect"]
	_, reads := s.Given["reads"]
	return k.MayRead && expects && !reads
}

func (v *review) body(s *Step, uses Text, with Value) body {
	b := body{step: s, uses: uses, with: with}
	b.kind, b.known = v.kinds.Find(uses.Value)
	if !b.known {
		return b
	}
	for _, e := range with.Entries {
		if f, ok := b.kind.Input.Field(e.Key.Value); ok {
			b.inputs = append(b.inputs, input{f, e.Key, e.Value})
		}
	}
	return b
}

// report says what is wrong with a text, under which the caret stands.
func (v *review) report(t Text, hint, format string, args ...any) {
	if v.full() {
		return
	}
	v.reportAt(t.Pos, v.length(t), hint, format, args...)
}

func (v *review) reportAt(at Pos, length int, hint, format string, args ...any) {
	if v.full() {
		return
	}
	v.found = append(v.found, Diagnostic{
		File: v.rb.File, Pos: at, Length: length, Message: fmt.Sprintf(format, args...), Rule: v.rule, Hint: hint,
	})
}

// length is how many characters of the file a text takes on its first line.
func (v *review) length(t Text) int {
	if t.Block {
		return 1
	}
	length := utf8.RuneCountInString(t.Value)
	if i := offsetOf(v.rb.Source, t.Pos); i < len(v.rb.Source) && (v.rb.Source[i] == '"' || v.rb.Source[i] == '\'') {
		length += 2
	}
	return max(length, 1)
}

// full tells whether there are as many mistakes as are given: what they cost to find is saved then.
func (v *review) full() bool { return len(v.found) >= maxFound }

// reportKey says what is wrong with a key that a mapping has.
func (v *review) reportKey(given map[string]Pos, key, format string, args ...any) {
	v.reportAt(given[key], len(key), "", format, args...)
}
