package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"runbook/engine"
)

// completeName is the hidden command that the scripts of the shells ask for words.
const completeName = "complete-words"

func (p program) completionCommand() command {
	return command{
		name: "completion", args: "bash | zsh | fish", about: "print the script that lets a shell complete commands",
		example: "source <(runbook completion bash)\nrunbook completion fish > ~/.config/fish/completions/runbook.fish",
		do:      p.completion,
	}
}

func (p program) completion(c *cli.Context) error {
	shell, err := one(c, "the name of a shell", "runbook completion bash")
	if err != nil {
		return err
	}
	scripts := map[string]string{
		"bash": `_runbook() {
	local IFS=$'\n'
	COMPREPLY=($(runbook ` + completeName + ` "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _runbook runbook
`,
		"zsh": `#compdef runbook
_runbook() {
	local -a found
	found=("${(@f)$(runbook ` + completeName + ` "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	compadd -a found
}
compdef _runbook runbook
`,
		"fish": `complete -c runbook -f -a '(runbook ` + completeName + ` (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
	}
	script, ok := scripts[shell]
	if !ok {
		return usagef("there are bash, zsh and fish", "there is no completion for %s", shell)
	}
	_, err = io.WriteString(p.stdout, script)
	return err
}

// complete prints what the last of the words could become.
func (p program) complete(words []string) {
	if len(words) == 0 {
		words = []string{""}
	}
	prefix := words[len(words)-1]
	for _, w := range p.candidates(words[:len(words)-1], prefix) {
		if strings.HasPrefix(w, prefix) {
			_, _ = fmt.Fprintln(p.stdout, w)
		}
	}
}

// candidates lists what may stand behind the words before it.
func (p program) candidates(before []string, prefix string) []string {
	commands := p.commands()
	if len(before) == 0 {
		var names []string
		for _, c := range commands {
			names = append(names, c.name)
		}
		return names
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == before[0] })
	if i < 0 {
		return nil
	}
	cmd, last := commands[i], strings.TrimLeft(before[len(before)-1], "-")
	if f := slices.IndexFunc(cmd.flags, func(f flag) bool { return slices.Contains(f.names(), last) }); f >= 0 && before[len(before)-1] != last && cmd.flags[f].value != "" {
		return p.values(cmd.flags[f].name, before)
	}
	if strings.HasPrefix(prefix, "-") {
		names := []string{"--help"}
		for _, f := range cmd.flags {
			names = append(names, "--"+f.name)
		}
		return names
	}
	switch cmd.name {
	case "run", "show", "graph", "doctor", "validate", "snapshot", "drill":
		return p.shelf(nil).Names()
	case "resume", "report", "note", "record":
		return p.runNames()
	case "replay":
		if slices.Contains(before, "--all") {
			return p.shelf(nil).Names()
		}
		return p.runNames()
	case "approve", "deny":
		if len(before) == 1 {
			return p.runNames()
		}
		run, err := p.open(before[1])
		if err != nil {
			return nil
		}
		open, _ := questions(run)
		var steps []string
		for _, q := range open {
			steps = append(steps, q.Step)
		}
		return steps
	case "kinds":
		kinds, err := p.kinds()
		if err != nil {
			return nil
		}
		var names []string
		for _, k := range kinds {
			names = append(names, k.Name)
		}
		return names
	case "completion":
		return []string{"bash", "zsh", "fish"}
	}
	return nil
}

// values lists what a flag may have behind it.
func (p program) values(name string, before []string) []string {
	switch name {
	case "format":
		return []string{"text", "mermaid", "dot"}
	case "run":
		return p.runNames()
	case "param", "confirm":
		if len(before) < 2 {
			return nil
		}
		book, err := p.shelf(nil).Find(before[1])
		if err != nil {
			return nil
		}
		rb, _ := engine.Parse(book.File, book.Source)
		if rb == nil {
			return nil
		}
		var names []string
		if name == "param" {
			for _, v := range rb.Params {
				names = append(names, v.Name.Value+"=")
			}
			return names
		}
		for _, s := range rb.Steps {
			if s.Risk == engine.High {
				names = append(names, s.ID.Value+"=")
			}
		}
		return names
	}
	return nil
}

func (p program) runNames() []string {
	store, err := p.store()
	if err != nil {
		return nil
	}
	ids, _ := store.List()
	slices.Reverse(ids)
	return append([]string{"last"}, ids[:min(len(ids), 20)]...)
}
