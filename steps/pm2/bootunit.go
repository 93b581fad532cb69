package pm2

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"

	"runbook/steps/internal/hostcall"
)

// bootUnit is the unit that `pm2 startup` makes for a user, so that the processes come back after a reboot.
type bootUnit struct {
	name            string
	exists, enabled bool
	program         string // the pm2 that it runs, "" when not known
}

var (
	unitHome  = regexp.MustCompile(`(?m)^Environment=.*\bPM2_HOME=([^\s"']+)`)
	unitStart = regexp.MustCompile(`(?m)^ExecStart=(/\S+) resurrect\b`)
)

// bootUnit looks for the unit's file. One that is masked, or is there for another PM2_HOME, is none.
func (h host) bootUnit(ctx context.Context, p place) (bootUnit, error) {
	u := bootUnit{name: "pm2-" + p.user + ".service"}
	return hostcall.Look(ctx, p.as, func() (bootUnit, error) {
		for _, dir := range []string{"etc", "run", "usr/local/lib", "usr/lib", "lib"} {
			text, _, err := readRegular(filepath.Join(h.root, dir, "systemd/system", u.name), 1<<20)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if errors.Is(err, errNoFile) {
				break // /dev/null masks it
			}
			if err != nil {
				return u, fmt.Errorf("look for the boot unit of %s: %w", p.user, err)
			}
			found := unitHome.FindSubmatch(text)
			u.exists = len(text) > 0 && (found == nil || filepath.Clean(string(found[1])) == p.dir)
			if start := unitStart.FindSubmatch(text); start != nil {
				u.program = string(start[1])
			}
			break
		}
		for _, links := range []string{"etc/systemd/system/*.wants", "etc/systemd/system/*.requires", "run/systemd/system/*.wants"} {
			found, _ := filepath.Glob(filepath.Join(h.root, links, u.name)) // its only error is about the pattern
			u.enabled = u.enabled || u.exists && len(found) > 0
		}
		return u, nil
	})
}

// holds tells whether the daemon that was seen is the unit's.
func (u bootUnit) holds(v view) bool { return v.alive && v.unit != nil && *v.unit == u.name }
