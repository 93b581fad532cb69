package host

import (
	"context"
	"fmt"
	"slices"
)

// A Fault is one way in which a host really breaks. Its script runs inside, as root; Shows holds the answers of the
// probes that prove that the fault is there, and says nothing of what it leaves as it was. Faults add up where they make
// sense together: a bus can die on a host whose frontend was stopped, but a frontend that is down can't be killed.
type Fault struct {
	Name    string
	Summary string // one line, for people
	Script  string
	Shows   Shows
}

const (
	launcher  = "/etc/systemd/system/dixis-frontend-launcher.service"
	build     = "/var/www/dixis/frontend/.next"
	noAnswer  = "no answer"
	silent    = "does not answer"
	exited    = "active (exited)"
	failed    = "failed (exit-code)"
	stopped   = "inactive (dead)"
	notLoaded = "not-found"
)

// Faults returns all of them, the healthy host first: it is the fault of a runbook that changes something there.
func Faults() []Fault {
	return slices.Concat(
		[]Fault{{
			Name:    "healthy",
			Summary: "nothing is broken",
			Script:  `true`,
			Shows:   healthy(),
		}},
		frontendFaults(),
		machineFaults(),
		siteFaults(),
	)
}

// Break breaks the host with the named fault and returns when the probes show that it is broken so.
func (h *Host) Break(ctx context.Context, fault string) error {
	for _, f := range Faults() {
		if f.Name != fault {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if _, err := h.Run(ctx, "/bin/sh", "-euc", f.Script); err != nil {
			return fmt.Errorf("break the host with %s: %w", fault, err)
		}
		if err := h.Await(ctx, f.Shows); err != nil {
			return fmt.Errorf("break the host with %s: %w", fault, err)
		}
		return nil
	}
	return fmt.Errorf("break the host with %s: there is no such fault", fault)
}
