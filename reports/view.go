package reports

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"runbook/engine"
)

// View is what a journal says about a run, sorted by what it is about. It holds plain values, in the order of the plan
// or of the journal, and rests on nothing but the plan and the events: also a journal without an end has a view.
type View struct {
	Start    engine.RunStarted // the zero value when the journal has no such event
	Began    Moment
	Last     Moment // of the last event
	Events   int
	Lives    []Life // one, and one more for each time it was resumed
	End      *Ending
	Missing  []string   // what the host lacks of what the runbook requires
	Steps    []*Step    // in the order of the plan, inner steps behind the step that runs their runbook
	Findings []*Finding // in the order of the plan
	Stops    []Stop
	Pauses   []Pause
	Remarks  []Remark
	Exhibits []Exhibit // all evidence, in the order in which it was kept
}

// Moment is a place in a journal and in time. The zero value is nowhere.
type Moment struct {
	Seq  int
	At   time.Time     // UTC
	Mono time.Duration // since the start of the run
}

// Life is the time from a start of the engine to its end.
type Life struct {
	Began       Moment
	Who         engine.Who
	Version     string
	Boot        string
	Note        string
	Interrupted *Moment // nil: it ended with the run, goes on, or nobody saw its end
	Signal      string
	Last        Moment // its last event
}

// Ending is the end of a run, or of a runbook that a step ran.
type Ending struct {
	Moment
	Verdict engine.Verdict
	Why     []string
}

// Step is everything that happened to one step.
type Step struct {
	Path   string
	Title  string // as the run showed it; as far as it is known for a step that the run did not come to; "" when it has none
	Kind   string
	Effect engine.Effect
	When   string           // its condition as the runbook has it
	Plan   *engine.PlanStep // nil when the plan does not have it

	Looks        []Look
	Skips        []Skip
	Preparations []Preparation
	Questions    []*Question
	Changes      []*Change
	Ends         []End
	Escalated    *Escalation
	Book         *Book
}

// Look is one attempt at a check.
type Look struct {
	Moment
	engine.Looked
}

// Skip is a decision not to make a step.
type Skip struct {
	Moment
	engine.Skipped
}

// Preparation is a change that was described.
type Preparation struct {
	Moment
	engine.Prepared
}

// Question is a question that was put to a person, and what was said to it.
type Question struct {
	Moment // when it was asked
	engine.Question
	Answer *Answer
	Closed Moment // when it was answered; without an answer, the last event of that life of the run
}

// Answer is what was said to a question.
type Answer struct {
	Moment
	engine.Answer
}

// Change is one attempt at a change, or at taking it back.
type Change struct {
	Began Moment
	engine.ChangeStarted
	Agreed   []*Question // the questions that were answered with yes for it
	Again    []Look      // looks between the yes and the change
	Ended    *ChangeEnd  // nil: nobody saw it end
	Lost     *ChangeLoss // how it became clear that nobody had
	Verified []Look      // looks at what it was to bring about
}

// ChangeEnd is what came of a change.
type ChangeEnd struct {
	Moment
	engine.ChangeEnded
}

// ChangeLoss is a change whose end nobody saw, or that was never started.
type ChangeLoss struct {
	Moment
	engine.ChangeLost
}

// End is the end of a fix or of a human step.
type End struct {
	Moment
	engine.FixEnded
}

// Escalation hands the run to a person.
type Escalation struct {
	Moment
	engine.Escalated
	Only bool // a dry run, or a drill: nobody has to be called
}

// Book is a runbook that ran as a step.
type Book struct {
	Began Moment
	engine.BookStarted
	End *Ending
}

// Finding is a conclusion over time.
type Finding struct {
	Path      string
	Rule      string // its condition as the runbook has it, "" when the plan does not have the finding
	See       string
	Certainty string
	Said      []Conclusion
}

// Conclusion is a finding's truth from a moment on.
type Conclusion struct {
	Moment
	engine.Concluded
}

// Stop is a wish to stop the run.
type Stop struct {
	Moment
	engine.StopAsked
}

// Pause is time that the run let pass on purpose, for something to settle or before it looked once more. The moment is its
// end.
type Pause struct {
	Moment
	engine.Waited
}

// Remark is something to be in the record: of a person, or, without By, of the tool.
type Remark struct {
	Moment
	By   string
	Text string
}

// Exhibit is a piece of evidence, and where it came from.
type Exhibit struct {
	Moment
	engine.Evidence
	Step string
	From string // the event that brought it: "check.looked", "change.prepared", "change.ended"
}

// Verdict is the end of the run in one word. There is none while no end and no interruption is on record: the run goes
// on, or was killed.
func (v *View) Verdict() (engine.Verdict, bool) {
	switch {
	case v.End != nil:
		return v.End.Verdict, true
	case len(v.Lives) > 0 && v.Lives[len(v.Lives)-1].Interrupted != nil:
		return engine.VerdictInterrupted, true
	default:
		return "", false
	}
}

// DryRun tells whether the run only described its changes.
func (v *View) DryRun() bool { return v.Start.Mode == engine.DryRun }

// Drill tells whether the host was simulated, so that nothing was looked at or changed.
func (v *View) Drill() bool { return v.Start.Mode == engine.Drill }

// Changes lists all changes that were begun, in the order of the journal, those that took one back too. What was meant
// and, as is certain, never started is none.
func (v *View) Changes() []*Change {
	var out []*Change
	for _, s := range v.Steps {
		for _, c := range s.Changes {
			if c.begun() {
				out = append(out, c)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *Change) int { return a.Began.Seq - b.Began.Seq })
	return out
}

// begun tells whether a change may have done something: it was meant, and it is not certain that it never started.
func (c *Change) begun() bool { return c.Lost == nil || !c.Lost.Never }

// made tells whether a change of the step was begun.
func (s *Step) made() bool { return slices.ContainsFunc(s.Changes, (*Change).begun) }

// Questions lists all questions in the order of the journal.
func (v *View) Questions() []*Question {
	var out []*Question
	for _, s := range v.Steps {
		out = append(out, s.Questions...)
	}
	slices.SortStableFunc(out, func(a, b *Question) int { return a.Seq - b.Seq })
	return out
}

// ForPeople tells whether somebody was waited for. Nobody is when the answer was given beforehand, when there is no one
// to ask, and in a dry run.
func (q *Question) ForPeople() bool {
	if q.Answer == nil {
		return true
	}
	a := q.Answer.Answer
	return a.Value != engine.Nobody && a.Value != engine.Would && !beforehand(a)
}

// WaitedForPeople is the time in which at least one question was open to people.
func (v *View) WaitedForPeople() (total time.Duration, questions int) {
	var open []stretch
	for _, q := range v.Questions() {
		if q.ForPeople() {
			open = append(open, stretch{q.Mono, q.Closed.Mono})
		}
	}
	return covered(open), len(open)
}

// forLimit is a pause that is none: the time that a run may take was over.
const forLimit = "limit"

// WaitedOnPurpose is the time in which the run paused at least once.
func (v *View) WaitedOnPurpose() (total time.Duration, pauses int) {
	var open []stretch
	for _, p := range v.Pauses {
		if p.For == forLimit {
			continue
		}
		open = append(open, stretch{p.Mono - p.Time, p.Mono})
	}
	return covered(open), len(open)
}

// stretch is a piece of the time of a run.
type stretch struct{ from, to time.Duration }

// covered is the time that lies in at least one of the pieces.
func covered(pieces []stretch) (total time.Duration) {
	slices.SortFunc(pieces, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	var until time.Duration
	for _, s := range pieces {
		from, to := max(s.from, until), max(s.to, until)
		total += to - from
		until = to
	}
	return total
}

// Step finds a step by its path, nil when there is none.
func (v *View) Step(path string) *Step {
	i := slices.IndexFunc(v.Steps, func(s *Step) bool { return s.Path == path })
	if i < 0 {
		return nil
	}
	return v.Steps[i]
}

// First is the first look at a check that counted, nil when there was none: attempts that were made once more are none.
func (s *Step) First() *Look {
	for i := range s.Looks {
		if !s.Looks[i].Again {
			return &s.Looks[i]
		}
	}
	return nil
}

// Latest is the last look at a check, nil when there was none.
func (s *Step) Latest() *Look {
	if len(s.Looks) == 0 {
		return nil
	}
	return &s.Looks[len(s.Looks)-1]
}

// before is the look at the same check before a look, nil when there was none.
func (v *View) before(l *Look) *Look {
	var last *Look
	s := v.Step(l.Step)
	if s == nil {
		return nil
	}
	for i := range s.Looks {
		if s.Looks[i].Seq < l.Seq {
			last = &s.Looks[i]
		}
	}
	return last
}

// ID is the step's own name, the last part of its path.
func (s *Step) ID() string { return s.Path[strings.LastIndexByte(s.Path, '/')+1:] }

// scope is the path of the runbook that the step stands in: "" for the run's own.
func (s *Step) scope() string { return s.Path[:strings.LastIndexByte(s.Path, '/')+1] }
