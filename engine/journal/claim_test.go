package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"runbook/engine/journal"
)

// playClaim claims, says how that went, and then finishes or dies as it is told.
func playClaim(run *journal.Run) error {
	claim, taken, err := run.Claim("sub/restart", 1, journal.Holder{By: "supervisor"})
	if err != nil {
		return err
	}
	fmt.Println(taken)
	result, err := io.ReadAll(os.Stdin)
	if err != nil || !taken {
		return err
	}
	return claim.Finish(result)
}

func TestClaimIsTakenOnce(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	defer closeWriter(t, w)
	run := w.Run()
	if c, err := run.Attach(t.Context(), "sub/restart", 1); err != nil || c.State != journal.NeverClaimed {
		t.Errorf("before: %+v, %v", c, err)
	}
	first := startOther(t, "claim", s)
	if got := first.line(t); got != "true" {
		t.Fatal(got)
	}
	second := startOther(t, "claim", s)
	if got := second.line(t); got != "false" {
		t.Fatal(got)
	}
	second.end(t)
	c, err := run.Change("sub/restart", 1)
	if err != nil || c.State != journal.Running || c.By.By != "supervisor" || c.By.PID != first.cmd.Process.Pid || c.By.Run != testID {
		t.Errorf("while it runs: %+v, %v", c, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if c, err := run.Attach(ctx, "sub/restart", 1); !errors.Is(err, context.DeadlineExceeded) || c.State != journal.Running {
		t.Errorf("wait that was given up: %+v, %v", c, err)
	}
	ended := make(chan journal.Change)
	go func() {
		c, err := run.Attach(t.Context(), "sub/restart", 1)
		if err != nil {
			t.Error(err)
		}
		ended <- c
	}()
	if _, err := io.WriteString(first.in, `{"exit":0}`); err != nil {
		t.Fatal(err)
	}
	first.end(t)
	if c := <-ended; c.State != journal.Finished || string(c.Result) != `{"exit":0}` {
		t.Errorf("at the end: %+v", c)
	}
	if _, taken, err := run.Claim("sub/restart", 1, journal.Holder{}); taken || err != nil {
		t.Errorf("claimed again after the end: %v, %v", taken, err)
	}
	all, err := run.Changes()
	if err != nil || len(all) != 1 || all[0].Step != "sub/restart" || all[0].Attempt != 1 || all[0].State != journal.Finished {
		t.Errorf("changes: %+v, %v", all, err)
	}
}

func TestSupervisorThatDied(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	defer closeWriter(t, w)
	o := startOther(t, "claim", s)
	if got := o.line(t); got != "true" {
		t.Fatal(got)
	}
	o.kill(t)
	c, err := w.Run().Attach(t.Context(), "sub/restart", 1)
	if err != nil || c.State != journal.Died {
		t.Errorf("after the kill: %+v, %v", c, err)
	}
	if _, taken, err := w.Run().Claim("sub/restart", 1, journal.Holder{}); taken || err != nil {
		t.Errorf("the dead one's claim was taken: %v, %v", taken, err)
	}
	if _, taken, err := w.Run().Claim("sub/restart", 2, journal.Holder{}); !taken || err != nil {
		t.Errorf("the next attempt: %v, %v", taken, err)
	}
}

// Many supervisors race for one claim, and somebody watches: there is one winner, and at no moment does it look dead.
func TestClaimRace(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	defer closeWriter(t, w)
	for attempt := range 30 {
		var group sync.WaitGroup
		wins := make(chan *journal.Claim, 4)
		done := make(chan struct{})
		group.Go(func() {
			for {
				c, err := w.Run().Change("restart", attempt)
				if err != nil || c.State == journal.Died {
					t.Errorf("seen %+v, %v", c, err)
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
		var racers sync.WaitGroup
		for range cap(wins) {
			racers.Go(func() {
				claim, taken, err := w.Run().Claim("restart", attempt, journal.Holder{})
				if err != nil {
					t.Error(err)
				}
				if taken {
					wins <- claim
				}
			})
		}
		racers.Wait()
		if len(wins) != 1 {
			t.Fatalf("%d won", len(wins))
		}
		if err := (<-wins).Finish(json.RawMessage(`1`)); err != nil {
			t.Error(err)
		}
		close(done)
		group.Wait()
	}
}
