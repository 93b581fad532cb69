package pm2

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/stepstest"
)

// Nothing that looks, describes or refuses may start a daemon, whatever a dead one has left behind.
func TestNothingStartsADaemon(t *testing.T) {
	sleeper := exec.CommandContext(t.Context(), "sleep", "86395")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() })
	leftBehind := map[string]func(h *home){
		"no .pm2 at all": func(*home) {},
		"an empty .pm2":  func(h *home) { h.write(".pm2/touch", "") },
		"a stale pid file": func(h *home) {
			gone := exec.CommandContext(t.Context(), "true")
			if err := gone.Run(); err != nil {
				h.Fatal(err)
			}
			h.write(".pm2/pm2.pid", fmt.Sprint(gone.Process.Pid))
		},
		"a recycled pid":     func(h *home) { h.write(".pm2/pm2.pid", fmt.Sprint(sleeper.Process.Pid)) },
		"nonsense in a file": func(h *home) { h.write(".pm2/pm2.pid", "-1\x00") },
		"a socket that nobody listens on": func(h *home) {
			h.write(".pm2/pm2.pid", fmt.Sprint(sleeper.Process.Pid))
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: h.path("rpc.sock"), Net: "unix"})
			if err != nil {
				h.Fatal(err)
			}
			l.SetUnlinkOnClose(false)
			_ = l.Close()
		},
	}
	for name, leave := range leftBehind {
		t.Run(name, func(t *testing.T) {
			h := withPM2(t)
			leave(h)
			h.untouched(func() {
				h.want(h.do("pm2.list", values{"watch": "1ms"}), values{
					"daemon": false, "daemon_pid": 0, "daemon_unit": "", "version": "", "processes": []any{}, "names": []any{},
					"online": []any{}, "restarting": []any{}, "missing_in_dump": []any{}, "missing_now": []any{},
					"dump":      values{"exists": false, "valid": false, "names": []any{}, "stopped": []any{}, "saved_at": ""},
					"boot_unit": "pm2-" + h.user + ".service", "boot_unit_exists": false, "boot_unit_enabled": false,
				})
				h.fail("pm2.logs", values{"name": "web"}, engine.Missing)
				for kind, in := range map[string]values{
					"pm2.restart": {"name": "web"}, "pm2.start": {"name": "web"}, "pm2.save": {}, "pm2.resurrect": {},
				} {
					h.fail(kind, in, engine.Missing)
					task, _ := stepstest.Task()
					if _, err := h.kind(kind).Describe(h.Context(), h.inputs(in), task); err == nil {
						h.Errorf("%s describes what it will refuse", kind)
					}
					_ = h.kind(kind).Before(h.Context(), h.inputs(in), task)
				}
			})
		})
	}
}

// What pm2 gives holds the environment twice, once of it among its own fields.
func TestListShowsProcessesWithoutTheirEnvironment(t *testing.T) {
	h := withPM2(t)
	h.write("web.js", app)
	h.pm2("NAME=sesame", "STATUS=sesame", "USERNAME=sesame", "PM_EXEC_PATH=sesame", "DB_PASSWORD=sesame",
		"start", filepath.Join(h.dir, "web.js"), "--name", "web", "--", "--port", "80")
	h.start("other")
	task, evidence := stepstest.Task()
	in := h.inputs(nil)
	out := h.do("pm2.list", nil)
	h.want(out, values{
		"daemon": true, "daemon_pid": h.daemon(), "version": version, "names": []string{"web", "other"}, "online": []string{"web", "other"},
		"restarting": nil, "missing_in_dump": []string{"web", "other"}, "missing_now": []string{},
	})
	h.want(h.process(out, "web"), values{
		"id": 0, "status": "online", "restarts": 0, "script": filepath.Join(h.dir, "web.js"), "args": "--port 80",
		"cwd": h.dir, "exec_mode": "fork_mode", "exit_code": nil, "module": false,
	})
	h.want(h.do("pm2.list", values{"name": "other"}), values{"names": []string{"other"}, "missing_in_dump": []string{"other"}})

	h.pm2("save")
	if !strings.Contains(h.read(".pm2/dump.pm2"), "sesame") {
		t.Fatal("the dump does not hold the environment, so this test proves nothing")
	}
	for _, name := range []string{"pm2.save", "pm2.resurrect", "pm2.restart"} {
		if name == "pm2.restart" {
			in["name"] = "web"
		}
		if err := h.kind(name).Before(t.Context(), in, task); err != nil {
			t.Error(err)
		}
		h.contains(evidence.Text("pm2"), "web.js", "online", "dump.pm2")
		d, err := h.kind(name).Describe(t.Context(), in, task)
		if err != nil {
			t.Error(err)
		}
		shown := fmt.Sprint(evidence.Text("pm2"), evidence.Text("logs"), d)
		if strings.Contains(shown, "sesame") {
			t.Errorf("%s shows the environment: %s", name, shown)
		}
	}
	out = h.do("pm2.list", nil)
	if raw, _ := json.Marshal(out); strings.Contains(string(raw), "sesame") {
		t.Errorf("the environment is in the output: %s", raw)
	}
	h.want(out, values{"missing_in_dump": []string{}})
	h.want(out["dump"].(values), values{"exists": true, "valid": true, "names": []string{"web", "other"}})

	h.pm2("kill")
	h.want(h.do("pm2.list", nil), values{"daemon": false, "missing_now": []string{"web", "other"}})
}

func TestADaemonNeedsNoPidFile(t *testing.T) {
	h := withPM2(t)
	h.start("web")
	pid := h.daemon()
	if err := os.Remove(h.path("pm2.pid")); err != nil {
		t.Fatal(err)
	}
	h.want(h.do("pm2.list", nil), values{"daemon": true, "daemon_pid": pid, "names": []string{"web"}})
}

// A daemon that is alive and says nothing is no empty list.
func TestASilentDaemonIsAFailureToLook(t *testing.T) {
	h := withPM2(t)
	h.start("web")
	pid := h.daemon()
	silent := func() {
		t.Helper()
		patient := h.host.answer
		h.host.answer = 300 * time.Millisecond
		defer func() { h.host.answer = patient }()
		h.untouched(func() {
			out, text := h.fail("pm2.list", nil, engine.Unreachable)
			h.want(out, values{"daemon": true, "daemon_pid": pid})
			h.contains(text, fmt.Sprint(pid), "alive", "does not answer")
			h.fail("pm2.restart", values{"name": "web"}, engine.Unreachable)
			h.fail("pm2.save", nil, engine.Unreachable)
		})
	}
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	silent()
	if err := unix.Kill(pid, unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	h.want(h.do("pm2.list", nil), values{"online": []string{"web"}})

	if err := os.Remove(h.path("rpc.sock")); err != nil {
		t.Fatal(err)
	}
	silent()
}

// Others can listen on the socket.
func TestWhoeverListensIsNotBelieved(t *testing.T) {
	serve := func(h *home, answer func(net.Conn)) {
		h.write(".pm2/touch", "")
		l, err := (&net.ListenConfig{}).Listen(h.Context(), "unix", h.path("rpc.sock"))
		if err != nil {
			h.Fatal(err)
		}
		h.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go answer(c)
			}
		}()
	}
	t.Run("nonsense", func(t *testing.T) {
		h := newHome(t)
		serve(h, func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.0 400 Bad Request\r\n\r\n"+strings.Repeat("\x00", 100))
		})
		_, text := h.fail("pm2.list", nil, engine.Invalid)
		h.contains(text, "pm2")
	})
	t.Run("an error", func(t *testing.T) {
		h := newHome(t)
		serve(h, func(c net.Conn) { _, _ = c.Write(pack(`j:{"error":"not today\n","stack":"s"}`, "s:x")) })
		_, text := h.fail("pm2.list", nil, engine.Exit)
		h.contains(text, "getVersion: not today")
	})
	t.Run("a giant", func(t *testing.T) {
		h := newHome(t)
		serve(h, func(c net.Conn) { _, _ = c.Write([]byte{0x11, 0xff, 0xff, 0xff, 0xff}) })
		h.fail("pm2.list", nil, engine.Invalid)
	})
	t.Run("a long list", func(t *testing.T) {
		h := newHome(t)
		serve(h, func(c net.Conn) {
			_, _ = c.Write(pack(`j:{"args":["6.0.14"]}`, "s:x"))
			_, _ = c.Write(pack(`j:{"args":[[`+strings.Repeat(`{"pm_id":1},`, 3000)+`{}]]}`, "s:x"))
		})
		_, text := h.fail("pm2.list", nil, engine.Invalid)
		h.contains(text, "larger than")
	})
	t.Run("a list that is none", func(t *testing.T) {
		h := newHome(t)
		serve(h, func(c net.Conn) {
			_, _ = c.Write(pack(`j:{"args":[null]}`, "s:x"))
			_, _ = c.Write(pack(`j:{"args":[null]}`, "s:x"))
		})
		h.fail("pm2.list", nil, engine.Invalid)
	})
	t.Run("hangs up", func(t *testing.T) {
		h := newHome(t)
		serve(h, func(c net.Conn) { _ = c.Close() })
		h.fail("pm2.list", nil, engine.Unreachable)
	})
	t.Run("another user", func(t *testing.T) {
		stepstest.Root(t)
		h := newHome(t)
		serve(h, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		h.open()
		if err := os.Chmod(h.path("rpc.sock"), 0o777); err != nil {
			t.Fatal(err)
		}
		h.user = "nobody"
		out, text := h.fail("pm2.list", nil, engine.Invalid)
		h.want(out, values{"daemon": true, "daemon_pid": os.Getpid()})
		h.contains(text, "another user")
	})
}

func TestOnlyRootAndTheUserMayAsk(t *testing.T) {
	h := newHome(t)
	h.user = "no-such-user"
	h.fail("pm2.list", nil, engine.Missing)
	stepstest.Root(t)
	task, _ := stepstest.Task()
	task.As = "nobody"
	h.user = "root"
	h.failIn(t.Context(), task, "pm2.list", nil, engine.Denied)
}

// A crashing program is online most of the time.
func TestWatchSeesWhatIsStartedAgainAndAgain(t *testing.T) {
	h := withPM2(t)
	h.start("steady")
	h.write("crash.js", "setTimeout(() => process.exit(3), 1100)\n")
	h.pm2("start", filepath.Join(h.dir, "crash.js"), "--name", "crash")
	out := h.do("pm2.list", values{"watch": "3s"})
	h.want(out, values{"names": []string{"steady", "crash"}, "restarting": []string{"crash"}})
	if h.process(out, "crash")["restarts"] == 0 {
		t.Error("its restarts are not counted")
	}
	h.want(h.process(out, "crash"), values{"exit_code": 3})
	h.want(h.do("pm2.list", values{"watch": "2s", "name": "steady"}), values{"restarting": []string{}})
	if err := h.kind("pm2.list").Check(h.inputs(values{"watch": "2m"})); err == nil {
		t.Error("it watches for ever")
	}
}

func TestIsDaemon(t *testing.T) {
	for command, want := range map[string]bool{
		"PM2 v6.0.14: God Daemon (/home/deploy/.pm2)":       true,
		"PM2 v6.0.14: God Daemon (/home/deploy/.pm2)      ": true,
		"PM2 v6.0.14: God Daemon (/home/dep":                true, // cut off by node
		"PM2 v6.0.14: God Daemon (/home/deploy/.pm2x)":      false,
		"PM2 v6.0.14: God Daemon (/home/other/.pm2)":        false,
		"PM2 v6.0.14: God Daemon (":                         false,
		"vim PM2 v6.0.14: God Daemon (/home/deploy/.pm2)":   false,
		"node /usr/lib/node_modules/pm2/lib/Daemon.js":      false,
	} {
		if got := isDaemon(command, "/home/deploy/.pm2"); got != want {
			t.Errorf("isDaemon(%q) = %t", command, got)
		}
	}
}

func TestParseDump(t *testing.T) {
	for text, want := range map[string]int{
		`[{"name":"a"},{"name":"b"}]`: 2, "\n[]\n": 0,
		``: -1, `null`: -1, `{}`: -1, `[1]`: -1, `[{"name":"a"}`: -1, `[{}]`: -1, `[{name:"a"}]`: -1, "\x00\x00": -1,
	} {
		records, valid, err := parseDump([]byte(text))
		if got := len(records); err != nil || valid != (want >= 0) || valid && got != want {
			t.Errorf("parseDump(%q) gives %d records, valid: %t, %v", text, got, valid, err)
		}
	}
}

// Whose pm2 it is can make the list as large as the disk, and root reads it. A list that is too large is not broken.
func TestAListThatIsTooLarge(t *testing.T) {
	var names strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&names, `{"name":"%d","status":"online"},`, i)
	}
	for what, text := range map[string]string{
		"processes": "[" + names.String() + `{"name":"last"}]`,
		"bytes":     `[{"name":"a","env":"` + strings.Repeat("x", mostListBytes) + `"}]`,
	} {
		t.Run(what, func(t *testing.T) {
			h := newHome(t)
			h.write(".pm2/dump.pm2", text)
			h.untouched(func() {
				for _, kind := range []string{"pm2.list", "pm2.resurrect"} {
					_, said := h.fail(kind, nil, engine.Invalid)
					h.contains(said, "larger than the 2000 processes and 8 MiB")
				}
			})
		})
	}
}

func TestTheBootUnit(t *testing.T) {
	h := newHome(t)
	unit := func(text string) {
		path := filepath.Join(h.host.root, "etc/systemd/system/pm2-"+h.user+".service")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	exists := func(exists, enabled bool) {
		t.Helper()
		h.want(h.do("pm2.list", nil), values{"boot_unit_exists": exists, "boot_unit_enabled": enabled})
	}
	ours := "[Service]\nEnvironment=PM2_HOME=" + h.path("") + "\nExecStart=/opt/pm2/bin/pm2 resurrect\n"
	unit(ours)
	exists(true, false)
	wants := filepath.Join(h.host.root, "etc/systemd/system/multi-user.target.wants")
	if err := os.MkdirAll(wants, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/x", filepath.Join(wants, "pm2-"+h.user+".service")); err != nil {
		t.Fatal(err)
	}
	exists(true, true)
	unit("[Service]\nEnvironment=PM2_HOME=/somewhere/else/.pm2\n")
	exists(false, false)
	unit("") // masked
	exists(false, false)
	unit(ours)
	p, err := locate(t.Context(), h.user, h.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if have, err := h.host.bootUnit(t.Context(), p); have.program != "/opt/pm2/bin/pm2" || err != nil {
		t.Errorf("its pm2 is %q, %v", have.program, err)
	}

	// A pipe does not hold up anybody, and a file that may not be read is not said to be absent.
	path := filepath.Join(h.host.root, "etc/systemd/system/pm2-"+h.user+".service")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	exists(false, false)
	stepstest.Root(t)
	if err := os.Chmod(h.host.root, 0); err != nil {
		t.Fatal(err)
	}
	task, _ := stepstest.Task()
	task.As, h.user = "nobody", "nobody"
	for _, kind := range []string{"pm2.list", "pm2.resurrect"} {
		h.failIn(t.Context(), task, kind, nil, engine.Denied)
	}
}

func TestCancelledLooksEndAtOnce(t *testing.T) {
	h := withPM2(t)
	h.host.answer = time.Hour
	h.start("web")
	if err := unix.Kill(h.daemon(), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	task, _ := stepstest.Task()
	h.failIn(ctx, task, "pm2.list", nil, engine.Timeout)
}
