package netcheck_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/proc"
	"runbook/steps/netcheck"
	"runbook/steps/stepstest"
)

func TestListenersTellWhoServesWhat(t *testing.T) {
	tests := []struct {
		name, network, address string
		v6only                 bool
		want                   map[string]any
	}{
		{"IPv4 loopback", "tcp4", "127.0.0.1:0", false, map[string]any{"address": "127.0.0.1", "family": "ipv4", "serves_ipv4": true}},
		{"every IPv4 address", "tcp4", "0.0.0.0:0", false, map[string]any{"address": "0.0.0.0", "family": "ipv4", "serves_ipv4": true}},
		{"IPv6 loopback", "tcp6", "[::1]:0", false, map[string]any{"address": "::1", "family": "ipv6", "serves_ipv4": false}},
		{"both families", "tcp", "[::]:0", false, map[string]any{"address": "::", "family": "ipv6", "serves_ipv4": true}},
		{"every address, IPv6 only", "tcp6", "[::]:0", true, map[string]any{"address": "::", "family": "ipv6", "serves_ipv4": false}},
		{"an IPv4 address in an IPv6 socket", "tcp", "[::ffff:127.0.0.1]:0", false, map[string]any{"address": "127.0.0.1", "family": "ipv4", "serves_ipv4": true}},
	}
	kind := stepstest.Kind(t, netcheck.Kinds, "net.listeners")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			port := listen(t, tt.network, tt.address, tt.v6only)
			out := stepstest.Look(t, kind, map[string]any{"port": port})
			s := only(t, out)
			for field, want := range tt.want {
				if s[field] != want {
					t.Errorf("%s is %v, want %v", field, s[field], want)
				}
			}
		})
	}
}

func TestListenersNameTheOwner(t *testing.T) {
	port := listen(t, "tcp4", "127.0.0.1:0", false)
	s := only(t, stepstest.Look(t, stepstest.Kind(t, netcheck.Kinds, "net.listeners"), map[string]any{"port": port}))
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	table, err := proc.Open()
	if err != nil {
		t.Fatal(err)
	}
	self, err := table.Process(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"address": "127.0.0.1", "family": "ipv4", "serves_ipv4": true, "port": port, "user": me.Username,
		"pid": os.Getpid(), "process": self.Comm, "command": *self.Command, "unit": *self.Unit, "user_unit": *self.UserUnit,
		"start_time": self.Start.String(),
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

// Another user sees the socket and not whose process has it. That is not the same as a socket that nobody has.
func TestListenersThatMayNotBeSeenAreNull(t *testing.T) {
	stepstest.Root(t)
	port := listenElsewhere(t)
	kind := stepstest.Kind(t, netcheck.Kinds, "net.listeners")
	if s := only(t, stepstest.Look(t, kind, map[string]any{"port": port})); s["process"] != "sleep" {
		t.Errorf("root sees everything, have %v", s)
	}
	task, _ := stepstest.Task()
	task.As = "nobody"
	out, err := kind.Do(t.Context(), map[string]any{"port": port}, task)
	if err != nil {
		t.Fatal(err)
	}
	s := only(t, out)
	for _, field := range []string{"pid", "process", "command", "unit", "user_unit", "start_time"} {
		if s[field] != nil {
			t.Errorf("%s is %v, want null", field, s[field])
		}
	}
	if s["user"] != "root" || s["address"] != "127.0.0.1" {
		t.Errorf("have %v", s)
	}
}

func TestListenersOfUDP(t *testing.T) {
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "[::]:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	port := portOf(t, conn.LocalAddr())
	kind := stepstest.Kind(t, netcheck.Kinds, "net.listeners")
	s := only(t, stepstest.Look(t, kind, map[string]any{"port": port, "protocol": "udp"}))
	if s["pid"] != os.Getpid() || s["serves_ipv4"] != true {
		t.Errorf("have %v", s)
	}
	if out := stepstest.Look(t, kind, map[string]any{"port": port}); out["count"] != 0 {
		t.Errorf("a socket of udp is among those of tcp: %v", out)
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := portOf(t, listener.Addr())
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = listener.Close()
	// The connection still has the port on one end. That is no listener.
	out := stepstest.Look(t, stepstest.Kind(t, netcheck.Kinds, "net.listeners"), map[string]any{"port": port})
	if diff := cmp.Diff(map[string]any{"sockets": []any{}, "count": 0}, out); diff != "" {
		t.Error(diff)
	}
}

func TestManyListenersStaySmall(t *testing.T) {
	for range 70 {
		listen(t, "tcp4", "127.0.0.1:0", false)
	}
	out := stepstest.Look(t, stepstest.Kind(t, netcheck.Kinds, "net.listeners"), map[string]any{})
	sockets, ok := out["sockets"].([]any)
	count, isInt := out["count"].(int)
	if !ok || !isInt || len(sockets) != 64 || count < 70 {
		t.Errorf("have %d sockets, count %v", len(sockets), out["count"])
	}
}

func TestListenersRefuse(t *testing.T) {
	kind := stepstest.Kind(t, netcheck.Kinds, "net.listeners")
	for _, with := range []map[string]any{{"port": -1}, {"port": 65536}, {"protocol": "sctp"}, {"prot": "tcp"}} {
		if f := engine.FailureOf(kind.Check(with)); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%v: have %v", with, f)
		}
	}
}

// listen opens a real socket and gives its port.
func listen(t *testing.T, network, address string, v6only bool) int {
	t.Helper()
	if address == "[::ffff:127.0.0.1]:0" {
		return listenMapped(t)
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if v6only {
			if ctl := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1) }); ctl != nil {
				return ctl
			}
		}
		return err
	}}
	listener, err := config.Listen(context.Background(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return portOf(t, listener.Addr())
}

// listenMapped does what Java does: it binds an IPv4 address in a socket of IPv6.
func listenMapped(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	addr := &unix.SockaddrInet6{}
	copy(addr.Addr[:], net.IPv4(127, 0, 0, 1).To16())
	if err := unix.Bind(fd, addr); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	six, ok := bound.(*unix.SockaddrInet6)
	if !ok {
		t.Fatalf("bound to %v", bound)
	}
	return six.Port
}

// listenElsewhere gives a listening socket to another process and lets go of it.
func listenElsewhere(t *testing.T) int {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	cmd := exec.CommandContext(t.Context(), "sleep", "3600")
	cmd.ExtraFiles = []*os.File{file}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return portOf(t, listener.Addr())
}

func portOf(t *testing.T, addr net.Addr) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr.String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func only(t *testing.T, out map[string]any) map[string]any {
	t.Helper()
	sockets, ok := out["sockets"].([]any)
	if !ok || len(sockets) != 1 || out["count"] != 1 {
		t.Fatalf("want one socket, have %v", out)
	}
	s, ok := sockets[0].(map[string]any)
	if !ok {
		t.Fatalf("have %v", sockets[0])
	}
	return s
}
