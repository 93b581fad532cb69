package systemd

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/coreos/go-systemd/v22/unit"
)

// The first line of every drop-in file that this package writes, so that whoever finds one knows where it is from.
const dropInHeader = "# Written by runbook (systemd.dropin). Delete this file and run systemctl daemon-reload to undo it.\n"

var (
	dropInName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,199}$`)
	keyword    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
)

// renderDropIn writes the text of a drop-in file: [Unit] first, [Install] last, the sections between by name, and in each
// the settings in the order of their author.
func renderDropIn(sections map[string][]string) (string, error) {
	var options []*unit.UnitOption
	for _, section := range slices.SortedFunc(maps.Keys(sections), bySection) {
		if !keyword.MatchString(section) {
			return "", fmt.Errorf("%q can't be a section", section)
		}
		if len(sections[section]) == 0 {
			return "", fmt.Errorf("section [%s] is empty", section)
		}
		for _, line := range sections[section] {
			option, err := readSetting(line)
			if err != nil {
				return "", fmt.Errorf("section [%s]: %w", section, err)
			}
			option.Section = section
			options = append(options, option)
		}
	}
	text, err := io.ReadAll(unit.Serialize(options))
	return dropInHeader + string(text), err
}

func bySection(a, b string) int {
	rank := func(s string) string {
		switch s {
		case "Unit":
			return "0"
		case "Install":
			return "2"
		default:
			return "1" + s
		}
	}
	return strings.Compare(rank(a), rank(b))
}

// readSetting reads "Key=Value". It refuses what would not stay the one setting that it looks like.
func readSetting(line string) (*unit.UnitOption, error) {
	key, value, ok := strings.Cut(line, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	switch {
	case strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }):
		return nil, fmt.Errorf("%q: a setting is one line, without control characters", line)
	case !ok:
		return nil, fmt.Errorf("%q: write a setting as Key=Value, and Key= to take back what was set before", line)
	case !keyword.MatchString(key):
		return nil, fmt.Errorf("%q: %q can't be the name of a setting", line, key)
	case strings.HasSuffix(value, `\`):
		return nil, fmt.Errorf("%q: a backslash at the end would join the next line to this one", line)
	}
	return &unit.UnitOption{Name: key, Value: value}, nil
}

// dropInFile gives the file's name for what an author calls it: "50-ipv4" is 50-ipv4.conf.
func dropInFile(name string) (string, error) {
	name = strings.TrimSuffix(name, ".conf")
	if !dropInName.MatchString(name) {
		return "", errors.New(`name is letters, digits, "-", "_", "." and no more, like 50-ipv4`)
	}
	return name + ".conf", nil
}
