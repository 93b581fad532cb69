package systemd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

// The ways to reach systemd, as the output field `via` gives them.
const (
	viaBus    = "bus"
	viaSocket = "private socket"
)

// host is where systemd and its files are found. Tests look for them in another place.
type host struct {
	root   string        // the directory that stands for /
	answer time.Duration // how long one way to systemd may take to answer when there is another one to try
	call   time.Duration // how long systemd may take for what it answers at once, as long as D-Bus itself would wait
}

func thisHost() host { return host{root: "/", answer: 2 * time.Second, call: 25 * time.Second} }

func (h host) path(parts ...string) string {
	return filepath.Join(append([]string{h.root}, parts...)...)
}

// manager is a connection to one systemd: the host's, or a user's own.
type manager struct {
	conn *dbus.Conn
	raw  *godbus.Conn // the connection under conn that calls are made on
	end  context.CancelCauseFunc
	via  string
	call time.Duration
}

func (m *manager) close() {
	m.conn.Close()
	m.end(nil)
}

// way is one way to reach systemd.
type way struct {
	name, address string
	hello         bool // it is a message bus, which wants to be greeted
}

// connect reaches the host's systemd, or with a user that user's own one. It tries each way for a bounded time, so that
// a bus that takes connections and says nothing does not use up the step's time. Close the manager after use.
func (h host) connect(ctx context.Context, owner, as string) (*manager, error) {
	ways, err := h.ways(owner)
	if err != nil {
		return nil, err
	}
	uid := strconv.Itoa(os.Geteuid())
	if as != "" {
		if uid, err = uidOf(as); err != nil {
			return nil, err
		}
	}
	var tried []error
	for i, w := range ways {
		limit := h.call
		if i < len(ways)-1 && os.Geteuid() == 0 && as == "" { // the socket is for root alone
			limit = h.answer
		}
		m, err := h.reach(ctx, w, identity{as, uid}, share(ctx, limit, len(ways)-i))
		if err == nil {
			return m, nil
		}
		if ctx.Err() != nil {
			return nil, engine.FailureOf(fmt.Errorf("ask systemd: %w", ctx.Err()))
		}
		tried = append(tried, fmt.Errorf("%s (%s): %w", w.name, w.address, err))
	}
	if _, err := os.Stat(h.path("run/systemd/system")); errors.Is(err, fs.ErrNotExist) {
		return nil, engine.Failf(engine.Missing, "ask systemd: this host is not run by systemd (there is no /run/systemd/system)")
	}
	return nil, engine.Failf(kindOfAll(tried), "ask systemd: no way to it works: %s", inOneLine(tried))
}

// ways lists the ways to the host's systemd, best first, or the one way to a user's.
func (h host) ways(owner string) ([]way, error) {
	if owner == "" {
		address := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS")
		if address == "" {
			address = "unix:path=" + h.path("run/dbus/system_bus_socket")
		}
		return []way{
			{"the system bus", address, true},
			{"systemd's own socket", "unix:path=" + h.path("run/systemd/private"), false},
		}, nil
	}
	// A user's bus takes connections of that user only; the user's systemd takes root's as well.
	uid, err := uidOf(owner)
	if err != nil {
		return nil, err
	}
	socket := h.path("run/user", uid, "systemd/private")
	if _, err := os.Stat(socket); errors.Is(err, fs.ErrNotExist) {
		return nil, engine.Failf(engine.Missing, "ask the systemd of user %s: it is not running: %s is not logged in, and does not linger", owner, owner)
	}
	return []way{{"the systemd of user " + owner, "unix:path=" + socket, false}}, nil
}

// identity is who connects: the user as, "" for the one who runs the program.
type identity struct{ as, uid string }

func uidOf(name string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", engine.Fail(engine.Missing, fmt.Errorf("find user %s: %w", name, err))
	}
	return u.Uid, nil
}

// reach connects on one way and makes sure that systemd answers there.
func (h host) reach(ctx context.Context, w way, who identity, limit time.Duration) (*manager, error) {
	// What is given up must not stay half connected: closing its context closes the connection.
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	opening, cancel := context.WithTimeoutCause(ctx, limit, errNoAnswer)
	defer cancel()
	stop := context.AfterFunc(opening, func() { end(context.Cause(opening)) })
	m := &manager{end: end, via: viaSocket, call: h.call}
	if w.hello {
		m.via = viaBus
	}
	var err error
	m.conn, err = dbus.NewConnection(func() (*godbus.Conn, error) {
		c, err := dial(life, w, who)
		if m.raw == nil {
			m.raw = c
		}
		return c, err
	})
	if err == nil {
		_, err = m.conn.SystemStateContext(life)
	}
	if !stop() || err != nil {
		end(nil)
		if cause := context.Cause(opening); cause != nil {
			return nil, cause
		}
		return nil, err
	}
	return m, nil
}

var errNoAnswer = errors.New("no answer")

// dial opens and greets one connection. The kernel tells the other side who is there by the thread that connects, so
// acting as another user is connecting on a thread of that user.
func dial(ctx context.Context, w way, who identity) (*godbus.Conn, error) {
	conn, err := hostcall.Look(ctx, who.as, func() (*godbus.Conn, error) {
		return godbus.Dial(w.address, godbus.WithContext(ctx))
	})
	if err != nil {
		return nil, err
	}
	err = conn.Auth([]godbus.Auth{godbus.AuthExternal(who.uid)})
	if err == nil && w.hello {
		err = conn.Hello()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// share is how long one of n ways may take: at most limit, and no more than its part of the time that is left.
func share(ctx context.Context, limit time.Duration, n int) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/time.Duration(n+1))
	}
	return limit
}

// ask calls a method of the manager that go-systemd has no function for, and that gives nothing back.
func (m *manager) ask(ctx context.Context, method string, args ...any) error {
	systemd := m.raw.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	return systemd.CallWithContext(ctx, "org.freedesktop.systemd1.Manager."+method, 0, args...).Err
}

// hold keeps systemd from forgetting a unit for as long as the manager is connected. Without it, a unit that ends at
// once is unloaded before anybody can ask how it ended. It is a courtesy that the private socket does not offer.
func (m *manager) hold(ctx context.Context, unit string) {
	ctx, cancel := m.quick(ctx)
	defer cancel()
	_ = m.ask(ctx, "RefUnit", unit)
}

// quick bounds a call that systemd answers at once.
func (m *manager) quick(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, m.call, errNoAnswer)
}
