package netcheck

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// /proc/net does not tell whether a socket on :: refuses IPv4. The kernel's socket diagnostics do (sock_diag(7),
// linux/inet_diag.h). These are their sizes and numbers.
const (
	sockDiagByFamily = 20 // SOCK_DIAG_BY_FAMILY
	attrV6Only       = 11 // INET_DIAG_SKV6ONLY

	requestSize = 56 // struct inet_diag_req_v2
	messageSize = 72 // struct inet_diag_msg
	inodeAt     = 68 // offset of idiag_inode in it
)

// v6only tells for each IPv6 socket that listens, by its inode, whether it refuses IPv4. It is empty where the kernel
// does not answer: then nobody knows.
func v6only(protocol string) map[uint64]bool {
	proto, state := unix.IPPROTO_TCP, tcpListen
	if protocol == "udp" {
		proto, state = unix.IPPROTO_UDP, udpBound
	}
	only, err := askSockDiag(byte(proto), 1<<state)
	if err != nil {
		return nil
	}
	return only
}

func askSockDiag(protocol byte, states uint32) (map[uint64]bool, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("open the socket diagnostics: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	// The kernel answers at once. Should it not, nobody waits for it.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		return nil, fmt.Errorf("limit the wait for the socket diagnostics: %w", err)
	}

	request := make([]byte, unix.NLMSG_HDRLEN+requestSize)
	native := binary.NativeEndian
	native.PutUint32(request[0:], uint32(len(request))) //nolint:gosec // 72
	native.PutUint16(request[4:], sockDiagByFamily)
	native.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := request[unix.NLMSG_HDRLEN:]
	body[0], body[1] = unix.AF_INET6, protocol
	native.PutUint32(body[4:], states)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, fmt.Errorf("ask the socket diagnostics: %w", err)
	}

	only := map[uint64]bool{}
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return nil, fmt.Errorf("read the socket diagnostics: %w", err)
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return nil, fmt.Errorf("read the socket diagnostics: %w", err)
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return only, nil
			case unix.NLMSG_ERROR:
				return nil, errors.New("read the socket diagnostics: the kernel refuses")
			}
			if len(m.Data) < messageSize {
				continue
			}
			inode := uint64(native.Uint32(m.Data[inodeAt:]))
			if flag, ok := attribute(m.Data[messageSize:], attrV6Only); ok && len(flag) > 0 {
				only[inode] = flag[0] != 0
			}
		}
	}
}

// attribute finds one netlink attribute: a length and a type of 16 bits each, the value, and padding to 4 bytes.
func attribute(data []byte, want uint16) ([]byte, bool) {
	for len(data) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(data))
		if length < unix.SizeofRtAttr || length > len(data) {
			return nil, false
		}
		if binary.NativeEndian.Uint16(data[2:]) == want {
			return data[unix.SizeofRtAttr:length], true
		}
		data = data[min((length+3)&^3, len(data)):]
	}
	return nil, false
}
