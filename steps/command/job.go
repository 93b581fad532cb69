package command

import (
	"bytes"
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
	"runbook/steps/internal/budget"
	"runbook/steps/internal/child"
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
	if j.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, j.timeout, fmt.Errorf("it took longer than %s", j.timeout))
		defer cancel()
	}
	r, err := child.Run(ctx, t, child.Spec{Argv: j.argv, Dir: j.dir, Env: j.env, Stdin: j.stdin})
	out := output{
		Exit: r.Exit.Code, Signal: r.Exit.Signal, DurationMS: int(r.Exit.Duration.Milliseconds()),
		Stdout: r.Stdout, StdoutBytes: r.StdoutBytes, JSON: decoded(r.JSON),
		Stderr: r.Stderr, StderrBytes: r.StderrBytes,
	}
	if err == nil && !t.Reads {
		err = r.Failure(j.name)
	}
	return out, err
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

// decoded is an output as a value, nil when it is not one JSON value or too long a one.
func decoded(text []byte) any {
	dec := json.NewDecoder(bytes.NewReader(text))
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
