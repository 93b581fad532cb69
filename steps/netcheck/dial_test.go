package netcheck_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/netcheck"
	"runbook/steps/stepstest"
)

func TestDialAnswers(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	kind := stepstest.Kind(t, netcheck.Kinds, "net.dial")

	out := stepstest.Look(t, kind, map[string]any{"address": listener.Addr().String()})
	if out["reachable"] != true || out["error"] != "" || out["remote"] != listener.Addr().String() {
		t.Errorf("have %v", out)
	}
	out = stepstest.Look(t, kind, map[string]any{"address": closedPort(t)})
	if out["reachable"] != false || out["error"] != "refused" || !strings.Contains(out["detail"].(string), "refused") {
		t.Errorf("have %v", out)
	}
	out = stepstest.Look(t, kind, map[string]any{"address": silentPort(t), "timeout": "100ms"})
	if out["reachable"] != false || out["error"] != "timeout" || out["latency_ms"].(int) < 100 {
		t.Errorf("have %v", out)
	}
}

// The step's own time running out while nobody answers is the same silence.
func TestDialUntilTheStepsTimeIsOver(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100_000_000)
	defer cancel()
	task, _ := stepstest.Task()
	out, err := stepstest.Kind(t, netcheck.Kinds, "net.dial").Do(ctx, map[string]any{"address": silentPort(t), "timeout": "1h"}, task)
	if err != nil || out["error"] != "timeout" {
		t.Errorf("have %v, %v", out, err)
	}
}

func TestDialThatCouldNotAsk(t *testing.T) {
	kind := stepstest.Kind(t, netcheck.Kinds, "net.dial")
	task, _ := stepstest.Task()
	_, err := kind.Do(t.Context(), map[string]any{"address": "no-such-host.invalid:80"}, task)
	if f := engine.FailureOf(err); f == nil || f.Kind != engine.Missing && f.Kind != engine.Unreachable || !strings.Contains(f.Message, "resolve") {
		t.Errorf("a name that does not resolve: have %v", err)
	}
	task.As = "nobody"
	if _, err := kind.Do(t.Context(), map[string]any{"address": closedPort(t)}, task); engine.FailureOf(err) == nil {
		t.Error("as was ignored")
	}
	for _, with := range []map[string]any{
		{"address": "localhost"},
		{"address": ":80"},
		{"address": "localhost:0"},
		{"address": "localhost:http"},
		{"address": "::1:80"},
		{"address": "localhost:80", "timeout": "0s"},
		{},
	} {
		if f := engine.FailureOf(kind.Check(with)); f == nil || f.Kind != engine.Invalid {
			t.Errorf("%v: have %v", with, f)
		}
	}
}

// closedPort is an address that was free a moment ago.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// silentPort is an address whose kernel drops what arrives: a listener that accepts nobody and whose queue is full.
func silentPort(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: bound.(*unix.SockaddrInet4).Port}
	// With a queue of 0 the kernel still lets one in.
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return addr.String()
}
