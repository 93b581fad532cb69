package display

import (
	"strings"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// Word is a verdict as the screen says it: small when all is well, in capitals when somebody should look.
func Word(v engine.Verdict) string {
	switch v {
	case engine.VerdictHealthy, engine.VerdictFixed, engine.VerdictPlanned:
		return string(v)
	default:
		return strings.ToUpper(string(v))
	}
}

// Shout is an outcome as the screen says it.
func Shout(o engine.Outcome) string {
	switch o {
	case engine.OutcomeHealthy, engine.OutcomeFixed, engine.OutcomeSkipped, engine.OutcomeAnswered:
		return string(o)
	default:
		return strings.ToUpper(string(o))
	}
}

// Mark is the colour of a verdict.
func Mark(p screen.Paint, v engine.Verdict) func(string) string {
	switch v {
	case engine.VerdictHealthy, engine.VerdictFixed, engine.VerdictPlanned:
		return p.Good
	case engine.VerdictDeclined, engine.VerdictUndecided, engine.VerdictInterrupted, engine.VerdictRefused:
		return p.Warn
	default:
		return p.Bad
	}
}

// Meaning says in a sentence what a verdict means.
func Meaning(v engine.Verdict) string {
	switch v {
	case engine.VerdictHealthy:
		return "The goal holds. Nothing was changed."
	case engine.VerdictFixed:
		return "The goal did not hold, changes were made, and it holds now."
	case engine.VerdictNotFixed:
		return "The goal does not hold."
	case engine.VerdictFailed:
		return "A change failed, and the run stopped."
	case engine.VerdictDeclined:
		return "Somebody said no, or nobody answered, and the goal does not hold."
	case engine.VerdictEscalated:
		return "A person has to go on from here."
	case engine.VerdictRefused:
		return "The run was refused."
	case engine.VerdictUndecided:
		return "Whether the host is healthy is not known."
	case engine.VerdictInterrupted:
		return "The run was stopped, and can be gone on with."
	case engine.VerdictPlanned:
		return "This is what a run would do. Nothing was changed."
	}
	return ""
}
