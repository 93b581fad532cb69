package disk

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

type usageInput struct {
	Path string `json:"path" required:"true" is:"path" doc:"a file or directory on the file system to look at, an absolute path"`
}

type usageOutput struct {
	FreeBytes         int      `json:"free_bytes" moves:"true" doc:"bytes that an ordinary user can still write; root may have more"`
	SizeBytes         int      `json:"size_bytes" doc:"bytes of the whole file system"`
	UsedPercent       float64  `json:"used_percent" moves:"true" doc:"percent in use of what an ordinary user can have, as df counts, to one decimal"`
	InodesFreePercent *float64 `json:"inodes_free_percent" moves:"true" doc:"percent of the inodes that are free, to one decimal. null where the file system does not count them"`
	ReadOnly          bool     `json:"read_only" doc:"it is mounted read-only, perhaps by the kernel after an error"`
	Mount             *string  `json:"mount" doc:"where it is mounted. null when that could not be found"`
	Filesystem        *string  `json:"filesystem" doc:"its type, like ext4. null as mount"`
	Device            *string  `json:"device" doc:"what is mounted there, like /dev/sda1. null as mount"`
}

func usageKind() engine.Definition[usageInput, usageOutput] {
	return engine.Definition[usageInput, usageOutput]{
		Name:   "disk.usage",
		Effect: engine.Reads,
		Doc: `Looks how much room a file system has left, in bytes and in inodes.

It has no expectation of its own: give one, like ` + "`free_bytes > 512 * 1024 * 1024 and not read_only`" + `.`,
		Example: "path: /var/www",
		Check: func(in usageInput) error {
			if !filepath.IsAbs(in.Path) {
				return fmt.Errorf("path %q is not absolute", in.Path)
			}
			return nil
		},
		Do: func(ctx context.Context, in usageInput, t engine.Task) (usageOutput, error) {
			return hostcall.Look(ctx, t.As, func() (usageOutput, error) { return usage(in.Path) })
		},
	}
}

func usage(path string) (usageOutput, error) {
	var st unix.Statfs_t
	if err := retried(func() error { return unix.Statfs(path, &st) }); err != nil {
		return usageOutput{}, fmt.Errorf("look at the file system of %s: %w", path, err)
	}
	block := uint64(st.Frsize) //nolint:gosec // the kernel's sizes are not negative
	out := usageOutput{
		FreeBytes:   int(st.Bavail * block), //nolint:gosec // below 2^63 on every disk there is
		SizeBytes:   int(st.Blocks * block), //nolint:gosec // below 2^63 on every disk there is
		ReadOnly:    st.Flags&unix.ST_RDONLY != 0,
		UsedPercent: percent(st.Blocks-st.Bfree, st.Blocks-st.Bfree+st.Bavail),
	}
	if st.Files > 0 {
		out.InodesFreePercent = new(percent(st.Ffree, st.Files))
	}
	if m := mountOf(path); m != nil {
		out.Mount, out.Filesystem, out.Device = new(unescape(m.MountPoint)), &m.FSType, new(unescape(m.Source))
	}
	return out, nil
}

// percent rounds to one decimal. Of nothing at all, nothing is used.
func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Round(float64(part)/float64(whole)*1000) / 10
}

// mountOf finds the mount that a path is on by the mount's number, which nothing that is mounted over it can hide.
func mountOf(path string) *procfs.MountInfo {
	var st unix.Statx_t
	err := retried(func() error { return unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_MNT_ID, &st) })
	if err != nil || st.Mask&unix.STATX_MNT_ID == 0 {
		return nil // a kernel before 5.8
	}
	mounts, err := procfs.GetMounts()
	if err != nil {
		return nil
	}
	for _, m := range mounts {
		if m.MountID >= 0 && uint64(m.MountID) == st.Mnt_id {
			return m
		}
	}
	return nil
}

func retried(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// unescape undoes the kernel's \040 for a space in /proc/self/mountinfo.
func unescape(text string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		text = after
		if len(after) >= 3 {
			if code, err := strconv.ParseUint(after[:3], 8, 8); err == nil {
				b.WriteByte(byte(code))
				text = after[3:]
				continue
			}
		}
		b.WriteByte('\\')
	}
}
