package engine

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// suggest is the hint for a name that is not there, "did you mean launcher?", "" when nothing is near.
func suggest(name string, candidates []string) string {
	return didYouMean(nearest(name, candidates))
}

// didYouMean is the hint that offers what was probably meant, "" for nothing.
func didYouMean(meant string) string {
	const most = 72 // a suggestion that fills the screen suggests nothing
	if meant == "" || len(meant) > most || strings.Contains(meant, "\n") {
		return ""
	}
	return "did you mean " + meant + "?"
}

// nearest gives the candidate that was probably meant by a name, "" when none is near. Small and capital letters, and
// - and _, are not told apart. One part of a dotted name is enough: restart is near systemd.restart.
func nearest(name string, candidates []string) string {
	given := loose(name)
	if given == "" {
		return ""
	}
	// A third of the letters may be wrong: more, and the suggestion is only noise.
	best, least := "", max(1, utf8.RuneCountInString(given)/3)+1
	for _, c := range candidates {
		if c == name {
			continue
		}
		candidate := loose(c)
		distance := levenshtein.Distance(given, candidate, nil)
		if distance == 2 && sameLetters(given, candidate) { // two letters changed places
			distance = 1
		}
		if len(given) >= 3 && len(candidate) >= 3 && (strings.HasPrefix(candidate, given) || strings.HasPrefix(given, candidate)) {
			distance = min(distance, 1) // integer, int
		}
		family, verb, dotted := strings.Cut(candidate, ".")
		if dotted && (given == family || given == verb) {
			distance = min(distance, 1)
		}
		if distance < least {
			best, least = c, distance
		}
	}
	return best
}

func sameLetters(a, b string) bool {
	x, y := []rune(a), []rune(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

func loose(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "_") }
