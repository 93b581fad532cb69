package systemd

import (
	"fmt"
	"slices"
	"strings"
)

// The longest unit name that systemd takes, in bytes.
const maxUnitName = 255

// unitTypes are the endings that a unit name can have (systemd.unit(5)).
func unitTypes() []string {
	return []string{
		"service", "socket", "timer", "target", "mount", "automount", "path", "slice", "scope", "swap", "device",
	}
}

// unitName completes a unit name as systemctl does ("nginx" is nginx.service), and refuses what can't be the name of
// one unit: paths, patterns, templates without an instance.
func unitName(name string) (string, error) {
	full, err := unitOrTemplate(name)
	if err == nil && isTemplate(full) {
		return "", fmt.Errorf("%q is a template: name one of its instances, like %s", name,
			strings.Replace(full, "@.", "@NAME.", 1))
	}
	return full, err
}

// unitOrTemplate is unitName for where a template stands for all its instances.
func unitOrTemplate(name string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("the unit has no name")
	}
	if strings.Contains(name, "/") {
		return "", fmt.Errorf("%q is not a unit name: give its name instead of a path (systemd-escape --path turns a path into one)", name)
	}
	if strings.ContainsAny(name, "*?[]") {
		return "", fmt.Errorf("%q is a pattern: name one unit", name)
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || !slices.Contains(unitTypes(), name[dot+1:]) {
		dot = len(name)
		name += ".service"
	}
	stem := name[:dot]
	for _, r := range stem {
		if !strings.ContainsRune(`:-_.\@`, r) && !isAlphanumeric(r) {
			return "", fmt.Errorf("%q is not a unit name: %q can't be in one (systemd-escape writes it as one that can)", name, r)
		}
	}
	switch {
	case stem == "" || stem[0] == '.' || stem[0] == '@':
		return "", fmt.Errorf("%q is not a unit name: it needs something before %q", name, name[len(stem):])
	case len(name) > maxUnitName:
		return "", fmt.Errorf("a unit name has at most %d bytes, %q… has %d", maxUnitName, name[:40], len(name))
	}
	return name, nil
}

func isTemplate(full string) bool { return strings.Contains(full, "@.") }

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
