package reports

import (
	"runbook/engine"
)

// Status is where a step stands at the end of what is on record.
type Status struct {
	Word  string // for people: "healthy", "not needed", "not reached"
	Class Class
	At    Moment // when it came to stand there; the zero value when nothing happened to it
}

// Class sorts what became of a step.
type Class string

// The classes. They are different things and are never given for one another.
const (
	Good       Class = "good"       // healthy, fixed, answered
	Bad        Class = "bad"        // unhealthy, not fixed, failed
	Blind      Class = "blind"      // a check that could not look
	NotNeeded  Class = "not-needed" // its condition was false
	Declined   Class = "declined"   // a person said no
	Expired    Class = "expired"    // a person was asked and did not answer
	CouldNot   Class = "could-not"  // nobody could decide, or ask, or it was held back
	Doubtful   Class = "in-doubt"   // begun, and nobody saw its end
	Described  Class = "would"      // a dry run
	HandedOver Class = "escalated"  // a person has to go on
	Open       Class = "open"       // begun or asked, and the record ends there
	NotReached Class = "not-reached"
)

// Status is the step's last word: whatever came last in the journal counts.
func (s *Step) Status() Status {
	st := Status{Word: "not reached", Class: NotReached}
	take := func(at Moment, word string, class Class) {
		if at.Seq >= st.At.Seq {
			st = Status{Word: word, Class: class, At: at}
		}
	}
	for _, p := range s.Preparations {
		take(p.Moment, "described, not begun", Open)
	}
	for _, q := range s.Questions {
		take(q.Moment, "asked, no answer on record", Open)
		if q.Answer != nil {
			word, class := answerStatus(q)
			take(q.Answer.Moment, word, class)
		}
	}
	for _, c := range s.Changes {
		take(c.Began, "begun, no end on record", Doubtful)
		if c.Lost != nil {
			if c.Lost.Never {
				take(c.Lost.Moment, "meant, never started", Open)
			} else {
				take(c.Lost.Moment, "begun, nobody saw its end", Doubtful)
			}
		}
		if c.Ended != nil {
			take(c.Ended.Moment, "made, not verified", Open)
		}
	}
	if b := s.Book; b != nil {
		take(b.Began, "begun, no end on record", Open)
		if b.End != nil {
			take(b.End.Moment, verdictWord(b.End.Verdict), verdictClass(b.End.Verdict))
		}
	}
	for _, l := range s.Looks {
		take(l.Moment, outcomeWords(l.Outcome), outcomeClass(l.Outcome))
	}
	for _, skip := range s.Skips {
		take(skip.Moment, skipWords(skip.Reason), skipClass(skip.Reason))
	}
	for _, e := range s.Ends {
		word, class := outcomeWords(e.Outcome), outcomeClass(e.Outcome)
		if e.Outcome == engine.OutcomeExpired && s.nobodyThere() {
			word, class = "could not: there was no one to ask", CouldNot
		}
		take(e.Moment, word, class)
	}
	switch e := s.Escalated; {
	case e != nil && e.Only:
		take(e.Moment, "would hand over", Described)
	case e != nil:
		take(e.Moment, "escalated", HandedOver)
	}
	return st
}

// answerStatus is where a step stands after an answer, until something follows from it.
func answerStatus(q *Question) (word string, class Class) {
	word, class = "answered "+oneLine(q.Answer.Value), Open
	if q.Kind == engine.AskUndo || q.Kind == engine.AskFailed || q.Kind == engine.AskDoubt {
		return word, class
	}
	switch q.Answer.Value {
	case engine.No, engine.Quit:
		return "declined", Declined
	case engine.Expired:
		return "expired", Expired
	case engine.Nobody:
		return "could not: there was no one to ask", CouldNot
	case engine.Gone:
		return "asked, and the terminal was lost", Open
	}
	return word, class
}

// nobodyThere tells whether the last question found no one to ask. The engine gives such a fix the outcome of a question
// that ran out.
func (s *Step) nobodyThere() bool {
	n := len(s.Questions)
	return n > 0 && s.Questions[n-1].Answer != nil && s.Questions[n-1].Answer.Value == engine.Nobody
}

func outcomeClass(o engine.Outcome) Class {
	switch o {
	case engine.OutcomeHealthy, engine.OutcomeFixed, engine.OutcomeAnswered:
		return Good
	case engine.OutcomeUnhealthy, engine.OutcomeNotFixed, engine.OutcomeFailed:
		return Bad
	case engine.OutcomeUnknown:
		return Blind
	case engine.OutcomeDeclined:
		return Declined
	case engine.OutcomeExpired:
		return Expired
	case engine.OutcomeInDoubt:
		return Doubtful
	case engine.OutcomeWould:
		return Described
	case engine.OutcomeSkipped:
		return NotNeeded
	case engine.OutcomeEscalated:
		return HandedOver
	case engine.Pending:
	}
	return Open
}

func skipClass(r engine.SkipReason) Class {
	switch r {
	case engine.NotNeeded, engine.GoalHolds, engine.NoLonger:
		return NotNeeded
	case engine.Undecided, engine.LimitHit:
		return CouldNot
	}
	return CouldNot
}

func verdictClass(v engine.Verdict) Class {
	switch v {
	case engine.VerdictHealthy, engine.VerdictFixed:
		return Good
	case engine.VerdictNotFixed, engine.VerdictFailed:
		return Bad
	case engine.VerdictDeclined:
		return Declined
	case engine.VerdictEscalated:
		return HandedOver
	case engine.VerdictRefused, engine.VerdictUndecided:
		return CouldNot
	case engine.VerdictInterrupted:
		return Open
	case engine.VerdictPlanned:
		return Described
	}
	return Open
}

// verdictWord writes a verdict for people.
func verdictWord(v engine.Verdict) string {
	if v == engine.VerdictNotFixed {
		return "not fixed"
	}
	return oneLine(string(v))
}
