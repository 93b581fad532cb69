package prompt

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

func modes(f *os.File) (*unix.Termios, error) {
	var now *unix.Termios
	err := (&tty{File: f}).control(func(fd int) (err error) {
		now, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return now, err
}

func makeRaw(f *os.File) (*unix.Termios, error) {
	now, err := modes(f)
	if err != nil {
		return nil, err
	}
	now.Lflag &^= unix.ICANON | unix.ECHO
	now.Iflag &^= unix.ICRNL
	now.Oflag &^= unix.OPOST
	err = (&tty{File: f}).control(func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, now) })
	return now, err
}

// openTerminal makes a pseudo-terminal of 80 columns: the person's side of it, and the name of the program's side. The
// person's side stays in the mode where closing it ends a read that is going on, so that a test can hang up.
func openTerminal(t *testing.T) (master *os.File, name string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = (&tty{File: master}).control(func(fd int) error {
		n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
		if err != nil {
			return err
		}
		name = "/dev/pts/" + strconv.Itoa(n)
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	})
	if err != nil {
		t.Fatal(err)
	}
	return master, name
}
