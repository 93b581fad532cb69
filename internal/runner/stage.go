package runner

import (
	"context"
	"sync"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
)

// Stage is where a drill plays. Its world stands in for this host, which is neither looked at nor changed, and its clock
// waits for nobody but people: what a run would only wait for is over in a moment. Questions are put to Options.Ask, and
// nobody can answer them from elsewhere.
type Stage struct {
	World    engine.Performer // of checks and changes
	Host     string           // what the world is called
	Scenario string           // for the record

	mu     sync.Mutex
	ahead  time.Duration // of the clock of this host
	jumped chan struct{} // closed, and made anew, with each jump
	events int           // that the run has had
	waits  int           // in a row
}

// NewStage makes a stage whose clock goes with the clock of this host, so far.
func NewStage(world engine.Performer, host, scenario string) *Stage {
	return &Stage{World: world, Host: host, Scenario: scenario, jumped: make(chan struct{})}
}

// Now is the time of day on the stage.
func (s *Stage) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.ahead)
}

// moment is how long a person sees that the run waits: half as long each time in a row, so that all of it is over in a second.
func moment(waits int) time.Duration {
	const first = 400 * time.Millisecond
	return first >> waits
}

// watch is told of every event. When nothing but time has to pass now, it lets time pass.
func (s *Stage) watch(e engine.Stamped, state *engine.State) {
	until, waiting := onlyWaits(state.Next())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events++
	switch e.Event.(type) {
	case engine.Looked: // one of several in a round
	case engine.Waited:
		s.waits++
	default:
		s.waits = 0
	}
	if !waiting {
		return
	}
	now, at := s.events, e.Mono
	time.AfterFunc(moment(s.waits), func() { s.jump(now, until-at) })
}

// jump moves the clock on, unless something has happened since that event.
func (s *Stage) jump(event int, by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events != event {
		return
	}
	s.ahead += max(by, 0)
	close(s.jumped)
	s.jumped = make(chan struct{})
}

// onlyWaits tells whether a run does nothing but wait, and until when.
func onlyWaits(actions []engine.Action) (until time.Duration, only bool) {
	for i, a := range actions {
		w, ok := a.(engine.Wait)
		if !ok {
			return 0, false
		}
		if i == 0 || w.Until < until {
			until = w.Until
		}
	}
	return until, len(actions) > 0
}

// staged is the clock of a run on a stage.
type staged struct {
	writer *journal.Writer
	stage  *Stage
}

// Now is the time on the stage.
func (c staged) Now() (time.Time, time.Duration) {
	c.stage.mu.Lock()
	defer c.stage.mu.Unlock()
	at, mono := c.writer.Stamp()
	return at.Add(c.stage.ahead), mono + c.stage.ahead
}

// Sleep waits until the moment has come on the stage, or is jumped to.
func (c staged) Sleep(ctx context.Context, until time.Duration) error {
	for {
		c.stage.mu.Lock()
		jumped := c.stage.jumped
		_, mono := c.writer.Stamp()
		left := until - mono - c.stage.ahead
		c.stage.mu.Unlock()
		if left <= 0 {
			return nil
		}
		select {
		case <-time.After(left):
		case <-jumped:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// perform plays a call: checks and changes in the world of the stage, questions before the person.
func (l *life) perform(ctx context.Context, c engine.Call) engine.Result {
	switch {
	case c.Verb != engine.Confirm:
		return l.Stage.World.Perform(ctx, c)
	case l.Ask == nil:
		return engine.Result{Answer: &engine.Answer{Value: engine.Nobody, Note: c.Step + " asks, and a drill without a person answers nothing"}}
	}
	return l.Ask.Perform(ctx, c)
}
