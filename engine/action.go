package engine

import "time"

// Action is one thing that should be going on now. The set is closed.
//
// Next gives the same action again until an event ends it, so the driver starts what is not going on yet, and cancels
// what is no longer asked for. Key tells actions apart.
type Action interface {
	Key() string
	action()
}

// Conclude records a decision that needs nothing from the world.
type Conclude struct {
	Event Event
}

// Perform hands a call to the performer. Its result becomes an event through [State.Finish].
type Perform struct {
	ID    string
	Begin Event // recorded before the call is made; nil for none
	Call  Call
	For   Reason // of a look
	Stop  bool   // cancel the call, and wait for how it ends
}

// Wait lets time pass until a moment of the run's own clock.
type Wait struct {
	ID    string
	Until time.Duration
	Event Waited // recorded when the moment has come
}

// Key is the empty string: a conclusion is never going on.
func (c Conclude) Key() string { return "" }

// Key names the call among all that are going on.
func (p Perform) Key() string { return p.ID }

// Key names the wait among all that are going on.
func (w Wait) Key() string { return w.ID }

func (Conclude) action() {}
func (Perform) action()  {}
func (Wait) action()     {}
