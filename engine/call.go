package engine

import (
	"context"
	"time"
)

// Performer is the one seam between the engine and the world. The real host is one; so are a dry run, a scenario, a
// recorded journal and a remote host.
type Performer interface {
	// Perform does what the call says and gives what came of it. It never fails: what went wrong is in the result.
	Perform(ctx context.Context, c Call) Result
}

// PerformerFunc makes a performer of a function.
type PerformerFunc func(ctx context.Context, c Call) Result

// Perform calls the function.
func (f PerformerFunc) Perform(ctx context.Context, c Call) Result { return f(ctx, c) }

// Verb is what a call asks for.
type Verb string

// The verbs. A dry run has no performer for Act.
const (
	Look    Verb = "look"    // make a check
	Prepare Verb = "prepare" // describe a change exactly, and keep what it will destroy
	Act     Verb = "act"     // make a change
	Attach  Verb = "attach"  // find out how a change ended that was going on when the engine died
	Confirm Verb = "confirm" // ask a person
)

// Call is one fully resolved thing to do.
type Call struct {
	Verb     Verb
	Step     string // path: "restart", "frontend/restart"
	Kind     string
	Effect   Effect
	Reads    bool // the step looks: its kind reads, or it says so
	Inputs   map[string]any
	As       string // Unix user, "" for the engine's own
	Attempt  int    // from 1
	Undo     bool   // Prepare, Act, Attach: the step's way back
	Timeout  time.Duration
	Question *Question // Confirm
}

// Result is what came of a call.
type Result struct {
	Output      map[string]any // in the output shape of the kind; may be partial with a failure
	Failure     *Failure       // why it could not be done
	Evidence    []Evidence
	Description *Description // Prepare
	Only        bool         // Prepare: it is described and will not be made, because this is a dry run
	Answer      *Answer      // Confirm
	Lost        bool         // Attach: nobody knows how it ended
	Never       bool         // Attach: it was never started, and never will be
}

// Evidence is one piece of output that was kept. The engine knows it by digest and reference only.
type Evidence struct {
	ID     string `json:"id"`               // "E03"
	File   string `json:"file"`             // name below the run's folder
	Name   string `json:"name"`             // what it is: "stdout", "journal"
	Bytes  int64  `json:"bytes"`            // written to it in all
	Kept   int64  `json:"kept"`             // of these, in the file; less than Bytes when the middle was left out
	SHA256 string `json:"sha256"`           // of the file
	Cuts   int    `json:"cuts,omitempty"`   // secrets that were cut out
	Failed string `json:"failed,omitempty"` // why it could not be kept
}

// QuestionKind is what a question is about.
type QuestionKind string

// The questions a run can ask.
const (
	AskFix    QuestionKind = "fix"    // shall the change be made? yes, no
	AskUndo   QuestionKind = "undo"   // it did not help: take it back? yes, no
	AskFailed QuestionKind = "failed" // the change itself failed: retry, skip, stop
	AskDoubt  QuestionKind = "doubt"  // nobody saw the change end: made, not-made, again
	AskManual QuestionKind = "manual" // a person does something: done, not-done
	AskValue  QuestionKind = "ask"    // a person answers something
)

// Question is what a person is asked, with all that an answer should rest on.
type Question struct {
	Step        string        `json:"step"`
	Kind        QuestionKind  `json:"kind"`
	Nonce       string        `json:"nonce,omitempty"` // of this very question
	Plan        string        `json:"plan,omitempty"`  // SHA-256 of the exact call that it is about
	Title       string        `json:"title,omitempty"`
	Text        string        `json:"text,omitempty"` // manual and ask: what to do or to answer
	Choices     []string      `json:"choices,omitempty"`
	Type        string        `json:"type,omitempty"` // ask: string, int, number, bool
	Because     []Term        `json:"because,omitempty"`
	Why         string        `json:"why,omitempty"` // the author's reason
	Description *Description  `json:"description,omitempty"`
	As          string        `json:"as,omitempty"`
	Risk        Risk          `json:"risk,omitempty"`
	Undo        string        `json:"undo,omitempty"`
	Verify      []string      `json:"verify,omitempty"` // checks that are looked at afterwards
	Within      time.Duration `json:"within,omitempty"`
	Failure     *Failure      `json:"failure,omitempty"` // failed: what went wrong
	Evidence    []Evidence    `json:"evidence,omitempty"`
	Approvals   int           `json:"approvals,omitempty"` // people who must agree
	Agreed      []string      `json:"agreed,omitempty"`    // who has agreed so far
	Excluded    string        `json:"excluded,omitempty"`  // who can't agree: with approvals, the starter
	Number      int           `json:"number,omitempty"`    // the step's place in the file, from 1
	Of          int           `json:"of,omitempty"`        // steps in the file
	Expires     time.Duration `json:"expires,omitempty"`
}

// Target is what a person types to agree to a change of high risk.
func (q Question) Target() string {
	if q.Description == nil || q.Description.Target == "" {
		return q.Step // a change that is made to nothing in particular
	}
	return q.Description.Target
}

// The answers to a question. A question of kind ask takes any text beside Expired, Nobody and Quit.
const (
	Yes     = "yes"
	No      = "no"
	Quit    = "quit"    // no, and stop the run
	Expired = "expired" // nobody answered in time
	Gone    = "gone"    // the terminal was lost: the run pauses
	Nobody  = "nobody"  // there is no one to ask: no terminal, or --no-input
	Would   = "would"   // a dry run: the change is described and not made
	Retry   = "retry"
	Skip    = "skip"
	Stop    = "stop"
	Made    = "made"
	NotMade = "not-made"
	Again   = "again"
	Done    = "done"
	NotDone = "not-done"
)

// Answer is what was said to a question, by whom and where.
type Answer struct {
	Value string `json:"value"`
	By    string `json:"by,omitempty"`   // a person's name on the host
	Via   string `json:"via,omitempty"`  // "terminal", "--yes", "runbook approve"
	Note  string `json:"note,omitempty"` // a reason that was given, or why there is nobody
}
