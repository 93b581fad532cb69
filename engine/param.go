package engine

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// SecretMarker stands for a secret's value wherever values are kept: in the plan, in the journal, on the screen. The
// value itself is put in its place at the last moment, by whoever starts the process or makes the request.
func SecretMarker(name string) string { return secretPrefix + name + "\x00" }

const secretPrefix = "\x00secret:"

// ResolveParams gives every parameter of a runbook its value: the given one, or the default. Values are string, int
// (int and port), float64 (number) or bool; a duration is a string that [time.ParseDuration] reads; a secret is its
// [SecretMarker].
//
// All mistakes are given at once, joined into one error with a line for each, in the order of the document: values
// that do not fit, parameters that must be given, names that are not there, secrets that were given.
func ResolveParams(rb *Runbook, given map[string]string) (map[string]any, error) {
	values := make(map[string]any, len(rb.Params))
	var errs []error
	var names []string
	for _, p := range rb.Params {
		name := p.Name.Value
		names = append(names, name)
		text, isGiven := given[name]
		switch {
		case p.Secret && isGiven:
			errs = append(errs, fmt.Errorf("parameter %s is a secret and can't be given with the others, where the process list and "+
				"the shell's history show it: it is looked up by its name, in a file, a systemd credential or an environment "+
				"variable that the configuration names", name))
		case p.Secret:
			values[name] = SecretMarker(name)
		case !isGiven && p.Default == nil:
			errs = append(errs, fmt.Errorf("parameter %s is missing%s: give it with -p %s=VALUE", name, about(p), name))
		default:
			if !isGiven {
				text = p.Default.Text.Value
			}
			v, want, hint := p.value(text)
			if want != "" {
				errs = append(errs, errors.New(withHint(misfitMessage("parameter "+name, text, want), hint)))
				continue
			}
			values[name] = v
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(names, name) {
			message := fmt.Sprintf("the runbook has no parameter %s", quoteKey(name))
			errs = append(errs, errors.New(withHint(message+itHas(names, ""), suggest(name, names))))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return values, nil
}

func about(p Param) string {
	if p.About.Value == "" {
		return ""
	}
	return " (" + strings.Join(strings.Fields(p.About.Value), " ") + ")"
}

func withHint(message, hint string) string {
	if hint == "" {
		return message
	}
	return message + "; " + hint
}

// value reads a text as a value of the parameter. want says what the value must be when it does not fit.
func (p Param) value(text string) (v any, want, hint string) {
	if want := unprintable(text); want != "" {
		return nil, want, ""
	}
	v, want, hint = p.typed(text)
	if want != "" {
		return nil, want, hint
	}
	if p.Pattern.Value != "" && p.Type.textual() {
		whole, err := regexp.Compile(`^(?:` + p.Pattern.Value + `)$`)
		if err == nil && !whole.MatchString(text) {
			return nil, "text that matches " + p.Pattern.Value, ""
		}
	}
	var n float64
	switch v := v.(type) {
	case int:
		n = float64(v)
	case float64:
		n = v
	default:
		return v, "", ""
	}
	switch {
	case p.Min != nil && p.Max != nil && *p.Min > *p.Max: // no value fits, which is not this value's fault
	case p.Min != nil && p.Max != nil && (n < *p.Min || n > *p.Max):
		return nil, fmt.Sprintf("from %s to %s", plainNumber(*p.Min), plainNumber(*p.Max)), ""
	case p.Min != nil && n < *p.Min:
		return nil, "at least " + plainNumber(*p.Min), ""
	case p.Max != nil && n > *p.Max:
		return nil, "at most " + plainNumber(*p.Max), ""
	}
	return v, "", ""
}

func plainNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// typed reads a text by the parameter's type alone.
func (p Param) typed(text string) (v any, want, hint string) {
	switch p.Type {
	case ParamInt, ParamPort:
		n, err := strconv.Atoi(text)
		if p.Type == ParamPort {
			if want, hint := misfit("port", text); want != "" {
				return nil, want, hint
			}
		}
		if err != nil || strconv.Itoa(n) != strings.TrimPrefix(text, "+") {
			return nil, "a whole number", ""
		}
		return n, "", ""
	case ParamNumber:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || strings.ContainsFunc(text, func(c rune) bool { return unicode.IsLetter(c) && c != 'e' && c != 'E' || c == '_' }) {
			return nil, "a number", ""
		}
		return n, "", ""
	case ParamBool:
		if strings.EqualFold(text, "true") || strings.EqualFold(text, "false") {
			return strings.EqualFold(text, "true"), "", ""
		}
		return nil, "true or false", ""
	case ParamDuration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return nil, "a length of time, like 90s or 5m", didYouMean(meantDuration(text))
		}
		if d < 0 {
			return nil, "a length of time of at least 0s", ""
		}
		return shortDuration(d), "", ""
	case ParamEnum:
		var names []string
		for _, t := range p.Values {
			names = append(names, t.Value)
		}
		if len(names) > 0 && !slices.Contains(names, text) {
			return nil, orList(names, "or"), suggest(text, names)
		}
		return text, "", ""
	case ParamPath, ParamURL, ParamUnit, ParamUser:
		want, hint = misfit(string(p.Type), text)
		return text, want, hint
	case ParamString:
		return text, "", ""
	default:
		return nil, fmt.Sprintf("of a type that is there (it has %q)", p.Type), ""
	}
}

// unprintable refuses values that no terminal and no report should meet.
func unprintable(text string) string {
	const most = 4096
	switch {
	case len(text) > most:
		return fmt.Sprintf("text of at most %d bytes", most)
	case !utf8.ValidString(text):
		return "text in UTF-8"
	case strings.ContainsFunc(text, func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' || isInvisible(c) }):
		return "text without control characters"
	}
	return ""
}

// ParseParams reads a file of parameters: one YAML mapping of names and values. Values are given as they are written,
// for [ResolveParams] to read by the types of the parameters.
func ParseParams(file string, src []byte) (map[string]string, []Diagnostic) {
	r := &reader{file: file, src: src}
	root, ok := r.load()
	if !ok {
		if r.found[0].Rule == "file-empty" {
			return nil, nil
		}
		return nil, r.found
	}
	r.refused(root)
	if root.Kind != yaml.MappingNode {
		r.wrong(root, "a file of parameters", "a mapping of names and values, like port: 3000", "")
		return nil, r.found
	}
	values := make(map[string]string, len(root.Content)/2)
	for i := 0; i+1 < len(root.Content); i += 2 {
		k, v := root.Content[i], root.Content[i+1]
		if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" || isNull(k) {
			continue
		}
		if v.Kind != yaml.ScalarNode || isNull(v) {
			r.wrong(v, quoteKey(k.Value), "one value", "")
			continue
		}
		if _, twice := values[k.Value]; !twice && !silent(v) {
			values[k.Value] = v.Value
		}
	}
	if len(r.found) > 0 {
		return nil, sorted(r.found)
	}
	return values, nil
}
