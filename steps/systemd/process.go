package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"runbook/engine"
)

// journalctl runs it, and gives what it prints to w.
func journalctl(ctx context.Context, argv []string, w io.Writer, _ engine.Task) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the name is fixed, and the arguments are checked
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = w, &stderr
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"}
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return engine.FailureOf(fmt.Errorf("read the journal: %w", ctx.Err()))
	case errors.Is(err, exec.ErrNotFound):
		return engine.Failf(engine.Missing, "read the journal: journalctl is not installed")
	default:
		return engine.Failf(engine.Exit, "read the journal: journalctl: %s", oneLine(stderr.String(), maxArg))
	}
}
