package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	godbus "github.com/godbus/dbus/v5"

	"runbook/engine"
)

// Long enough for a busy machine; what these tests are about would last for ever.
const notForEver = 20 * time.Second

func TestNoSystemd(t *testing.T) {
	h := hostAt(t)
	alone(t)
	_, err := h.connect(t.Context(), "", "")
	wantFailure(t, err, engine.Missing, "this host is not run by systemd")

	if err := os.MkdirAll(h.path("run/systemd/system"), 0o750); err != nil {
		t.Fatal(err)
	}
	_, err = h.connect(t.Context(), "", "")
	wantFailure(t, err, engine.Unreachable, "the system bus", "systemd's own socket", "no such file")
}

// A bus that takes connections and says nothing, and a systemd that does the same.
func TestSilentSockets(t *testing.T) {
	h := hostAt(t)
	alone(t)
	h.answer, h.call = 100*time.Millisecond, 200*time.Millisecond
	serve(t, h.path("run/dbus/system_bus_socket"), silence)
	serve(t, h.path("run/systemd/private"), silence)
	if err := os.MkdirAll(h.path("run/systemd/system"), 0o750); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	_, err := h.connect(t.Context(), "", "")
	wantFailure(t, err, engine.Unreachable, "the system bus", "no answer", "systemd's own socket")
	if took := time.Since(start); took > notForEver {
		t.Errorf("it took %s", took)
	}
}

// However long a silent bus is given, a step that is cancelled ends.
func TestCancelSilentBus(t *testing.T) {
	alone(t)
	h := hostAt(t)
	h.answer, h.call = time.Hour, time.Hour
	asked := make(chan struct{}, 10)
	serve(t, h.path("run/dbus/system_bus_socket"), func(c net.Conn) {
		asked <- struct{}{}
		silence(c)
	})
	kinds, err := kindsOf(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if k.Name == "systemd.journal" {
			continue // it does not use the bus
		}
		t.Run(k.Name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				<-asked
				cancel()
			}()
			start := time.Now()
			_, err := k.Do(ctx, exampleOf(t, k), engine.Task{Step: "step", Attempt: 1})
			if f := engine.FailureOf(err); f == nil || f.Kind != engine.Cancelled {
				t.Errorf("it failed with %+v, want a failure of kind cancelled", f)
			}
			if took := time.Since(start); took > notForEver {
				t.Errorf("it took %s", took)
			}
		})
	}
}

// The time that a step has left is shared between the ways, so that the last one has its chance.
func TestSilentBusLeavesTime(t *testing.T) {
	alone(t)
	h := hostAt(t)
	h.answer, h.call = time.Hour, time.Hour
	serve(t, h.path("run/dbus/system_bus_socket"), silence)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := os.MkdirAll(h.path("run/systemd/system"), 0o750); err != nil {
		t.Fatal(err)
	}
	_, err := h.connect(ctx, "", "")
	wantFailure(t, err, engine.Unreachable, "no answer", "no such file")
}

func TestNonsenseSockets(t *testing.T) {
	for name, say := range map[string]string{
		"closes at once":      "",
		"not D-Bus":           "HTTP/1.1 400 Bad Request\r\n\r\n",
		"line breaks":         "\r\n\r\n\r\n",
		"refuses all":         "REJECTED\r\n",
		"greets and then not": "REJECTED EXTERNAL\r\nOK 1234\r\nERROR\r\n" + strings.Repeat("\xff", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			alone(t)
			h := hostAt(t)
			h.answer, h.call = time.Second, time.Second
			for _, socket := range []string{"run/dbus/system_bus_socket", "run/systemd/private"} {
				serve(t, h.path(socket), func(c net.Conn) {
					_, _ = c.Write([]byte(say))
					if say != "" {
						silence(c)
					}
				})
			}
			if err := os.MkdirAll(h.path("run/systemd/system"), 0o750); err != nil {
				t.Fatal(err)
			}
			_, err := h.connect(t.Context(), "", "")
			wantFailure(t, err, engine.Unreachable, "the system bus", "systemd's own socket")
		})
	}
}

// A real bus on which there is no systemd.
func TestBusWithoutSystemd(t *testing.T) {
	h := hostAt(t)
	startBus(t)
	if err := os.MkdirAll(h.path("run/systemd/system"), 0o750); err != nil {
		t.Fatal(err)
	}
	_, err := h.connect(t.Context(), "", "")
	wantFailure(t, err, engine.Unreachable, "org.freedesktop.systemd1", "systemd's own socket")
}

// A systemd that greets and then falls silent, as one does that waits for a dead disk.
func TestSystemdFallsSilent(t *testing.T) {
	h := hostAt(t)
	address := startBus(t)
	own, err := godbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	silent := make(chan struct{})
	t.Cleanup(func() { close(silent) })
	asked := make(chan struct{}, 10)
	properties := map[string]any{
		"Get": func(string, string) (godbus.Variant, *godbus.Error) { return godbus.MakeVariant("running"), nil },
		"GetAll": func(string) (map[string]godbus.Variant, *godbus.Error) {
			asked <- struct{}{}
			<-silent
			return nil, nil
		},
	}
	if err := own.ExportSubtreeMethodTable(properties, "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties"); err != nil {
		t.Fatal(err)
	}
	if _, err := own.RequestName("org.freedesktop.systemd1", godbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	k, err := unitKind(h)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err = k.Do(ctx, map[string]any{"unit": "a.service"}, engine.Task{})
	wantFailure(t, err, engine.Cancelled, "look at a.service")

	h.call = 500 * time.Millisecond
	if k, err = unitKind(h); err != nil {
		t.Fatal(err)
	}
	_, err = k.Do(t.Context(), map[string]any{"unit": "a.service"}, engine.Task{})
	wantFailure(t, err, engine.Unreachable, "look at a.service: systemd does not answer")
	ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	h.call = time.Hour
	if k, err = unitKind(h); err != nil {
		t.Fatal(err)
	}
	_, err = k.Do(ctx, map[string]any{"unit": "a.service"}, engine.Task{})
	wantFailure(t, err, engine.Timeout)
}

func TestUnknownUsers(t *testing.T) {
	h := hostAt(t)
	_, err := h.connect(t.Context(), "no-such-user", "")
	wantFailure(t, err, engine.Missing, "find user no-such-user")
	_, err = h.connect(t.Context(), "", "no-such-user")
	wantFailure(t, err, engine.Missing, "find user no-such-user")
	_, err = h.connect(t.Context(), "root", "")
	wantFailure(t, err, engine.Missing, "root is not logged in")
}

// alone keeps the machine's own bus out of a test.
func alone(t *testing.T) {
	t.Helper()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "")
}

// serve listens on a Unix socket and answers each connection with fn.
func serve(t *testing.T, path string, fn func(net.Conn)) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				fn(c)
			}()
		}
	}()
}

// silence listens until the other side hangs up, and says nothing.
func silence(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// startBus starts a message bus of the test's own, and makes it the system bus.
func startBus(t *testing.T) (address string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "bus")
	config := filepath.Join(t.TempDir(), "bus.conf")
	text := fmt.Sprintf(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>`, socket)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "dbus-daemon", "--nofork", "--print-address", "--config-file="+config)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start a message bus: %v (the package dbus-daemon has it)", err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	address = "unix:path=" + socket
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	return address
}

func wantFailure(t *testing.T, err error, kind engine.FailureKind, parts ...string) {
	t.Helper()
	f, ok := errors.AsType[*engine.Failure](err)
	if !ok || f.Kind != kind {
		t.Fatalf("it failed with %+v (%v), want a failure of kind %s", f, err, kind)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("the failure says %q, want it to say %q", err, p)
		}
	}
}
