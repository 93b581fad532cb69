package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/books"
	"runbook/cmd/runbook/internal/screen"
)

// command is one word of the command line.
type command struct {
	name    string
	args    string // as usage shows them: "NAME [-p k=v]…"
	about   string // a line for the list of commands
	text    string // more, for its own help
	example string
	flags   []flag
	do      func(*cli.Context) error
}

// flag is one flag of a command.
type flag struct {
	name  string
	short string
	value string // what stands behind it, "" for a switch
	many  bool   // it may be given several times
	about string
}

func (f flag) names() []string {
	if f.short == "" {
		return []string{f.name}
	}
	return []string{f.name, f.short}
}

func (c command) cliFlags() []cli.Flag {
	var out []cli.Flag
	for _, f := range c.flags {
		aliases := f.names()[1:]
		switch {
		case f.value == "":
			out = append(out, &cli.BoolFlag{Name: f.name, Aliases: aliases})
		case f.many:
			out = append(out, &cli.StringSliceFlag{Name: f.name, Aliases: aliases})
		default:
			out = append(out, &cli.StringFlag{Name: f.name, Aliases: aliases})
		}
	}
	return out
}

// help is what `runbook COMMAND --help` prints.
func (c command) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", strings.Join(screen.Wrap("runbook "+c.name+": "+c.about, 80), "\n"))
	b.WriteString(strings.Join(screen.Indent(screen.Wrap(c.args, 80-len("usage: runbook "+c.name+" ")), "usage: runbook "+c.name+" "), "\n") + "\n")
	if c.text != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.Join(screen.Wrap(c.text, 80), "\n"))
	}
	if len(c.flags) > 0 {
		b.WriteString("\n")
	}
	for _, f := range c.flags {
		name := "--" + f.name
		if f.short != "" {
			name = "-" + f.short + ", " + name
		}
		if f.value != "" {
			name += " " + f.value
		}
		left := "  " + screen.Pad(name, 24) + "  "
		if screen.Width(name) > 24 {
			b.WriteString("  " + name + "\n")
			left = strings.Repeat(" ", 28)
		}
		b.WriteString(strings.Join(screen.Indent(screen.Wrap(f.about, 80-28), left), "\n") + "\n")
	}
	if c.example != "" {
		b.WriteString("\nexample:\n  " + strings.ReplaceAll(c.example, "\n", "\n  ") + "\n")
	}
	return b.String()
}

// help prints all commands, or the help of one.
func (p program) help(name string, commands []command) error {
	for _, c := range commands {
		if c.name == name {
			_, _ = fmt.Fprint(p.stdout, c.help())
			return nil
		}
	}
	if name != "" {
		return p.noCommand(name, commands)
	}
	var b strings.Builder
	b.WriteString(`runbook runs incident runbooks: it looks, says why, asks, acts, and looks again.

  runbook list                        what there is
  runbook show NAME                   what one does, before it does it
  runbook drill NAME                  practise it: the host is simulated
  runbook run NAME --dry-run          what it would do on this host now
  runbook run NAME                    do it; every change is asked for

commands:
`)
	for _, c := range commands {
		fmt.Fprintf(&b, "  %-12s %s\n", c.name, c.about)
	}
	b.WriteString(`
runbook COMMAND --help tells more. Exit codes: 0 healthy or fixed, 3 not fixed,
4 a change failed, 5 declined, 6 a person must go on, 7 refused, 8 undecided,
2 wrong usage or a broken runbook, 1 an error of the tool, 130 interrupted.
`)
	_, _ = fmt.Fprint(p.stdout, b.String())
	return nil
}

func (p program) noCommand(name string, commands []command) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.name)
	}
	if slices.Contains(p.shelf(nil).Names(), name) {
		return usagef("to run that runbook: runbook run "+name, "there is no command %s", name)
	}
	if near := books.Near(name, names); near != "" {
		return usagef("did you mean runbook "+near+"?", "there is no command %s", name)
	}
	return usagef("runbook --help lists the commands", "there is no command %s", name)
}

// badFlag says in the words of a person what the flag library found.
func badFlag(name string, flags []flag, err error) error {
	text := err.Error()
	where := strings.TrimSpace("runbook " + name)
	if wrong, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		wrong = strings.TrimLeft(wrong, "-")
		var names []string
		for _, f := range flags {
			names = append(names, f.name)
		}
		hint := where + " --help lists the flags"
		if near := books.Near(wrong, names); near != "" {
			hint = "did you mean --" + near + "?"
		}
		return usagef(hint, "%s has no flag %s", where, dashed(wrong))
	}
	if wrong, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		wrong = strings.TrimLeft(wrong, "-")
		i := slices.IndexFunc(flags, func(f flag) bool { return slices.Contains(f.names(), wrong) })
		value := "VALUE"
		if i >= 0 {
			value = flags[i].value
		}
		return usagef("", "%s wants something behind it: %s %s", dashed(wrong), dashed(wrong), value)
	}
	return usagef(where+" --help tells more", "%s: %s", where, text)
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// arrange puts the flags of a command before its other arguments, where the flag library wants them. People write them
// behind: runbook run NAME --dry-run.
// Whoever asks for help anywhere gets it, and nothing else happens: help is the command to explain.
func arrange(args []string, commands []command) (arranged []string, help string, err error) {
	if len(args) < 2 {
		return args, "", nil
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == args[1] })
	if i < 0 {
		return args, "", nil
	}
	var flags, rest []string
	for k := 2; k < len(args); k++ {
		arg := args[k]
		name := strings.TrimLeft(arg, "-")
		switch {
		case arg == "--":
			rest = append(rest, args[k+1:]...)
			k = len(args)
		case arg == "--help" || arg == "-h" || arg == "-help":
			return nil, args[1], nil
		case arg == "-" || name == arg:
			rest = append(rest, arg)
		default:
			flags = append(flags, arg)
			f := slices.IndexFunc(commands[i].flags, func(f flag) bool { return slices.Contains(f.names(), name) })
			if f >= 0 && commands[i].flags[f].value != "" {
				if k+1 == len(args) || len(args[k+1]) > 1 && args[k+1][0] == '-' { // the next flag is not a value
					return nil, "", badFlag(args[1], commands[i].flags, fmt.Errorf("flag needs an argument: %s", name))
				}
				k++
				flags = append(flags, args[k])
			}
		}
	}
	out := append(append([]string{args[0], args[1]}, flags...), "--")
	return append(out, rest...), "", nil
}

// one gives the only argument of a command.
func one(c *cli.Context, what, example string) (string, error) {
	switch c.NArg() {
	case 1:
		return c.Args().First(), nil
	case 0:
		return "", usagef("for example: "+example, "%s is missing", what)
	}
	return "", usagef("for example: "+example, "only one %s is wanted, and there are %d: %s", strings.TrimPrefix(what, "the "), c.NArg(), strings.Join(c.Args().Slice(), " "))
}

// none refuses arguments.
func none(c *cli.Context) error {
	if c.NArg() > 0 {
		return usagef("", "runbook %s takes no arguments, and there is %s", c.Command.Name, c.Args().First())
	}
	return nil
}
