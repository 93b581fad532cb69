package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// FormatVersion is the version of the events as they stand in a journal.
const FormatVersion = 1

// Event is one thing that happened in a run. The set is closed: what a journal holds, and all that a state rests on.
type Event interface{ event() }

// Stamped is an event with its place in the journal and in time.
type Stamped struct {
	Seq   int
	At    time.Time     // UTC
	Mono  time.Duration // since the start of the run, by a clock that never steps
	Event Event
}

// Mode is what a run is for.
type Mode string

// The modes of a run.
const (
	Live   Mode = "live"
	DryRun Mode = "dry-run"
	Drill  Mode = "drill" // a person practises: the host is simulated, and only the answers are real
)

// Who is a person as the host knows them.
type Who struct {
	UID      int    `json:"uid"`
	User     string `json:"user"`
	SudoUser string `json:"sudo_user,omitempty"` // who called sudo
	TTY      string `json:"tty,omitempty"`
	SSH      string `json:"ssh,omitempty"` // SSH_CONNECTION's client address
}

// Name is the person behind the user: who called sudo, if somebody did.
func (w Who) Name() string {
	if w.SudoUser != "" {
		return w.SudoUser
	}
	return w.User
}

// Source is the whole text of a runbook, as it was when the run began.
type Source struct {
	Name string `json:"name"`
	File string `json:"file"`
	Text string `json:"text"`
	Hash string `json:"hash"` // SHA-256 of Text, in hex
}

// RunStarted opens a journal.
type RunStarted struct {
	Format   int            `json:"format"`
	Run      string         `json:"run"`
	Runbook  Source         `json:"runbook"`
	Books    []Source       `json:"books,omitempty"` // the runbooks that its steps run
	Params   map[string]any `json:"params"`
	Mode     Mode           `json:"mode"`
	Parallel int            `json:"parallel"` // checks at the same time
	Version  string         `json:"version"`
	Host     string         `json:"host"`
	Boot     string         `json:"boot,omitempty"` // boot id
	Who      Who            `json:"who"`
	Incident string         `json:"incident,omitempty"`
	Flags    []string       `json:"flags,omitempty"` // --yes, --confirm STEP=TARGET, --no-input: what was agreed to beforehand
}

// RunResumed opens the second and every later life of a run.
type RunResumed struct {
	Who     Who    `json:"who"`
	Version string `json:"version"`
	Boot    string `json:"boot,omitempty"`
	Note    string `json:"note,omitempty"` // what is different: a changed file, a repaired journal
}

// Preflight tells what the runbook requires and the host lacks. Nothing missing: the run goes on.
type Preflight struct {
	Missing []string `json:"missing,omitempty"`
}

// Reason is why a check was looked at.
type Reason string

// The reasons to look.
const (
	ForGraph  Reason = "graph"  // its turn in the graph
	ForAgain  Reason = "again"  // after the yes, before the change
	ForVerify Reason = "verify" // after a change
	ForGoal   Reason = "goal"   // at the end
)

// Looked is the result of one attempt at a check.
type Looked struct {
	Step     string         `json:"step"`
	For      Reason         `json:"for"`
	Attempt  int            `json:"attempt"`
	Outcome  Outcome        `json:"outcome"` // healthy, unhealthy, unknown
	Output   map[string]any `json:"output,omitempty"`
	Failure  *Failure       `json:"failure,omitempty"`
	Because  []Term         `json:"because,omitempty"` // what expect saw
	Evidence []Evidence     `json:"evidence,omitempty"`
	Again    bool           `json:"again,omitempty"` // another attempt follows
	Title    string         `json:"title,omitempty"` // of the step, when it is not a plain text in the runbook
}

// Concluded is a finding whose truth became known, or changed.
type Concluded struct {
	Finding string `json:"finding"` // path
	Value   Tri    `json:"value"`
	Say     string `json:"say,omitempty"`
	Because []Term `json:"because,omitempty"`
}

// SkipReason is why a step was not made.
type SkipReason string

// The reasons to skip. They are different things and are never given for one another.
const (
	NotNeeded SkipReason = "not-needed" // its condition is false
	Undecided SkipReason = "undecided"  // its condition, or an input, is unknown
	GoalHolds SkipReason = "goal-holds" // the host was healthy at the start
	NoLonger  SkipReason = "no-longer"  // it was agreed to, and the second look found it not needed any more
	LimitHit  SkipReason = "limit"      // as many changes as the runbook allows have been made
)

// Skipped is a step that was not made.
type Skipped struct {
	Step    string     `json:"step"`
	Reason  SkipReason `json:"reason"`
	Because []Term     `json:"because,omitempty"`
	// Hangs lists the changes that a dry run only described and that this decision hangs on: both ways are open.
	Hangs []string `json:"hangs,omitempty"`
	// Would is what the step would do if it were made, where that is known.
	Would string `json:"would,omitempty"`
	Title string `json:"title,omitempty"` // of the step, when it is not a plain text in the runbook
}

// Prepared is a change described exactly, and what it will destroy kept.
type Prepared struct {
	Step        string       `json:"step"`
	Undo        bool         `json:"undo,omitempty"`
	Description *Description `json:"description,omitempty"`
	Evidence    []Evidence   `json:"evidence,omitempty"`
	Failure     *Failure     `json:"failure,omitempty"`
	Only        bool         `json:"only,omitempty"` // it is described and will not be made: a dry run
	As          string       `json:"as,omitempty"`   // Unix user, "" for the engine's own
	Because     []Term       `json:"because,omitempty"`
	Title       string       `json:"title,omitempty"` // of the step, when it is not a plain text in the runbook
}

// Asked is a question that was put to a person.
type Asked struct {
	Question Question `json:"question"`
}

// Answered is what was said to it.
type Answered struct {
	Step   string       `json:"step"`
	Kind   QuestionKind `json:"kind"`
	Nonce  string       `json:"nonce,omitempty"`
	Answer Answer       `json:"answer"`
}

// ChangeStarted is the intent to change the host. It is on disk before anything is done.
type ChangeStarted struct {
	Step        string         `json:"step"`
	Attempt     int            `json:"attempt"`
	Undo        bool           `json:"undo,omitempty"`
	Kind        string         `json:"kind"`
	Inputs      map[string]any `json:"inputs"`
	As          string         `json:"as,omitempty"`
	Description *Description   `json:"description,omitempty"`
}

// ChangeEnded is what came of it.
type ChangeEnded struct {
	Step     string         `json:"step"`
	Attempt  int            `json:"attempt"`
	Undo     bool           `json:"undo,omitempty"`
	Output   map[string]any `json:"output,omitempty"`
	Failure  *Failure       `json:"failure,omitempty"`
	Evidence []Evidence     `json:"evidence,omitempty"`
}

// ChangeLost is a change whose end nobody saw, or one that was meant and, as is certain, never started.
type ChangeLost struct {
	Step    string   `json:"step"`
	Attempt int      `json:"attempt"`
	Undo    bool     `json:"undo,omitempty"`
	Never   bool     `json:"never,omitempty"`
	Failure *Failure `json:"failure,omitempty"` // why nobody saw its end
}

// FixEnded is the end of a fix.
type FixEnded struct {
	Step    string  `json:"step"`
	Outcome Outcome `json:"outcome"`
	Note    string  `json:"note,omitempty"`
}

// Escalated hands the run over to a person.
type Escalated struct {
	Step    string `json:"step"`
	To      string `json:"to"`
	Say     string `json:"say"`
	Because []Term `json:"because,omitempty"`
}

// Waited is time that passed on purpose.
type Waited struct {
	Step string        `json:"step,omitempty"`
	For  string        `json:"for"` // settle, verify, retry, limit
	Time time.Duration `json:"time"`
}

// BookStarted is a runbook that began as a step of another.
type BookStarted struct {
	Step    string         `json:"step"` // path of the step; the runbook's own steps stand below it
	Runbook string         `json:"runbook"`
	Params  map[string]any `json:"params"`
}

// RunEnded closes a run, or, with a step, the runbook that the step ran.
type RunEnded struct {
	Step    string   `json:"step,omitempty"`
	Verdict Verdict  `json:"verdict"`
	Why     []string `json:"why,omitempty"` // sentences
}

// StopAsked is a signal, or a person, that wants the run to stop after what is going on.
type StopAsked struct {
	Signal string `json:"signal"` // "interrupt", "terminated", "hangup"
	Now    bool   `json:"now,omitempty"`
}

// RunInterrupted closes one life of a run. It can be resumed.
type RunInterrupted struct {
	Signal string `json:"signal"`
	Note   string `json:"note,omitempty"`
}

// Noted is something a person wanted to be in the record.
type Noted struct {
	By   string `json:"by"`
	Text string `json:"text"`
}

// Noticed is something that the tool itself has to say: the journal moved, evidence could not be kept.
type Noticed struct {
	Text string `json:"text"`
}

func (RunStarted) event()     {}
func (RunResumed) event()     {}
func (Preflight) event()      {}
func (Looked) event()         {}
func (Concluded) event()      {}
func (Skipped) event()        {}
func (Prepared) event()       {}
func (Asked) event()          {}
func (Answered) event()       {}
func (ChangeStarted) event()  {}
func (ChangeEnded) event()    {}
func (ChangeLost) event()     {}
func (FixEnded) event()       {}
func (Escalated) event()      {}
func (Waited) event()         {}
func (BookStarted) event()    {}
func (RunEnded) event()       {}
func (StopAsked) event()      {}
func (RunInterrupted) event() {}
func (Noted) event()          {}
func (Noticed) event()        {}

// TypeOf is the name of an event in a journal.
func TypeOf(e Event) string {
	switch e.(type) {
	case RunStarted:
		return "run.started"
	case RunResumed:
		return "run.resumed"
	case Preflight:
		return "run.preflight"
	case Looked:
		return "check.looked"
	case Concluded:
		return "finding.concluded"
	case Skipped:
		return "step.skipped"
	case Prepared:
		return "change.prepared"
	case Asked:
		return "question.asked"
	case Answered:
		return "question.answered"
	case ChangeStarted:
		return "change.started"
	case ChangeEnded:
		return "change.ended"
	case ChangeLost:
		return "change.lost"
	case FixEnded:
		return "fix.ended"
	case Escalated:
		return "run.escalated"
	case Waited:
		return "waited"
	case BookStarted:
		return "runbook.started"
	case RunEnded:
		return "run.ended"
	case StopAsked:
		return "stop.asked"
	case RunInterrupted:
		return "run.interrupted"
	case Noted:
		return "noted"
	case Noticed:
		return "noticed"
	}
	panic(fmt.Sprintf("event %T has no name", e))
}

// Durable tells whether an event must be on disk before anything follows it: around changes, and at the end.
func Durable(e Event) bool {
	switch e.(type) {
	case RunStarted, RunResumed, ChangeStarted, ChangeEnded, ChangeLost, Answered, RunEnded, RunInterrupted:
		return true
	case Preflight, Looked, Concluded, Skipped, Prepared, Asked, FixEnded, Escalated, Waited, BookStarted, StopAsked, Noted, Noticed:
		return false
	}
	return true
}

// Encode writes an event as the fields of a journal line.
func Encode(e Event) (typ string, data json.RawMessage, err error) {
	data, err = json.Marshal(e)
	if err != nil {
		return "", nil, fmt.Errorf("encode %s: %w", TypeOf(e), err)
	}
	return TypeOf(e), data, nil
}

// Decode reads an event back. Fields that it does not know are passed over: they are of a later version of the tool.
func Decode(typ string, data []byte) (Event, error) {
	for _, e := range events() {
		if TypeOf(e) != typ {
			continue
		}
		v := reflect.New(reflect.TypeOf(e))
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.UseNumber()
		if err := decoder.Decode(v.Interface()); err != nil {
			return nil, fmt.Errorf("decode %s: %w", typ, err)
		}
		decoded, _ := reflect.TypeAssert[Event](v.Elem())
		settleNumbers(decoded)
		return decoded, nil
	}
	return nil, fmt.Errorf("decode an event: there is no type %q; a newer runbook may have written this journal", typ)
}

// settleNumbers gives the numbers in an event's free values the types that they had before they were written, so that a
// state folded from a journal is the one that was there while it was written.
func settleNumbers(e Event) {
	switch e := e.(type) {
	case RunStarted:
		plainJSON(e.Params)
	case Looked:
		plainJSON(e.Output)
	case ChangeStarted:
		plainJSON(e.Inputs)
	case ChangeEnded:
		plainJSON(e.Output)
	case BookStarted:
		plainJSON(e.Params)
	case RunResumed, Preflight, Concluded, Skipped, Prepared, Asked, Answered, ChangeLost, FixEnded, Escalated, Waited,
		RunEnded, StopAsked, RunInterrupted, Noted, Noticed:
	}
}

func events() []Event {
	return []Event{
		RunStarted{},
		RunResumed{},
		Preflight{},
		Looked{},
		Concluded{},
		Skipped{},
		Prepared{},
		Asked{},
		Answered{},
		ChangeStarted{},
		ChangeEnded{},
		ChangeLost{},
		FixEnded{},
		Escalated{},
		Waited{},
		BookStarted{},
		RunEnded{},
		StopAsked{},
		RunInterrupted{},
		Noted{},
		Noticed{},
	}
}
