package systemd

import (
	"regexp"

	"runbook/steps/internal/budget"
)

// What is shown in place of a secret.
const hidden = "***"

// What is longer is cut before secrets are looked for.
const maxSecretText = 16 << 10

const secretWords = `password|passwd|passphrase|secret|token|credential|(?:api|access|private|signing|encryption)[_.-]?key`

var (
	secretNamed  = regexp.MustCompile(`(?is)(\b(?:[\w.-]*(?:` + secretWords + `)[\w.-]*|(?:[\w.-]*[_.-])?pass)=).+`)
	secretOption = regexp.MustCompile(`(?i)^--?[\w-]*(?:` + secretWords + `)$`)
	secretInURL  = regexp.MustCompile(`(\w://[^/\s:@]*:)[^/\s@]+@`)
	secretBearer = regexp.MustCompile(`(?i)\b((?:bearer|authorization:\s*\w+)\s+)\S+`)
)

// hide blanks what looks like a secret in NAME=value, whatever stands before the name ("--setenv="), in the user part of
// a URL and in an Authorization header. Units carry passwords in their environment and on their command line, where
// every user of the host can read them, but a report travels further than the host. The name decides: a value alone
// can't be told from any other.
func hide(text string) string {
	text = budget.Head(text, maxSecretText)
	text = secretNamed.ReplaceAllString(text, "${1}"+hidden)
	text = secretInURL.ReplaceAllString(text, "${1}"+hidden+"@")
	return secretBearer.ReplaceAllString(text, "${1}"+hidden)
}

// hideAll is hide for the arguments of a command, where a secret can also be the argument after its option.
func hideAll(argv []string) []string {
	out := make([]string, len(argv))
	option := ""
	for i, arg := range argv {
		out[i] = hide(arg)
		if secretOption.MatchString(option) {
			out[i] = hidden
		}
		option = arg
	}
	return out
}
