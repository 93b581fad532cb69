package display

import (
	"io"
	"sync"
	"time"
)

// farewell is how long the end of a run waits for a screen that takes nothing.
const farewell = 2 * time.Second

// pipe writes from a goroutine of its own. A screen that takes nothing, because somebody pressed Ctrl-S or a connection
// hangs, then holds up nobody: a run goes on.
type pipe struct {
	to io.Writer

	mu      sync.Mutex
	changed sync.Cond
	waiting []byte
	writing bool
	closed  bool
	done    chan struct{}
}

func newPipe(to io.Writer) *pipe {
	p := &pipe{to: to, done: make(chan struct{})}
	p.changed.L = &p.mu
	go p.run()
	return p
}

func (p *pipe) run() {
	defer close(p.done)
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		for len(p.waiting) == 0 && !p.closed {
			p.changed.Wait()
		}
		if len(p.waiting) == 0 {
			return
		}
		text := p.waiting
		p.waiting, p.writing = nil, true
		p.mu.Unlock()
		_, _ = p.to.Write(text) // a screen that is gone is no reason to stop
		p.mu.Lock()
		p.writing = false
		p.changed.Broadcast()
	}
}

// Write takes a text, and never waits.
func (p *pipe) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, text...)
	p.changed.Broadcast()
	return len(text), nil
}

// flush waits until all has been written.
func (p *pipe) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.waiting) > 0 || p.writing {
		p.changed.Wait()
	}
}

// close writes what is left, if the screen takes it.
func (p *pipe) close() {
	p.mu.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.mu.Unlock()
	select {
	case <-p.done:
	case <-time.After(farewell):
	}
}
