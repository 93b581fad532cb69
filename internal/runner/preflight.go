package runner

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/steps/sandbox"
)

// takeLock takes the runbook's lock, and holds the run against its cooldown. A refusal is a sentence.
func (l *life) takeLock(by journal.Holder, now time.Time) (refusal string, err error) {
	limits := l.Plan.Runbook.Limits
	name := limits.Lock.Value
	if name == "" {
		name = l.Plan.Runbook.Name.Value
	}
	l.lock, err = l.Store.Lock(name, by)
	if held, ok := errors.AsType[*journal.HeldError](err); ok {
		return held.Error(), nil
	}
	if err != nil {
		return "", fmt.Errorf("take the lock %s: %w", name, err)
	}
	if limits.Cooldown == 0 || l.Cooldown != "" {
		return "", nil
	}
	last, run, err := lastChange(l.Store, l.Plan.Runbook.Name.Value, now.Add(-limits.Cooldown))
	if err != nil || run == "" {
		return "", err
	}
	_ = l.lock.Release()
	return fmt.Sprintf("run %s changed the host at %s, and this runbook waits %s between two such runs: wait until %s, or say why not with --override-cooldown REASON",
		run, last.Format(time.RFC3339), limits.Cooldown, last.Add(limits.Cooldown).Format(time.RFC3339)), nil
}

// lastChange finds the last live run of a runbook that changed the host since a moment.
func lastChange(store journal.Store, name string, since time.Time) (at time.Time, run string, err error) {
	ids, err := store.List()
	if err != nil {
		return at, "", fmt.Errorf("look at past runs: %w", err)
	}
	for _, id := range slices.Backward(ids) {
		began, err := journal.ParseID(id)
		if err != nil || began.Before(since.Add(-24*time.Hour)) {
			break
		}
		r, err := store.Open(id)
		if err != nil {
			continue
		}
		for rec, err := range r.Records() {
			if err != nil {
				break
			}
			e, err := engine.Decode(rec.Type, rec.Data)
			if err != nil {
				break
			}
			if s, ok := e.(engine.RunStarted); ok && (s.Mode != engine.Live || s.Runbook.Name != name) {
				break
			}
			if _, ok := e.(engine.ChangeStarted); ok && rec.At.After(since) && rec.At.After(at) {
				at, run = rec.At, id
			}
		}
		if run != "" {
			return at, run, nil
		}
	}
	return at, run, nil
}

// missing names what the runbook requires and this host lacks.
func missing(o Options) []string {
	var out []string
	req := o.Plan.Runbook.Requires
	if req.Root && os.Geteuid() != 0 && o.Mode == engine.Live {
		out = append(out, "this runbook must run as root: try sudo runbook …")
	}
	for _, c := range req.Commands {
		if _, err := exec.LookPath(c.Value); err != nil {
			out = append(out, fmt.Sprintf("the command %s is not installed, and this runbook needs it", c.Value))
		}
	}
	if req.Systemd {
		if _, err := os.Stat("/run/systemd/system"); err != nil && o.Mode == engine.Live {
			out = append(out, "systemd does not run on this host, and this runbook needs it")
		}
	}
	if o.Mode == engine.DryRun && !o.Unsandboxed && readsByCommand(o.Plan) && !sandbox.Available().Enforceable() {
		out = append(out, "this kernel can't hold commands that only read to their word: give --unsandboxed-reads if you trust them")
	}
	return out
}

// readsByCommand tells whether a plan has checks that run a command of the author's.
func readsByCommand(p *engine.Plan) bool {
	for _, s := range p.Steps {
		if s.Effect == engine.Reads && s.Kind.MayRead || s.Book != nil && readsByCommand(s.Book) {
			return true
		}
	}
	return false
}

// bootID names this boot of the host, "" when nobody knows.
func bootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
