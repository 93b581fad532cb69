package node

import (
	"context"
	"errors"
	"path"
	"strings"

	"runbook/engine"
	"runbook/steps/internal/child"
	"runbook/steps/internal/hostcall"
)

// build makes a new build, or leaves what was there.
func build(ctx context.Context, in buildInput, t engine.Task) (buildOutput, error) {
	if _, err := survey(ctx, in, t.As); err != nil {
		return buildOutput{}, err
	}
	k, err := hostcall.Look(ctx, t.As, func() (*keeper, error) {
		root, err := openProject(in.Dir)
		return &keeper{root: root, artifact: in.Artifact}, err
	})
	if err != nil {
		return buildOutput{}, err
	}
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
	r, err := child.Run(ctx, t, child.Spec{Argv: in.argv(), Dir: in.Dir, Env: in.Env})
	if err == nil {
		err = r.Failure(strings.Join(in.argv(), " "))
	}
	return buildOutput{
		Exit: r.Exit.Code, DurationMS: int(r.Exit.Duration.Milliseconds()), Stdout: r.Stdout, Stderr: r.Stderr,
	}, err
}
