package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// attack is an attempt to change the world: a shell script, or by name one of
// those in attempt.
type attack struct {
	script string
	name   string
	// unseen: what it does is not in a look at the world; its own word counts.
	unseen bool
	// rootOnly: only root could do it outside.
	rootOnly bool
}

func (a attack) String() string { return a.script + a.name }

func attacks() []attack {
	list := []attack{
		{script: `echo x > $D/file`},
		{script: `echo x >> $D/file`},
		{script: `touch $D/new`},
		{script: `touch -d 2001-01-01 $D/file`},
		{script: `mkdir $D/new`},
		{script: `rm -f $D/file; test ! -e $D/file`},
		{script: `rmdir $D/empty`},
		{script: `rm -rf $D/sub`},
		{script: `mv $D/file $D/moved`},
		{script: `mv $D/file $D/sub/`},
		{script: `mv -f $D/file $D/sub/other`},
		{script: `ln -s x $D/new`},
		{script: `ln $D/file $D/new`},
		{script: `ln $D/file $D/sub/new`},
		{script: `mkfifo $D/new`},
		{script: `cp $D/file $D/new`},
		{script: `dd if=/dev/zero of=$D/file count=1`},
		{script: `truncate -s 0 $D/file`},
		{script: `chmod 777 $D/file`},
		{script: `chmod -R o+w $D`},
		{script: `chown 1:1 $D/file`, rootOnly: true},
		{script: `chattr +A $D/file`},
		{script: `mknod $D/new c 1 3`, rootOnly: true},
		{script: `cd $D && (sleep 0; setsid sh -c 'echo x > file')`},
		{script: `kill $VICTIM`},
		{script: `kill -9 $VICTIM`},
		{script: `kill -STOP $VICTIM`},
		{script: `renice -n 19 -p $VICTIM`},
		{script: `taskset -p 1 $VICTIM`},
		{script: `chrt -b -p 0 $VICTIM`},
		{script: `ionice -c 3 -p $VICTIM`},
		{script: `prlimit --pid $VICTIM --nofile=10:10`},
		{script: `ip address add 127.77.0.2/32 dev lo`, rootOnly: true},
		{name: "listen", unseen: true},
		{name: "shared memory", unseen: true},
		{name: "message queue", unseen: true},
		{name: "new user namespace", unseen: true},
		{name: "ptrace", unseen: true},
		{name: "raw socket", unseen: true, rootOnly: true},
		{name: "packet socket", unseen: true, rootOnly: true},
		{name: "netfilter", unseen: true, rootOnly: true},
		{name: "vsock", unseen: true},
		{name: "add an address", rootOnly: true},
	}
	for _, name := range []string{
		"truncate", "open read-only and truncate", "open with access mode 3 and truncate", "open with openat2 and truncate",
		"create by opening read-only", "link an unnamed file in", "exchange two names",
		"fchmod", "fchmodat2", "futimens", "setxattr", "fsetxattr", "setxattrat", "removexattr",
		"file_setattr", "set flags by ioctl",
		"tkill", "tgkill", "sigqueue", "pidfd_send_signal", "kill by SIGIO",
		"signal the parent", "signal the parent's threads",
		"priority", "affinity", "limit", "scheduler", "io priority",
		"unix stream", "unix abstract", "unix datagram", "unix datagram from a pair",
	} {
		list = append(list, attack{name: name})
	}
	return append(list, attack{name: "fchown", rootOnly: true})
}

// command makes the process for an attack, its output going to out.
func (w *world) command(t *testing.T, self string, a attack, uid int, out *bytes.Buffer) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", a.script)
	if a.name != "" {
		cmd = exec.CommandContext(t.Context(), self)
	}
	cmd.Dir = "/"
	cmd.Env = []string{
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "D=" + w.dir,
		fmt.Sprint("VICTIM=", w.victim.Process.Pid), attemptVar + "=" + a.name, noSleep,
	}
	cmd.SysProcAttr = as(uid)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd
}

// olderKernels are this kernel and what older ones would have enforced.
func olderKernels(t *testing.T) []kernel {
	t.Helper()
	k, err := detect()
	must(t, err)
	if k.landlock < 6 || !k.seccomp {
		t.Logf("this kernel has Landlock ABI %d, seccomp %v: newer ones are not tried", k.landlock, k.seccomp)
	}
	list := []kernel{k}
	for _, abi := range []int{5, 2, 1, 0} {
		if k.landlock > abi {
			older := k
			older.landlock = abi
			list = append(list, older)
		}
	}
	return list
}

func TestAttacksAreStopped(t *testing.T) {
	self := publicSelf(t)
	for _, k := range olderKernels(t) {
		for _, uid := range users() {
			t.Run(fmt.Sprintf("ABI %d as %d", k.landlock, uid), func(t *testing.T) {
				// Nothing gets through, so one world does for all.
				w := newWorld(t, uid)
				before := w.look(t)
				for _, a := range attacks() {
					var out bytes.Buffer
					cmd := w.command(t, self, a, uid, &out)
					must(t, k.start(cmd))
					err := cmd.Wait()
					if err == nil {
						t.Errorf("%s: ended well: %s", a, &out)
					}
					if a.name != "" && !strings.Contains(out.String(), "refused:") {
						t.Errorf("%s: %v: %s", a, err, &out)
					}
					if after := w.look(t); after != before {
						t.Fatalf("%s: the world changed\nbefore:\n%s\nafter:\n%s", a, before, after)
					}
				}
			})
		}
	}
}

// The attacks work outside, so that they prove something inside.
func TestAttacksWorkOutside(t *testing.T) {
	self := publicSelf(t)
	for _, uid := range users() {
		for _, a := range attacks() {
			if a.rootOnly && uid != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%s as %d", a, uid), func(t *testing.T) {
				if strings.HasPrefix(a.name, "signal the parent") && uid != os.Getuid() {
					return // the parent is somebody else's in any case
				}
				w := newWorld(t, uid)
				before := w.look(t)
				var out bytes.Buffer
				cmd := w.command(t, self, a, uid, &out)
				must(t, cmd.Start())
				err := cmd.Wait()
				t.Cleanup(func() { undo(t, a, uid) })
				if text := out.String(); strings.Contains(text, "not implemented") ||
					strings.Contains(text, "not supported") || strings.Contains(text, "inappropriate ioctl") {
					t.Logf("this kernel or file system does not have it: %s", text)
					return
				}
				if err != nil {
					t.Fatalf("%v: %s", err, &out)
				}
				if a.unseen {
					return
				}
				eventually(t, "the attack left no trace", func() bool { return w.look(t) != before })
			})
		}
	}
}

// undo takes back what an attack leaves outside its directory.
func undo(t *testing.T, a attack, uid int) {
	t.Helper()
	after := context.WithoutCancel(t.Context())
	switch a.String() {
	case "add an address", `ip address add 127.77.0.2/32 dev lo`:
		for _, address := range []string{"127.77.0.1/32", "127.77.0.2/32"} {
			_ = exec.CommandContext(after, "ip", "address", "delete", address, "dev", "lo").Run()
		}
	case "shared memory":
		table, err := os.ReadFile("/proc/sysvipc/shm")
		must(t, err)
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line) // key id mode size cpid lpid nattch uid
			if f[0] == "0" && f[3] == "4096" && f[6] == "0" && f[7] == fmt.Sprint(uid) {
				_ = exec.CommandContext(after, "ipcrm", "-m", f[1]).Run()
			}
		}
	}
}

func TestHarmlessCallsAreRefused(t *testing.T) {
	self := publicSelf(t)
	caps, err := permitted()
	must(t, err)
	fullRoot := os.Getuid() == 0 && caps&(1<<unix.CAP_SYS_ADMIN) != 0 && caps&(1<<unix.CAP_SYS_BOOT) != 0
	run := func(t *testing.T, name string, uid int, start func(*exec.Cmd) error) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Dir = "/"
		cmd.Env = []string{attemptVar + "=" + name, noSleep}
		cmd.SysProcAttr = as(uid)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		must(t, start(cmd))
		_ = cmd.Wait()
		return strings.TrimSpace(out.String())
	}
	for _, c := range harmlessCalls() {
		for _, k := range olderKernels(t) {
			for _, uid := range users() {
				if got := run(t, c.name, uid, k.start); got != "refused: "+unix.EPERM.Error() {
					t.Errorf("ABI %d as %d: %s: %s", k.landlock, uid, c.name, got)
				}
			}
		}
		// Outside, root gets further.
		if fullRoot {
			if got := run(t, c.name, 0, (*exec.Cmd).Start); got == "refused: "+unix.EPERM.Error() {
				t.Errorf("outside: %s is refused too: this test proves nothing", c.name)
			}
		}
	}
}

func TestReadsWork(t *testing.T) {
	self := publicSelf(t)
	server := echo(t)
	for _, k := range olderKernels(t) {
		for _, uid := range users() {
			t.Run(fmt.Sprintf("ABI %d as %d", k.landlock, uid), func(t *testing.T) {
				dir := publicDir(t)
				private := filepath.Join(dir, "private")
				must(t, os.WriteFile(private, []byte("mine"), 0o600))
				if uid == 0 {
					must(t, os.Chown(private, nobody, nobody)) // root reads what belongs to others
				} else {
					must(t, os.Chown(private, uid, -1))
				}
				scripts := map[string]string{
					`cat /etc/passwd`:         "root:",
					`cat ` + private:          "mine",
					`ls -la /`:                "etc",
					`ls -l /dev/ /proc/self/`: "null",
					`ps -e -o pid=,comm=`:     "1 ",
					`df /`:                    "/",
					`stat -c %a /etc/passwd`:  "644",
					`find /etc -maxdepth 1 -name passwd | grep -c passwd`: "1",
					`id; uname -a; date; cat /proc/loadavg`:               "uid=",
					`printf 'b\na\n' | sort | head -n 1`:                  "a",
					`(echo out; echo err >&2) 2>&1 | wc -l`:               "2",
					`x=$(cat /proc/sys/kernel/ostype); echo "is $x"`:      "is Linux",
					`ip address show lo`:                                  "127.0.0.1",
					`ss -ltn`:                                             "State",
					`getent hosts localhost`:                              "localhost",
					`sleep 0 & wait; echo done`:                           "done",
					`nice -n 5 ionice -c 3 sh -c 'echo gentle'`:           "gentle",
					`awk 'BEGIN {print 6*7}'`:                             "42",
					`head -c 5 /dev/urandom | wc -c; head -c 2 /dev/zero`: "5",
					`ulimit -n 100; ulimit -n`:                            "100",
					`dd if=/etc/passwd bs=1 count=4 status=none`:          "root",
					`python3 -I -c 'import subprocess; subprocess.run("echo from python", shell=True)' || echo from python`: "from python",
				}
				if k.landlock >= abiFiles {
					scripts[`cat /nowhere 2>/dev/null >/dev/null; echo quiet`] = "quiet"
				}
				if k.landlock >= abiFiles && uid == os.Getuid() { // the pipes are ours
					scripts[`echo input | cat /dev/stdin > /dev/stderr`] = "input"
				}
				if k.landlock >= abiScopes {
					scripts[`sleep 1000 & kill $!; wait $!; echo "was $?"`] = "was 143"
					scripts[`timeout 0.1 sleep 1000; echo "was $?"`] = "was 124"
				}
				for script, want := range scripts {
					run(t, k, exec.CommandContext(t.Context(), "sh", "-c", script), uid, want)
				}
				for _, name := range []string{"udp", "tcp", "interfaces", "rights"} {
					cmd := exec.CommandContext(t.Context(), self)
					cmd.Env = []string{attemptVar + "=" + name, "SERVER=" + server, noSleep}
					run(t, k, cmd, uid, "went through")
				}
				if k.landlock >= abiFiles {
					for _, device := range []string{"/dev/tty", "/dev/ptmx", "/dev/loop-control", "/dev/net/tun", "/dev/fuse"} {
						if _, err := os.Stat(device); err == nil {
							run(t, k, exec.CommandContext(t.Context(), "sh", "-c", "exec 3< "+device+" && echo opened || echo kept out"), uid, "ermission denied")
						}
					}
				}
			})
		}
	}
}

func run(t *testing.T, k kernel, cmd *exec.Cmd, uid int, want string) string {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Dir = "/"
	cmd.SysProcAttr = as(uid)
	must(t, k.start(cmd))
	err := cmd.Wait()
	if !strings.Contains(out.String(), want) {
		t.Errorf("%s: %v, want %q in:\n%s", strings.Join(cmd.Args, " "), err, want, &out)
	}
	return out.String()
}

// echo answers over TCP and UDP on one port.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	u, err := net.ListenPacket("udp", l.Addr().String())
	must(t, err)
	t.Cleanup(func() { _, _ = l.Close(), u.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("pong"))
			_ = c.Close()
		}
	}()
	go func() {
		buf := make([]byte, 10)
		for {
			_, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = u.WriteTo([]byte("pong"), from)
		}
	}()
	return l.Addr().String()
}

// The program that starts the sandbox stays as free as it was.
func TestTheParentStaysFree(t *testing.T) {
	before := restrictedThreads(t)
	if before != 0 {
		t.Fatalf("%d threads are restricted before anything began", before)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				cmd := exec.CommandContext(t.Context(), "true")
				if err := Start(cmd); err != nil {
					t.Error(err)
					return
				}
				if err := cmd.Wait(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	must(t, os.WriteFile(filepath.Join(t.TempDir(), "file"), []byte("x"), 0o600))
	eventually(t, "restricted threads are left", func() bool { return restrictedThreads(t) == 0 })
}

// restrictedThreads counts the threads of this process with a filter on them.
func restrictedThreads(t *testing.T) int {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	must(t, err)
	n := 0
	for _, path := range tasks {
		status, err := os.ReadFile(path)
		if err == nil && !strings.Contains(string(status), "Seccomp:\t0") {
			n++
		}
	}
	return n
}

// A goroutine that begins on the main thread must not restrict it: it would
// never end, and it stands for the whole process.
func TestTheMainThreadIsSpared(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), publicSelf(t))
	cmd.Env = []string{attemptVar + "=main thread", "GOMAXPROCS=1", "PATH=/usr/bin:/bin", noSleep}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestDescriptorsAreNotPassedOn(t *testing.T) {
	path := filepath.Join(publicDir(t), "inherited")
	// As a descriptor is that this program got from its own parent.
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT, 0o600)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	k, err := detect()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf("echo leaked >&%d; ls -l /proc/self/fd; echo over", fd))
	listed := run(t, k, cmd, os.Getuid(), "over")
	if strings.Contains(listed, path) {
		t.Errorf("an inherited descriptor is open inside:\n%s", listed)
	}
	content, err := os.ReadFile(path)
	must(t, err)
	if len(content) > 0 {
		t.Errorf("a process in the sandbox wrote %q to an inherited descriptor", content)
	}
}

func TestNoCoreIsDumped(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	must(t, Start(cmd))
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", cmd.Process.Pid))
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	must(t, err)
	for line := range strings.Lines(string(limits)) {
		if strings.HasPrefix(line, "Max core file size") && strings.Join(strings.Fields(line)[4:6], " ") != "1 1" {
			t.Error(line)
		}
	}
}

func TestWhatCannotBeUsedIsRefused(t *testing.T) {
	for name, change := range map[string]func(*exec.Cmd){
		"ExtraFiles": func(c *exec.Cmd) { c.ExtraFiles = []*os.File{os.Stdout} },
		"Pdeathsig":  func(c *exec.Cmd) { c.SysProcAttr.Pdeathsig = unix.SIGKILL },
		"namespace":  func(c *exec.Cmd) { c.SysProcAttr.Cloneflags = unix.CLONE_NEWNS },
		"terminal":   func(c *exec.Cmd) { c.SysProcAttr.Setctty = true },
	} {
		cmd := exec.CommandContext(t.Context(), "true")
		cmd.SysProcAttr = new(unix.SysProcAttr)
		change(cmd)
		if err := Start(cmd); !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestErrorsOfTheStartAreUnchanged(t *testing.T) {
	err := Start(exec.CommandContext(t.Context(), "/nowhere/at/all"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing program: %v", err)
	}
	eventually(t, "restricted threads are left", func() bool { return restrictedThreads(t) == 0 })
}

// Root without CAP_SETPCAP can't narrow its bounding set, and must still have
// no rights inside. And everything has to hold for a program that never had any.
func TestWithFewerRightsOfOurOwn(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("not root: the other tests are this test")
		return
	}
	self := publicSelf(t)
	theirs := publicDir(t)
	must(t, os.Chown(theirs, nobody, nobody))
	for name, cmd := range map[string]*exec.Cmd{
		"unprivileged": exec.CommandContext(t.Context(), self, "-test.run=Stopped|Refused|Reads|Parent|Thread|Unchanged|Available"),
		"root without CAP_SETPCAP": exec.CommandContext(t.Context(), "setpriv", "--bounding-set=-setpcap", "--inh-caps=-setpcap",
			self, "-test.run=Reads|Parent"),
	} {
		if name == "unprivileged" {
			cmd.SysProcAttr = as(nobody)
		}
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "TMPDIR=" + theirs, noSleep}
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

func eventually(t *testing.T, complaint string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal(complaint)
		}
	}
}

func BenchmarkStart(b *testing.B) {
	for name, start := range map[string]func(*exec.Cmd) error{"plain": (*exec.Cmd).Start, "sandbox": Start} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), "true")
				if err := start(cmd); err != nil {
					b.Fatal(err)
				}
				_ = cmd.Wait()
			}
		})
	}
}

func BenchmarkRestrict(b *testing.B) {
	k, err := detect()
	must(b, err)
	for b.Loop() {
		if err := k.restricted(false, func() {}); err != nil {
			b.Fatal(err)
		}
	}
}
