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

// checkUnit refuses what can't be the name of one unit: paths, patterns, names without a type, and templates without an
// instance.
func checkUnit(name string) error {
	if err := checkUnitOrTemplate(name); err != nil {
		return err
	}
	if isTemplate(name) {
		return fmt.Errorf("%q is a template: name one of its instances, like %s", name, strings.Replace(name, "@.", "@NAME.", 1))
	}
	return nil
}

// checkUnitOrTemplate is checkUnit for where a template stands for all its instances.
func checkUnitOrTemplate(name string) error {
	dot := strings.LastIndexByte(name, '.')
	switch {
	case strings.Contains(name, "/"):
		return fmt.Errorf("%q is not a unit name: give its name instead of a path (systemd-escape --path turns a path into one)", name)
	case strings.ContainsAny(name, "*?[]"):
		return fmt.Errorf("%q is a pattern: name one unit", name)
	case dot < 0 || !slices.Contains(unitTypes(), name[dot+1:]):
		return fmt.Errorf("%q is not the full name of a unit: it lacks a type, like .service", name)
	case len(name) > maxUnitName:
		return fmt.Errorf("a unit name has at most %d bytes: %q… has %d", maxUnitName, name[:40], len(name))
	}
	stem := name[:dot]
	if stem == "" || stem[0] == '.' || stem[0] == '@' {
		return fmt.Errorf("%q is not a unit name: it needs something before %q", name, name[len(stem):])
	}
	for _, r := range stem {
		if !strings.ContainsRune(`:-_.\@`, r) && !isAlphanumeric(r) {
			return fmt.Errorf("%q is not a unit name: %q can't be in one (systemd-escape writes it as one that can)", name, r)
		}
	}
	return nil
}

func isTemplate(full string) bool { return strings.Contains(full, "@.") }

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
