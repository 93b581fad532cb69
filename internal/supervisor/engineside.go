package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/internal/run"
)

// Changes performs Act and Attach: the engine's side.
type Changes struct {
	Run   *journal.Run
	Holds journal.Holder // who asks, for the claim
	// Command is the supervisor's own command line, the order for a change excepted, which goes to its standard input.
	Command []string
	// Output is told the last line that the change printed. May be nil.
	Output func(step, line string)
	// Grace is how long a supervisor that was told to stop may take to end its processes in good order. 0 means 30 s.
	Grace time.Duration
}

// order is what a supervisor is told.
type order struct {
	Call    engine.Call
	Holds   journal.Holder
	Timeout time.Duration
}

// claimed is the name of a change for its claim: a change and its way back are two.
func claimed(c engine.Call) string {
	if c.Undo {
		return c.Step + "/undo"
	}
	return c.Step
}

// mark is what the processes of a change carry, so that they are found when their supervisor is gone.
func (s Changes) mark(c engine.Call) string {
	return fmt.Sprintf("%s/%s/%d", s.Run.ID, claimed(c), c.Attempt)
}

// Perform makes a change under a supervisor, or finds out how one ended.
func (s Changes) Perform(ctx context.Context, c engine.Call) engine.Result {
	switch c.Verb {
	case engine.Act:
		return s.act(ctx, c)
	case engine.Attach:
		return s.attach(ctx, c)
	case engine.Look, engine.Prepare, engine.Confirm:
	}
	return failed(fmt.Errorf("a supervisor can't %s", c.Verb))
}

// act starts the supervisor and waits for it. Cancelling stops the change, and its end is still waited for.
func (s Changes) act(ctx context.Context, c engine.Call) engine.Result {
	raw, err := json.Marshal(order{Call: c, Holds: s.Holds, Timeout: c.Timeout})
	if err != nil {
		return failed(fmt.Errorf("encode the order: %w", err))
	}
	//nolint:noctx // our own binary; it must outlive this process, so no context may kill it
	cmd := exec.Command(s.Command[0], s.Command[1:]...)
	cmd.Stdin = strings.NewReader(string(raw))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = append(os.Environ(), run.ChangeVar+"="+s.mark(c))
	cmd.Dir = "/"
	var complaint tail
	cmd.Stderr = &complaint
	progress, err := cmd.StdoutPipe()
	if err != nil {
		return failed(fmt.Errorf("start the supervisor: %w", err))
	}
	if err := cmd.Start(); err != nil {
		return failed(fmt.Errorf("start the supervisor: %w", err))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.follow(c.Step, progress)
		_ = cmd.Wait() // what it came to is in its claim
	}()
	select {
	case <-done:
	case <-ctx.Done():
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(s.grace()):
			_ = cmd.Process.Kill()
			<-done
		}
	}
	change, err := s.Run.Change(claimed(c), c.Attempt)
	if err != nil {
		return lost(fmt.Errorf("read the result of the change: %w", err))
	}
	if change.State == journal.NeverClaimed {
		return failed(fmt.Errorf("the supervisor could not begin: %s", complaint.String()))
	}
	return result(change)
}

func (s Changes) grace() time.Duration {
	if s.Grace == 0 {
		return 30 * time.Second
	}
	return s.Grace
}

// follow passes on what the change prints, line by line.
func (s Changes) follow(step string, from io.Reader) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		if s.Output != nil {
			s.Output(step, lines.Text())
		}
	}
	_, _ = io.Copy(io.Discard, from) // a line too long for the scanner must not stop the supervisor
}

// attach waits for a change that was going on when the engine died. One that was never begun is claimed, so that it
// never will be. Cancelling stops the change, and its end is still waited for.
func (s Changes) attach(ctx context.Context, c engine.Call) engine.Result {
	change, err := s.await(ctx, c)
	if err != nil {
		return lost(fmt.Errorf("wait for the change: %w", err))
	}
	if change.State == journal.NeverClaimed {
		claim, taken, err := s.Run.Claim(claimed(c), c.Attempt, s.Holds)
		switch {
		case err != nil:
			return lost(fmt.Errorf("claim the change: %w", err))
		case taken:
			if err := claim.Finish(json.RawMessage(`{}`)); err != nil {
				return failed(fmt.Errorf("close the claim: %w", err))
			}
			return engine.Result{Never: true}
		}
		if change, err = s.await(ctx, c); err != nil {
			return lost(fmt.Errorf("wait for the change: %w", err))
		}
	}
	if change.State == journal.Died {
		s.outlast(ctx, c)
	}
	return result(change)
}

// outlast waits for the processes of a change whose supervisor died: nobody is asked whether to make it again while it
// goes on. They have the change's own time to end in, and are killed when that is over, or ctx ends.
func (s Changes) outlast(ctx context.Context, c engine.Call) {
	patience, done := context.WithTimeout(ctx, c.Timeout)
	defer done()
	for {
		left, err := run.Survivors(s.mark(c))
		if err != nil || len(left) == 0 {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
			continue
		case <-patience.Done():
		}
		for _, p := range left {
			p.Kill()
		}
		return
	}
}

// await waits while another engine's supervisor works on a change, and stops it when ctx ends.
func (s Changes) await(ctx context.Context, c engine.Call) (journal.Change, error) {
	change, err := s.Run.Attach(ctx, claimed(c), c.Attempt)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err == nil || ctx.Err() == nil || change.State != journal.Running || change.By.PID <= 1 {
			break
		}
		_ = syscall.Kill(change.By.PID, sig) // it holds its claim, so it lives
		patience, done := context.WithTimeout(context.WithoutCancel(ctx), s.grace())
		change, err = s.Run.Attach(patience, claimed(c), c.Attempt)
		done()
	}
	return change, err
}

// result reads what a supervisor left. Without it, nobody knows.
func result(change journal.Change) engine.Result {
	if change.State != journal.Finished {
		return engine.Result{Lost: true, Failure: &engine.Failure{
			Kind: engine.Cancelled, Message: "its supervisor died, and nobody saw how the change ended",
		}}
	}
	e, err := engine.Decode(engine.TypeOf(engine.ChangeEnded{}), change.Result)
	ended, ok := e.(engine.ChangeEnded)
	if err != nil || !ok {
		return lost(fmt.Errorf("read the result of the change: %w", err))
	}
	return engine.Result{Output: ended.Output, Failure: ended.Failure, Evidence: ended.Evidence}
}

func failed(err error) engine.Result { return engine.Result{Failure: engine.FailureOf(err)} }

// lost is the result of a change that may have been made: what went wrong is that nobody could see how it ended.
func lost(err error) engine.Result { return engine.Result{Lost: true, Failure: engine.FailureOf(err)} }

// tail keeps the end of what a supervisor complains about.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 2_000
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}

// Command is the command line of a supervisor of this binary for a run.
func Command(store, run string) ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return []string{self, Name, store, run}, nil
}
