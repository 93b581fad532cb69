package reports

import (
	"regexp"
	"strings"
	"unicode"
)

// colours are the sequences that only change how a terminal paints text. Programs write them into their logs, and
// nothing is lost with them. Every other escape sequence stays visible, without its escape.
var colours = regexp.MustCompile("\x1b\\[[0-9;:]*m")

// secrets are the marks that stand for the values of secrets: see [engine.SecretMarker].
var secrets = regexp.MustCompile("\x00secret:([^\x00]*)\x00")

// plainText makes text from strangers fit to be shown: valid UTF-8, with nothing in it that could move a cursor, be
// there unseen, or turn the direction of writing. Line breaks and tabs stay.
func plainText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.Contains(s, "\x00secret:") {
		s = secrets.ReplaceAllString(s, "(secret $1)")
	}
	if strings.Contains(s, "\x1b[") {
		s = colours.ReplaceAllString(s, "")
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unseen(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// unseen tells whether a character acts on the text around it, or takes no room. The two joiners, which Persian,
// Indic scripts and emoji need, are let through.
func unseen(r rune) bool {
	const nonJoiner, joiner = '\u200C', '\u200D'
	switch {
	case r < 0x20, r >= 0x7F && r < 0xA0:
		return true
	case r < 0xA0:
		return false
	case r == nonJoiner, r == joiner:
		return false
	default:
		return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs)
	}
}

// oneLine is plainText in one line: blanks of every kind become single spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(plainText(s)), " ") }

// clip shortens a text to at most limit characters. What was cut off shows as an ellipsis.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	n := 0
	for i := range s {
		if n == limit-1 {
			if rest := s[i:]; len([]rune(rest)) > 1 {
				return s[:i] + "…"
			}
			return s
		}
		n++
	}
	return s
}
