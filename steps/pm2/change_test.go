package pm2

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/internal/run"
	"runbook/steps/stepstest"
)

// dead leaves a saved list with these processes, and no daemon.
func (h *home) dead(names ...string) {
	h.Helper()
	for _, name := range names {
		h.start(name)
	}
	h.pm2("save")
	h.pm2("kill")
}

func TestResurrectStartsTheDaemon(t *testing.T) {
	h := withPM2(t)
	h.dead("web", "worker")
	h.contains(h.describe("pm2.resurrect", nil), "web, worker", "pm2 ping", "pm2 resurrect", "as "+h.user, "saved 20")
	t.Setenv(run.ChangeVar, "of-this-test")
	out := h.do("pm2.resurrect", nil)
	h.want(out, values{"changed": true, "through": "pm2", "online": []string{"web", "worker"}})
	h.want(h.do("pm2.list", nil), values{"daemon": true, "missing_now": []string{}})

	at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", h.daemon()))
	if err != nil || at != h.dir {
		t.Errorf("the daemon is in %s (%v)", at, err)
	}
	if left, err := run.Survivors("of-this-test"); err != nil || len(left) > 0 {
		t.Errorf("what was brought back counts as a part of the change that did it: %v %v", left, err)
	}

	h.contains(h.describe("pm2.resurrect", nil), "has them all")
	h.untouched(func() { h.want(h.do("pm2.resurrect", nil), values{"changed": false, "through": ""}) })
}

func TestResurrectRefusesWhatItCantBringBack(t *testing.T) {
	for text, how := range map[string]engine.FailureKind{
		`[`: engine.Invalid, `[]`: engine.Missing, `null`: engine.Invalid, "": engine.Invalid,
	} {
		h := withPM2(t)
		h.write(".pm2/dump.pm2", text)
		h.write(".pm2/dump.pm2.bak", `[{"name":"old"}]`)
		h.untouched(func() { h.fail("pm2.resurrect", nil, how) })
		if h.read(".pm2/dump.pm2.bak") != `[{"name":"old"}]` {
			t.Error("the list before it is lost")
		}
	}
}

func TestResurrectFillsALiveDaemon(t *testing.T) {
	h := withPM2(t)
	h.start("sleeping")
	h.pm2("stop", "sleeping")
	h.dead("web")
	h.start("new")
	pid := h.process(h.do("pm2.list", nil), "new")["pid"]
	h.contains(h.describe("pm2.resurrect", nil), "it fills the daemon, process "+fmt.Sprint(h.daemon()))
	h.want(h.do("pm2.resurrect", nil), values{"changed": true, "through": "pm2", "online": []string{"new", "web"}})
	out := h.do("pm2.list", nil)
	h.want(h.process(out, "new"), values{"pid": pid})
	h.want(h.process(out, "sleeping"), values{"status": "stopped"}) // as it was saved
}

func TestResurrectThatBringsNothingBackFails(t *testing.T) {
	h := withPM2(t)
	h.host.patience = time.Second
	h.dead("web")
	h.fake(`case $1 in resurrect) exit 0;; esac`)
	out, text := h.fail("pm2.resurrect", nil, engine.Exit)
	h.contains(text, "lacks web")
	h.want(out, values{"online": []string{}})
}

// A daemon that is told to end saves what it has by then. So a resurrect that hangs must not take it along.
func TestAResurrectThatHangsLeavesDaemonAndDump(t *testing.T) {
	h := withPM2(t)
	h.dead("web", "worker")
	before := h.read(".pm2/dump.pm2")
	// It starts one of the two, and hangs.
	var records []json.RawMessage
	if err := json.Unmarshal([]byte(before), &records); err != nil {
		t.Fatal(err)
	}
	h.write("one.json", "["+string(records[0])+"]")
	h.fake(`case $1 in resurrect) PM2_DUMP_FILE_PATH="$HOME/one.json" "$real" resurrect; touch "$HOME/hangs"; sleep 86394;; esac`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(filepath.Join(h.dir, "hangs")); err == nil {
				cancel()
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	task, _ := stepstest.Task()
	out, _ := h.failIn(ctx, task, "pm2.resurrect", nil, engine.Cancelled)
	h.want(out, values{"changed": true, "online": []string{"web"}})
	if after := h.read(".pm2/dump.pm2"); after != before {
		t.Errorf("the dump is another one: %s", after)
	}
	h.want(h.do("pm2.list", nil), values{"daemon": true, "online": []string{"web"}, "missing_now": []string{"worker"}})
}

// fake puts a script before the real pm2, which goes on with it.
func (h *home) fake(script string) {
	h.Helper()
	bin := filepath.Join(h.dir, ".npm-global/bin")
	if err := os.Remove(filepath.Join(bin, "pm2")); err != nil {
		h.Fatal(err)
	}
	h.write(".npm-global/bin/pm2", "#!/bin/sh\nreal="+installed(h)+"\n"+script+"\nexec \"$real\" \"$@\"\n")
}

// With a boot unit, the daemon must not end up in the session of whoever runs the step.
func TestTheBootUnitComesFirst(t *testing.T) {
	stepstest.Root(t)
	h := withPM2(t)
	dir := filepath.Join(h.host.root, "etc/systemd/system")
	unit := "pm2-" + h.user + ".service"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, unit), []byte("[Service]\nType=forking\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h.dead("web")
	text := h.describe("pm2.resurrect", nil)
	h.contains(text, "systemctl reset-failed "+unit, "systemctl restart "+unit)
	if strings.Contains(text, "pm2 ping") {
		t.Errorf("it would start a daemon itself: %s", text)
	}

	h.pm2("ping") // what pm2 ls does, too
	h.contains(h.describe("pm2.resurrect", nil), "pm2 kill", "has no application", "systemctl restart "+unit)

	h.start("new")
	text = h.describe("pm2.resurrect", nil)
	h.contains(text, "pm2 resurrect", "stays outside "+unit, "new")
	if strings.Contains(text, "kill") || strings.Contains(text, "systemctl") {
		t.Errorf("it would end a daemon that has processes: %s", text)
	}
	h.want(h.do("pm2.resurrect", nil), values{"through": "pm2", "online": []string{"new", "web"}})
	h.pm2("kill")

	task, _ := stepstest.Task()
	task.As = "nobody"
	h.user = "nobody"
	h.open()
	if err := os.Rename(filepath.Join(dir, unit), filepath.Join(dir, "pm2-nobody.service")); err != nil {
		t.Fatal(err)
	}
	_, refusal := h.failIn(t.Context(), task, "pm2.resurrect", nil, engine.Denied)
	h.contains(refusal, "pm2-nobody.service", "root")
}

func TestRestart(t *testing.T) {
	h := withPM2(t)
	h.start("web")
	h.start("other")
	before := h.do("pm2.list", nil)
	h.contains(h.describe("pm2.restart", values{"name": "web"}), "restart web", "restartProcessId(0)", fmt.Sprint(h.process(before, "web")["pid"]))
	out := h.do("pm2.restart", values{"name": "web"})
	h.want(out, values{"changed": true, "survivors": []any{}})
	after := h.do("pm2.list", nil)
	h.want(h.process(out, "web"), values{"status": "online", "restarts": 1, "pid": h.process(after, "web")["pid"]})
	if h.process(before, "web")["pid"] == h.process(after, "web")["pid"] {
		t.Error("it is the same process")
	}
	h.want(h.process(after, "other"), values{"pid": h.process(before, "other")["pid"]})
	h.write("file.js", app)
	for _, name := range []string{"all", "0", "/web/", "default", "WEB", "file.js", filepath.Join(h.dir, "file.js")} {
		h.untouched(func() {
			for _, kind := range []string{"pm2.restart", "pm2.start"} {
				_, text := h.fail(kind, values{"name": name}, engine.Missing)
				h.contains(text, "web, other")
			}
		})
	}
}

// What artisan serve does when it hangs: what it has started survives and keeps the port.
func TestRestartNamesWhatIsLeftBehind(t *testing.T) {
	h := withPM2(t)
	h.write("parent.js", `require("child_process").spawn("sh", ["-c", "trap '' INT; while :; do sleep 86393 & wait; done"]); setInterval(() => {}, 1000)`+"\n")
	h.pm2("start", filepath.Join(h.dir, "parent.js"), "--name", "parent")
	var child int
	h.until("it has a child", func() bool {
		for _, p := range started(t) {
			if p.Command != nil && strings.Contains(*p.Command, "trap '' INT") {
				child = p.PID
			}
		}
		return child > 0
	})
	h.contains(h.describe("pm2.restart", values{"name": "parent"}), fmt.Sprintf("its child, process %d, keeps its port", child))
	out := h.do("pm2.restart", values{"name": "parent"})
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", child)); err != nil {
		t.Fatal("pm2 ended it, so this test proves nothing")
	}
	raw, _ := json.Marshal(out["survivors"])
	h.contains(string(raw), fmt.Sprintf(`"pid":%d,`, child), `"start_time":"`)
}

// A daemon is whatever its user runs there, and who asks it may be root: what it says is believed of the user's own
// processes only, and breaks no line.
func TestADaemonCanSayAnything(t *testing.T) {
	stepstest.Root(t)
	node, err := exec.LookPath("node")
	if err != nil {
		newHome(t).lack("node")
	}
	h := newHome(t)
	h.open()
	h.user = "nobody"
	h.write(".pm2/touch", "")
	if err := os.Chmod(h.path(""), 0o777); err != nil {
		t.Fatal(err)
	}
	h.write("daemon.js", `
const answer = (args) => { const text = Buffer.from("j:" + JSON.stringify({args})), head = Buffer.alloc(5, 0x11); head.writeUInt32BE(text.length, 1); return Buffer.concat([head, text]) };
const web = {pid: 1, pm_id: 0, pm2_env: {name: "web", status: "on\u001b[31m\nline" + "!".repeat(1e5), exec_mode: "!".repeat(1e5), username: "!".repeat(1e5)}};
require("net").createServer((c) => c.on("data", (question) => {
  if (question.includes("getMonitorData")) c.write(answer([[web]]));
  else { if (question.includes("restart")) { web.pid = 2; web.pm2_env.status = "online" }; c.write(answer(["!".repeat(1e5)])) }
})).listen(process.argv[2])
`)
	daemon := exec.CommandContext(t.Context(), node, filepath.Join(h.dir, "daemon.js"), h.path("rpc.sock"))
	daemon.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	h.until("it listens", func() bool { return exists(h.path("rpc.sock")) })

	raw, _ := json.Marshal(h.do("pm2.list", nil))
	text := h.describe("pm2.restart", values{"name": "web"})
	if len(raw) > 4<<10 || strings.Contains(text, "\x1b") || strings.Contains(text, "\nline") || strings.Contains(text, fmt.Sprintf("its child, process %d,", os.Getpid())) {
		t.Errorf("%d bytes of list, described as %q", len(raw), text)
	}
	raw, _ = json.Marshal(h.do("pm2.restart", values{"name": "web"})["survivors"])
	if strings.Contains(string(raw), fmt.Sprintf(`"pid":%d,`, os.Getpid())) {
		t.Errorf("root's own processes are to be ended: %s", raw)
	}
}

func TestStart(t *testing.T) {
	h := withPM2(t)
	h.start("web")
	h.contains(h.describe("pm2.start", values{"name": "web"}), "online: nothing is done")
	h.untouched(func() { h.want(h.do("pm2.start", values{"name": "web"}), values{"changed": false}) })
	h.pm2("stop", "web")
	h.want(h.do("pm2.list", nil), values{"online": []string{}, "names": []string{"web"}})
	h.want(h.process(h.do("pm2.start", values{"name": "web"}), "web"), values{"status": "online"})

	h.write("broken.js", "syntax error\n")
	h.pm2("start", filepath.Join(h.dir, "broken.js"), "--name", "broken", "--max-restarts", "2")
	errored := func() bool { return h.process(h.do("pm2.list", nil), "broken")["status"] == "errored" }
	h.until("pm2 has given up", errored)
	h.host.patience = 3 * time.Second
	task, _ := stepstest.Task()
	// It may be seen while it is online for a moment, so only what it comes to is certain.
	_, _ = h.kind("pm2.start").Do(t.Context(), h.inputs(values{"name": "broken"}), task)
	h.until("pm2 has given up again", errored)
	h.write("broken.js", app)
	h.want(h.process(h.do("pm2.start", values{"name": "broken"}), "broken"), values{"status": "online"})
}

// pm2 has a timer for a process that waits for its restart. It must not start a second one.
func TestRestartOfAWaitingProcessStartsOne(t *testing.T) {
	h := withPM2(t)
	h.write("late.js", "process.exit(1)\n")
	h.pm2("start", filepath.Join(h.dir, "late.js"), "--name", "late", "--restart-delay", "2000")
	h.until("it waits", func() bool { return h.process(h.do("pm2.list", nil), "late")["status"] == "waiting restart" })
	h.write("late.js", `require("fs").appendFileSync(__dirname + "/starts", "x"); setInterval(() => {}, 1000)`+"\n")
	h.want(h.process(h.do("pm2.restart", values{"name": "late"}), "late"), values{"status": "online"})
	h.want(h.do("pm2.list", values{"watch": "3s"}), values{"restarting": []string{}})
	if have := h.read("starts"); have != "x" {
		t.Errorf("it was started %d times", len(have))
	}
}

func TestSave(t *testing.T) {
	h := withPM2(t)
	h.start("web")
	h.contains(h.describe("pm2.save", nil), "pm2 save", "new in it: web")
	h.want(h.do("pm2.save", nil), values{"changed": true, "saved": []string{"web"}, "added": []string{"web"}, "dropped": []string{}})

	h.start("new")
	h.pm2("stop", "new")
	h.contains(h.describe("pm2.save", nil), "would not be started after a reboot: new", "dump.pm2.bak", "cp ")
	h.want(h.do("pm2.save", nil), values{"saved": []string{"web", "new"}, "added": []string{"new"}})
	out := h.do("pm2.list", nil)
	h.want(out, values{"missing_in_dump": []string{}})
	h.want(out["dump"].(values), values{"names": []string{"web", "new"}, "stopped": []string{"new"}})
	if text := h.read(".pm2/dump.pm2.bak"); !strings.Contains(text, `"web"`) || strings.Contains(text, `"new"`) {
		t.Errorf("the list before it is %s", text)
	}
	// What would not have come back before is nothing that is lost.
	h.want(h.do("pm2.save", nil), values{"changed": true, "added": []string{}, "dropped": []string{}})

	h.pm2("start", "new")
	h.want(h.do("pm2.list", nil), values{"missing_in_dump": []string{"new"}})
	h.want(h.do("pm2.save", nil), values{"added": []string{}})
	for _, lose := range []string{"stop", "delete"} {
		h.pm2(lose, "new")
		h.untouched(func() {
			_, text := h.fail("pm2.save", nil, engine.Missing)
			h.contains(text, "new", "drop: true")
		})
	}
	h.contains(h.describe("pm2.save", values{"drop": true}), "NOT BROUGHT BACK after a reboot any more: new")
	h.want(h.do("pm2.save", values{"drop": true}), values{"saved": []string{"web"}, "dropped": []string{"new"}})

	h.pm2("delete", "web")
	h.untouched(func() { h.fail("pm2.save", values{"drop": true}, engine.Missing) })
	h.want(h.do("pm2.list", nil)["dump"].(values), values{"names": []string{"web"}})
}

// What pm2 has given up is started again when it is brought back.
func TestSaveOfWhatHasFailed(t *testing.T) {
	h := withPM2(t)
	h.start("web")
	h.pm2("save")
	h.write("web.js", "syntax error\n")
	h.pm2("restart", "web")
	h.until("pm2 has given up", func() bool { return h.process(h.do("pm2.list", nil), "web")["status"] == "errored" })
	h.want(h.do("pm2.save", nil), values{"changed": true, "saved": []string{"web"}, "dropped": []string{}})
	h.want(h.do("pm2.list", nil)["dump"].(values), values{"stopped": []string{}})
	h.pm2("kill")
	h.write("web.js", app)
	h.want(h.do("pm2.resurrect", nil), values{"online": []string{"web"}})
}

func TestSaveThatSavesNothingFails(t *testing.T) {
	h := withPM2(t)
	h.start("web")
	h.fake(`case $1 in save) echo saved; exit 0;; esac`)
	h.fail("pm2.save", nil, engine.Exit)
	h.fake(`case $1 in save) echo '[{"name":"we' >"$HOME/.pm2/dump.pm2"; exit 0;; esac`)
	out, text := h.fail("pm2.save", nil, engine.Exit)
	h.want(out, values{"changed": true})
	h.contains(text, "valid: false")
}

// pm2 empties its files before it writes them.
func TestSaveRefusesAFullDisk(t *testing.T) {
	stepstest.Root(t)
	h := withPM2(t)
	h.write(".pm2/touch", "")
	if err := unix.Mount("tmpfs", filepath.Join(h.dir, ".pm2"), "tmpfs", 0, "size=2m"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		h.killAll()
		if err := unix.Unmount(filepath.Join(h.dir, ".pm2"), 0); err != nil {
			t.Error(err)
		}
	})
	h.start("web")
	h.pm2("save")
	h.write(".pm2/filler", strings.Repeat("x", 1200<<10))
	h.start("new")
	h.untouched(func() {
		_, text := h.fail("pm2.save", nil, engine.Denied)
		h.contains(text, "bytes free")
	})
}

func TestWithoutAProgram(t *testing.T) {
	h := withPM2(t)
	h.dead("web")
	if err := os.Remove(filepath.Join(h.dir, ".npm-global/bin/pm2")); err != nil {
		t.Fatal(err)
	}
	h.untouched(func() {
		_, text := h.fail("pm2.resurrect", nil, engine.Missing)
		h.contains(text, "find pm2", h.dir)
	})
	nvm := filepath.Join(h.dir, ".nvm/versions/node/v20.1.0/bin")
	if err := os.MkdirAll(filepath.Dir(nvm), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(h.dir, ".npm-global/bin"), nvm); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(installed(h), filepath.Join(nvm, "pm2")); err != nil {
		t.Fatal(err)
	}
	h.want(h.do("pm2.resurrect", nil), values{"online": []string{"web"}})
}
