package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/engine"
	"runbook/internal/run"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/stream"
)

// mostJSON is the most bytes that a decoded standard output may take in the result.
const mostJSON = 16 << 10

// job is a process to run, whichever kind it comes from.
type job struct {
	name    string // for people
	argv    []string
	script  string // the text among argv, shown line by line
	dir     string
	env     map[string]string
	stdin   string
	timeout time.Duration
}

func (j job) do(ctx context.Context, t engine.Task) (output, error) {
	if err := ctx.Err(); err != nil {
		return output{}, engine.FailureOf(err)
	}
	if j.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, j.timeout, fmt.Errorf("it took longer than %s", j.timeout))
		defer cancel()
	}
	stdout, stderr := stream.Open(t, "stdout"), stream.Open(t, "stderr")
	spec := run.Spec{
		Argv: j.argv, Dir: j.dir, Env: assignments(j.env), User: t.As, Sandbox: t.Sandboxed,
		Stdout: stdout, Stderr: stderr,
	}
	if j.stdin != "" {
		spec.Stdin = strings.NewReader(j.stdin)
	}
	hidden := stream.Hidden(append(slices.Collect(maps.Values(j.env)), j.stdin)...)
	exit, err := run.Run(ctx, spec)
	stdout.Close()
	stderr.Close()
	out := output{
		Exit: exit.Code, Signal: exit.Signal, DurationMS: int(exit.Duration.Milliseconds()),
		Stdout: stdout.Text(hidden), StdoutBytes: stdout.Bytes(), JSON: decoded(stdout),
		Stderr: stderr.Text(hidden), StderrBytes: stderr.Bytes(),
	}
	if err == nil && !t.Reads {
		err = j.failure(out, stderr.LastLine(hidden))
	}
	return out, err
}

// failure is what an exit means that is not 0, for a fix.
func (j job) failure(out output, said string) error {
	how := "ended with exit code " + strconv.Itoa(out.Exit)
	switch {
	case out.Signal != "":
		how = "was ended by a signal: " + out.Signal
	case out.Exit == 0:
		return nil
	}
	if said != "" {
		how += ": " + said
	}
	return engine.Failf(engine.Exit, "%s %s", j.name, how)
}

// describe shows what would be run. The values of the environment and of standard input may be secrets.
func (j job) describe(t engine.Task) engine.Description {
	d := engine.Description{Summary: "run " + j.name, Target: j.name}
	if j.script == "" {
		d.Exact = []string{commandLine(j.argv)}
	} else {
		shell := slices.DeleteFunc(slices.Clone(j.argv), func(arg string) bool { return arg == j.script })
		d.Exact = append(d.Exact, commandLine(shell)+" the text")
		for line := range strings.Lines(j.script) {
			d.Exact = append(d.Exact, "| "+budget.Visible(strings.TrimSuffix(line, "\n")))
		}
	}
	if j.dir != "" {
		d.Exact = append(d.Exact, "in "+budget.Visible(j.dir))
	}
	if t.As != "" {
		d.Exact = append(d.Exact, "as "+t.As)
	}
	if len(j.env) > 0 {
		d.Exact = append(d.Exact, "with "+strings.Join(slices.Sorted(maps.Keys(j.env)), ", ")+" in the environment (values not shown)")
	}
	if j.stdin != "" {
		d.Exact = append(d.Exact, fmt.Sprintf("with %d bytes of standard input (not shown)", len(j.stdin)))
	}
	return d
}

func assignments(env map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

// decoded is the output as a value, nil when it is not one JSON value or too long a one.
func decoded(out *stream.Stream) any {
	data, whole := out.Whole()
	if !whole || len(data) == 0 {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil
	}
	if raw, err := json.Marshal(v); err != nil || len(raw) > mostJSON {
		return nil
	}
	return v
}

// commandLine writes arguments so that a reader sees where each begins and ends.
func commandLine(argv []string) string {
	parts := make([]string, len(argv))
	for i, arg := range argv {
		parts[i] = quoted(arg)
	}
	return strings.Join(parts, " ")
}

func quoted(arg string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if arg != "" && !strings.ContainsFunc(arg, func(r rune) bool { return !plain(r) }) {
		return arg
	}
	if budget.Visible(arg) != arg {
		return strconv.Quote(arg)
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
