package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"runbook/engine"
)

// glance is how often a wait looks at the clock, which somebody may set meanwhile.
const glance = time.Second

type waitInput struct {
	For   engine.Duration `json:"for" doc:"how long to wait; the clock being set makes no difference"`
	Until string          `json:"until" doc:"in place of for: the moment to wait for, by the host's clock, like 2026-11-20T06:00:00Z; a moment in the past is no wait"`
}

type waitOutput struct {
	WaitedMS int `json:"waited_ms" moves:"true" doc:"milliseconds that were waited"`
}

func waitKind() engine.Definition[waitInput, waitOutput] {
	return engine.Definition[waitInput, waitOutput]{
		Name:   "wait",
		Effect: engine.Reads,
		// What is waited for is the author's business: the longest is a day.
		Timeout: 24 * time.Hour,
		Doc: `Waits for some time, or until a moment.

To wait until something holds, give its check a ` + "`retry`" + `.`,
		Example: "for: 30s",
		Check: func(in waitInput) error {
			_, err := moment(in)
			return err
		},
		Do: wait,
	}
}

// moment reads until, and wants one of the two inputs.
func moment(in waitInput) (time.Time, error) {
	switch {
	case in.For < 0:
		return time.Time{}, fmt.Errorf("for %s is negative", time.Duration(in.For))
	case (in.For > 0) == (in.Until != ""):
		return time.Time{}, errors.New("give for or until")
	case in.Until == "":
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, in.Until)
	if err != nil {
		return at, fmt.Errorf("until %q is not a moment like 2026-11-20T06:00:00Z", in.Until)
	}
	return at, nil
}

func wait(ctx context.Context, in waitInput, _ engine.Task) (waitOutput, error) {
	until, err := moment(in)
	if err != nil {
		return waitOutput{}, engine.Fail(engine.Invalid, err)
	}
	start := time.Now()
	left := func() time.Duration {
		if in.Until != "" {
			return until.Sub(time.Now().Round(0)) // without the monotonic reading: by the host's clock
		}
		return time.Duration(in.For) - time.Since(start)
	}
	waited := func() waitOutput { return waitOutput{WaitedMS: int(time.Since(start).Milliseconds())} }
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return waited(), engine.FailureOf(ctx.Err())
		case <-timer.C:
		}
		remaining := left()
		if remaining <= 0 {
			return waited(), nil
		}
		timer.Reset(min(remaining, glance))
	}
}
