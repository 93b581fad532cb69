package prompt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Terminal opens the terminal that the process belongs to, whatever its standard input is.
func Terminal() (*os.File, error) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open the terminal: %w", err)
	}
	return f, nil
}

// Here tells whether the process belongs to a terminal.
func Here() bool {
	f, err := Terminal()
	if err != nil {
		return false
	}
	_ = f.Close()
	return true
}

// errGone says that the terminal is not there any more.
var errGone = errors.New("the terminal is gone")

// tty is an open terminal, in the mode that a question needs.
type tty struct {
	*os.File
	before *unix.Termios
}

// take puts a terminal into the mode where a person edits a line and ends it with Enter: the program before may have
// left it in another.
func take(f *os.File) (*tty, error) {
	t := &tty{File: f}
	err := t.control(func(fd int) error {
		now, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err != nil {
			return err
		}
		before := *now
		t.before = &before
		now.Lflag |= unix.ICANON | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ISIG | unix.IEXTEN
		now.Iflag |= unix.ICRNL
		now.Iflag &^= unix.IGNCR | unix.INLCR
		now.Oflag |= unix.OPOST | unix.ONLCR
		return unix.IoctlSetTermios(fd, unix.TCSETS, now)
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the terminal: %w", errors.Join(errGone, err))
	}
	return t, nil
}

// give puts the terminal back into the mode that it was in, and closes it.
func (t *tty) give() {
	_ = t.control(func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, t.before) })
	_ = t.Close()
}

func (t *tty) control(do func(fd int) error) error {
	raw, err := t.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = do(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// forget throws away what was typed and has not been read: it was typed before the question stood there.
func (t *tty) forget() error {
	return t.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) })
}

// alive tells whether the terminal is still there, after it gave no more input.
func (t *tty) alive() bool {
	return t.control(func(fd int) error {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	}) == nil
}

// line reads one line that is typed from now on. Nothing is kept from one call to the next. The error is io.EOF when the
// person ended the input, errGone when the terminal went away, os.ErrDeadlineExceeded at the deadline, and the context's
// when that ended first.
func (t *tty) line(ctx context.Context, deadline time.Time) (string, error) {
	if err := t.SetReadDeadline(deadline); err != nil {
		return "", fmt.Errorf("wait for an answer: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = t.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	buf := make([]byte, 4096) // as long as a terminal lets a line be
	n, err := t.Read(buf)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", os.ErrDeadlineExceeded
	case err != nil && !errors.Is(err, io.EOF), !t.alive():
		return "", errGone
	case n == 0:
		return "", io.EOF
	}
	return strings.TrimRight(string(buf[:n]), "\r\n"), nil
}
