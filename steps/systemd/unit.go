package systemd

import (
	"context"
	"time"

	"runbook/engine"
)

type unitIn struct {
	Unit string `json:"unit" doc:"full name of the unit, like nginx.service" required:"true" is:"unit"`
	User string `json:"user" doc:"look at a unit of this user's own systemd (systemctl --user) instead of the host's. Root can, and the user" is:"user"`
}

func (in unitIn) check() error { return checkUnit(in.Unit) }

func unitKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[unitIn, unitState]{
		Name: "systemd.unit",
		Doc: `Looks at a unit: whether it runs, since when, what it runs, and how it ended.

A unit that is not there is an answer, not an error. These are told apart:

- **absent**: systemd holds nothing under this name and there is no file. ` + "`gone`" + ` says whether the journal of
  this boot knows it nevertheless: a transient unit that ended well is unloaded and leaves nothing else behind.
- **inactive**: there is a file, it does not run, and it did not fail.
- **failed**: it ended badly, or did not start. A *transient* unit in this state keeps its name taken: systemd-run
  answers "was already loaded or has a fragment file" until it is reset (systemd.reset-failed).
- **masked**, or present with a file (` + "`transient`" + ` is false, ` + "`fragment`" + ` is a path): systemd-run gives
  the same answer, but reset-failed does not help.

"active" proves that systemd did its part. A launcher with RemainAfterExit= is active (exited) even when what it began
died at once: look at that too.`,
		Effect:  engine.Reads,
		Expect:  `active == "active"`,
		Example: "unit: nginx.service\n",
		Check:   unitIn.check,
		Do: func(ctx context.Context, in unitIn, t engine.Task) (unitState, error) {
			m, err := h.connect(ctx, in.User, t.As)
			if err != nil {
				return unitState{}, err
			}
			defer m.close()
			s, err := m.look(ctx, in.Unit)
			if err == nil {
				h.lookForTraces(ctx, &s, in.User, t)
			}
			return s, err
		},
	})
}

// look reads the state of a unit.
func (m *manager) look(ctx context.Context, name string) (unitState, error) {
	p, err := m.props(ctx, name)
	if err != nil {
		return unitState{}, err
	}
	return stateOf(name, m.via, p, time.Now()), nil
}

func (m *manager) props(ctx context.Context, name string) (props, error) {
	ctx, cancel := m.quick(ctx)
	defer cancel()
	p, err := m.conn.GetAllPropertiesContext(ctx, name)
	if err != nil {
		return nil, failed(ctx, "look at "+name, err, engine.Invalid)
	}
	return p, nil
}
