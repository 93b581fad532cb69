package pm2

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"runbook/engine"
)

// evidenceLines is how many of the newest lines of each log are kept before a change.
const evidenceLines = 100

// keptFields are what is kept of a saved process: what pm2 itself sets. Everything else can be a variable of its
// environment.
func keptFields() []string {
	return []string{
		"name", "namespace", "status", "pm_exec_path", "args", "pm_cwd", "exec_mode", "exec_interpreter", "node_args", "username",
		"autorestart", "max_restarts", "restart_delay", "cron_restart", "pm_out_log_path", "pm_err_log_path", "created_at",
	}
}

// keep keeps what a change is about to lose: what pm2 has, what it has saved, and the end of some logs. Each is tried,
// whatever becomes of the others.
func (h host) keep(ctx context.Context, p place, logs []logFile, t engine.Task) error {
	w := t.Keep("pm2")
	v, lookErr := h.look(ctx, p)
	if lookErr != nil {
		_, _ = fmt.Fprintln(w, lookErr)
	} else {
		_, _ = fmt.Fprintf(w, "%s\n", daemonText(v))
		for _, r := range v.list {
			writeJSON(w, r.process())
		}
	}
	last, dumpErr := p.readDump(ctx)
	if dumpErr == nil {
		_, _ = fmt.Fprintf(w, "\n%s (there: %t, valid: %t, saved: %s), without what may be environment:\n", p.path(dumpFile), last.exists, last.valid, stamp(last.modified))
		for _, r := range last.records {
			kept := record{}
			for _, key := range keptFields() {
				if value, ok := r[key]; ok {
					kept[key] = value
				}
			}
			writeJSON(w, kept)
		}
	}
	_ = w.Close()
	tails, logsErr := p.tails(ctx, logs, evidenceLines)
	writeTails(tails, t)
	return errors.Join(lookErr, dumpErr, logsErr)
}

func writeJSON(w io.Writer, v any) {
	if raw, err := json.Marshal(v); err == nil {
		_, _ = fmt.Fprintf(w, "%s\n", raw)
	}
}

// daemonText names a daemon.
func daemonText(v view) string {
	switch {
	case !v.alive:
		return "no daemon"
	case v.unit == nil:
		return fmt.Sprintf("the daemon, process %d", v.pid)
	case *v.unit == "":
		return fmt.Sprintf("the daemon, process %d in no unit", v.pid)
	default:
		return fmt.Sprintf("the daemon, process %d in %s", v.pid, *v.unit)
	}
}
