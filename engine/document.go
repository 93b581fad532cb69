package engine

import "slices"

// Document is the shape of a runbook's file: its keys in the order in which the reference shows them. The reader, the
// reference and the schema for editors all go by it.
//
// Field.Is says more about a text than its type: name (kebab-case), id, kind, condition, template (it may hold ${{ }}),
// date, link, user.
func Document() Shape { return Shape{Fields: runbookKeys()} }

// StepKeys lists the keys that a step of this effect can have, in the order of the reference.
func StepKeys(e Effect) []string {
	var keys []string
	for _, f := range stepKeys() {
		if stepKeyBelongs(f.Name, e) {
			keys = append(keys, f.Name)
		}
	}
	return keys
}

// stepKeyBelongs tells whether a key means something on a step of this effect. `reads` belongs to the kinds that may
// read, whatever the step's effect is then; a rule of its own looks after it.
func stepKeyBelongs(key string, e Effect) bool {
	switch key {
	case "id", "uses", "title", "with", "needs", "when":
		return true
	case "reads":
		return e == Reads || e == Changes
	case "timeout":
		return e != EndsRun && e != AsksYou
	case "retry", "as":
		return e == Reads || e == Changes
	case "expect":
		return e == Reads
	case "expires":
		return e == Changes || e == AsksYou
	default:
		return e == Changes
	}
}

func runbookKeys() []Field {
	return []Field{
		{Name: "runbook", Type: str(), Is: "name", Required: true, Doc: "The runbook's name, in kebab-case. It is the name of the file, too."},
		{Name: "title", Type: str(), Doc: "What is wrong when this runbook is needed, in a few words."},
		{Name: "summary", Type: str(), Doc: "What a reader has to know about the system before anything else."},
		{Name: "service", Type: str(), Doc: "The service that the runbook looks after."},
		{Name: "severity", Type: str(), Enum: []string{"critical", "high", "medium", "low"}, Doc: "How bad it is when this runbook is needed."},
		{Name: "owner", Type: str(), Doc: "The team or person who keeps the runbook right."},
		{Name: "reviewed", Type: str(), Is: "date", Doc: "The day on which somebody last read it through, YYYY-MM-DD."},
		{Name: "links", Type: list(str()), Is: "link", Doc: "Where to read more: http or https addresses."},
		{Name: "params", Type: mapping(Type{Kind: Object, Fields: paramKeys()}), Doc: "The typed inputs of the runbook, by name."},
		{Name: "goal", Type: list(str()), Is: "id", Doc: "The checks that are all healthy when the host is. They have no `when`."},
		{Name: "steps", Type: list(Type{Kind: Object, Fields: stepKeys()}), Required: true, Doc: "The checks, the fixes and what people do, in order."},
		{Name: "findings", Type: list(Type{Kind: Object, Fields: findingKeys()}), Doc: "Named conclusions from what the checks saw."},
		{Name: "limits", Type: Type{Kind: Object, Fields: limitKeys()}, Doc: "What holds a run back."},
		{Name: "requires", Type: Type{Kind: Object, Fields: requireKeys()}, Doc: "What must be there before the first step."},
		{Name: "notify", Type: Type{Kind: AnyValue}, Doc: "Where news of the run goes."},
		{Name: "triggers", Type: Type{Kind: AnyValue}, Doc: "Which alerts may start the runbook, and how far."},
	}
}

func paramKeys() []Field {
	return []Field{
		{Name: "type", Type: str(), Enum: paramTypes(), Required: true, Doc: "The type of the value."},
		{Name: "values", Type: list(str()), Doc: "The values of an enum."},
		{Name: "default", Type: Type{Kind: AnyValue}, Doc: "The value when none is given."},
		{Name: "required", Type: boolean(), Doc: "A value must be given."},
		{Name: "pattern", Type: str(), Is: "regexp", Doc: "A regular expression that the whole text must match."},
		{Name: "min", Type: Type{Kind: Number}, Doc: "The least number there may be."},
		{Name: "max", Type: Type{Kind: Number}, Doc: "The greatest number there may be."},
		{Name: "secret", Type: boolean(), Doc: "The value is looked up by name, never given on the command line, and cut out of everything that is written."},
		{Name: "about", Type: str(), Doc: "What the parameter is for."},
	}
}

func paramTypes() []string {
	return []string{
		string(ParamString), string(ParamInt), string(ParamNumber), string(ParamBool), string(ParamDuration), string(ParamPath),
		string(ParamURL), string(ParamUnit), string(ParamPort), string(ParamUser), string(ParamEnum),
	}
}

func stepKeys() []Field {
	return []Field{
		{Name: "id", Type: str(), Is: "id", Required: true, Doc: "The name that conditions use: small letters, digits and _."},
		{Name: "uses", Type: str(), Is: "kind", Required: true, Doc: "The kind of the step. Whether it is a check or a fix follows from it."},
		{Name: "reads", Type: boolean(), Doc: "This command or script only reads, and is a check. The read sandbox holds it to that."},
		{Name: "title", Type: str(), Is: "template", Doc: "What the step does, for people."},
		{Name: "with", Type: Type{Kind: Map, Elem: &Type{Kind: AnyValue}}, Doc: "The inputs of the kind."},
		{Name: "needs", Type: list(str()), Is: "id", Doc: "Steps that must have ended before this one, whatever their end."},
		{Name: "when", Type: str(), Is: "condition", Doc: "The step runs when this is true. When nobody can tell, it does not run."},
		{Name: "as", Type: str(), Is: "template", Doc: "Another Unix user to act as."},
		{Name: "timeout", Type: span(), Doc: "The longest that one attempt may take."},
		{Name: "retry", Type: Type{Kind: Object, Fields: retryKeys()}, Doc: "How often an attempt is made, at most."},
		{Name: "expect", Type: str(), Is: "condition", Doc: "Checks: what makes it healthy. The fields of its own output stand bare."},
		{Name: "risk", Type: str(), Enum: []string{string(Low), string(Medium), string(High)}, Default: string(Medium), Doc: "Fixes: how much harm it can do."},
		{Name: "why", Type: str(), Is: "template", Doc: "Fixes: why it helps, shown with the question."},
		{Name: "verify", Type: list(str()), Is: "verify", Doc: "Fixes: the checks to look at again afterwards, `goal` for all of the goal, or `none` with a `why`."},
		{Name: "within", Type: span(), Default: "30s", Doc: "Fixes: how long it may take until the checks are healthy."},
		{Name: "settle", Type: span(), Default: "1s", Doc: "Fixes: how long to wait before the first look."},
		{Name: "undo", Type: Type{Kind: Object, Fields: undoKeys()}, Doc: "Fixes: what to offer when the checks say that it did not help."},
		{Name: "target", Type: str(), Is: "template", Doc: "Fixes: what a person types when the risk is high."},
		{Name: "approvals", Type: Type{Kind: Int}, Default: "1", Doc: "Fixes: how many people must agree."},
		{Name: "expires", Type: span(), Default: "10m", Doc: "How long the question waits for an answer."},
	}
}

func retryKeys() []Field {
	return []Field{
		{Name: "attempts", Type: Type{Kind: Int}, Required: true, Doc: "The total number of tries."},
		{Name: "every", Type: span(), Doc: "The wait between two tries."},
		{Name: "backoff", Type: Type{Kind: Number}, Default: "1", Doc: "Every wait is so many times the one before."},
	}
}

func undoKeys() []Field {
	return []Field{
		{Name: "uses", Type: str(), Is: "kind", Required: true, Doc: "The kind that takes the fix back."},
		{Name: "with", Type: Type{Kind: Map, Elem: &Type{Kind: AnyValue}}, Doc: "The inputs of the kind."},
		{Name: "as", Type: str(), Is: "template", Doc: "Another Unix user to act as."},
	}
}

func findingKeys() []Field {
	return []Field{
		{Name: "id", Type: str(), Is: "id", Required: true, Doc: "The name that conditions use: small letters, digits and _."},
		{Name: "when", Type: str(), Is: "condition", Required: true, Doc: "What must be true for the conclusion."},
		{Name: "say", Type: str(), Is: "template", Required: true, Doc: "The conclusion, for people."},
		{Name: "see", Type: str(), Doc: "Where to read more."},
		{Name: "certainty", Type: str(), Enum: []string{"rule", "likely", "possible"}, Default: "rule", Doc: "How sure the conclusion is."},
	}
}

func limitKeys() []Field {
	return []Field{
		{Name: "changes", Type: Type{Kind: Int}, Default: "10", Doc: "The most changes in one run."},
		{Name: "time", Type: span(), Doc: "The longest that the whole run may take."},
		{Name: "lock", Type: str(), Is: "lock", Doc: "Two live runs never hold one lock. The runbook's name when not given."},
		{Name: "cooldown", Type: span(), Doc: "The least time between two live runs that change the host."},
	}
}

func requireKeys() []Field {
	return []Field{
		{Name: "root", Type: boolean(), Doc: "It must run as root."},
		{Name: "systemd", Type: boolean(), Doc: "The host must run systemd."},
		{Name: "commands", Type: list(str()), Doc: "Programs that must be installed."},
	}
}

func str() Type              { return Type{Kind: String} }
func boolean() Type          { return Type{Kind: Bool} }
func span() Type             { return Type{Kind: Span} }
func list(elem Type) Type    { return Type{Kind: List, Elem: &elem} }
func mapping(elem Type) Type { return Type{Kind: Map, Elem: &elem} }

// enumOf gives the values that a key can have.
func enumOf(keys []Field, name string) []string {
	i := slices.IndexFunc(keys, func(f Field) bool { return f.Name == name })
	return keys[i].Enum
}
