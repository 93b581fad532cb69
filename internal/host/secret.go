package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"runbook/engine"
	"runbook/internal/run/redact"
)

// Secrets looks secrets up by name: in systemd's credentials, in the environment, and in a folder of files.
type Secrets struct {
	Getenv func(string) string
	Dir    string // /etc/runbook/secrets; each file 0600 or stricter
}

// fill puts the values of secrets where their markers stand, and tells which ones it used.
func (s Secrets) fill(inputs map[string]any) (map[string]any, *redact.Secrets, error) {
	var used []redact.Secret
	var errs []error
	filled := mapStrings(inputs, func(text string) string {
		for {
			before, rest, found := strings.Cut(text, "\x00secret:")
			name, after, closed := strings.Cut(rest, "\x00")
			if !found || !closed {
				return text
			}
			value, err := s.Lookup(name)
			if err != nil {
				errs = append(errs, err)
				return ""
			}
			used = append(used, redact.Secret{Name: name, Value: value})
			text = before + value + after
		}
	})
	out, _ := filled.(map[string]any)
	cut, err := redact.New(used...)
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, nil, engine.Fail(engine.FailureOf(err).Kind, err)
	}
	return out, cut, nil
}

// Lookup finds a secret: $CREDENTIALS_DIRECTORY/NAME, then $RUNBOOK_SECRET_NAME, then NAME in the folder of files.
func (s Secrets) Lookup(name string) (string, error) {
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return "", engine.Failf(engine.Invalid, "look up secret %q: it is not a name", name)
	}
	variable := "RUNBOOK_SECRET_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	if dir := s.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		if raw, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return strings.TrimRight(string(raw), "\n"), nil
		}
	}
	if v := s.Getenv(variable); v != "" {
		return v, nil
	}
	path := filepath.Join(s.Dir, name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", engine.Failf(engine.Missing, "secret %s is nowhere: give it as a systemd credential, as $%s, or in %s", name, variable, path)
	case err != nil:
		return "", engine.Fail(engine.FailureOf(err).Kind, fmt.Errorf("look up secret %s: %w", name, err))
	case info.Mode().Perm()&0o077 != 0:
		return "", engine.Failf(engine.Denied, "secret %s: %s can be read by others: chmod 600 it", name, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", engine.Fail(engine.FailureOf(err).Kind, fmt.Errorf("look up secret %s: %w", name, err))
	}
	return strings.TrimRight(string(raw), "\n"), nil
}

// mapStrings copies plain values and changes every text in them.
func mapStrings(v any, change func(string) string) any {
	switch v := v.(type) {
	case string:
		return change(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = mapStrings(item, change)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			out[k] = mapStrings(item, change)
		}
		return out
	default:
		return v
	}
}
