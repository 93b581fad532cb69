package image

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// CacheDir is where images and hosts are kept when nothing else was asked for: runbook-lab in the user's cache.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache: %w", err)
	}
	return filepath.Join(dir, "runbook-lab"), nil
}

// Ensure returns the folder of the finished tree, which it builds first when the cache has none: about a minute on
// two cores, 0.7 GB. Processes that ask at the same time wait for one of them to build it. Progress goes to
// log, one line a stage; what the tools print is kept in image.log in the cache.
func Ensure(ctx context.Context, cache string, log io.Writer) (string, error) {
	b := &builder{log: log}
	if err := b.satisfyNeeds(ctx); err != nil {
		return "", err
	}
	node, err := findNode(ctx)
	if err != nil {
		return "", err
	}
	key, err := key(node.version)
	if err != nil {
		return "", err
	}
	images := filepath.Join(cache, "images")
	if err := os.MkdirAll(images, 0o755); err != nil { //nolint:gosec // deploy passes through it inside the tree
		return "", fmt.Errorf("make the cache: %w", err)
	}
	root := filepath.Join(images, key)
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}

	lock := flock.New(filepath.Join(images, "lock"))
	if _, err := lock.TryLockContext(ctx, 200*time.Millisecond); err != nil {
		return "", fmt.Errorf("wait for another build of the image: %w", err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, err := os.Stat(root); err == nil {
		return root, nil
	}
	output := filepath.Join(cache, "image.log")
	if err := b.build(ctx, output, root, node); err != nil {
		return "", fmt.Errorf("build the image (all output: %s): %w", output, err)
	}
	return root, nil
}

// builder makes one tree.
type builder struct {
	log    io.Writer // progress, for people
	output *os.File  // everything the tools print
	root   string    // the tree while it grows
	work   string    // thrown away afterwards; on root's file system, so that pnpm can link

	node     node
	registry string // as npm is configured
}

func (b *builder) build(ctx context.Context, output, final string, node node) (err error) {
	if b.output, err = os.Create(output); err != nil {
		return fmt.Errorf("keep a log: %w", err)
	}
	defer b.output.Close()
	// Under the lock any other unfinished tree is the rest of a build that was killed.
	stale, _ := filepath.Glob(filepath.Join(filepath.Dir(final), "building-*"))
	for _, dir := range stale {
		_ = os.RemoveAll(dir)
	}
	if b.work, err = os.MkdirTemp(filepath.Dir(final), "building-"); err != nil {
		return fmt.Errorf("make room for the tree: %w", err)
	}
	defer os.RemoveAll(b.work)
	b.root, b.node = filepath.Join(b.work, "root"), node
	if b.registry, err = npmRegistry(ctx); err != nil {
		return err
	}

	stages := []struct {
		what string
		do   func(context.Context) error
	}{
		{"Debian " + suite, b.installDebian},
		{"Node " + node.version, b.copyNode},
		{"pnpm, pm2 and the frontend's packages", b.fetchPackages},
		{"the frontend's build, the backend, nginx", b.setUp},
	}
	for i, stage := range stages {
		began := time.Now()
		b.say("building the image, %d of %d: %s", i+1, len(stages), stage.what)
		if err := stage.do(ctx); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(b.output, "== %s: %.1f s\n", stage.what, time.Since(began).Seconds())
	}
	if err := os.Rename(b.root, final); err != nil {
		return fmt.Errorf("put the finished tree in place: %w", err)
	}
	return nil
}

func (b *builder) installDebian(ctx context.Context) error {
	options := filepath.Join(b.work, "apt.conf")
	// How this machine reaches a mirror: proxies, certificates, a clock that is off.
	dump, err := exec.CommandContext(ctx, "apt-config", "dump", "Acquire::http", "Acquire::https", "Acquire::Retries",
		"Acquire::ForceIPv4", "Acquire::Check-Date", "Acquire::Check-Valid-Until").Output()
	if err != nil {
		return fmt.Errorf("ask apt for its configuration: %w", err)
	}
	if err := os.WriteFile(options, dump, 0o600); err != nil {
		return fmt.Errorf("write apt's configuration: %w", err)
	}
	argv := append([]string{"mmdebstrap", "--aptopt=" + options}, debian()...)
	argv = append(argv, suite, b.root)
	return b.run(ctx, "", nil, append(argv, debianSources(ctx)...)...)
}

func (b *builder) copyNode(ctx context.Context) error {
	if err := copyProgram(b.node.path, filepath.Join(b.root, "usr/local/bin/node")); err != nil {
		return fmt.Errorf("copy node: %w", err)
	}
	if err := b.run(ctx, "", nil, "chroot", b.root, "/usr/local/bin/node", "--version"); err != nil {
		return fmt.Errorf("run %s on Debian 12; the lab needs a Node.js as nodejs.org ships it: %w", b.node.path, err)
	}
	return nil
}

// fetchPackages brings pm2 and pnpm, and fills pnpm's store, as this machine's npm is configured. The tree itself then
// needs neither network nor registry.
func (b *builder) fetchPackages(ctx context.Context) error {
	pnpm, err := pnpmVersion()
	if err != nil {
		return err
	}
	err = b.run(ctx, b.work, nil, "npm", "install", "--global", "--prefix", filepath.Join(b.root, "usr/local"),
		"--no-audit", "--no-fund", "--no-update-notifier", pnpm, pm2)
	if err != nil {
		return err
	}
	tree, err := fs.Sub(files, "files")
	if err != nil {
		return fmt.Errorf("open the recipe's files: %w", err)
	}
	if err := os.CopyFS(b.root, tree); err != nil {
		return fmt.Errorf("copy the recipe's files: %w", err)
	}
	app, err := fs.Sub(tree, strings.TrimPrefix(appDir, "/"))
	if err != nil {
		return fmt.Errorf("open the app: %w", err)
	}
	fetch := filepath.Join(b.work, "fetch")
	if err := os.CopyFS(fetch, app); err != nil {
		return fmt.Errorf("copy the app: %w", err)
	}
	return b.run(ctx, fetch, []string{"npm_config_registry=" + b.registry}, b.node.path,
		filepath.Join(b.root, "usr/local/lib/node_modules/pnpm/bin/pnpm.cjs"),
		"fetch", "--store-dir", filepath.Join(b.root, storeDir))
}

func (b *builder) setUp(ctx context.Context) error {
	return b.run(ctx, "", nil, "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
		"--root", b.root, "--mount-proc", "--", "/usr/bin/env", "-i",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8",
		"/bin/sh", "-c", setup)
}

// run runs a tool with the machine's environment and env; its output goes to the log, and its end into the error.
func (b *builder) run(ctx context.Context, dir string, env []string, argv ...string) error {
	tail := new(bytes.Buffer)
	out := io.Writer(tail)
	if b.output != nil {
		_, _ = fmt.Fprintf(b.output, "== %s\n", strings.Join(argv, " "))
		out = io.MultiWriter(b.output, tail)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), env...), out, out
	if err := cmd.Run(); err != nil {
		text := bytes.TrimSpace(tail.Bytes())
		if cut := len(text) - 2000; cut > 0 {
			text = text[cut:]
		}
		return fmt.Errorf("run %s: %w\n%s", argv[0], err, text)
	}
	return nil
}

func (b *builder) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.log, "lab: "+format+"\n", args...)
}

func copyProgram(src, dst string) error {
	from, err := os.Open(src)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755) //nolint:gosec // a program
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		return err
	}
	return to.Close()
}

// Remove takes all images out of the cache. No host may run.
func Remove(cache string) error {
	for _, path := range []string{"images", "image.log"} {
		if err := os.RemoveAll(filepath.Join(cache, path)); err != nil {
			return fmt.Errorf("remove the images: %w", err)
		}
	}
	return nil
}
