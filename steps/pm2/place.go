package pm2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"runbook/engine"
	"runbook/internal/run"
	"runbook/steps/internal/proc"
)

// host is where units and programs are found, and how patient one is there. Tests have other places, and less time.
type host struct {
	root     string        // the directory that stands for /
	answer   time.Duration // how long the daemon may take to say what it has: it takes milliseconds
	patience time.Duration // how long the processes may take after a change
}

// place is where the pm2 of a user lives, and who acts on it.
type place struct {
	user string
	uid  int
	home string // the directory that .pm2 is in
	dir  string // pm2's own PM2_HOME
	as   string // whom the step acts as, "" for the user who runs this program
	root bool   // that is root, who may start units
}

// locate finds the pm2 of a user. Only root and the user can have to do with it.
func locate(ctx context.Context, user, home, as string) (place, error) {
	if err := ctx.Err(); err != nil {
		return place{}, engine.FailureOf(err)
	}
	actor := os.Geteuid()
	u, err := run.LookupUser(user)
	if err == nil && as != "" {
		var a run.User
		a, err = run.LookupUser(as)
		actor = int(a.UID)
	}
	if failure, ok := errors.AsType[*run.Error](err); ok {
		return place{}, engine.Fail(engine.FailureKind(failure.Kind), err)
	}
	if err != nil {
		return place{}, err
	}
	if actor != 0 && actor != int(u.UID) {
		return place{}, engine.Failf(engine.Denied, "ask the pm2 of %s: only root and %s may", u.Name, u.Name)
	}
	if home == "" {
		home = u.Home
	}
	if home == "" {
		return place{}, engine.Failf(engine.Invalid, "find the pm2 of %s: the user has no home: give it as home", u.Name)
	}
	return place{
		user: u.Name, uid: int(u.UID), home: home, dir: filepath.Join(home, ".pm2"), as: as, root: actor == 0,
	}, nil
}

// kernelName is the name that processes of the user are listed under: two names can share a uid.
func (p place) kernelName(table *proc.Table) string { return table.User(uint64(p.uid)) } //nolint:gosec // a uid

func (p place) path(name string) string { return filepath.Join(p.dir, name) }

// String names the pm2 for messages.
func (p place) String() string { return "the pm2 of " + p.user }

var errNoFile = errors.New("it is not a file")

// openRegular opens a file. Opening a pipe would wait for somebody who writes to it.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: %w", path, errNoFile)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// readRegular reads the first bytes of a file, at most so many.
func readRegular(path string, most int64) ([]byte, fs.FileInfo, error) {
	f, info, err := openRegular(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, most))
	return data, info, err
}

// stamp writes a time as outputs have it, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// wait waits, or gives the error of a context that ends first.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait: %w", ctx.Err())
	}
}
