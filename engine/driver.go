package engine

import (
	"context"
	"fmt"
	"time"
)

// Clock is the time of a run. It is handed in, so that a rehearsal can have its own.
type Clock interface {
	// Now gives the time of day in UTC, and the time since the run began by a clock that never steps.
	Now() (at time.Time, mono time.Duration)
	// Sleep returns nil when the moment of the run's clock has come, and the context's error when it ended before.
	Sleep(ctx context.Context, until time.Duration) error
}

// Driver is the only loop: it asks the state what should be going on, lets the world do it, and records what comes
// back. An event is in the journal before the state knows it.
type Driver struct {
	State *State
	World Performer
	Clock Clock
	// Record appends an event to the journal and gives it its number. A [Durable] one is on disk when it returns.
	Record func(Stamped) (Stamped, error)
	// Nonce makes a fresh word for each question.
	Nonce func() string
	// Inbox brings what happens outside of the state's actions: stops, notes, notices. One that has a number is in the
	// journal already. May be nil.
	Inbox <-chan Stamped
	// Watch is told of each event once the state knows it, with the state. May be nil.
	Watch func(Stamped, *State)
	// Begun is told of each call as it begins. May be nil.
	Begun func(Perform)

	going   map[string]*task
	results chan finished
	over    chan struct{} // closed when the loop has ended: nobody takes results any more
}

// task is one action that is going on.
type task struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
}

type finished struct {
	key   string
	task  *task
	event func() Event // what it came to, worked out by the loop, which alone may touch the state
}

// Put records an event that the loop did not ask for: the one that opens a run, or a life of it.
func (d *Driver) Put(e Event) error {
	at, mono := d.Clock.Now()
	stamped, err := d.Record(Stamped{At: at, Mono: mono, Event: e})
	if err != nil {
		return fmt.Errorf("record %s: %w", TypeOf(e), err)
	}
	d.know(stamped)
	return nil
}

// know folds an event that is in the journal.
func (d *Driver) know(e Stamped) {
	d.State.Apply(e)
	if d.Watch != nil {
		d.Watch(e, d.State)
	}
}

// Run drives the state until nothing is left to do: the run has ended or was interrupted. The error is the journal's,
// or the context's, which stops everything at once and leaves the run to be resumed.
func (d *Driver) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	d.going, d.results, d.over = map[string]*task{}, make(chan finished), make(chan struct{})
	defer func() {
		close(d.over)
		for _, t := range d.going {
			t.end()
		}
		cancel()
	}()
	for {
		actions := d.State.Next()
		if len(actions) == 0 {
			return nil
		}
		d.cancelOthers(actions)
		concluded, err := d.startAll(ctx, actions)
		if err != nil {
			return err
		}
		if concluded {
			continue
		}
		if err := d.receive(ctx); err != nil {
			return err
		}
	}
}

// startAll begins what is not going on yet. It tells whether the state has moved on, so that Next must be asked again.
func (d *Driver) startAll(ctx context.Context, actions []Action) (moved bool, err error) {
	for _, a := range actions {
		switch a := a.(type) {
		case Conclude:
			if err := d.Put(a.Event); err != nil {
				return false, err
			}
			moved = true
		case Wait:
			d.startWait(ctx, a)
		case Perform:
			begun, err := d.startPerform(ctx, a)
			if err != nil {
				return false, err
			}
			moved = moved || begun
		}
	}
	return moved, nil
}

func (d *Driver) startWait(ctx context.Context, w Wait) {
	if d.going[w.ID] != nil {
		return
	}
	d.start(ctx, w.ID, func(ctx context.Context) func() Event {
		if d.Clock.Sleep(ctx, w.Until) != nil {
			return nil
		}
		return func() Event { return w.Event }
	})
}

// startPerform begins a call. It tells whether an event had to be recorded first.
func (d *Driver) startPerform(ctx context.Context, p Perform) (begun bool, err error) {
	if t := d.going[p.ID]; t != nil {
		if p.Stop {
			t.cancel()
		}
		return false, nil
	}
	if asked, ok := p.Begin.(Asked); ok {
		asked.Question.Nonce = d.Nonce()
		p.Begin, p.Call.Question = asked, &asked.Question
	}
	if p.Begin != nil {
		if err := d.Put(p.Begin); err != nil {
			return false, err
		}
	}
	if d.Begun != nil {
		d.Begun(p)
	}
	d.start(ctx, p.ID, func(ctx context.Context) func() Event {
		r := d.World.Perform(ctx, p.Call)
		return func() Event { return d.State.Finish(p, r) }
	})
	return p.Begin != nil, nil
}

func (d *Driver) start(ctx context.Context, key string, do func(context.Context) func() Event) {
	ctx, cancel := context.WithCancel(ctx)
	t := &task{cancel: cancel, done: make(chan struct{})}
	d.going[key] = t
	go func() {
		event := do(ctx)
		close(t.done)
		select {
		case d.results <- finished{key: key, task: t, event: event}:
		case <-d.over:
		}
	}()
}

// cancelOthers ends what the state does not ask for any more, and waits for it: nothing begins while it goes on.
func (d *Driver) cancelOthers(actions []Action) {
	wanted := make(map[string]bool, len(actions))
	for _, a := range actions {
		wanted[a.Key()] = true
		if _, ok := a.(Conclude); ok {
			return // the state is about to move on
		}
	}
	for key, t := range d.going {
		if !wanted[key] {
			t.end()
			delete(d.going, key)
		}
	}
}

// end cancels a task and waits for it. What it came to is passed over.
func (t *task) end() {
	t.cancel()
	<-t.done
}

// receive waits for the next thing to happen, and records it.
func (d *Driver) receive(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case e := <-d.Inbox:
		if e.Seq > 0 {
			d.know(e)
			return nil
		}
		return d.Put(e.Event)
	case f := <-d.results:
		if d.going[f.key] != f.task { // it was ended, and nobody waits for it
			return nil
		}
		f.task.cancel()
		delete(d.going, f.key)
		if f.event == nil {
			return nil
		}
		return d.Put(f.event())
	}
}
