package prompt

import (
	"os"

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
