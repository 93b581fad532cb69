package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The test binary is also the process that is started in the sandbox: with
// this set it makes one attempt, says what became of it, and ends.
const attemptVar = "SANDBOX_ATTEMPT"

// noSleep keeps a process that looks for data races from sleeping for a second
// before it ends.
const noSleep = "GORACE=atexit_sleep_ms=0"

func TestMain(m *testing.M) {
	if name := os.Getenv(attemptVar); name != "" {
		if err := attempt(name); err != nil {
			fmt.Println("refused:", err)
			os.Exit(3)
		}
		fmt.Println("went through")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// attempt does what its name says, in the directory and to the process that the
// environment names.
func attempt(name string) error {
	for _, c := range harmlessCalls() {
		if c.name == name {
			a := c.args
			_, _, errno := unix.Syscall6(c.nr, a[0], a[1], a[2], a[3], a[4], a[5])
			return answer(errno)
		}
	}
	file := filepath.Join(os.Getenv("D"), "file")
	victim, _ := strconv.Atoi(os.Getenv("VICTIM"))
	switch name {
	case "truncate":
		return unix.Truncate(file, 0)
	case "open read-only and truncate":
		return open(file, unix.O_RDONLY|unix.O_TRUNC)
	case "open with access mode 3 and truncate":
		return open(file, unix.O_ACCMODE|unix.O_TRUNC)
	case "open with openat2 and truncate":
		fd, err := unix.Openat2(unix.AT_FDCWD, file, &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_TRUNC})
		_ = unix.Close(fd)
		return err
	case "create by opening read-only":
		return open(file+"-new", unix.O_RDONLY|unix.O_CREAT)
	case "link an unnamed file in":
		fd, err := unix.Open(os.Getenv("D"), unix.O_TMPFILE|unix.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, file+"-named", unix.AT_SYMLINK_FOLLOW)
	case "exchange two names":
		return unix.Renameat2(unix.AT_FDCWD, file, unix.AT_FDCWD, filepath.Join(os.Getenv("D"), "sub"), unix.RENAME_EXCHANGE)
	case "fchmod":
		return onFile(file, func(fd int) error { return unix.Fchmod(fd, 0o777) })
	case "fchmodat2":
		return unix.Fchmodat(unix.AT_FDCWD, file, 0o777, unix.AT_SYMLINK_NOFOLLOW)
	case "fchown":
		return onFile(file, func(fd int) error { return unix.Fchown(fd, 1, 1) })
	case "futimens":
		return onFile(file, func(fd int) error {
			times := [2]unix.Timespec{{Sec: 1}, {Sec: 1}}
			_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
			return answer(errno)
		})
	case "setxattr":
		return unix.Setxattr(file, "user.test", []byte("x"), 0)
	case "fsetxattr":
		return onFile(file, func(fd int) error { return unix.Fsetxattr(fd, "user.test", []byte("x"), 0) })
	case "setxattrat":
		path, attr, value := cstring(file), cstring("user.test"), []byte("x")
		args := struct {
			value       uintptr
			size, flags uint32
		}{uintptr(unsafe.Pointer(&value[0])), 1, 0}
		cwd := unix.AT_FDCWD
		_, _, errno := unix.Syscall6(unix.SYS_SETXATTRAT, uintptr(cwd), uintptr(unsafe.Pointer(path)), 0,
			uintptr(unsafe.Pointer(attr)), uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args))
		runtime.KeepAlive(value)
		return answer(errno)
	case "removexattr":
		return unix.Removexattr(file, "user.prepared")
	case "file_setattr":
		path := cstring(file)
		attr := struct {
			flags                              uint64
			extent, nextents, project, cowsize uint32
		}{flags: 0x40} // FS_XFLAG_NOATIME
		cwd := unix.AT_FDCWD
		_, _, errno := unix.Syscall6(unix.SYS_FILE_SETATTR, uintptr(cwd), uintptr(unsafe.Pointer(path)),
			uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0, 0)
		return answer(errno)
	case "set flags by ioctl":
		return onFile(file, func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, 0x80) })
	case "tkill":
		_, _, errno := unix.Syscall(unix.SYS_TKILL, uintptr(victim), uintptr(unix.SIGKILL), 0)
		return answer(errno)
	case "tgkill":
		return unix.Tgkill(victim, victim, unix.SIGKILL)
	case "sigqueue":
		var info [128]byte
		info[8] = 0xff // si_code below zero: from a process
		info[9], info[10], info[11] = 0xff, 0xff, 0xff
		_, _, errno := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(victim), uintptr(unix.SIGKILL), uintptr(unsafe.Pointer(&info)))
		return answer(errno)
	case "pidfd_send_signal":
		fd, err := unix.PidfdOpen(victim, 0)
		if err != nil {
			return err
		}
		return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	case "kill by SIGIO":
		return killBySIGIO(victim)
	case "ptrace":
		runtime.LockOSThread()
		if err := unix.PtraceAttach(victim); err != nil {
			return err
		}
		var status unix.WaitStatus
		if _, err := unix.Wait4(victim, &status, 0, nil); err != nil {
			return err
		}
		return unix.PtraceDetach(victim)
	case "signal the parent":
		return unix.Kill(os.Getppid(), unix.SIGUSR1)
	case "signal the parent's threads":
		return signalThreads(os.Getppid())
	case "priority":
		return unix.Setpriority(unix.PRIO_PROCESS, victim, 19)
	case "affinity":
		var set unix.CPUSet
		set.Set(0)
		return unix.SchedSetaffinity(victim, &set)
	case "limit":
		return unix.Prlimit(victim, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 11, Max: 12}, nil)
	case "scheduler":
		var param int32
		const batch = 3
		_, _, errno := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, uintptr(victim), batch, uintptr(unsafe.Pointer(&param)))
		return answer(errno)
	case "io priority":
		const who, idle = 1, 3 << 13
		_, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, who, uintptr(victim), idle)
		return answer(errno)
	case "unix stream":
		return say("unix", filepath.Join(os.Getenv("D"), "stream.sock"))
	case "unix abstract":
		return say("unix", "@"+filepath.Base(os.Getenv("D")))
	case "unix datagram":
		return say("unixgram", filepath.Join(os.Getenv("D"), "datagram.sock"))
	case "unix datagram from a pair":
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		if err != nil {
			return err
		}
		return unix.Sendto(pair[0], []byte("x"), 0, &unix.SockaddrUnix{Name: filepath.Join(os.Getenv("D"), "datagram.sock")})
	case "shared memory":
		const private, size, mode = 0, 4096, 0o600
		_, _, errno := unix.Syscall(unix.SYS_SHMGET, private, size, mode|unix.IPC_CREAT)
		return answer(errno)
	case "message queue":
		queue := cstring("runbook-sandbox-test-" + filepath.Base(os.Getenv("D")))
		_, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(queue)), unix.O_RDONLY|unix.O_CREAT, 0o600, 0, 0, 0)
		if errno == 0 {
			_, _, _ = unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(queue)), 0, 0)
		}
		return answer(errno)
	case "add an address":
		return addAddress()
	case "listen":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			_ = l.Close()
		}
		return err
	case "raw socket":
		_, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
		return err
	case "packet socket":
		_, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0)
		return err
	case "vsock":
		_, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0)
		return err
	case "netfilter":
		_, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER)
		return err
	case "new user namespace":
		_, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.CLONE_NEWUSER|unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno == 0 {
			os.Exit(0) // the parent and the child
		}
		return answer(errno)
	case "type on a terminal":
		return unix.IoctlSetPointerInt(0, unix.TIOCSTI, 'x')
	case "rights":
		return rights()
	case "main thread":
		return mainThread()
	case "udp":
		return ask("udp")
	case "tcp":
		return ask("tcp")
	case "interfaces":
		_, err := net.Interfaces()
		return err
	}
	return fmt.Errorf("no attempt is called %q", name)
}

func answer(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func cstring(s string) *byte { b := append([]byte(s), 0); return &b[0] }

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags, 0o600)
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

func onFile(path string, act func(fd int) error) error {
	fd, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return act(fd)
}

// killBySIGIO has the kernel send a signal of choice when a pipe gets readable.
func killBySIGIO(victim int) error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_NONBLOCK); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(pipe[0]), unix.F_SETSIG, int(unix.SIGKILL)); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(pipe[0]), unix.F_SETOWN, victim); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(uintptr(pipe[0]), unix.F_SETFL, unix.O_ASYNC|unix.O_NONBLOCK); err != nil {
		return err
	}
	_, err := unix.Write(pipe[1], []byte("x"))
	return err
}

// signalThreads tries every thread of a process, one of which may still be the
// one that was restricted.
func signalThreads(pid int) error {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	through := 0
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if unix.Tgkill(pid, tid, unix.SIGUSR1) == nil || unix.Kill(tid, unix.SIGUSR1) == nil {
			through++
		}
	}
	if through > 0 {
		return nil
	}
	return unix.EPERM
}

func say(network, address string) error {
	c, err := net.DialTimeout(network, address, 5*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_, err = c.Write([]byte("x"))
	return err
}

// mainThread starts sandboxes from the main goroutine, whose thread is free to
// take up the goroutine that restricts itself, and with one processor does.
func mainThread() error {
	for range 50 {
		cmd := exec.CommandContext(context.Background(), "true")
		if err := Start(cmd); err != nil {
			return err
		}
		if err := cmd.Wait(); err != nil {
			return err
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	if !strings.Contains(string(status), "Seccomp:\t0") {
		return errors.New("the main thread is restricted")
	}
	return nil
}

// ask sends a line to the test's server and wants an answer.
func ask(network string) error {
	c, err := net.DialTimeout(network, os.Getenv("SERVER"), 5*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write([]byte("ping")); err != nil {
		return err
	}
	buf := make([]byte, 4)
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, err = c.Read(buf)
	return err
}

// addAddress gives the loopback interface 127.77.0.1, as `ip addr add` does.
func addAddress() error {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	address := []byte{127, 77, 0, 1}
	m := []byte{
		32, 0, 0, 0, unix.RTM_NEWADDR, 0, unix.NLM_F_REQUEST | unix.NLM_F_ACK, unix.NLM_F_CREATE >> 8, 1, 0, 0, 0, 0, 0, 0, 0,
		unix.AF_INET, 32, 0, 0, 1, 0, 0, 0, // on interface 1, lo
		8, 0, unix.IFA_LOCAL, 0,
	}
	m = append(m, address...)
	m[0] = byte(len(m))
	if err := unix.Sendto(s, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s, buf, 0)
	if err != nil {
		return err
	}
	if n < 20 {
		return fmt.Errorf("short answer of %d bytes", n)
	}
	code := *(*int32)(unsafe.Pointer(&buf[16]))
	return answer(unix.Errno(-code))
}

// rights fails if the process has more rights than a read keeps.
func rights() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "CapInh", "CapAmb":
			if set, err := strconv.ParseUint(value, 16, 64); err != nil || set != 0 {
				return fmt.Errorf("%s is %s", key, value)
			}
		case "CapPrm", "CapEff":
			if set, err := strconv.ParseUint(value, 16, 64); err != nil || set&^kept != 0 {
				return fmt.Errorf("%s is %s", key, value)
			}
		case "NoNewPrivs":
			if value != "1" {
				return fmt.Errorf("no_new_privs is %s", value)
			}
		case "Seccomp":
			if value != "2" {
				return fmt.Errorf("seccomp mode is %s", value)
			}
		}
	}
	return nil
}
