package draft

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// clean makes one line of a text, without anything that nobody sees and anything that a runbook would work out.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\uFFFD' || !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "${{", "$ {{")
}

// short cuts a text at a word.
func short(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	cut := string(runes[:most-1])
	if i := strings.LastIndexByte(cut, ' '); i > most/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,;:") + "…"
}

var (
	sentenceEnd = regexp.MustCompile(`[.!?]\s+`)
	clauseEnd   = regexp.MustCompile(`[.!?:;,→–—-]\s+|\b(?:then|and|or)\b|=>|->|→`)
	stepNumber  = regexp.MustCompile(`(?i)^(?:\[[ x]\]\s*)?(?:(?:step\s*)?\d+\s*[:.)—–-]\s*)?`)
	opening     = regexp.MustCompile(`(?i)^(?:first(?:ly)?|second(?:ly)?|then|next|finally|also|now|please|just|otherwise|lastly|you (?:can|should|must|may|need to|have to|could)(?: then| also| now)?|optionally|always|try to)\b,?\s*`)
	condition   = regexp.MustCompile(`(?i)^(?:and |but )?(?:if|when|once|after|before|for|in|to|on|unless|otherwise|while|from|at|as)\b`)
	negation    = regexp.MustCompile(`(?i)\b(?:never|not|avoid|instead of|rather than|without)\b|\w(?:n't|n’t)\b`)
	forbids     = regexp.MustCompile(`(?i)\b(?:do not|don't|never|must not|should not)\b`)
	leadOver    = regexp.MustCompile(`(?i)[\s:.,]*\b(?:for example|examples?|e\.g|as follows|like this|the following|with|using|by|via|by running|you can|(?:or |and )?use)$|[→.,:–—-]\s*(?:check|verify|run|see|try)$`)
	tellsOnly   = regexp.MustCompile(`(?i)^(?:symptoms?|impact|meaning|background|overview|introduction|summary|references?|links|see also|further reading|contents|changelog|alerts?)\W*$`)
	recap       = regexp.MustCompile(`(?i)^(?:summary|tl;?dr|conclusion)\b`)
	expectation = regexp.MustCompile(`(?i)^(?:expected(?: (?:output|result|response|status|answer|value|code))?\s*[:=]|should\b|(?:it|this) should\b|you should (?:see|get)\b|returns?\b|→|=>|->)`)
	anyStatus   = regexp.MustCompile(`^[^0-9]{0,40}?\b([1-5]\d\d)\b`)
	bareStatus  = regexp.MustCompile(`(?i)^(?:http(?:/[\d.]+)? )?([1-5]\d\d)\b(?: [a-z]+)?\W*$`)
)

// verbs are the words with which people tell each other what to do in an incident.
func verbs() []string {
	return strings.Fields(`add adjust allow analyze apply approve ask assign attempt back backup block bring call cancel change check clean
		clear click close collect compare confirm connect contact copy create delete deploy determine disable disconnect do drain edit
		enable ensure escalate examine execute failover find fix flush follow force free get give go grep identify increase inform inspect
		install investigate isolate kill let list locate log login look make migrate monitor mount move notify open page pause perform
		ping post promote pull push query raise reach read reboot rebuild recover recreate redeploy reduce refer reinstall reload remove
		rename renew repair repeat replace report request reset resize resolve restart restore resume resurrect retry revert review roll
		rollback rotate run save scale search send set shut silence sign start stop submit switch sync take tell terminate test trace
		trigger try turn unblock unlock unmount update upgrade use validate verify view visit wait warn watch write`)
}

// imperative tells whether a clause begins with what somebody is to do.
func imperative(clause string) bool {
	clause = stepNumber.ReplaceAllString(strings.TrimLeftFunc(clause, decoration), "")
	for rest := opening.ReplaceAllString(clause, ""); rest != clause; rest = opening.ReplaceAllString(clause, "") {
		clause = rest
	}
	word := clause
	if end := strings.IndexFunc(clause, func(r rune) bool { return !unicode.IsLetter(r) }); end >= 0 {
		word = clause[:end]
		if strings.ContainsRune("-_./'’=", []rune(clause[end:])[0]) {
			return false // log-shipper, run.sh, let's
		}
	}
	return slices.Contains(verbs(), strings.ToLower(word))
}

func decoration(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '[' && r != '…'
}

// tells tells whether a text says what to do: in the beginning of one of its sentences, or of an item in any of its parts.
func tells(text string, item bool) bool {
	ends := sentenceEnd
	if item {
		ends = clauseEnd
	}
	return slices.ContainsFunc(ends.Split(text, -1), imperative) || slices.ContainsFunc(sentenceEnd.Split(text, -1), func(s string) bool {
		_, rest, ok := strings.Cut(s, ",")
		return ok && condition.MatchString(s) && imperative(rest)
	})
}

// advises tells whether the words before a piece of code say that it is to be run.
func advises(before string, item bool) bool {
	sentences := sentenceEnd.Split(before, -1)
	last := strings.TrimSpace(sentences[len(sentences)-1])
	if negation.MatchString(last) {
		return false
	}
	label := item && (last == "" || strings.HasSuffix(last, ":") || strings.HasSuffix(last, "→"))
	return label || slices.ContainsFunc(clauseEnd.Split(last, -1), imperative)
}

// titled makes the title of a step from the text that introduces it: its last sentence that says what to do, or its last,
// without what only leads over to the code.
func titled(text string) string {
	title := ""
	for _, s := range sentenceEnd.Split(strings.TrimRight(text, " .:…"), -1) {
		if !forbids.MatchString(s) && (title == "" || tells(s, true) || !tells(title, true)) {
			title = s
		}
	}
	title = stepNumber.ReplaceAllString(strings.TrimLeftFunc(title, func(r rune) bool { return decoration(r) && r != '"' && r != '<' }), "")
	return short(strings.Trim(leadOver.ReplaceAllString(title, ""), " .:,;→–—…-"), 120)
}

// titleAt is the title of a step from the sentence that a piece of code stands in.
func titleAt(text, code string) string {
	for _, s := range sentenceEnd.Split(text, -1) {
		if before, behind, ok := strings.Cut(s, code); ok && strings.Trim(behind, " .:;)") == "" && strings.Contains(titled(before), " ") {
			return titled(before)
		} else if ok {
			return titled(s)
		}
	}
	return titled(text)
}

// statusIn reads the HTTP status that a text expects, 0 for none.
func statusIn(text string) int {
	form := bareStatus
	if expectation.MatchString(text) {
		form = anyStatus
	}
	if m := form.FindStringSubmatch(text); m != nil {
		return number(m[1])
	}
	return 0
}

// number reads a whole number that is not negative, 0 when it is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
