package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// longestName is the most bytes of a name that are kept as they are. A file name may have 255 bytes, and prefixes and
// suffixes are added to this one.
const longestName = 120

// fileName turns a name out of a runbook (of a step, of a lock) into one that is safe as a file name: it never has a
// slash, is never hidden, empty or too long. Two names never share one file name: a slash becomes a dot, and whatever
// is not a letter, a digit, '_' or '-' becomes ~ and its bytes in hex. A long name ends in ~~ and its hash.
func fileName(name string) string {
	if name == "" {
		return "~"
	}
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
			b.WriteByte(c)
		case c == '/' && i > 0:
			b.WriteByte('.')
		default:
			fmt.Fprintf(&b, "~%02x", c)
		}
	}
	safe := b.String()
	if len(safe) <= longestName {
		return safe
	}
	sum := sha256.Sum256([]byte(name))
	return safe[:longestName-34] + "~~" + hex.EncodeToString(sum[:16])
}

// plainName says whether a name is made of letters, digits and the few signs that need no quoting in JSON, in a shell
// or in a file name, and is not longer than 128 bytes. Nonces, types of events and Once keys are plain names.
func plainName(name string) bool {
	if name == "" || len(name) > 128 || name[0] == '.' || name[0] == '-' {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return true
}
