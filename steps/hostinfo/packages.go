package hostinfo

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"runbook/steps/internal/budget"
)

// What is read of dpkg's logs.
const (
	mostLogs     = 100       // rotated ones
	mostLogBytes = 256 << 20 // of one, unpacked
	noVersion    = "<none>"
)

// addPackages reads the log of dpkg, and those before it as long as they are about the time that is asked for.
func (h host) addPackages(ctx context.Context, since time.Time, s *seen) error {
	zone, err := h.zone()
	if err != nil {
		return err
	}
	var found []packageChange
	known, reached := false, false
	for i := range mostLogs {
		log, err := h.openLog(i)
		if errors.Is(err, fs.ErrNotExist) {
			if i == 0 {
				continue // it has been rotated, and dpkg has done nothing since
			}
			break
		}
		if err != nil {
			return err
		}
		known = true
		older, early, err := readLog(ctx, log, since, zone)
		_ = log.Close()
		if err != nil {
			return err
		}
		found = append(found, older...)
		if reached = early; reached {
			break
		}
	}
	if !known {
		return nil
	}
	s.short = s.short || !reached || len(found) > mostHeld
	s.count += len(found)
	found = slices.Clip(found[:min(len(found), mostHeld)])
	if found == nil {
		found = []packageChange{}
	}
	s.packages = &found
	return nil
}

// zone is the host's own, in which dpkg writes its times, whatever TZ says here.
func (h host) zone() (*time.Location, error) {
	data, err := os.ReadFile(h.path("etc/localtime"))
	if errors.Is(err, fs.ErrNotExist) {
		return time.UTC, nil
	}
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocationFromTZData("host", data)
	if err != nil {
		return nil, fmt.Errorf("read /etc/localtime: %w", err)
	}
	return zone, nil
}

// openLog opens the log of dpkg that has been rotated so many times.
func (h host) openLog(rotated int) (io.ReadCloser, error) {
	name := h.path("var/log/dpkg.log")
	if rotated == 0 {
		return os.Open(name)
	}
	name = fmt.Sprintf("%s.%d", name, rotated)
	f, err := os.Open(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if f, err = os.Open(name + ".gz"); err != nil {
		return nil, err
	}
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("read %s.gz: %w", name, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{unpacked, f}, nil
}

// readLog gives what a log says since a time, the newest first. early tells that it begins before that time.
func readLog(ctx context.Context, log io.Reader, since time.Time, zone *time.Location) (found []packageChange, early bool, err error) {
	lines := bufio.NewScanner(io.LimitReader(log, mostLogBytes))
	for lines.Scan() {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		at, rest, ok := timed(lines.Text(), zone)
		switch {
		case !ok:
		case at.Before(since.Truncate(time.Second)):
			early = true
		default:
			if p, ok := packageIn(rest); ok {
				p.At = stamp(at)
				found = append(found, p)
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, false, fmt.Errorf("read the log of dpkg: %w", err)
	}
	slices.Reverse(found)
	return found, early, nil
}

// timed splits a line of the log: "2026-11-23 18:32:29 upgrade …".
func timed(line string, zone *time.Location) (at time.Time, rest string, ok bool) {
	if len(line) < len(time.DateTime)+1 {
		return at, "", false
	}
	at, err := time.ParseInLocation(time.DateTime, line[:len(time.DateTime)], zone)
	return at, line[len(time.DateTime)+1:], err == nil
}

// packageIn reads "upgrade nginx:amd64 1.22.1-9 1.22.1-9+deb12u11". Steps on the way, like configure and status, are none.
func packageIn(text string) (packageChange, bool) {
	fields := strings.Fields(text)
	if len(fields) != 4 || !slices.Contains([]string{"install", "upgrade", "remove", "purge"}, fields[0]) {
		return packageChange{}, false
	}
	p := packageChange{Action: fields[0], Name: budget.Line(fields[1], 128)}
	for to, version := range map[*string]string{&p.OldVersion: fields[2], &p.Version: fields[3]} {
		if version != noVersion {
			*to = budget.Line(version, 128)
		}
	}
	return p, true
}
