package node

import (
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"runbook/engine"
)

// fewInodes is how many files and directories a build must be able to make.
const fewInodes = 10_000

// room refuses a build for which the disk has no room: it would leave less than there was, and take an hour to say so.
func room(dir string, wantMiB int) error {
	var st unix.Statfs_t
	for {
		err := unix.Statfs(dir, &st)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("look at the file system of %s: %w", dir, err)
		}
	}
	free, want := st.Bavail*uint64(st.Frsize), uint64(wantMiB)<<20 //nolint:gosec // neither is negative
	switch {
	case free < want:
		return engine.Failf(engine.Missing, "build in %s: %s free on the disk, and %s are wanted first (min_free_mib)",
			dir, humanize.IBytes(free), humanize.IBytes(want))
	case wantMiB > 0 && st.Files > 0 && st.Ffree < fewInodes:
		return engine.Failf(engine.Missing, "build in %s: %d inodes free on the disk, and %d are wanted first", dir, st.Ffree, fewInodes)
	case st.Flags&unix.ST_RDONLY != 0:
		return engine.Failf(engine.Denied, "build in %s: the disk is read-only", dir)
	}
	return nil
}
