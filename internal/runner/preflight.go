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

// takeLocks takes the locks of the runbook and of all that it runs. A refusal is a sentence.
func (l *life) takeLocks(by journal.Holder) (refusal string, err error) {
	names := []string{lockName(l.Plan)}
	for _, book := range l.Plan.Books {
		names = append(names, lockName(book))
	}
	slices.Sort(names) // two runs that want the same locks never wait for each other
	for _, name := range slices.Compact(names) {
		lock, err := l.Store.Lock(name, by)
		if held, ok := errors.AsType[*journal.HeldError](err); ok {
			return held.Error(), nil
		}
		if err != nil {
			return "", fmt.Errorf("take the lock %s: %w", name, err)
		}
		l.locks = append(l.locks, lock)
	}
	return "", nil
}

func (l *life) releaseLocks() {
	for _, lock := range l.locks {
		_ = lock.Release() // the end of the process would do the same
	}
}

func lockName(p *engine.Plan) string {
	if name := p.Runbook.Limits.Lock.Value; name != "" {
		return name
	}
	return p.Runbook.Name.Value
}

// coolingDown holds the run against the runbook's cooldown. A refusal is a sentence.
func (l *life) coolingDown(now time.Time) (refusal string, err error) {
	cooldown := l.Plan.Runbook.Limits.Cooldown
	if cooldown == 0 || l.Cooldown != "" {
		return "", nil
	}
	last, run, err := lastChange(l.Store, l.Plan.Runbook.Name.Value, now.Add(-cooldown))
	if err != nil || run == "" {
		return "", err
	}
	return fmt.Sprintf("run %s changed the host at %s, and this runbook waits %s between two such runs: wait until %s, or say why not with --override-cooldown REASON",
		run, last.Format(time.RFC3339), cooldown, last.Add(cooldown).Format(time.RFC3339)), nil
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

// missing names what the runbook, or one that it runs, requires and this host lacks. A drill needs nothing of it.
func missing(o Options) []string {
	if o.Mode == engine.Drill {
		return nil
	}
	var out []string
	add := func(text string) {
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	for _, plan := range append([]*engine.Plan{o.Plan}, o.Plan.Books...) {
		req := plan.Runbook.Requires
		if req.Root && os.Geteuid() != 0 && o.Mode == engine.Live {
			add("this runbook must run as root: try sudo runbook …")
		}
		for _, c := range req.Commands {
			if _, err := exec.LookPath(c.Value); err != nil {
				add(fmt.Sprintf("the command %s is not installed, and this runbook needs it", c.Value))
			}
		}
		if req.Systemd && o.Mode == engine.Live {
			if _, err := os.Stat("/run/systemd/system"); err != nil {
				add("systemd does not run on this host, and this runbook needs it")
			}
		}
	}
	if o.Mode == engine.DryRun && !o.Unsandboxed && readsByCommand(o.Plan) && !sandbox.Available().Enforceable() {
		add("this kernel can't hold commands that only read to their word: give --unsandboxed-reads if you trust them")
	}
	return out
}

// unenforced says what the read sandbox can't do on this kernel, for a runbook whose checks run commands.
func unenforced(o Options) []string {
	if o.Mode == engine.Drill || o.Unsandboxed || !readsByCommand(o.Plan) {
		return nil
	}
	var out []string
	for _, p := range sandbox.Available().Missing() {
		out = append(out, "the read sandbox: "+p.String())
	}
	if o.Mode == engine.DryRun {
		out = append(out, "what the read sandbox does not stop: "+strings.Join(sandbox.Limits(), "; "))
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
