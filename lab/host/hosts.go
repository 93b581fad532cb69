package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"runbook/lab/image"
)

// Each host has a folder in CACHE/hosts:
//
//	host.json   what it was booted from
//	lock        held by the process that booted it, for as long as that process lives
//	disk.img    its disk, sparse: the upper layer of the overlay
//	disk/ root/ mount points, used inside the host's own mount namespace only
//	console.log what PID 1 printed
//
// Everything else about a host (its processes, its PID 1) is read from its cgroups, which can't be out of date.

// diskSize is small enough to be filled in a moment and holds some ten builds of the frontend.
const diskSize = 1 << 30

// record is host.json.
type record struct {
	Image string `json:"image"`
	Keep  bool   `json:"keep"`
}

// create makes the folder, the disk and the record of a new host, after the remains of dead ones are gone.
func create(ctx context.Context, o Options) (*Host, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Name == "" {
		o.Name = fmt.Sprintf("lab-%d-%04x", os.Getpid(), rand.N(1<<16)) //nolint:gosec // a name, not a secret
	}
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`).MatchString(o.Name) {
		return nil, fmt.Errorf("name it %q: a name is made of a-z, 0-9 and -", o.Name)
	}
	cache, err := o.cache()
	if err != nil {
		return nil, err
	}
	tree, err := image.Ensure(ctx, cache, o.Log)
	if err != nil {
		return nil, err
	}
	dir := folder(cache, o.Name)
	groups, err := groupsOf(dir)
	if err != nil {
		return nil, err
	}
	release, err := lockHosts(ctx, cache)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := sweep(cache); err != nil {
		return nil, err
	}

	h := &Host{Name: o.Name, dir: dir, image: tree, groups: groups}
	if err := os.Mkdir(h.dir, 0o755); errors.Is(err, fs.ErrExist) { //nolint:gosec // root of a file tree
		return nil, fmt.Errorf("name it %s: a host of this name runs already", o.Name)
	} else if err != nil {
		return nil, fmt.Errorf("make its folder: %w", err)
	}
	if err := h.furnish(ctx, record{Image: tree, Keep: o.Keep}); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *Host) furnish(ctx context.Context, r record) error {
	h.lock = flock.New(filepath.Join(h.dir, "lock"))
	if _, err := h.lock.TryLock(); err != nil {
		return fmt.Errorf("lock it: %w", err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write its record: %w", err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "host.json"), text, 0o600); err != nil {
		return fmt.Errorf("write its record: %w", err)
	}
	for _, mount := range []string{"disk", "root"} {
		if err := os.Mkdir(filepath.Join(h.dir, mount), 0o755); err != nil { //nolint:gosec // root of a file tree
			return fmt.Errorf("make a mount point: %w", err)
		}
	}
	disk := filepath.Join(h.dir, "disk.img")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		return fmt.Errorf("make its disk: %w", err)
	}
	if err := os.Truncate(disk, diskSize); err != nil {
		return fmt.Errorf("make its disk: %w", err)
	}
	out, err := exec.CommandContext(ctx, "mkfs.ext4", "-q", "-F", "-E", "nodiscard", disk).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make its file system: %w: %s", err, out)
	}
	return nil
}

// Open returns a running host that another process booted.
func Open(cache, name string) (*Host, error) {
	cache, err := Options{Cache: cache}.cache()
	if err != nil {
		return nil, err
	}
	h, _, err := find(cache, name)
	if err != nil {
		return nil, fmt.Errorf("find the lab host %s: %w", name, err)
	}
	if h.leader == 0 {
		return nil, fmt.Errorf("find the lab host %s: it does not run", name)
	}
	return h, nil
}

// Remove kills the named host, whoever booted it, and removes it.
func Remove(ctx context.Context, cache, name string) error {
	cache, err := Options{Cache: cache}.cache()
	if err != nil {
		return err
	}
	release, err := lockHosts(ctx, cache)
	if err != nil {
		return err
	}
	defer release()
	h, _, err := find(cache, name)
	if err != nil {
		return fmt.Errorf("remove the lab host %s: %w", name, err)
	}
	return h.Close()
}

// Status is one line of List.
type Status struct {
	Name  string
	Up    bool      // PID 1 lives
	Owned bool      // the process that booted it lives and will close it
	Since time.Time // when its folder was made
}

// List returns the hosts in the cache, by name.
func List(cache string) ([]Status, error) {
	cache, err := Options{Cache: cache}.cache()
	if err != nil {
		return nil, err
	}
	var all []Status
	for _, name := range names(cache) {
		h, r, err := find(cache, name)
		if err != nil {
			continue // removed in the meantime
		}
		s := Status{Name: name, Up: h.leader != 0, Owned: !r.Keep && owned(h.dir)}
		if info, err := os.Stat(filepath.Join(h.dir, "host.json")); err == nil {
			s.Since = info.ModTime()
		}
		all = append(all, s)
	}
	return all, nil
}

// sweep removes the hosts whose owner died and the kept ones that no longer run, for instance since the machine was
// rebooted. The caller holds the lock over all hosts.
func sweep(cache string) error {
	for _, name := range names(cache) {
		h, r, err := find(cache, name)
		if err != nil || owned(h.dir) || (r.Keep && h.leader != 0) {
			continue
		}
		if err := h.Close(); err != nil {
			return err
		}
	}
	return nil
}

// find reads what is known of a host. A host whose boot was cut short has no record; it is found all the same, so
// that it can be removed.
func find(cache, name string) (*Host, record, error) {
	h := &Host{Name: name, dir: folder(cache, name)}
	var r record
	if _, err := os.Stat(h.dir); err != nil {
		return nil, r, errors.New("there is none of this name")
	}
	if text, err := os.ReadFile(filepath.Join(h.dir, "host.json")); err == nil {
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, r, fmt.Errorf("read its record: %w", err)
		}
	}
	var err error
	if h.groups, err = groupsOf(h.dir); err != nil {
		return nil, r, err
	}
	h.image, h.leader = r.Image, leaderOf(h.groups)
	return h, r, nil
}

// owned says whether the process that booted the host still lives.
func owned(dir string) bool {
	lock := flock.New(filepath.Join(dir, "lock"), flock.SetFlag(os.O_RDWR))
	free, err := lock.TryLock()
	if free {
		_ = lock.Unlock()
	}
	return !free && err == nil
}

func names(cache string) []string {
	entries, _ := os.ReadDir(filepath.Join(cache, "hosts"))
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

func folder(cache, name string) string { return filepath.Join(cache, "hosts", name) }

// lockHosts keeps two processes from making and removing hosts at the same moment.
func lockHosts(ctx context.Context, cache string) (release func(), err error) {
	if err := os.MkdirAll(filepath.Join(cache, "hosts"), 0o755); err != nil { //nolint:gosec // roots of file trees
		return nil, fmt.Errorf("make the folder of hosts: %w", err)
	}
	lock := flock.New(filepath.Join(cache, "hosts", ".lock"))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("wait for another lab: %w", err)
	}
	return func() { _ = lock.Unlock() }, nil
}
