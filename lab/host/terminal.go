package host

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// StartInTerminal starts the command as an ssh login would: in a session of its own, on a new terminal of the host
// (/dev/pts/N in there), which is its controlling terminal and its stdin, stdout and stderr. It returns the other end:
// what is written there was typed, what is read there was shown. Reading fails with EIO once nobody holds the terminal
// any more. The caller closes it.
func (c *Cmd) StartInTerminal(columns, rows uint16) (*os.File, error) {
	master, slave, err := openTerminal(c.leader, columns, rows)
	if err != nil {
		return nil, fmt.Errorf("open a terminal on the lab host: %w", err)
	}
	defer slave.Close()
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		_ = master.Close()
		return nil, err
	}
	return master, nil
}

// openTerminal takes a pair from the host's own /dev/pts, so that programs inside find it under its name.
func openTerminal(leader int, columns, rows uint16) (master, slave *os.File, err error) {
	master, err = os.OpenFile(fmt.Sprintf("/proc/%d/root/dev/pts/ptmx", leader), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	raw, err := master.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var peer uintptr
	control := func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err != nil {
			return
		}
		if err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
			return
		}
		var errno unix.Errno
		peer, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
		if errno != 0 {
			err = errno
		}
	}
	if e := raw.Control(control); e != nil {
		err = e
	}
	if err != nil {
		_ = master.Close()
		return nil, nil, err
	}
	return master, os.NewFile(peer, "terminal"), nil
}
