package budget

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Result is the most bytes of JSON that a step's result may have.
const Result = 64 << 10

// Items gives the first items of a list: at most limit of them, and together no more than size bytes of JSON.
func Items[T any](items []T, limit, size int) []T {
	for i, item := range items {
		raw, err := json.Marshal(item)
		if err != nil || i == limit || size < len(raw)+1 {
			return items[:i]
		}
		size -= len(raw) + 1
	}
	return items
}

// Visible replaces what a terminal would act upon, but for tabs: control characters, and bytes that are no text.
func Visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, text)
}

// Line makes one short line of a text from the outside: no control characters, and at most size bytes, the last of
// them an ellipsis when something was cut.
func Line(text string, size int) string {
	text = strings.ReplaceAll(Visible(strings.TrimSpace(text)), "\t", "?")
	if len(text) <= size {
		return text
	}
	const ellipsis = "…"
	return Head(text, size-len(ellipsis)) + ellipsis
}

// Head gives the first bytes of a text, at most size of them, without cutting a character in two.
func Head(text string, size int) string {
	if len(text) <= size {
		return text
	}
	for size > 0 && !utf8.RuneStart(text[size]) {
		size--
	}
	return text[:size]
}

// Tail gives the last bytes of a text, at most size of them, without cutting a character in two.
func Tail(text string, size int) string {
	start := max(len(text)-size, 0)
	for start < len(text) && !utf8.RuneStart(text[start]) {
		start++
	}
	return text[start:]
}

// Encoded is how many bytes of JSON a text needs.
func Encoded(text string) int {
	raw, err := json.Marshal(text)
	if err != nil {
		return 6*len(text) + 2
	}
	return len(raw)
}
