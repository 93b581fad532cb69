package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// misfit tells why a text is not what it stands for (Field.Is, or the type of a parameter), as what it must be: "an
// absolute path, which begins with /". It is "" when the text fits, and when there is nothing to hold it against.
func misfit(is, text string) (want, hint string) {
	if strings.ContainsRune(text, 0) {
		return "text without NUL characters", ""
	}
	switch is {
	case "path":
		return misfitPath(text)
	case "unit":
		return misfitUnit(text)
	case "url":
		return misfitURL(text)
	case "port":
		if n, err := strconv.Atoi(text); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != text {
			return "a port number from 1 to 65535", ""
		}
	case "user":
		if !userName.MatchString(text) {
			return "the name of a Unix user", ""
		}
	case "address":
		return misfitAddress(text)
	case "regexp":
		if _, err := regexp.Compile(text); err != nil {
			return "a regular expression (fault: " + regexpFault(err) + ")", ""
		}
	}
	return "", ""
}

// userName is what systemd accepts as the name of a user (User/Group Name Syntax, strict mode).
var userName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_-]{0,30}$`)

func misfitPath(text string) (want, hint string) {
	const absolute = "an absolute path, which begins with /"
	switch {
	case strings.HasPrefix(text, "~"):
		return absolute + "; ~ is the shell's and means nothing here", ""
	case !strings.HasPrefix(text, "/"):
		return absolute, ""
	case slices.Contains(strings.Split(text, "/"), ".."):
		return "an absolute path without ..", ""
	}
	return "", ""
}

// unitName is what a unit's full name is made of (systemd.unit(5)).
var unitName = regexp.MustCompile(`^[a-zA-Z0-9:_.\\@-]+$`)

func unitSuffixes() []string {
	return []string{
		".service", ".socket", ".timer", ".target", ".path", ".mount", ".automount", ".swap", ".slice", ".scope", ".device",
	}
}

func misfitUnit(text string) (want, hint string) {
	if !unitName.MatchString(text) || len(text) > 255 {
		return "the full name of a unit, like nginx.service", ""
	}
	ends := func(suffix string) bool { return strings.HasSuffix(text, suffix) && text != suffix }
	if slices.ContainsFunc(unitSuffixes(), ends) {
		return "", ""
	}
	if i := strings.LastIndexByte(text, '.'); i > 0 {
		if suffix := nearest(text[i:], unitSuffixes()); suffix != "" {
			hint = didYouMean(text[:i] + suffix)
		}
	} else {
		hint = didYouMean(text + ".service")
	}
	return "the full name of a unit, with its suffix, like nginx.service", hint
}

func misfitURL(text string) (want, hint string) {
	const example = "an http or https address, like http://127.0.0.1:3000/health"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		if !strings.Contains(text, "://") && !strings.ContainsAny(text, " %") {
			hint = didYouMean("http://" + text) // 127.0.0.1:3000/health
		}
		return example, hint
	case u.Scheme != "http" && u.Scheme != "https":
		host, _, _ := strings.Cut(text, "/")
		if strings.HasPrefix(host, "localhost") || strings.Contains(host, ".") && !strings.ContainsAny(text, " ") && !strings.Contains(text, "://") {
			hint = didYouMean("http://" + text)
		}
		return example, hint
	case u.Hostname() == "" || strings.ContainsAny(text, " \t\n"):
		return example, ""
	case u.User != nil:
		return "an address without a password in it", ""
	}
	if port := u.Port(); port != "" {
		if want, _ := misfit("port", port); want != "" {
			return "an address with " + want, ""
		}
	}
	return "", ""
}

// misfitAddress looks at host:port, the host a name or an IP address, IPv6 in brackets.
func misfitAddress(text string) (want, hint string) {
	const example = "host:port, like 127.0.0.1:3000 or [::1]:3000"
	i := strings.LastIndexByte(text, ':')
	if i <= 0 || strings.ContainsAny(text, " /\t\n") {
		return example, ""
	}
	host := text[:i]
	if want, _ := misfit("port", text[i+1:]); want != "" {
		return "host:port, with " + want, ""
	}
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		if _, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err != nil || !strings.HasSuffix(inner, "]") {
			return example, ""
		}
	} else if strings.Contains(host, ":") {
		return example, didYouMean("[" + host + "]" + text[i:])
	}
	return "", ""
}

// regexpFault tells what is wrong with a regular expression in a few words.
func regexpFault(err error) string {
	if fault, ok := errors.AsType[*syntax.Error](err); ok {
		return fault.Code.String()
	}
	return err.Error()
}

// misfitMessage tells that a value does not fit, with the value.
func misfitMessage(name, text, want string) string {
	return fmt.Sprintf("%s must be %s; this is %s", name, want, shorten(text))
}
