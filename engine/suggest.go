package engine

import (
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
	if meant == "" {
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

func loose(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "_") }
