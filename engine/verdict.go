package engine

// Outcome is how a step ended.
type Outcome string

// The outcomes. A check is healthy, unhealthy or unknown; a fix one of the others. Pending is none of them.
const (
	Pending          Outcome = ""
	OutcomeHealthy   Outcome = "healthy"
	OutcomeUnhealthy Outcome = "unhealthy"
	OutcomeUnknown   Outcome = "unknown" // a check that could not look
	OutcomeFixed     Outcome = "fixed"
	OutcomeNotFixed  Outcome = "not-fixed"
	OutcomeFailed    Outcome = "failed"
	OutcomeDeclined  Outcome = "declined"
	OutcomeExpired   Outcome = "expired" // a question that nobody answered
	OutcomeInDoubt   Outcome = "in-doubt"
	OutcomeWould     Outcome = "would" // a dry run: described, not made
	OutcomeSkipped   Outcome = "skipped"
	OutcomeAnswered  Outcome = "answered" // a human step
	OutcomeEscalated Outcome = "escalated"
)

// Verdict is the end of a run in one word.
type Verdict string

// The verdicts.
const (
	VerdictHealthy     Verdict = "healthy"
	VerdictFixed       Verdict = "fixed"
	VerdictNotFixed    Verdict = "not-fixed"
	VerdictFailed      Verdict = "failed"
	VerdictDeclined    Verdict = "declined"
	VerdictEscalated   Verdict = "escalated"
	VerdictRefused     Verdict = "refused"
	VerdictUndecided   Verdict = "undecided"
	VerdictInterrupted Verdict = "interrupted"
	VerdictPlanned     Verdict = "planned" // a dry run whose plan is complete
)

// ExitCode is the exit code that goes with a verdict.
func (v Verdict) ExitCode() int {
	switch v {
	case VerdictHealthy, VerdictFixed, VerdictPlanned:
		return 0
	case VerdictNotFixed:
		return 3
	case VerdictFailed:
		return 4
	case VerdictDeclined:
		return 5
	case VerdictEscalated:
		return 6
	case VerdictRefused:
		return 7
	case VerdictUndecided:
		return 8
	case VerdictInterrupted:
		return 130
	}
	return 1
}
