package nginx

import (
	"context"
	"sync"

	"runbook/engine"
	"runbook/internal/run"
	"runbook/steps/internal/stream"
)

// process is one process of a step, and who listens to it.
type process struct {
	argv     []string
	evidence string // under which name its output is kept
	to       *listener
}

func (p process) run(ctx context.Context, t engine.Task) (run.Exit, error) {
	user, err := run.UserNamed(t.As)
	if err != nil {
		return run.Exit{}, err
	}
	out := &output{kept: stream.Open(t, p.evidence), to: p.to}
	defer out.close()
	return run.Run(ctx, run.Spec{Argv: p.argv, Dir: "/", User: user, Sandbox: t.Sandboxed, Stdout: out, Stderr: out})
}

// output hands on what a process prints, to the evidence and to who listens, until it is closed: somebody whom the
// process left behind may still print.
type output struct {
	kept *stream.Stream

	mu sync.Mutex
	to *listener
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.to != nil {
		_, _ = o.kept.Write(p)
		_, _ = o.to.Write(p)
	}
	return len(p), nil
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Close()
	o.to.end()
	o.to = nil
}
