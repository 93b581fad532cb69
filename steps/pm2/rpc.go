package pm2

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
)

// line is a connection to a daemon, on which it is asked one thing after the other.
//
// A message is a byte (version 1 in its upper half, the number of parts in the lower), then each part behind its length in
// four bytes, big endian. A part is JSON behind "j:" or text behind "s:". A question is {type, method, args} and a name
// for the question; the answer is {args} or {error}, and the name again.
type line struct {
	conn     *net.UnixConn
	from     *bufio.Reader
	pid, uid int // who listens there, as the kernel has it
}

// dial connects to the daemon as its user, so that a link in place of the socket leads nowhere the user could not go.
func (p place) dial(ctx context.Context) (*line, error) {
	conn, err := hostcall.Look(ctx, p.user, func() (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", p.path("rpc.sock"))
	})
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn.(*net.UnixConn), from: bufio.NewReader(conn)} //nolint:forcetypeassert // "unix" gives that
	var peer *unix.Ucred
	raw, err := l.conn.SyscallConn()
	if err == nil {
		failed := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
		if failed != nil {
			err = failed
		}
	}
	if err != nil {
		l.close()
		return nil, fmt.Errorf("find out who listens on %s: %w", p.path("rpc.sock"), err)
	}
	l.pid, l.uid = int(peer.Pid), int(peer.Uid)
	return l, nil
}

func (l *line) close() { _ = l.conn.Close() }

// call asks the daemon for a method, and waits for the answer until ctx ends.
func (l *line) call(ctx context.Context, method string, arg, answer any) error {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	question, err := json.Marshal(map[string]any{"type": "call", "method": method, "args": []any{arg}})
	if err != nil {
		return err
	}
	if _, err := l.conn.Write(pack("j:"+string(question), "s:runbook")); err != nil {
		return fmt.Errorf("ask for %s: %w", method, err)
	}
	parts, err := l.read()
	if err != nil {
		return fmt.Errorf("read the answer to %s: %w", method, err)
	}
	var reply struct {
		Args  []json.RawMessage `json:"args"`
		Error any               `json:"error"`
	}
	body, ok := bytes.CutPrefix(parts[0], []byte("j:"))
	if !ok || json.Unmarshal(body, &reply) != nil {
		return engine.Failf(engine.Invalid, "read the answer to %s: pm2 does not speak like pm2", method)
	}
	if reply.Error != nil {
		return engine.Failf(engine.Exit, "pm2 refuses %s: %s", method, budget.Line(fmt.Sprint(reply.Error), 200))
	}
	if answer == nil {
		return nil
	}
	if len(reply.Args) == 0 || json.Unmarshal(reply.Args[0], answer) != nil {
		return engine.Failf(engine.Invalid, "read the answer to %s: it is not what pm2 6 gives", method)
	}
	return nil
}

func pack(parts ...string) []byte {
	const version = 1
	out := []byte{byte(version<<4 | len(parts))} //nolint:gosec // a question has two parts
	for _, part := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part))) //nolint:gosec // questions are short
		out = append(out, part...)
	}
	return out
}

// read reads one message, which has at least one part.
func (l *line) read() ([][]byte, error) {
	meta, err := l.from.ReadByte()
	if err != nil {
		return nil, err
	}
	parts := make([][]byte, max(int(meta&0xf), 1))
	left := uint32(mostListBytes)
	for i := range parts {
		var size uint32
		if err := binary.Read(l.from, binary.BigEndian, &size); err != nil {
			return nil, err
		}
		if size > left {
			return nil, errTooLarge
		}
		left -= size
		var part bytes.Buffer // grows with what comes, not with what is announced
		if _, err := io.CopyN(&part, l.from, int64(size)); err != nil {
			return nil, err
		}
		parts[i] = part.Bytes()
	}
	return parts, nil
}
