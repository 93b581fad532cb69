package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// need is a program of the machine and the Debian or Ubuntu package that brings it.
type need struct{ program, pkg string }

func needs() []need {
	return []need{
		{"systemd-nspawn", "systemd-container"},
		{"mmdebstrap", "mmdebstrap"},
		{"mkfs.ext4", "e2fsprogs"},
		{"mount", "mount"},
		{"unshare", "util-linux"},
	}
}

// keyring is what mmdebstrap checks Debian's signatures with. Debian has it anyway, Ubuntu only on request.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// satisfyNeeds installs what the lab lacks through apt-get, or says what is lacking and what to do about it.
func (b *builder) satisfyNeeds(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("boot containers: the lab must run as root")
	}
	missing := missingPackages()
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install %s: no apt-get here; install them by hand", strings.Join(missing, ", "))
	}
	b.say("installing %s", strings.Join(missing, ", "))
	env := []string{"DEBIAN_FRONTEND=noninteractive"}
	if err := b.run(ctx, "", env, "apt-get", "update", "-q"); err != nil {
		return err
	}
	install := append([]string{"apt-get", "install", "-q", "-y", "--no-install-recommends"}, missing...)
	if err := b.run(ctx, "", env, install...); err != nil {
		return err
	}
	if still := missingPackages(); len(still) > 0 {
		return fmt.Errorf("install %s: still missing after apt-get install", strings.Join(still, ", "))
	}
	return nil
}

func missingPackages() []string {
	var missing []string
	for _, n := range needs() {
		if _, err := exec.LookPath(n.program); err != nil {
			missing = append(missing, n.pkg)
		}
	}
	if _, err := os.Stat(keyring); err != nil {
		missing = append(missing, "debian-archive-keyring")
	}
	return missing
}

// nodeWanted: Next.js 15 runs on 18.18 and newer; 20 is what the facts about this stack were measured with.
const nodeWanted = "Node.js 20 or newer with npm"

// node is the machine's own Node, which is copied into the tree.
type node struct {
	path    string // of the binary itself, behind any shim
	version string // such as v20.20.2
}

func findNode(ctx context.Context) (node, error) {
	out, err := ask(ctx, "node", "-p", "process.version + process.execPath")
	if err != nil {
		return node{}, fmt.Errorf("find node (the lab needs %s): %w", nodeWanted, err)
	}
	version, path, _ := strings.Cut(out, "/")
	n := node{path: "/" + path, version: version}
	var major int
	if _, err := fmt.Sscanf(n.version, "v%d.", &major); err != nil || major < 20 {
		return n, fmt.Errorf("use node %s: the lab needs %s", n.version, nodeWanted)
	}
	return n, nil
}

// npmRegistry asks npm where it is configured to get packages from.
func npmRegistry(ctx context.Context) (string, error) {
	registry, err := ask(ctx, "npm", "config", "get", "registry")
	if err != nil {
		return "", fmt.Errorf("ask npm for its registry (the lab needs %s): %w", nodeWanted, err)
	}
	return registry, nil
}

// ask runs a program away from any project's .npmrc and returns what it printed.
func ask(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = os.TempDir()
	out, err := cmd.Output()
	return string(bytes.TrimSpace(out)), err
}

// debianSources returns the machine's own apt sources of the suite as one-line entries, for a machine that is set up
// to reach Debian by a mirror. Empty on any other machine: mmdebstrap then uses its own default.
func debianSources(ctx context.Context) []string {
	const format = "$(ORIGIN) $(COMPONENT) $(REPO_URI) $(RELEASE)"
	out, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", format, "Created-By: Packages").Output()
	if err != nil {
		return nil
	}
	var sources []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) != 4 || f[0] != "Debian" || f[1] != "main" || !strings.HasPrefix(f[3], suite) {
			continue
		}
		entry := fmt.Sprintf("deb %s %s main", f[2], f[3])
		if !slices.Contains(sources, entry) {
			sources = append(sources, entry)
		}
	}
	return sources
}
