package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"runbook/engine"
)

type buildInput struct {
	Dir          string            `json:"dir" required:"true" is:"path" doc:"the project, an absolute path: where package.json is"`
	Manager      string            `json:"manager" default:"pnpm" enum:"pnpm,npm,yarn" doc:"what runs the script; it must be in the PATH of env, or among the usual directories"`
	Script       string            `json:"script" default:"build" doc:"the script of package.json to run"`
	Env          map[string]string `json:"env" secret:"ok" doc:"environment variables, beside the few that every command gets"`
	Artifact     string            `json:"artifact" default:".next" doc:"what a build makes, a path below dir; there must be something after it"`
	KeepPrevious bool              `json:"keep_previous" default:"true" doc:"move the artifact that is there aside, put it back when the build fails, and keep it when it succeeds: .next as .next.previous. Without it the build goes over what is there"`
	MinFreeMiB   int               `json:"min_free_mib" default:"512" doc:"MiB that must be free on the disk, or nothing is begun; 0 to not look"`
}

type buildOutput struct {
	Exit       int    `json:"exit" doc:"the exit code of the build; 128 and the number of the signal when one ended it"`
	DurationMS int    `json:"duration_ms" doc:"milliseconds that the build took"`
	Artifact   string `json:"artifact" doc:"where the new build is; empty when there is none"`
	Previous   string `json:"previous" doc:"where the build before it is kept; empty when there was none or it was put back"`
	Restored   bool   `json:"restored" doc:"the build failed, and what was there before is back in its place"`
	Stdout     string `json:"stdout" doc:"what it printed, at most 8 KiB: of more the first and the last 4. All of it is evidence"`
	Stderr     string `json:"stderr" doc:"its standard error, likewise"`
}

func buildKind() engine.Definition[buildInput, buildOutput] {
	return engine.Definition[buildInput, buildOutput]{
		Name:   "pnpm.build",
		Effect: engine.Changes,
		Doc: `Builds a Node project anew with pnpm, npm or yarn.

Looks for room on the disk first. What is there stays aside until the new build is complete, and comes back when it
fails; when an earlier attempt was killed in the middle, it comes back before anything else. So the new build begins
without a cache. A server that runs from the artifact meanwhile loses it: stop it, or expect it to be down.

Builds as the step's ` + "`as`" + `. As root, the new files belong to root.`,
		Example:  "dir: /var/www/app\nscript: build",
		Check:    checkBuild,
		Describe: describeBuild,
		Do:       build,
	}
}

func checkBuild(in buildInput) error {
	if !path.IsAbs(in.Dir) {
		return fmt.Errorf("dir %q is not absolute", in.Dir)
	}
	if in.Script == "" || strings.HasPrefix(in.Script, "-") || strings.ContainsAny(in.Script, "\x00\n") {
		return fmt.Errorf("script %q is not the name of a script", in.Script)
	}
	if !filepath.IsLocal(in.Artifact) || path.Clean(in.Artifact) != in.Artifact || in.Artifact == "." {
		return fmt.Errorf("artifact %q is not a path below dir", in.Artifact)
	}
	if in.MinFreeMiB < 0 {
		return fmt.Errorf("min_free_mib %d is negative", in.MinFreeMiB)
	}
	for name := range in.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return errors.New("env: a variable has no proper name")
		}
	}
	return nil
}

// argv is the build. All three managers take it in the same form.
func (in buildInput) argv() []string { return []string{in.Manager, "run", in.Script} }

func describeBuild(ctx context.Context, in buildInput, t engine.Task) (engine.Description, error) {
	p, err := survey(ctx, in, t.As)
	if err != nil {
		return engine.Description{}, err
	}
	d := engine.Description{
		Summary: fmt.Sprintf("build %s with %s", in.Dir, in.Manager),
		Exact:   []string{strings.Join(in.argv(), " "), "in " + in.Dir},
		Target:  path.Base(in.Dir),
	}
	if len(in.Env) > 0 {
		names := strings.Join(slices.Sorted(maps.Keys(in.Env)), ", ")
		d.Exact = append(d.Exact, "with "+names+" in the environment (values not shown)")
	}
	if p.owner != p.user {
		d.Exact = append(d.Exact, fmt.Sprintf("as %s, in a directory of %s: the new files will belong to %s", p.user, p.owner, p.user))
	} else {
		d.Exact = append(d.Exact, "as "+p.user)
	}
	artifact := path.Join(in.Dir, in.Artifact)
	switch k := (&keeper{artifact: in.Artifact}); {
	case !in.KeepPrevious:
		d.Exact = append(d.Exact, "over what is at "+artifact)
	case p.interrupted:
		d.Exact = append(d.Exact,
			fmt.Sprintf("first put %s back to %s: an earlier build was killed in the middle", path.Join(in.Dir, k.aside()), artifact))
		fallthrough
	case p.built:
		d.Exact = append(d.Exact,
			fmt.Sprintf("keep %s as %s, and put it back when the build fails", artifact, path.Join(in.Dir, k.previous())))
		if p.previous {
			d.Exact = append(d.Exact, fmt.Sprintf("remove the %s that is there", path.Join(in.Dir, k.previous())))
		}
	}
	return d, nil
}
