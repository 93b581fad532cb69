package engine

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// showLimit is how many characters of one value an explanation shows.
const showLimit = 120

// show writes a value as a person reads it in an explanation. Of the elements of a list it shows the fields that the
// condition looked at, or all of them when it looked at none.
func show(v any, used []string) string {
	return clip(showValue(v, used), showLimit)
}

func showValue(v any, used []string) string {
	switch v := v.(type) {
	case nil:
		return "unknown"
	case string:
		return strconv.Quote(plainText(v))
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		const most = 4
		var items []string
		for i, item := range v {
			if i == most {
				items = append(items, fmt.Sprintf("… %d more", len(v)-most))
				break
			}
			items = append(items, showValue(item, used))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		if len(used) > 0 {
			keys = slices.DeleteFunc(slices.Clone(used), func(name string) bool { _, there := v[name]; return !there })
		}
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = k + ": " + showValue(v[k], nil)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return fmt.Sprint(v)
	}
}

// clip shortens a text to at most limit characters.
func clip(s string, limit int) string {
	r := []rune(s)
	if len(r) <= limit {
		return s
	}
	return string(r[:limit-1]) + "…"
}

// plainText replaces what could move a cursor, hide a text or turn it round: control characters and the marks that
// change the direction of writing.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}
