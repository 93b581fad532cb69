package steps_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"runbook/steps"
	"runbook/steps/stepstest"
)

func TestMain(m *testing.M) { stepstest.Main(m, steps.All) }

func TestConformance(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	stepstest.Conformance(t, kinds, cases())
}

// overTheBus is why native kinds that talk to systemd can't run inside the read sandbox: it lets nobody talk to a Unix
// socket. What they only look at, they look at by properties.
const overTheBus = "systemd is asked over a Unix socket"

// overItsSocket is the same of pm2.
const overItsSocket = "pm2 is asked over a Unix socket"

func cases() []stepstest.Case {
	return []stepstest.Case{
		{Kind: "systemd.unit", Unboxed: overTheBus},
		{Kind: "systemd.journal", Unboxed: overTheBus},
		{Kind: "systemd.boot", Unboxed: overTheBus},
		{Kind: "systemd.start", Unboxed: overTheBus},
		{Kind: "systemd.stop", Unboxed: overTheBus},
		{Kind: "systemd.restart", Unboxed: overTheBus},
		{Kind: "systemd.reload", Unboxed: overTheBus},
		{Kind: "systemd.reset-failed", Unboxed: overTheBus},
		{Kind: "systemd.daemon-reload", Unboxed: overTheBus},
		{Kind: "systemd.enable", Unboxed: overTheBus},
		{Kind: "systemd.run", Unboxed: overTheBus},
		{Kind: "systemd.dropin", Unboxed: overTheBus},
		{Kind: "net.listeners", With: func(t *testing.T) map[string]any {
			t.Helper()
			listen(t)
			return map[string]any{"protocol": "tcp"}
		}},
		{Kind: "net.dial", With: func(t *testing.T) map[string]any {
			t.Helper()
			return map[string]any{"address": listen(t)}
		}},
		{Kind: "dns.lookup", With: func(*testing.T) map[string]any { return map[string]any{"name": "localhost", "from": "hosts"} }},
		{
			Kind: "http.get",
			With: func(t *testing.T) map[string]any {
				t.Helper()
				return map[string]any{"url": serve(t, func(w http.ResponseWriter, _ *http.Request) {
					for range 100_000 {
						_, _ = w.Write([]byte("\x01<&>"))
					}
				})}
			},
			Slow: func(t *testing.T) (map[string]any, <-chan struct{}) {
				t.Helper()
				begun := make(chan struct{})
				url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
					close(begun)
					<-r.Context().Done()
				})
				return map[string]any{"url": url, "timeout": "1h"}, begun
			},
		},
		{
			Kind:   "nginx.test",
			Starts: true,
			With: func(t *testing.T) map[string]any {
				t.Helper()
				needNginx(t)
				return map[string]any{"config": write(t, "events {}\npid /dev/null;\nerror_log stderr;\n")}
			},
			Slow: func(t *testing.T) (map[string]any, <-chan struct{}) {
				t.Helper()
				needNginx(t)
				pipe := filepath.Join(t.TempDir(), "pipe") // nobody writes into it
				if err := syscall.Mkfifo(pipe, 0o600); err != nil {
					t.Fatal(err)
				}
				return map[string]any{"config": write(t, "include "+pipe+";\n")}, nil
			},
		},
		{Kind: "nginx.reload"},
		{Kind: "pm2.list", With: pm2Home, Slow: silentPM2, Unboxed: overItsSocket},
		{Kind: "pm2.logs", With: func(t *testing.T) map[string]any {
			t.Helper()
			with := pm2Home(t)
			with["name"] = "api"
			return with
		}, Unboxed: overItsSocket},
		{Kind: "pm2.resurrect", Unboxed: overItsSocket},
		{Kind: "pm2.restart", Unboxed: overItsSocket},
		{Kind: "pm2.start", Unboxed: overItsSocket},
		{Kind: "pm2.save", Unboxed: overItsSocket},
		{Kind: "file.stat", With: func(t *testing.T) map[string]any {
			t.Helper()
			return map[string]any{"path": write(t, "text"), "sha256": true}
		}},
		{Kind: "file.read", With: func(t *testing.T) map[string]any {
			t.Helper()
			return map[string]any{"path": write(t, string(make([]byte, 100_000)))}
		}},
		{Kind: "disk.usage", With: func(t *testing.T) map[string]any {
			t.Helper()
			return map[string]any{"path": t.TempDir()}
		}},
		{Kind: "file.write", With: func(t *testing.T) map[string]any {
			t.Helper()
			return map[string]any{"path": write(t, "old"), "text": "new"}
		}},
		{Kind: "file.permissions", With: func(t *testing.T) map[string]any {
			t.Helper()
			return map[string]any{"path": filepath.Dir(write(t, "text")), "mode": "go+rX", "recursive": true}
		}},
		{Kind: "process.list", With: func(*testing.T) map[string]any { return map[string]any{} }},
		{
			Kind: "process.signal",
			With: func(t *testing.T) map[string]any {
				t.Helper()
				sleeper(t)
				return one(t, "sleep 86399")
			},
		},
		{Kind: "host.facts", With: func(*testing.T) map[string]any { return map[string]any{} }},
		{Kind: "host.changes", With: func(t *testing.T) map[string]any {
			t.Helper()
			return map[string]any{"since": "100000h", "paths": []any{filepath.Dir(write(t, "text"))}}
		}},
		{
			Kind:   "command",
			Starts: true,
			With: func(*testing.T) map[string]any {
				return map[string]any{"argv": []any{"sh", "-c", `yes "$(printf '\001<&>')" | head -c 100000; cat`}, "stdin": "{}", "env": map[string]any{"A": "b"}}
			},
			Slow: func(*testing.T) (map[string]any, <-chan struct{}) {
				return map[string]any{"argv": []any{"sh", "-c", "echo begun; sleep 86400"}}, nil
			},
		},
		{
			Kind:   "script",
			Starts: true,
			With: func(*testing.T) map[string]any {
				return map[string]any{"text": "cat\nhead -c 100000 /dev/zero", "stdin": "{}", "env": map[string]any{"A": "b"}}
			},
			Slow: func(*testing.T) (map[string]any, <-chan struct{}) {
				return map[string]any{"text": "echo begun\nsleep 86400"}, nil
			},
		},
		{
			Kind:   "pnpm.build",
			Starts: true,
			With: func(t *testing.T) map[string]any {
				t.Helper()
				return map[string]any{"dir": project(t, "mkdir .next && echo begun"), "manager": "npm", "env": map[string]any{"A": "b"}}
			},
			Slow: func(t *testing.T) (map[string]any, <-chan struct{}) {
				t.Helper()
				return map[string]any{"dir": project(t, "sleep 86400"), "manager": "npm"}, nil
			},
		},
		{
			Kind: "wait",
			With: func(*testing.T) map[string]any { return map[string]any{"for": "1ms"} },
			Slow: func(*testing.T) (map[string]any, <-chan struct{}) {
				begun := make(chan struct{})
				close(begun)
				return map[string]any{"for": "1000h"}, begun
			},
		},
		{Kind: "manual", With: func(*testing.T) map[string]any { return map[string]any{"text": "Look."} }},
		{Kind: "ask", With: func(*testing.T) map[string]any { return map[string]any{"text": "How many?", "type": "int"} }},
		{Kind: "escalate", With: func(*testing.T) map[string]any { return map[string]any{"to": "you", "say": "This."} }},
		{Kind: "runbook", With: func(*testing.T) map[string]any { return map[string]any{"name": "another"} }},
	}
}

func listen(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// project is a Node project without a build. A test that needs npm must run in CI.
func project(t *testing.T, script string) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs npm, and CI must run it")
		}
		t.Skip("npm is not installed")
	}
	dir := t.TempDir()
	manifest := `{"scripts": {"build": "` + script + `"}}`
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// needNginx skips a test that needs nginx where there is none. In CI it must run.
func needNginx(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/usr/sbin/nginx"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("this test needs nginx (the package nginx-light), and CI must run it")
		}
		t.Skip("nginx is not installed")
	}
}

// pm2Home is that of a pm2 without a daemon, which has run a process that talked a lot.
func pm2Home(t *testing.T) map[string]any {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".pm2/logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"dump.pm2": "[" + strings.Repeat(`{"name": "\u0001<&>"},`, 1000) + `{"name": "api"}]`, "logs/api-error.log": strings.Repeat("\x01<&>\n", 10_000),
	} {
		if err := os.WriteFile(filepath.Join(home, ".pm2", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]any{"user": me.Username, "home": home}
}

// silentPM2 is a daemon that never answers.
func silentPM2(t *testing.T) (map[string]any, <-chan struct{}) {
	t.Helper()
	with := pm2Home(t)
	home, _ := with["home"].(string)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(home, ".pm2/rpc.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	begun := make(chan struct{})
	go func() {
		if c, err := l.Accept(); err == nil {
			close(begun)
			_, _ = io.Copy(io.Discard, c)
		}
	}()
	return with, begun
}

func sleeper(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sleep", "86399")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

// one finds a process as a runbook does.
func one(t *testing.T, match string) map[string]any {
	t.Helper()
	out := stepstest.Look(t, stepstest.Kind(t, steps.All, "process.list"), map[string]any{"match": match})
	found, ok := out["processes"].([]any)
	if !ok || len(found) == 0 {
		t.Fatalf("have %v", out)
	}
	p, ok := found[len(found)-1].(map[string]any)
	if !ok {
		t.Fatalf("have %v", found)
	}
	return map[string]any{"pid": p["pid"], "start_time": p["start_time"]}
}
