package netcheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"

	"github.com/prometheus/procfs"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
	"runbook/steps/internal/proc"
)

// The most sockets in one result, and the most bytes of JSON they may take.
const (
	mostSockets     = 64
	mostSocketBytes = budget.Result - 4<<10
)

type listenersInput struct {
	Port     int    `json:"port" is:"port" doc:"the port, 1 to 65535; every port when none is given"`
	Protocol string `json:"protocol" default:"tcp" enum:"tcp,udp" doc:"tcp for listening sockets, udp for bound ones without a peer"`
}

type listenersOutput struct {
	Sockets []socket `json:"sockets" doc:"the sockets that listen, by port, then IPv4 before IPv6; at most 64"`
	Count   int      `json:"count" restates:"sockets" doc:"how many there are, also when not all of them are listed"`
}

type socket struct {
	Address    string  `json:"address" key:"true" doc:"where it listens; 0.0.0.0 is every IPv4 address, :: every address"`
	Family     string  `json:"family" restates:"address" doc:"ipv4 or ipv6, the family of address"`
	ServesIPv4 *bool   `json:"serves_ipv4" doc:"whether IPv4 clients reach it: also true for a socket on :: that is not v6only. null when the kernel did not tell"`
	Port       int     `json:"port" key:"true" doc:"the port"`
	User       string  `json:"user" doc:"the user that the socket belongs to, the number when it has no name"`
	PID        *int    `json:"pid" moves:"true" doc:"the process that has it, the oldest when several do. null when that is not to be seen: it takes root, and the same container"`
	Process    *string `json:"process" doc:"the kernel's name of the process, at most 15 bytes, like next-server (v1. null as pid"`
	Command    *string `json:"command" doc:"its command line, at most 256 bytes. null as pid"`
	Unit       *string `json:"unit" doc:"its systemd unit, empty when it has none. null as pid"`
	UserUnit   *string `json:"user_unit" doc:"when unit is user@UID.service: the unit of that user's own systemd. null as pid"`
	StartTime  *string `json:"start_time" moves:"true" doc:"when the process began, as process.signal takes it. null as pid"`
}

func listenersKind() engine.Definition[listenersInput, listenersOutput] {
	return engine.Definition[listenersInput, listenersOutput]{
		Name:   "net.listeners",
		Effect: engine.Reads,
		Doc: `Lists the sockets that listen on this host, and who they belong to.

Reads /proc/net and, for the owners, /proc/PID: the address, the process, its command line, its user and its systemd
unit. A socket on ` + "`::`" + ` also serves IPv4 unless it says otherwise, which ` + "`serves_ipv4`" + ` tells. Only root sees the processes
of other users; what can't be seen is null, and a condition on it is unknown.`,
		Example: "port: 3000\nprotocol: tcp",
		Check: func(in listenersInput) error {
			if in.Port < 0 || in.Port > 65535 {
				return fmt.Errorf("port %d is not between 0 and 65535", in.Port)
			}
			return nil
		},
		Do: func(ctx context.Context, in listenersInput, t engine.Task) (listenersOutput, error) {
			return hostcall.Look(ctx, t.As, func() (listenersOutput, error) { return listeners(ctx, in) })
		},
	}
}

// bound is a socket as /proc/net shows it.
type bound struct {
	addr  netip.Addr
	port  int
	uid   uint64
	inode uint64
}

func listeners(ctx context.Context, in listenersInput) (listenersOutput, error) {
	found, err := boundSockets(in.Protocol)
	if err != nil {
		return listenersOutput{}, err
	}
	found = slices.DeleteFunc(found, func(b bound) bool { return in.Port != 0 && b.port != in.Port })
	slices.SortFunc(found, func(a, b bound) int {
		return cmp.Or(cmp.Compare(a.port, b.port), a.addr.Compare(b.addr), cmp.Compare(a.inode, b.inode))
	})
	out := listenersOutput{Sockets: []socket{}, Count: len(found)}
	if len(found) == 0 {
		return out, nil
	}

	table, err := proc.Open()
	if err != nil {
		return out, err
	}
	inodes := map[uint64]bool{}
	for _, b := range found {
		inodes[b.inode] = true
	}
	holders, err := table.Holders(ctx, inodes)
	if err != nil {
		return out, err
	}
	only6 := v6only(in.Protocol)
	for _, b := range found {
		s := socket{
			Address: b.addr.String(), Family: "ipv4", Port: b.port, User: table.User(b.uid),
			ServesIPv4: b.servesIPv4(only6),
		}
		if b.addr.Is6() {
			s.Family = "ipv6"
		}
		if p, ok := table.Owner(holders[b.inode]); ok {
			start := p.Start.String()
			s.PID, s.Process, s.StartTime = &p.PID, &p.Comm, &start
			s.Command, s.Unit, s.UserUnit = p.Command, p.Unit, p.UserUnit
		}
		out.Sockets = append(out.Sockets, s)
	}
	out.Sockets = budget.Items(out.Sockets, mostSockets, mostSocketBytes)
	return out, nil
}

// servesIPv4 is nil when only the socket's v6only flag could tell and it is not known.
func (b bound) servesIPv4(only6 map[uint64]bool) *bool {
	switch {
	case b.addr.Is4():
		return new(true)
	case !b.addr.IsUnspecified():
		return new(false)
	}
	only, known := only6[b.inode]
	if !known {
		return nil
	}
	return new(!only)
}

// The states of sockets in /proc/net.
const (
	tcpListen = 0x0a
	udpBound  = 0x07
)

// boundSockets reads the kernel's tables. A kernel without IPv6 has no table for it.
func boundSockets(protocol string) ([]bound, error) {
	pfs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("open /proc: %w", err)
	}
	var out []bound
	add := func(addr netip.Addr, port, uid, inode uint64) {
		out = append(out, bound{addr: addr.Unmap(), port: int(port), uid: uid, inode: inode}) //nolint:gosec // a port has 16 bits
	}
	if protocol == "udp" {
		for _, read := range []func() (procfs.NetUDP, error){pfs.NetUDP, pfs.NetUDP6} {
			lines, err := read()
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("read the sockets of udp: %w", err)
			}
			for _, l := range lines {
				if addr, ok := netip.AddrFromSlice(l.LocalAddr); ok && l.St == udpBound {
					add(addr, l.LocalPort, l.UID, l.Inode)
				}
			}
		}
		return out, nil
	}
	// What the library recommends in their place needs a kernel with socket diagnostics. /proc/net is always there.
	for _, read := range []func() (procfs.NetTCP, error){pfs.NetTCP, pfs.NetTCP6} { //nolint:staticcheck // see above
		lines, err := read()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read the sockets of tcp: %w", err)
		}
		for _, l := range lines {
			if addr, ok := netip.AddrFromSlice(l.LocalAddr); ok && l.St == tcpListen {
				add(addr, l.LocalPort, l.UID, l.Inode)
			}
		}
	}
	return out, nil
}
