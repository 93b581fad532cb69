package hostinfo

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/procfs"

	"runbook/steps/internal/budget"
)

// systemName is PRETTY_NAME of os-release(5).
func (h host) systemName() (string, error) {
	for _, place := range []string{"etc/os-release", "usr/lib/os-release"} {
		values, err := assignments(h.path(place))
		if err == nil {
			return budget.Line(values["PRETTY_NAME"], 256), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}

// assignments reads a small file of NAME=VALUE lines as systemd writes them, with or without quotes.
func assignments(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	const most = 200 // lines
	values := map[string]string{}
	lines := bufio.NewScanner(f)
	for range most {
		if !lines.Scan() {
			break
		}
		name, value, found := strings.Cut(lines.Text(), "=")
		if !found || strings.HasPrefix(name, "#") {
			continue
		}
		if n := len(value); n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = unescape(value[1 : n-1])
		}
		values[name] = value
	}
	return values, lines.Err()
}

// unescape takes the backslashes away that protect a character between quotes.
func unescape(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

// virtualization looks for what a container's manager leaves behind, and for what says that the machine is virtual.
func (h host) virtualization(pfs procfs.FS) string {
	// systemd writes down in what container it runs, and podman and docker leave a file.
	if text, err := os.ReadFile(h.path("run/systemd/container")); err == nil {
		if name := budget.Line(string(text), 64); name != "" {
			return name
		}
	}
	for mark, name := range map[string]string{"run/.containerenv": "podman", ".dockerenv": "docker"} {
		if _, err := os.Lstat(h.path(mark)); err == nil {
			return name
		}
	}
	if _, err := os.Lstat(h.path("sys/hypervisor/type")); err == nil {
		return "vm"
	}
	vendor, _ := os.ReadFile(h.path("sys/class/dmi/id/sys_vendor"))
	product, _ := os.ReadFile(h.path("sys/class/dmi/id/product_name"))
	for _, name := range []string{"QEMU", "KVM", "VMware", "VirtualBox", "Virtual Machine", "Amazon EC2", "Google Compute Engine", "OpenStack"} {
		if strings.Contains(string(vendor)+string(product), name) {
			return "vm"
		}
	}
	cpus, err := pfs.CPUInfo()
	if err == nil && len(cpus) > 0 && slices.Contains(cpus[0].Flags, "hypervisor") {
		return "vm"
	}
	return ""
}
