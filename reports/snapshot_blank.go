package reports

import "regexp"

// blank stands for what looks like a secret.
const blank = "***"

const (
	secretWords = `(?:password|passwd|passphrase|secret|token|credential|(?:api|app|access|private|signing|encryption)[_.-]?key)`
	secretName  = `(?:[\w.-]*` + secretWords + `[\w.-]*|(?:[\w.-]*[_.-])?pass|[\w.-]*[_.-]pwd)`
	// What stands before a name that its value follows: an option, and what nginx hands on.
	beforeName = `(?:^|[\s"'])(?:--?|(?:proxy_set_header|grpc_set_header|add_header|fastcgi_param|uwsgi_param|scgi_param|set)[ \t]+["'$]?)`
)

var (
	secretEntry = regexp.MustCompile(`(?i)^(?:` + secretName + `|authorization|cookie)$`)

	secretInQuotes = regexp.MustCompile(`(?i)(["']` + secretName + `=)[^"'\n]+`)                                                                                     // Environment="DB_PASSWORD=x y"
	secretSet      = regexp.MustCompile(`(?i)(\b` + secretName + `=)(?:"[^"\n]*"?|'[^'\n]*'?|\*\*\*|[^\s"']\S*)`)                                                    // --setenv=API_TOKEN=x
	secretBehind   = regexp.MustCompile(`(?im)(` + beforeName + `(?:` + secretName + `|authorization|cookie)["']?[ \t]+)(?:"[^"\n]*"?|'[^'\n]*'?|[^\s"';-][^\s;]*)`) // --password x
	secretInJSON   = regexp.MustCompile(`(?i)(["']` + secretName + `["']\s*(?::|=>)\s*)(?:"[^"\n]*"?|'[^'\n]*'?|[^\s"',}\]]+)`)                                      // {"password": "x"}
	secretLine     = regexp.MustCompile(`(?im)(^[ \t]*` + secretName + `[ \t]*(?:=[ \t]+|[ \t]=[ \t]*|:[ \t]+))[^\s*].*$`)                                           // password: x y
	secretInURL    = regexp.MustCompile(`(\w://[^/\s:@]*:)[^/\s"']+@`)                                                                                               // postgres://app:x@db
	secretHeader   = regexp.MustCompile(`(?i)\b((?:bearer|authorization:\s*\w+)\s+)\S+`)
)

// blanked blanks what looks like a secret in a text, by its name: a page is kept where more people read it than on the
// host, and unit files and command lines have passwords in them. Kinds blank what they know of before; files and what
// commands print come as they are.
func blanked(s string) string {
	s = secrets.ReplaceAllString(s, "(secret $1)")
	for _, re := range []*regexp.Regexp{secretInQuotes, secretSet, secretBehind, secretInJSON, secretLine, secretHeader} {
		s = re.ReplaceAllString(s, "${1}"+blank)
	}
	return secretInURL.ReplaceAllString(s, "${1}"+blank+"@")
}

// BlankSecrets gives an output with what looks like a secret, by its name, blanked in all of its texts.
func BlankSecrets(output map[string]any) map[string]any { return blankedFacts(output) }

// blankedFacts is blanked for all texts of an output.
func blankedFacts(output map[string]any) map[string]any {
	out := make(map[string]any, len(output))
	for name, v := range output {
		out[name] = blankedValue(v)
	}
	return out
}

func blankedValue(v any) any {
	switch v := v.(type) {
	case string:
		return blanked(v)
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = blankedValue(inner)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			out[name] = blankedEntry(name, blankedValue(inner))
		}
		return out
	}
	return v
}

// blankedEntry blanks the text of an entry whose name is that of a secret: API_TOKEN in an environment.
func blankedEntry(name string, v any) any {
	if s, ok := v.(string); ok && s != "" && secretEntry.MatchString(name) {
		return blank
	}
	return v
}
