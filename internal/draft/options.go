package draft

import (
	"slices"
	"strings"
)

// given are the options of a command by their long names, or by their letters when they have none.
type given map[string][]string

func (g given) has(name string) bool { return len(g[name]) > 0 }

// last is the value of an option, the last one when it stands there several times.
func (g given) last(name string) string {
	if !g.has(name) {
		return ""
	}
	return g[name][len(g[name])-1]
}

// options reads the options of a command as getopt does. spec lists those that are known: -n,--lines= has a value, -f is a
// switch; a + before them ends the options at the first other argument. ok is false when there is another one: then nobody
// knows what the command does.
func options(args []string, spec string) (got given, rest []string, ok bool) {
	got = given{}
	spec, first := strings.CutPrefix(spec, "+")
	known := strings.Fields(spec)
	find := func(flag string) (name string, valued bool) {
		for _, option := range known {
			option, valued := strings.CutSuffix(option, "=")
			if forms := strings.Split(option, ","); slices.Contains(forms, flag) {
				return strings.TrimLeft(forms[len(forms)-1], "-"), valued
			}
		}
		return "", false
	}
	for i := 0; i < len(args); i++ {
		arg := args[i]
		flags, value, inside := []string{arg}, "", false
		switch {
		case arg == "--":
			return got, append(rest, args[i+1:]...), true
		case strings.HasPrefix(arg, "--"):
			flags[0], value, inside = strings.Cut(arg, "=")
		case len(arg) > 1 && arg[0] == '-':
			flags = strings.Split(arg[1:], "")
		case first:
			return got, append(rest, args[i:]...), true
		default:
			rest = append(rest, arg)
			continue
		}
		for k, flag := range flags {
			if !strings.HasPrefix(flag, "--") {
				flag = "-" + flag
			}
			name, valued := find(flag)
			if name == "" || inside && !valued {
				return nil, nil, false
			}
			if valued && !inside {
				if value = strings.Join(flags[k+1:], ""); value == "" {
					if i++; i == len(args) {
						return nil, nil, false
					}
					value = args[i]
				}
			}
			if got[name] = append(got[name], value); valued {
				break
			}
		}
	}
	return got, rest, true
}
