package netcheck

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
)

// inHosts gives the addresses that /etc/hosts has for a name. It is read anew each time: what a fix has just put there
// must be seen. A host without the file has no entries.
func inHosts(name string) ([]netip.Addr, error) {
	f, err := os.Open("/etc/hosts")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var found []netip.Addr
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if addr, ok := entry(lines.Text(), name); ok {
			found = append(found, addr)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read /etc/hosts: %w", err)
	}
	return found, nil
}

// entry is the address of a line of /etc/hosts that has the name.
func entry(line, name string) (netip.Addr, bool) {
	line, _, _ = strings.Cut(line, "#")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(fields[0])
	if err != nil {
		return netip.Addr{}, false
	}
	for _, alias := range fields[1:] {
		if strings.EqualFold(strings.TrimSuffix(alias, "."), strings.TrimSuffix(name, ".")) {
			return addr.Unmap(), true
		}
	}
	return netip.Addr{}, false
}
