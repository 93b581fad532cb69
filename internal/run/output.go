package run

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipes carry the input and output of one process. They are pipes in any case,
// also for files: a process that is given a file can truncate it, and may open
// /dev/stderr anew only if that is its own.
type pipes struct {
	child []*os.File // the process's ends
	ours  []*os.File
	work  []func() error
	done  chan struct{}

	mu     sync.Mutex
	failed error
}

// add makes a pipe whose one end is the process's. The user may open that end
// again by its name.
func (p *pipes) add(u User, childReads bool) (child, ours *os.File, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	child, ours = w, r
	if childReads {
		child, ours = r, w
	}
	p.child, p.ours = append(p.child, child), append(p.ours, ours)
	if c := u.credential(); c != nil {
		// It is allowed to root only, as is becoming the user, which will tell.
		_ = child.Chown(int(c.Uid), int(c.Gid))
	}
	return child, ours, nil
}

// input lets the process read what r has; nothing if r is nil.
func (p *pipes) input(u User, r io.Reader) (*os.File, error) {
	if r == nil {
		return nil, nil //nolint:nilnil // os/exec takes this for /dev/null
	}
	child, ours, err := p.add(u, true)
	if err != nil {
		return nil, err
	}
	p.work = append(p.work, func() error {
		_, err := io.Copy(ours, r)
		if closing := ours.Close(); err == nil {
			err = closing
		}
		if errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EPIPE) {
			return nil // it did not want to read it all
		}
		return wrap("give it its input", err)
	})
	return child, nil
}

// output has what the process writes written to w; to nothing if w is nil. If
// w fails, the process is not told, as it would be by a closed pipe: what it
// has begun goes on.
func (p *pipes) output(u User, w io.Writer) (*os.File, error) {
	if w == nil {
		w = io.Discard
	}
	child, ours, err := p.add(u, false)
	if err != nil {
		return nil, err
	}
	p.work = append(p.work, func() error {
		_, err := io.Copy(w, ours)
		if errors.Is(err, os.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		_, _ = io.Copy(io.Discard, ours)
		return wrap("keep its output", err)
	})
	return child, nil
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// begin starts carrying, once the process has its ends.
func (p *pipes) begin() {
	closeAll(p.child)
	p.done = make(chan struct{})
	var all sync.WaitGroup
	for _, work := range p.work {
		all.Go(func() {
			if err := work(); err != nil {
				p.mu.Lock()
				p.failed = errors.Join(p.failed, err)
				p.mu.Unlock()
			}
		})
	}
	go func() {
		all.Wait()
		closeAll(p.ours)
		close(p.done)
	}()
}

// abandon closes everything, when there is no process.
func (p *pipes) abandon() {
	closeAll(p.child)
	closeAll(p.ours)
}

// finish waits for the output's end, which a process that was left behind can
// hold open, for at most the patience. It tells whether the end was seen.
func (p *pipes) finish(patience time.Duration) (ended bool) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
	}
	// This wakes whoever reads or writes a pipe. A writer below, or a reader of
	// the caller's, that does not come back is not waited for.
	closeAll(p.ours)
	timer.Reset(patience)
	select {
	case <-p.done:
	case <-timer.C:
	}
	return false
}

// err is what went wrong on our side.
func (p *pipes) err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failed
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
