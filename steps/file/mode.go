package file

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The bits of a mode.
const (
	setIDBits  = 0o6000
	modeBits   = 0o7777
	executable = 0o111
)

// modeRule is a mode as an author writes it: octal bits, or changes to the bits that are there.
type modeRule struct {
	octal   bool
	bits    uint32
	changes []modeChange
}

// modeChange is one part of u+rwX,o-w.
type modeChange struct {
	who    uint32 // the bits of those it is about: 0700 for u
	how    byte   // + - =
	bits   uint32 // 0444, 0222 and 0111 joined
	search bool   // X: 0111, but only for directories and for what somebody may execute
}

var modeChangeForm = regexp.MustCompile(`^([ugoa]+)([-+=])([rwxX]*)$`)

// parseModeRule reads a mode. "" is none, and nil.
func parseModeRule(text string) (*modeRule, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // no mode is wanted
	}
	if text[0] >= '0' && text[0] <= '9' {
		bits, err := parseMode(text)
		return &modeRule{octal: true, bits: bits}, err
	}
	var rule modeRule
	for part := range strings.SplitSeq(text, ",") {
		m := modeChangeForm.FindStringSubmatch(part)
		if m == nil || m[3] == "" && m[2] != "=" {
			return nil, fmt.Errorf("mode %q is neither octal permissions like 0640 nor changes to them like u+rwX,o-w", text)
		}
		c := modeChange{how: m[2][0], search: strings.Contains(m[3], "X")}
		for letter, bits := range map[string]uint32{"u": 0o700, "g": 0o070, "o": 0o007, "a": 0o777} {
			if strings.Contains(m[1], letter) {
				c.who |= bits
			}
		}
		for letter, bits := range map[string]uint32{"r": 0o444, "w": 0o222, "x": executable} {
			if strings.Contains(m[3], letter) {
				c.bits |= bits
			}
		}
		if c.search && c.how == '-' {
			return nil, fmt.Errorf("mode %q takes X away: x says which files and directories that is about", text)
		}
		rule.changes = append(rule.changes, c)
	}
	return &rule, nil
}

// fitsTree tells why a mode can't be given to files and directories alike.
func (r *modeRule) fitsTree() error {
	if r == nil {
		return nil
	}
	if r.octal {
		return errors.New("with recursive the mode is one of changes, like u=rwX,g=rX,o=: octal bits would give files and directories the same")
	}
	for _, c := range r.changes {
		if c.bits&executable != 0 && c.how != '-' {
			return errors.New("with recursive the mode has X in place of x, which would make every file executable")
		}
		if c.how == '=' && c.bits != 0 && !c.search {
			return errors.New("with recursive the mode has X after =, like u=rwX: without it nobody could enter the directories")
		}
	}
	return nil
}

// apply gives the mode that the rule makes of another. Bits that it does not name stay as they are.
func (r *modeRule) apply(mode uint32, dir bool) uint32 {
	if r == nil {
		return mode
	}
	if r.octal {
		return r.bits
	}
	for _, c := range r.changes {
		bits := c.bits
		if c.search && (dir || mode&executable != 0) {
			bits |= executable
		}
		switch c.how {
		case '+':
			mode |= bits & c.who
		case '-':
			mode &^= bits & c.who
		default:
			mode = mode&^c.who | bits&c.who
		}
	}
	return mode
}
