package systemd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"

	"runbook/engine"
)

// The results of a job, as systemd gives them with JobRemoved; unseen is our own.
const (
	jobDone   = "done"
	jobUnseen = "unseen"
)

// queue asks systemd for a job and gives its number. What becomes of the job is sent to done.
type queue func(ctx context.Context, c *dbus.Conn, done chan<- string) (int, error)

// jobRun is one job on its way.
type jobRun struct {
	host    host
	manager *manager // another one after the connection was lost
	owner   string   // whose systemd
	as      string
	doing   string // "restart app.service", for errors
	kind    string // the type of job, in systemd's words: start, stop, restart, reload
}

// run queues a job and waits for its end, which it gives in systemd's words. A job whose end was not reported, because
// the bus went away while it ran, ends "unseen" once systemd no longer has it: restarting dbus.service is such a job.
//
// When ctx ends first, a job that has not begun is taken back. One that has begun is left to systemd: taking it back
// would leave the unit half way, a restart after its stop. The error says which of the two it was.
func (j *jobRun) run(ctx context.Context, ask queue) (string, error) {
	done := make(chan string, 1)
	id, err := ask(ctx, j.manager.conn, done)
	if err != nil {
		return "", failed(ctx, j.doing, err, engine.Exit)
	}
	const every = time.Second
	tick := time.NewTicker(every)
	defer tick.Stop()
	for missed := 0; missed < 2; {
		select {
		case result := <-done:
			return result, nil
		case <-ctx.Done():
			if len(done) > 0 {
				return <-done, nil // both at once: what is known counts
			}
			return "", j.giveUp(ctx, id)
		case <-tick.C:
			if id != 0 && !j.pending(ctx, id) {
				missed++ // its signal may still be on the way
			}
		}
	}
	return jobUnseen, nil
}

// pending tells whether systemd still has the job. It is true when nobody answers: only systemd's word ends a job.
func (j *jobRun) pending(ctx context.Context, id int) bool {
	if !j.manager.conn.Connected() {
		m, err := j.host.connect(ctx, j.owner, j.as)
		if err != nil {
			return true
		}
		j.manager.close()
		j.manager = m
	}
	ctx, cancel := j.manager.quick(ctx)
	defer cancel()
	jobs, err := j.manager.conn.ListJobsContext(ctx)
	return err != nil || slices.ContainsFunc(jobs, func(s dbus.JobStatus) bool { return int(s.Id) == id })
}

// giveUp tells what becomes of a job that nobody waits for any longer.
func (j *jobRun) giveUp(ctx context.Context, id int) error {
	const limit = 50 * time.Millisecond
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	fate := "nobody knows what became of it"
	if jobs, err := j.manager.conn.ListJobsContext(asking); err == nil {
		i := slices.IndexFunc(jobs, func(s dbus.JobStatus) bool { return int(s.Id) == id })
		switch {
		case i < 0:
			fate = "it had just ended"
		case jobs[i].Status == "waiting" && jobs[i].JobType == j.kind && j.cancel(asking, id) == nil:
			fate = "it had not begun, and was taken back"
		default:
			fate = "systemd goes on with it"
		}
	}
	return engine.FailureOf(fmt.Errorf("%s: stopped waiting for job %d, %s: %w", j.doing, id, fate, ctx.Err()))
}

func (j *jobRun) cancel(ctx context.Context, id int) error {
	return j.manager.ask(ctx, "CancelJob", uint32(id)) //nolint:gosec // systemd numbers jobs with 32 bits
}

// whyNot tells what a job's result means, when it is not "done".
func whyNot(result string) string {
	switch result {
	case "failed":
		return "the job failed"
	case "timeout":
		return "the job took longer than systemd allows it"
	case "dependency":
		return "a unit that it needs failed"
	case "canceled":
		return "the job was cancelled, or another one took its place"
	case "skipped":
		return "the job did not apply to the unit's state"
	case "assert":
		return "an Assert…= of the unit does not hold"
	case "unsupported":
		return "this host does not support that type of unit"
	case "collected":
		return "the unit was unloaded meanwhile"
	case "once":
		return "the unit can be started only once"
	case "invalid":
		return "the job is not possible for this unit"
	case jobUnseen:
		return "the connection to systemd was lost, and nobody saw how the job ended"
	default:
		return "the job ended as " + result
	}
}
