package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

// mostManifest is the most bytes of package.json that are read.
const mostManifest = 4 << 20

// project is what there is before a build.
type project struct {
	owner, user string // whose the directory is, and who builds
	built       bool   // there is an artifact
	previous    bool   // there is a build from before the last one
	interrupted bool   // an earlier attempt was killed in the middle
}

// survey looks whether a build can begin, as the user who would make it. It changes nothing.
func survey(ctx context.Context, in buildInput, as string) (project, error) {
	return hostcall.Look(ctx, as, func() (project, error) {
		root, err := openProject(in.Dir)
		if err != nil {
			return project{}, err
		}
		defer func() { _ = root.Close() }()
		if err := hasScript(root, in.Script); err != nil {
			return project{}, err
		}
		if in.MinFreeMiB > 0 {
			if err := room(in.Dir, in.MinFreeMiB); err != nil {
				return project{}, err
			}
		}
		info, err := root.Stat(".")
		if err != nil {
			return project{}, fmt.Errorf("look at %s: %w", in.Dir, err)
		}
		p := project{user: userName(syscall.Geteuid())}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			p.owner = userName(int(st.Uid))
		}
		k := &keeper{root: root, artifact: in.Artifact}
		p.interrupted = k.interrupted()
		p.built = exists(root, k.artifact)
		p.previous = exists(root, k.previous())
		return p, nil
	})
}

// openProject holds the directory open, so that it stays the one that was looked at.
func openProject(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the project: %w", err)
	}
	return root, nil
}

func exists(root *os.Root, name string) bool {
	_, err := root.Lstat(name)
	return err == nil
}

// hasScript looks into package.json.
func hasScript(root *os.Root, script string) error {
	info, err := root.Stat("package.json")
	if err == nil && (!info.Mode().IsRegular() || info.Size() > mostManifest) {
		err = errors.New("it is no file that a person wrote")
	}
	var data []byte
	if err == nil {
		data, err = root.ReadFile("package.json")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return engine.Failf(engine.Missing, "build %s: there is no package.json", root.Name())
	}
	if err != nil {
		return fmt.Errorf("read package.json of %s: %w", root.Name(), err)
	}
	var manifest struct {
		Scripts map[string]string `json:"scripts"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return engine.Fail(engine.Invalid, fmt.Errorf("read package.json of %s: %w", root.Name(), err))
	}
	if _, ok := manifest.Scripts[script]; !ok {
		return engine.Failf(engine.Missing, "build %s: package.json has no script %q", root.Name(), script)
	}
	return nil
}

func userName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
