package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// nobody is the user that tests run as when root gives its rights up.
const nobody = 65534

// world is what an attempt could change, and can tell whether it did. It is
// looked at from outside.
type world struct {
	dir     string
	victim  *exec.Cmd
	said    atomic.Int64 // messages that came over the Unix sockets
	signals chan os.Signal
	signal  int
}

// newWorld makes a directory and a process, both of the user that the attempts
// run as, and servers on Unix sockets.
func newWorld(t *testing.T, uid int) *world {
	t.Helper()
	w := &world{dir: publicDir(t), signals: make(chan os.Signal, 100)}
	file := filepath.Join(w.dir, "file")
	must(t, os.WriteFile(file, []byte("content\n"), 0o600))
	must(t, os.Mkdir(filepath.Join(w.dir, "sub"), 0o700))
	must(t, os.WriteFile(filepath.Join(w.dir, "sub", "other"), []byte("other\n"), 0o600))
	must(t, os.Mkdir(filepath.Join(w.dir, "empty"), 0o700))
	if err := unix.Setxattr(file, "user.prepared", []byte("1"), 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
		t.Fatal(err)
	}
	for _, name := range []string{"stream.sock", "datagram.sock"} {
		w.listen(t, name, filepath.Join(w.dir, name))
	}
	w.listen(t, "stream.sock", "@"+filepath.Base(w.dir))
	must(t, filepath.WalkDir(w.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, -1)
	}))

	w.victim = exec.CommandContext(context.WithoutCancel(t.Context()), "sleep", "1000")
	w.victim.SysProcAttr = as(uid)
	must(t, w.victim.Start())
	t.Cleanup(func() {
		_ = w.victim.Process.Kill()
		_ = w.victim.Wait()
	})
	signal.Notify(w.signals, unix.SIGUSR1)
	t.Cleanup(func() { signal.Stop(w.signals) })
	return w
}

func (w *world) listen(t *testing.T, kind, address string) {
	t.Helper()
	count := func(c net.Conn) {
		buf := make([]byte, 10)
		for {
			if n, err := c.Read(buf); err != nil || n == 0 {
				return
			}
			w.said.Add(1)
		}
	}
	if kind == "datagram.sock" {
		c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
		must(t, err)
		must(t, os.Chmod(address, 0o777))
		t.Cleanup(func() { _ = c.Close() })
		go count(c)
		return
	}
	l, err := net.Listen("unix", address)
	must(t, err)
	if address[0] != '@' {
		must(t, os.Chmod(address, 0o777))
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.said.Add(1) // to be let in is enough
			go count(c)
		}
	}()
}

// look describes the world. Two looks differ if something changed.
func (w *world) look(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(w.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var s unix.Stat_t
		if err := unix.Lstat(path, &s); err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s mode %o owner %d:%d size %d links %d inode %d modified %d changed %d", path[len(w.dir):],
			s.Mode, s.Uid, s.Gid, s.Size, s.Nlink, s.Ino, s.Mtim.Nano(), s.Ctim.Nano())
		if s.Mode&unix.S_IFMT == unix.S_IFREG {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			names := make([]byte, 1000)
			n, _ := unix.Llistxattr(path, names)
			fmt.Fprintf(&b, " attributes %q flags %#x content %q", names[:max(n, 0)], flags(path), content)
		}
		fmt.Fprintln(&b)
		return nil
	}))
	fmt.Fprintln(&b, "victim", victimState(w.victim.Process.Pid))
	for len(w.signals) > 0 {
		<-w.signals
		w.signal++
	}
	fmt.Fprintln(&b, "signals to the parent", w.signal)
	fmt.Fprintln(&b, "said over Unix sockets", w.said.Load())
	lo, err := net.InterfaceByName("lo")
	must(t, err)
	addresses, err := lo.Addrs()
	must(t, err)
	fmt.Fprintln(&b, "loopback", addresses)
	return b.String()
}

func flags(path string) int {
	f, err := os.Open(path)
	if err != nil {
		return -1
	}
	defer func() { _ = f.Close() }()
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return -1
	}
	return n
}

// victimState is what others can do to a process.
func victimState(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "gone"
	}
	// state … priority(16) nice(17) … policy(39), counted after the name.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	state := fields[0]
	if state == "R" || state == "D" {
		state = "S"
	}
	var set unix.CPUSet
	_ = unix.SchedGetaffinity(pid, &set)
	limits, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	const whoProcess = 1
	io, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, whoProcess, uintptr(pid), 0)
	return fmt.Sprint(state, " nice ", fields[16], " policy ", fields[38], " cpus ", set.Count(), " io ", io, "\n", string(limits))
}

// publicDir is a temporary directory that every user can get into.
func publicDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "sandbox-test-") //nolint:usetesting // its path is short, as those of Unix sockets have to be
	must(tb, err)
	must(tb, os.Chmod(dir, 0o755))
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// publicSelf is the test binary, where every user can execute it.
func publicSelf(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(publicDir(tb), "sandbox.test")
	self, err := os.ReadFile("/proc/self/exe")
	must(tb, err)
	must(tb, os.WriteFile(path, self, 0o755))
	return path
}

// as is how to start a process of the user; nil if that is who we are.
func as(uid int) *syscall.SysProcAttr {
	if uid == os.Getuid() {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
}

// users are those that attempts can be made as.
func users() []int {
	if os.Getuid() == 0 {
		return []int{0, nobody}
	}
	return []int{os.Getuid()}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
