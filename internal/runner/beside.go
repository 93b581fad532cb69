package runner

import (
	"context"
	"os"
	"syscall"
	"time"

	"runbook/engine"
)

// besides brings into the loop what happens outside of it: signals, and notes from other terminals.
func (l *life) besides(ctx context.Context) {
	notes := time.NewTicker(time.Second)
	defer notes.Stop()
	stops := 0
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-l.Signals:
			switch sig {
			case syscall.SIGHUP:
				l.hungUp.Store(true)
				l.tell(ctx, engine.Stamped{Event: engine.Noticed{
					Text: "the terminal was lost: what is going on goes on, and the run pauses at its next question",
				}})
			default:
				stops++
				l.exit = exitOf(sig)
				l.tell(ctx, engine.Stamped{Event: engine.StopAsked{Signal: sig.String(), Now: stops > 1}})
			}
		case <-notes.C:
			l.takeNotes(ctx)
		}
	}
}

func (l *life) tell(ctx context.Context, e engine.Stamped) {
	select {
	case l.inbox <- e:
	case <-ctx.Done():
	}
}

// takeNotes moves what others have noted into the journal.
func (l *life) takeNotes(ctx context.Context) {
	records, err := l.writer.TakeNotes()
	if err != nil {
		return // tried again at the next tick, and at the end
	}
	for _, r := range records {
		if e, err := engine.Decode(r.Type, r.Data); err == nil {
			l.tell(ctx, engine.Stamped{Seq: int(r.Seq), At: r.At, Mono: r.Mono, Event: e}) //nolint:gosec // small
		}
	}
}

// exitOf is the exit code of a run that a signal interrupted: 128 and the signal's number.
func exitOf(sig os.Signal) int {
	if s, ok := sig.(syscall.Signal); ok {
		return 128 + int(s)
	}
	return engine.VerdictInterrupted.ExitCode()
}
