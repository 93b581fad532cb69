package systemd

import (
	"regexp"
	"strings"
	"unicode"

	"runbook/steps/internal/budget"
)

// Escape sequences of terminals: CSI, OSC with its end, and the two-character ones.
var escapes = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|[ -/]*[0-~])")

// clean takes out of a text what would act on a terminal: escape sequences, control characters but newline and tab, and
// the marks that turn the direction of writing. What is not UTF-8 becomes U+FFFD.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	if strings.ContainsRune(text, '\x1b') {
		text = escapes.ReplaceAllString(text, "")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return '\uFFFD'
		default:
			return r
		}
	}, text)
}

// short is clean, cut to a number of bytes, the last of them an ellipsis when something was cut.
func short(text string, size int) string {
	const ellipsis = "…"
	text = clean(text)
	if len(text) <= size {
		return text
	}
	return budget.Head(text, size-len(ellipsis)) + ellipsis
}

// fit is oneLine, cut so that it takes no more than a number of bytes in JSON, where some characters take six.
func fit(text string, size int) string {
	text = oneLine(text, size)
	for limit := size; budget.Encoded(text) > size && limit > 0; {
		limit -= max((budget.Encoded(text)-size)/6, 1)
		text = oneLine(text, limit)
	}
	return text
}

// oneLine is short without line breaks.
func oneLine(text string, size int) string {
	return short(strings.Join(strings.Fields(clean(text)), " "), size)
}
