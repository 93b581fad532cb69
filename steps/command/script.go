package command

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"runbook/engine"
)

// mostScript is the most bytes of a script: the kernel takes 128 KiB for one argument.
const mostScript = 64 << 10

type scriptInput struct {
	Text    string            `json:"text" required:"true" doc:"the script, up to 64 KiB. It takes values from env: there is no ${{ }} in it"`
	Shell   string            `json:"shell" default:"/bin/sh" is:"path" doc:"what runs it, given the text with -c; a shell also gets -e, and stops at the first command that fails"`
	Dir     string            `json:"dir" is:"path" doc:"the working directory, an absolute path; without it the home of the user it runs as"`
	Env     map[string]string `json:"env" secret:"ok" doc:"environment variables, beside the few that every command gets"`
	Stdin   string            `json:"stdin" secret:"ok" doc:"what it reads from standard input; without it there is nothing to read"`
	Timeout engine.Duration   `json:"timeout" doc:"how long it may take, within the timeout of the step; 0 for no limit of its own"`
}

func scriptKind() engine.Definition[scriptInput, output] {
	return engine.Definition[scriptInput, output]{
		Name:    "script",
		Effect:  engine.Changes,
		MayRead: true,
		Expect:  "exit == 0",
		Doc: `Runs a text with a shell.

Values come in by the environment, quoted by the script like any other: ` + "`\"$NAME\"`" + `. In all else it is like
[command](#command), also with ` + "`reads: true`" + `.`,
		Example: "text: |\n  cd \"$DIR\"\n  ls -l\nenv: {DIR: /var/www}",
		Check:   checkScript,
		Describe: func(_ context.Context, in scriptInput, t engine.Task) (engine.Description, error) {
			return in.job().describe(t), nil
		},
		Do: func(ctx context.Context, in scriptInput, t engine.Task) (output, error) {
			return in.job().do(ctx, t)
		},
	}
}

func checkScript(in scriptInput) error {
	switch {
	case strings.TrimSpace(in.Text) == "":
		return errors.New("text is empty")
	case len(in.Text) > mostScript:
		return fmt.Errorf("text has %d bytes: more than %d are not taken", len(in.Text), mostScript)
	case strings.Contains(in.Text, "\x00"):
		return errors.New("text has a NUL in it")
	case !path.IsAbs(in.Shell):
		return fmt.Errorf("shell %q is not an absolute path", in.Shell)
	}
	return checkSetting(in.Dir, in.Env, time.Duration(in.Timeout))
}

func (in scriptInput) job() job {
	argv := []string{in.Shell, "-c", in.Text}
	if slices.Contains([]string{"sh", "dash", "bash", "ksh", "zsh", "ash"}, path.Base(in.Shell)) {
		argv = []string{in.Shell, "-e", "-c", in.Text}
	}
	return job{
		name: "script", argv: argv, script: in.Text, dir: in.Dir, env: in.Env, stdin: in.Stdin,
		timeout: time.Duration(in.Timeout),
	}
}
