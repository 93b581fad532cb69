package file

import (
	"crypto/sha256"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"

	"runbook/engine"
)

const (
	mostDiffed    = 256 << 10 // bytes of a text that is compared line by line
	mostDiffLines = 500       // lines of a difference that are shown
)

// describe tells what the plan would do.
func (p plan) describe() engine.Description {
	d := engine.Description{Target: p.String()}
	switch {
	case p.old.equal(p.wanted):
		d.Summary = fmt.Sprintf("leave %s as it is", p)
		return d
	case p.wanted.text == nil:
		d.Summary = fmt.Sprintf("remove %s", p)
	case p.old.text == nil:
		d.Summary = fmt.Sprintf("create %s", p)
	default:
		d.Summary = fmt.Sprintf("replace %s", p)
	}
	d.Exact = append(p.rights(), p.difference()...)
	switch {
	case p.old.text == nil:
		d.Undo = fmt.Sprintf("remove %s", p)
	case p.keep:
		d.Undo = fmt.Sprintf("put back %s", path.Join(p.path, p.backupName(p.old)))
	}
	return d
}

// rights lists what changes beside the text.
func (p plan) rights() []string {
	var lines []string
	note := func(what, old, wanted string) {
		switch {
		case p.wanted.text == nil || old == wanted && p.old.text != nil:
		case p.old.text == nil:
			lines = append(lines, what+" "+wanted)
		default:
			lines = append(lines, what+" "+old+" -> "+wanted)
		}
	}
	note("mode", fmt.Sprintf("%04o", p.old.mode), fmt.Sprintf("%04o", p.wanted.mode))
	note("owner", userName(uint32(p.old.uid)), userName(uint32(p.wanted.uid)))   //nolint:gosec // ids have 32 bits
	note("group", groupName(uint32(p.old.gid)), groupName(uint32(p.wanted.gid))) //nolint:gosec // ids have 32 bits
	return lines
}

// difference is the unified diff of the texts, and their digests where a diff would not help a reader.
func (p plan) difference() []string {
	old, wanted := p.old.text, p.wanted.text
	if len(old) > mostDiffed || len(wanted) > mostDiffed || !utf8.Valid(old) || !utf8.Valid(wanted) {
		return []string{
			fmt.Sprintf("- %d bytes, SHA-256 %x", len(old), sha256.Sum256(old)),
			fmt.Sprintf("+ %d bytes, SHA-256 %x", len(wanted), sha256.Sum256(wanted)),
		}
	}
	from, to := p.String(), p.String()
	if old == nil {
		from = "/dev/null"
	}
	if wanted == nil {
		to = "/dev/null"
	}
	text := udiff.Unified(from, to, string(old), string(wanted))
	if text == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if more := len(lines) - mostDiffLines; more > 0 {
		lines = append(lines[:mostDiffLines], fmt.Sprintf("… %d more lines", more))
	}
	return lines
}
