package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"time"

	"github.com/gofrs/flock"
)

// ChangeState is how far a change has come that runs under a supervisor.
type ChangeState string

// The states of a change.
const (
	// NeverClaimed: nobody has started it. Somebody still may, at any time: to be sure that it never happens, claim it.
	NeverClaimed ChangeState = "never-claimed"
	// Running: its supervisor lives.
	Running ChangeState = "running"
	// Finished: its result is there.
	Finished ChangeState = "finished"
	// Died: its supervisor is gone without a result. Whether the change was made, nobody saw.
	Died ChangeState = "died"
)

// Change is one attempt at a step that changes the host.
type Change struct {
	Step    string
	Attempt int
	State   ChangeState
	By      Holder          // who claimed it; zero when NeverClaimed
	Result  json.RawMessage // when Finished
}

// claimFile is what the claim file holds.
type claimFile struct {
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	By      Holder `json:"by"`
}

// Claim is the right to make one attempt at a change. It lasts as long as its process, or until Finish.
type Claim struct {
	run    *Run
	dir    string
	result string
	lock   *flock.Flock
}

func changeDir(step string, attempt int) string {
	return path.Join("changes", fileName(step)+"-"+strconv.Itoa(attempt))
}

// Claim takes the durable claim on an attempt at a step. A supervisor takes it before it starts anything. taken is true
// for exactly one caller, ever; every other one gets no Claim and attaches to the change instead. The claim appears
// locked: at no moment is there a claim whose live owner could be taken for dead.
func (r *Run) Claim(step string, attempt int, by Holder) (claim *Claim, taken bool, err error) {
	by.Run = r.ID
	text, err := json.Marshal(claimFile{Step: step, Attempt: attempt, By: by.filled()})
	if err != nil {
		return nil, false, fmt.Errorf("encode claim: %w", err)
	}
	dir := changeDir(step, attempt)
	c := &Claim{run: r, dir: dir, result: path.Join(dir, "result.json")}
	err = r.folder.locked(func() error {
		return r.folder.createWith(path.Join(dir, "claim"), append(text, '\n'), func(file string) error {
			if c.lock != nil { // of a try in another place
				c.lock.Close()
			}
			c.lock = flock.New(file, flock.SetFlag(os.O_RDONLY), flock.SetPermissions(fileMode))
			got, err := c.lock.TryLock()
			if err == nil && !got {
				err = errors.New("lock claim: somebody else has it")
			}
			return err
		})
	})
	if err == nil {
		return c, true, nil
	}
	if c.lock != nil {
		c.lock.Close()
	}
	if errors.Is(err, fs.ErrExist) {
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("claim attempt %d at step %s: %w", attempt, step, err)
}

// Finish writes the result of the change, durably, and ends the claim. The result is any JSON, up to 1 MiB. When it
// can't be written anywhere, the claim is kept, and Finish can be called again.
func (c *Claim) Finish(result json.RawMessage) error {
	if !json.Valid(result) {
		return fmt.Errorf("finish %s: result is not valid JSON", c.dir)
	}
	err := c.run.folder.locked(func() error { return c.run.folder.create(c.result, result) })
	if err != nil {
		return fmt.Errorf("finish %s: %w", c.dir, err)
	}
	return c.lock.Close()
}

// Change tells how far an attempt at a step has come.
func (r *Run) Change(step string, attempt int) (Change, error) {
	c, err := r.change(changeDir(step, attempt))
	if err != nil {
		return Change{}, fmt.Errorf("look at attempt %d at step %s: %w", attempt, step, err)
	}
	c.Step, c.Attempt = step, attempt
	return c, nil
}

// Attach waits while a change runs, and tells how it ended: finished or died. It returns at once if nobody has claimed
// it. When ctx ends first, the state is Running and the error is why ctx ended.
func (r *Run) Attach(ctx context.Context, step string, attempt int) (Change, error) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		c, err := r.Change(step, attempt)
		if err != nil || c.State != Running {
			return c, err
		}
		select {
		case <-ctx.Done():
			return c, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func (r *Run) change(dir string) (Change, error) {
	text, err := r.folder.read(path.Join(dir, "claim"))
	if errors.Is(err, fs.ErrNotExist) {
		return Change{State: NeverClaimed}, nil
	}
	if err != nil {
		return Change{}, err
	}
	var claim claimFile
	if err := json.Unmarshal(text, &claim); err != nil {
		return Change{}, fmt.Errorf("decode claim: %w", err)
	}
	c := Change{Step: claim.Step, Attempt: claim.Attempt, By: claim.By}
	// The lock is looked at before the result: a supervisor writes its result and then lets go.
	l, err := tryLock(func() (string, error) { return r.folder.pathOf(path.Join(dir, "claim")) }, shared)
	if err != nil {
		return Change{}, err
	}
	if l != nil {
		if err := l.Close(); err != nil {
			return Change{}, err
		}
	}
	c.Result, err = r.folder.read(path.Join(dir, "result.json"))
	switch {
	case err == nil:
		c.State = Finished
	case !errors.Is(err, fs.ErrNotExist):
		return Change{}, err
	case l == nil:
		c.State = Running
	default:
		c.State = Died
	}
	return c, nil
}

// Changes tells of all changes of the run that were ever claimed.
func (r *Run) Changes() ([]Change, error) {
	dirs, err := r.folder.list("changes")
	if err != nil {
		return nil, fmt.Errorf("list changes of run %s: %w", r.ID, err)
	}
	var all []Change
	for _, dir := range dirs {
		c, err := r.change(path.Join("changes", dir))
		if err != nil {
			return nil, fmt.Errorf("look at changes/%s of run %s: %w", dir, r.ID, err)
		}
		if c.State != NeverClaimed {
			all = append(all, c)
		}
	}
	return all, nil
}
