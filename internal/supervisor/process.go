package supervisor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"runbook/engine"
	"runbook/engine/journal"
)

// Name is the hidden command under which this binary is a supervisor. Two arguments follow it: the store's folder and
// the run.
const Name = "supervise-change"

// Supervise makes one change and leaves its result: the supervisor's own side. The order stands in stdin; what the
// change prints goes to progress, whose reader may go away at any time.
func Supervise(ctx context.Context, run *journal.Run, world func(output func(step, line string)) engine.Performer, stdin io.Reader, progress io.Writer) error {
	// The engine's end is not the change's. The signals are caught, not ignored: what the change starts would inherit
	// that, and a daemon that ignores HUP does not reload.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	if err := subreaper(); err != nil {
		return err
	}
	var o order
	decoder := json.NewDecoder(stdin)
	decoder.UseNumber() // a large number must arrive as it was written
	if err := decoder.Decode(&o); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	o.Holds.PID = os.Getpid()
	claim, taken, err := run.Claim(claimed(o.Call), o.Call.Attempt, o.Holds)
	if err != nil {
		return fmt.Errorf("claim the change: %w", err)
	}
	if !taken {
		return nil // another has it; the engine reads that one's result
	}
	r := world(func(_, line string) { _, _ = fmt.Fprintln(progress, line) }).Perform(ctx, o.Call)
	_, raw, err := engine.Encode(engine.ChangeEnded{
		Step: o.Call.Step, Attempt: o.Call.Attempt, Undo: o.Call.Undo, Output: r.Output, Failure: r.Failure, Evidence: r.Evidence,
	})
	if err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	if err := claim.Finish(raw); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
