package run

import (
	"crypto/rand"
	"os"
	"slices"
	"strings"
)

// DefaultPath is PATH if the caller gives none. It is that of Debian's root,
// for every user: a check that looks for sbin/nginx should not depend on who
// looks.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// markVar is in the environment of every process that Run starts, and so in
// that of all that those start. Its value is another one for each Run.
const markVar = "RUNBOOK_PROCESS"

// newMark makes a value for markVar.
func newMark() string { return markVar + "=" + rand.Text() }

// environment is all that a process gets: few variables that every program
// expects, then those given, of which a later one wins over an earlier.
func environment(u User, given []string, mark string) ([]string, error) {
	home := u.Home
	if home == "" {
		home = "/"
	}
	env := []string{
		"PATH=" + DefaultPath, "HOME=" + home, "USER=" + u.Name, "LOGNAME=" + u.Name, "LANG=C.UTF-8",
	}
	for _, v := range given {
		name, _, ok := strings.Cut(v, "=")
		if !ok || name == "" || strings.Contains(v, "\x00") {
			// The value may be a secret, so only the name is said.
			return nil, fail(Invalid, "set variable %q: want NAME=value without NUL bytes", name)
		}
		env = set(env, v)
	}
	if change := os.Getenv(ChangeVar); change != "" {
		env = set(env, ChangeVar+"="+change)
	}
	return set(env, mark), nil
}

func set(env []string, variable string) []string {
	name, _, _ := strings.Cut(variable, "=")
	env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	return append(env, variable)
}

func get(env []string, name string) string {
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}
