package systemd

import (
	"context"
	"fmt"
	"time"

	"runbook/engine"
)

type resetOut struct {
	Unit    string `json:"unit" doc:"the full name of the unit"`
	Was     string `json:"was" doc:"the unit before in one word, as in systemd.unit"`
	Changed bool   `json:"changed" doc:"it was failed, and is no longer"`
	Freed   bool   `json:"freed" doc:"it was a failed transient unit and is unloaded: its name can be taken again"`
	State   string `json:"state" doc:"the unit afterwards in one word, as in systemd.unit"`
	Text    string `json:"text" doc:"the same in one line for people"`
	Via     string `json:"via" doc:"how systemd was reached: bus, or private socket when the bus does not answer or a user's systemd was asked"`
}

func resetFailedKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[changeIn, resetOut]{
		Name: "systemd.reset-failed",
		Doc: `Makes systemd forget that a unit failed, and how often it was restarted.

A failed transient unit keeps its name taken, so that systemd-run can't start it anew; reset, it is unloaded and the name
is free. What it knew of its failure is lost with that, and kept as evidence before. A unit that is not there, or did not
fail, is left as it is.`,
		Effect:  engine.Changes,
		Example: "unit: app-worker.service\n",
		Check:   changeIn.check,
		Describe: func(_ context.Context, in changeIn, _ engine.Task) (engine.Description, error) {
			name := in.Unit
			return engine.Description{
				Summary: "reset the failed state of " + name + ofUser(in.User),
				Target:  name,
				Exact: []string{
					fmt.Sprintf("org.freedesktop.systemd1.Manager.ResetFailedUnit(%q)", name),
					systemctl(in.User, "reset-failed", name),
				},
			}, nil
		},
		Before: func(ctx context.Context, in changeIn, t engine.Task) error {
			return h.keepUnit(ctx, in.Unit, in.User, t)
		},
		Do: h.resetFailed,
	})
}

func (h host) resetFailed(ctx context.Context, in changeIn, t engine.Task) (resetOut, error) {
	name := in.Unit
	m, err := h.connect(ctx, in.User, t.As)
	if err != nil {
		return resetOut{}, err
	}
	defer m.close()
	before, err := m.look(ctx, name)
	if err != nil {
		return resetOut{}, err
	}
	out := resetOut{Unit: name, Was: before.State, State: before.State, Text: before.Text, Via: m.via}
	calling, cancel := m.quick(ctx)
	defer cancel()
	if err := m.conn.ResetFailedUnitContext(calling, name); err != nil && !isNoSuchUnit(err) {
		return out, failed(calling, "reset "+name, err, engine.Exit)
	}
	after, err := m.look(ctx, name)
	if err != nil {
		return out, err
	}
	out.State, out.Text = after.State, after.Text
	out.Changed = before.Active == stateFailed && after.Active != stateFailed
	out.Freed = out.Changed && before.Transient && !after.Exists
	return out, nil
}

type reloadIn struct {
	User string `json:"user" doc:"reload this user's own systemd (systemctl --user) instead of the host's. Root can, and the user" is:"user"`
}

type reloadOut struct {
	TookMS int    `json:"took_ms" doc:"how long systemd took, in milliseconds"`
	Via    string `json:"via" doc:"how systemd was reached: bus, or private socket when the bus does not answer or a user's systemd was asked"`
}

func daemonReloadKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[reloadIn, reloadOut]{
		Name: "systemd.daemon-reload",
		Doc: `Makes systemd read all unit files again, and waits until it has.

Running services are not touched: what changed in their files counts from their next start.`,
		Effect:  engine.Changes,
		Example: "{}\n",
		Describe: func(_ context.Context, in reloadIn, _ engine.Task) (engine.Description, error) {
			return engine.Description{
				Summary: "make systemd read all unit files again" + ofUser(in.User),
				Target:  "systemd",
				Exact:   []string{"org.freedesktop.systemd1.Manager.Reload()", systemctl(in.User, "daemon-reload")},
			}, nil
		},
		Do: func(ctx context.Context, in reloadIn, t engine.Task) (reloadOut, error) {
			m, err := h.connect(ctx, in.User, t.As)
			if err != nil {
				return reloadOut{}, err
			}
			defer m.close()
			start := time.Now()
			err = m.reload(ctx)
			return reloadOut{TookMS: int(time.Since(start).Milliseconds()), Via: m.via}, err
		},
	})
}

// reload makes systemd read its files. A host with thousands of units takes seconds for that, so only the step's own
// time bounds it.
func (m *manager) reload(ctx context.Context) error {
	return failed(ctx, "daemon-reload", m.conn.ReloadContext(ctx), engine.Exit)
}
