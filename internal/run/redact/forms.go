package redact

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// shortestLine is the length from which a line of a secret is one by itself. A
// key's last line can be short, and "}" is nobody's secret.
const shortestLine = 8

// forms are the texts to look for, of a secret. Some may be the same.
func forms(value string) []string {
	list := []string{value}
	list = append(list, percentForms(value)...)
	list = append(list, jsonForms(value)...)
	list = append(list, base64Forms(value)...)
	lines := strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= shortestLine {
				list = append(list, line)
			}
		}
	}
	return list
}

// percentForms are the ways to write a value into a URL. They differ in what is
// escaped and in the case of the digits.
func percentForms(value string) []string {
	var everything, script strings.Builder
	for _, b := range []byte(value) {
		alphanumeric := b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
		switch {
		case alphanumeric:
			everything.WriteByte(b)
			script.WriteByte(b)
		case strings.IndexByte("-_.!~*'()", b) >= 0: // encodeURIComponent leaves these
			script.WriteByte(b)
			fmt.Fprintf(&everything, "%%%02X", b)
		default:
			fmt.Fprintf(&everything, "%%%02X", b)
			fmt.Fprintf(&script, "%%%02X", b)
		}
	}
	list := []string{url.QueryEscape(value), url.PathEscape(value), everything.String(), script.String()}
	user := url.UserPassword("u", value).String()
	list = append(list, strings.TrimPrefix(user, "u:"))
	digits := regexp.MustCompile(`%[0-9A-F]{2}`)
	for _, form := range list {
		list = append(list, digits.ReplaceAllStringFunc(form, strings.ToLower))
	}
	return list
}

// jsonForms are the value inside a JSON string, with and without the escapes
// that make it safe in HTML.
func jsonForms(value string) []string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil // a string always encodes
	}
	plain := strings.TrimSuffix(b.String(), "\n")
	safe, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	plain, html := plain[1:len(plain)-1], string(safe[1:len(safe)-1])
	return []string{plain, html, strings.ReplaceAll(plain, "/", `\/`)}
}

// base64Forms are the value encoded alone, with and without padding, and in the
// middle of something longer. There, what stands before shifts it by 0, 1 or 2
// bytes; the characters at its ends hold bits of its neighbours, and are left
// out of the form.
func base64Forms(value string) []string {
	var list []string
	for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		raw := alphabet.WithPadding(base64.NoPadding)
		list = append(list, alphabet.EncodeToString([]byte(value)), raw.EncodeToString([]byte(value)))
		for shift := range 3 {
			encoded := raw.EncodeToString(append(make([]byte, shift), value...))
			first := (8*shift + 5) / 6             // the first character that is all ours
			last := (8 * (shift + len(value))) / 6 // past the last one
			list = append(list, encoded[first:last])
		}
	}
	return list
}
