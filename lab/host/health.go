package host

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Reading is the answer to one probe.
type Reading struct {
	Probe Probe
	Value string
}

// Health is what all probes say, in their order.
type Health []Reading

// Healthy says whether every answer is the healthy one.
func (h Health) Healthy() bool {
	for _, r := range h {
		if r.Value != r.Probe.Healthy {
			return false
		}
	}
	return true
}

// Value returns the answer to the named probe, "" when there is no such probe.
func (h Health) Value(probe string) string {
	for _, r := range h {
		if r.Probe.Name == probe {
			return r.Value
		}
	}
	return ""
}

// String is a table, one line a probe, that marks what is not healthy.
func (h Health) String() string {
	width := 0
	for _, r := range h {
		width = max(width, len(r.Probe.Name))
	}
	var b strings.Builder
	for _, r := range h {
		if r.Value == r.Probe.Healthy {
			fmt.Fprintf(&b, "ok   %-*s  %s\n", width, r.Probe.Name, r.Value)
		} else {
			fmt.Fprintf(&b, "BAD  %-*s  %s (healthy: %s)\n", width, r.Probe.Name, r.Value, r.Probe.Healthy)
		}
	}
	return b.String()
}

// Check asks all probes, at the same time: several wait for what does not answer.
func (h *Host) Check(ctx context.Context) Health {
	probes := Probes()
	health := make(Health, len(probes))
	var asked sync.WaitGroup
	for i, p := range probes {
		asked.Go(func() { health[i] = Reading{p, h.ask(ctx, p)} })
	}
	asked.Wait()
	return health
}

func (h *Host) ask(ctx context.Context, p Probe) string {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	out, err := h.Run(ctx, "/bin/sh", "-c", p.Script)
	if err != nil {
		return "could not look: " + err.Error()
	}
	return strings.TrimSpace(out)
}

// healthy is what a host shows that nobody has broken.
func healthy() Shows {
	shows := Shows{}
	for _, p := range Probes() {
		shows[p.Name] = p.Healthy
	}
	return shows
}

// Shows names probes and the answers that they must give.
type Shows map[string]string

// Await waits until the host shows what it must, and says what it shows instead when that never comes.
func (h *Host) Await(ctx context.Context, want Shows) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var differs string
	for ctx.Err() == nil {
		now := h.differs(ctx, want)
		if now == "" {
			return nil
		}
		if ctx.Err() == nil { // else it is only the end of our patience that was seen
			differs = now
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("wait for the host: %s", differs)
}

// differs names the first probe that does not answer as wanted, "" when all do.
func (h *Host) differs(ctx context.Context, want Shows) string {
	for _, p := range Probes() {
		value, wanted := want[p.Name]
		if !wanted {
			continue
		}
		if got := h.ask(ctx, p); got != value {
			return fmt.Sprintf("%s is %q, not %q", p.Name, got, value)
		}
	}
	return ""
}
