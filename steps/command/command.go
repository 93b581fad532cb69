package command

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"runbook/engine"
)

type commandInput struct {
	Argv    []string          `json:"argv" required:"true" doc:"the program, by path or looked up in PATH, and its arguments. There is no shell: nothing is expanded"`
	Dir     string            `json:"dir" is:"path" doc:"the working directory, an absolute path; without it the home of the user it runs as"`
	Env     map[string]string `json:"env" secret:"ok" doc:"environment variables, beside the few that every command gets"`
	Stdin   string            `json:"stdin" secret:"ok" doc:"what it reads from standard input; without it there is nothing to read"`
	Timeout engine.Duration   `json:"timeout" doc:"how long it may take, within the timeout of the step; 0 for no limit of its own"`
}

type output struct {
	Exit        int    `json:"exit" doc:"the exit code; 128 and the number of the signal when one ended it"`
	Signal      string `json:"signal" doc:"the signal that ended it, like KILL; empty when none did"`
	Stdout      string `json:"stdout" doc:"its standard output, at most 8 KiB: of more the first and the last 4. All of it is evidence"`
	Stderr      string `json:"stderr" doc:"its standard error, likewise"`
	JSON        any    `json:"json" restates:"stdout" doc:"standard output as a value, when it is JSON and not longer than 8 KiB; otherwise null"`
	StdoutBytes int    `json:"stdout_bytes" restates:"stdout" doc:"bytes it wrote to standard output in all"`
	StderrBytes int    `json:"stderr_bytes" restates:"stderr" doc:"bytes it wrote to standard error in all"`
	DurationMS  int    `json:"duration_ms" moves:"true" doc:"milliseconds that it took"`
}

func commandKind() engine.Definition[commandInput, output] {
	return engine.Definition[commandInput, output]{
		Name:    "command",
		Effect:  engine.Changes,
		MayRead: true,
		Expect:  "exit == 0",
		Doc: `Runs a program, without a shell.

It is a fix unless the step says ` + "`reads: true`" + `; then it is a check, runs in the read sandbox, and its exit code is an
answer. As a fix, every exit code but 0 is a failure. It has a process group of its own, which is ended as a whole when
the time is over: TERM first, KILL after it.`,
		Example: "argv: [nginx, -t]\ntimeout: 10s",
		Check:   checkCommand,
		Describe: func(_ context.Context, in commandInput, t engine.Task) (engine.Description, error) {
			return in.job().describe(t), nil
		},
		Do: func(ctx context.Context, in commandInput, t engine.Task) (output, error) {
			return in.job().do(ctx, t)
		},
	}
}

func (in commandInput) job() job {
	return job{
		name: path.Base(in.Argv[0]), argv: in.Argv, dir: in.Dir, env: in.Env, stdin: in.Stdin,
		timeout: time.Duration(in.Timeout),
	}
}

func checkCommand(in commandInput) error {
	if len(in.Argv) == 0 || in.Argv[0] == "" {
		return errors.New("argv names no program")
	}
	for _, arg := range in.Argv {
		if strings.Contains(arg, "\x00") {
			return errors.New("argv has a NUL in it")
		}
	}
	return checkSetting(in.Dir, in.Env, time.Duration(in.Timeout))
}

// checkSetting looks at what a command and a script have in common.
func checkSetting(dir string, env map[string]string, timeout time.Duration) error {
	if dir != "" && !path.IsAbs(dir) {
		return fmt.Errorf("dir %q is not absolute", dir)
	}
	for name := range env {
		if !isName(name) {
			return fmt.Errorf("env: %q is not the name of a variable", name)
		}
	}
	if timeout < 0 {
		return fmt.Errorf("timeout %s is negative", timeout)
	}
	return nil
}

// isName tells whether a shell could use the name.
func isName(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
