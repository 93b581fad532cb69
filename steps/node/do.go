package node

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strconv"

	"runbook/engine"
	"runbook/internal/run"
	"runbook/steps/internal/hostcall"
	"runbook/steps/internal/stream"
)

// build makes a new build, or leaves what was there.
func build(ctx context.Context, in buildInput, t engine.Task) (buildOutput, error) {
	if _, err := survey(ctx, in, t.As); err != nil {
		return buildOutput{}, err
	}
	root, err := hostcall.Look(ctx, t.As, func() (*keeper, error) {
		dir, err := openProject(in.Dir)
		return &keeper{root: dir, artifact: in.Artifact}, err
	})
	if err != nil {
		return buildOutput{}, err
	}
	k := root
	defer func() { _ = k.root.Close() }()

	if in.KeepPrevious {
		if err := move(ctx, t.As, k.begin); err != nil {
			return buildOutput{}, err
		}
	}
	out, failed := compile(ctx, in, t)
	if failed == nil {
		failed = move(ctx, t.As, func() error {
			complete, err := k.complete()
			if err == nil && !complete {
				return engine.Failf(engine.Missing, "build %s: it ended with exit code 0, and there is no %s", in.Dir, in.Artifact)
			}
			return err
		})
	}
	// From here on the step's end changes nothing: what was begun is brought into order.
	ctx = context.WithoutCancel(ctx)
	if failed != nil {
		if !in.KeepPrevious {
			return out, failed
		}
		err := move(ctx, t.As, k.putBack)
		out.Restored = err == nil
		return out, errors.Join(failed, err)
	}
	out.Artifact = path.Join(in.Dir, in.Artifact)
	if in.KeepPrevious {
		err = move(ctx, t.As, func() error {
			out.Previous, err = k.done()
			return err
		})
	}
	return out, err
}

// move makes changes to the project as the user who builds.
func move(ctx context.Context, as string, fn func() error) error {
	_, err := hostcall.Act(ctx, as, func() (struct{}, error) { return struct{}{}, fn() })
	return err
}

// compile runs the build itself.
func compile(ctx context.Context, in buildInput, t engine.Task) (buildOutput, error) {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(in.Env)) {
		env = append(env, name+"="+in.Env[name])
	}
	hidden := stream.Hidden(slices.Collect(maps.Values(in.Env))...)
	stdout, stderr := stream.Open(t, "stdout"), stream.Open(t, "stderr")
	exit, err := run.Run(ctx, run.Spec{
		Argv: in.argv(), Dir: in.Dir, Env: env, User: t.As, Stdout: stdout, Stderr: stderr,
	})
	stdout.Close()
	stderr.Close()
	out := buildOutput{
		Exit: exit.Code, DurationMS: int(exit.Duration.Milliseconds()),
		Stdout: stdout.Text(hidden), Stderr: stderr.Text(hidden),
	}
	if err != nil || exit.Code == 0 {
		return out, err
	}
	how := "ended with exit code " + strconv.Itoa(exit.Code)
	if exit.Signal != "" {
		how = "was ended by a signal: " + exit.Signal
	}
	said := stderr.LastLine(hidden)
	if said == "" {
		said = stdout.LastLine(hidden)
	}
	if said != "" {
		how += ": " + said
	}
	return out, engine.Failf(engine.Exit, "%s run %s %s", in.Manager, in.Script, how)
}
