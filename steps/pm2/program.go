package pm2

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"runbook/engine"
	"runbook/internal/run"
	"runbook/steps/internal/child"
	"runbook/steps/internal/hostcall"
)

// programTime is how long one call of pm2 may take. One that meets a daemon on its way out waits for ever.
const programTime = time.Minute

// program finds pm2: the one that the boot unit runs, the one beside the node that the daemon runs on, then in the usual
// places. It is looked for as the user who will run it.
func (h host) program(ctx context.Context, p place, v view, u bootUnit) (string, error) {
	looked := []string{u.program}
	if node, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", v.pid)); v.alive && err == nil {
		looked = append(looked, filepath.Join(filepath.Dir(node), "pm2"))
	}
	for _, dir := range filepath.SplitList(run.DefaultPath) {
		looked = append(looked, filepath.Join(h.root, dir, "pm2"))
	}
	return hostcall.Look(ctx, p.user, func() (string, error) {
		for _, dir := range []string{
			".npm-global/bin", ".local/bin", ".local/share/pnpm", ".volta/bin", ".nvm/versions/node/*/bin", ".local/share/fnm/node-versions/*/installation/bin",
		} {
			found, _ := filepath.Glob(filepath.Join(p.home, dir, "pm2")) // its only error is about the pattern
			slices.Reverse(found)                                        // newer versions first, roughly
			looked = append(looked, found...)
		}
		for _, path := range looked {
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
				return path, nil
			}
		}
		return "", engine.Fail(engine.Missing, fmt.Errorf(
			"find pm2 for %s: it is not in %s, nor where npm, pnpm, nvm, fnm and volta put it in %s: %w", p.user, run.DefaultPath, p.home, fs.ErrNotExist))
	})
}

// call runs pm2 as its user, in that user's home: a daemon that it starts can't enter root's. Its exit code proves nothing
// and is not looked at.
func (p place) call(ctx context.Context, t engine.Task, program string, args ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, programTime, fmt.Errorf("pm2 has not ended within %s", programTime))
	defer cancel()
	t.As = p.user
	argv := append([]string{program}, args...)
	if slices.Equal(args, []string{"ping"}) {
		// It starts the daemon, which must not be taken for what is left of a change whose supervisor died.
		argv = append([]string{"env", "-u", run.ChangeVar}, argv...)
	}
	_, err := child.Run(ctx, t, child.Spec{Argv: argv, Dir: p.home, Env: map[string]string{
		"HOME": p.home, "PM2_HOME": p.dir,
		// pm2 begins with a #! line that asks PATH for node: a version manager puts it beside pm2.
		"PATH": filepath.Dir(program) + ":" + run.DefaultPath,
	}})
	return err
}

// systemctl acts on the boot unit as root.
func systemctl(ctx context.Context, t engine.Task, args ...string) error {
	argv := append([]string{"systemctl"}, args...)
	r, err := child.Run(ctx, t, child.Spec{Argv: argv, Dir: "/"})
	if err == nil {
		err = r.Failure(strings.Join(argv, " "))
	}
	return err
}
