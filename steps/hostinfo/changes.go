package hostinfo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
)

// How many of each go into the result, and how many bytes of JSON they may take. Together they stay below
// [budget.Result].
const (
	mostPackages, mostPackageBytes = 100, 20 << 10
	mostFiles, mostFileBytes       = 100, 24 << 10
	mostBoots, mostBootBytes       = 50, 8 << 10
	mostMissingBytes               = 4 << 10
	mostPaths                      = 50   // that can be watched
	mostHeld                       = 5000 // of each kind of change, in memory
)

type changesInput struct {
	Since string   `json:"since" default:"24h" doc:"how far to look back: a duration like 24h, or a time in RFC 3339 like 2026-11-23T15:38:29Z"`
	Paths []string `json:"paths" doc:"files and directories to look at as well, absolute paths, at most 50. Of a directory itself and what is directly in it, not what is further down"`
}

type changesOutput struct {
	Since     string           `json:"since" moves:"true" doc:"how far was looked back, RFC 3339 in UTC"`
	Packages  *[]packageChange `json:"packages" moves:"true" doc:"what dpkg did to packages, the newest first; at most 100. null when the host keeps no log of dpkg, as one with rpm does not"`
	Files     []fileChange     `json:"files" moves:"true" doc:"unit files and watched paths that were changed, the newest first; at most 100"`
	Boots     *[]boot          `json:"boots" moves:"true" doc:"the boots, the newest first; at most 50. null when the journal can't tell"`
	Missing   []string         `json:"missing" doc:"watched paths that are not there"`
	Count     int              `json:"count" moves:"true" doc:"how many changes and boots there are, also when not all are listed"`
	Truncated bool             `json:"truncated" moves:"true" doc:"there may be more: not all are listed, or the log of dpkg or the journal does not go back so far"`
}

type packageChange struct {
	At         string `json:"at" key:"true" doc:"when, RFC 3339 in UTC"`
	Action     string `json:"action" key:"true" doc:"install, upgrade, remove or purge"`
	Name       string `json:"name" key:"true" doc:"the package with its architecture, like nginx:amd64"`
	Version    string `json:"version" doc:"the version that was installed; empty when it was removed"`
	OldVersion string `json:"old_version" doc:"the version that was there before; empty when there was none"`
}

type fileChange struct {
	Path     string `json:"path" key:"true" doc:"the file or directory; of a link that was followed what it leads to"`
	Kind     string `json:"kind" doc:"unit for what is below systemd's directories, path for what was watched"`
	Type     string `json:"type" doc:"file, directory, link or other. A directory was changed when something was put into it, renamed in it or removed from it"`
	Modified string `json:"modified" doc:"when its content was changed last by its own word, which programs can set, RFC 3339 in UTC"`
	Changed  string `json:"changed" doc:"when the kernel last saw its content, owner, mode or name change, RFC 3339 in UTC"`
	Owner    string `json:"owner" doc:"the user it belongs to, the number when it has no name; not always the one who changed it"`
}

type boot struct {
	At     string `json:"at" doc:"time of its first entry in the journal, RFC 3339 in UTC"`
	BootID string `json:"boot_id" key:"true" doc:"its id, as in host.facts"`
}

func changesKind(h host) engine.Definition[changesInput, changesOutput] {
	return engine.Definition[changesInput, changesOutput]{
		Name:   "host.changes",
		Effect: engine.Reads,
		Doc: `Lists what was changed on the host lately: packages, unit files, watched paths, boots.

These are candidates, never causes: that something was changed before the trouble began proves nothing. And it is not
all: who edits a file and puts it back, or changes a database, is not seen here.

Packages are those in the log of dpkg, also where it was rotated. Unit files are those in /etc/systemd/system,
/usr/local/lib/systemd/system and /run/systemd/system, with their drop-ins and the links that enable them; units made by
systemd-run are not. Links are followed to what they lead to. Boots come from the journal. When not all fit into the
result, the evidence holds all of them.`,
		Example: "since: 24h\npaths: [/etc/nginx/nginx.conf, /etc/nginx/sites-available, /var/www/app]",
		Check: func(in changesInput) error {
			_, err := startOf(in.Since, time.Time{})
			return errors.Join(err, checkPaths(in.Paths))
		},
		Do: h.changes,
	}
}

// startOf gives the time from which on changes are looked for.
func startOf(since string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(since); err == nil {
		if ago <= 0 {
			return time.Time{}, fmt.Errorf("since %s is not in the past", since)
		}
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, since)
	if err != nil {
		return time.Time{}, fmt.Errorf("since %q is neither a duration like 24h nor a time like 2026-11-23T15:38:29Z", since)
	}
	return at, nil
}

func checkPaths(paths []string) error {
	if len(paths) > mostPaths {
		return fmt.Errorf("there are %d paths: more than %d are not watched", len(paths), mostPaths)
	}
	for _, path := range paths {
		if !filepath.IsAbs(path) || budget.Line(path, len(path)) != path {
			return fmt.Errorf("path %q is not an absolute path", path)
		}
	}
	return nil
}

// seen is all that was found, before it is cut to size.
type seen struct {
	packages *[]packageChange
	files    []fileChange
	boots    *[]boot
	missing  []string
	count    int
	short    bool // there may be more
}

func (h host) changes(ctx context.Context, in changesInput, t engine.Task) (changesOutput, error) {
	since, err := startOf(in.Since, time.Now())
	if err != nil {
		return changesOutput{}, engine.Fail(engine.Invalid, err)
	}
	s, err := hostcall.Look(ctx, t.As, func() (seen, error) { return h.look(ctx, since, in.Paths) })
	if err != nil {
		return changesOutput{}, err
	}
	if err := h.addBoots(ctx, since, t, &s); err != nil {
		return changesOutput{}, err
	}
	return s.output(since, t), nil
}

// look reads what is in files.
func (h host) look(ctx context.Context, since time.Time, paths []string) (seen, error) {
	var s seen
	if err := h.addPackages(ctx, since, &s); err != nil {
		return s, err
	}
	return s, h.addFiles(ctx, since, paths, &s)
}

// output cuts what was found to size, and keeps all of it when something is cut.
func (s *seen) output(since time.Time, t engine.Task) changesOutput {
	out := changesOutput{Since: stamp(since), Count: s.count, Missing: budget.Items(s.missing, mostPaths, mostMissingBytes)}
	out.Files = budget.Items(s.files, mostFiles, mostFileBytes)
	listed := len(out.Files)
	if s.packages != nil {
		out.Packages = new(budget.Items(*s.packages, mostPackages, mostPackageBytes))
		listed += len(*out.Packages)
	}
	if s.boots != nil {
		out.Boots = new(budget.Items(*s.boots, mostBoots, mostBootBytes))
		listed += len(*out.Boots)
	}
	out.Truncated = s.short || listed < s.count || len(out.Missing) < len(s.missing)
	if listed < s.count {
		s.keep(t)
	}
	return out
}

func (s *seen) keep(t engine.Task) {
	w := t.Keep("changes")
	defer func() { _ = w.Close() }()
	if s.boots != nil {
		for _, b := range *s.boots {
			_, _ = fmt.Fprintf(w, "%s boot %s\n", b.At, b.BootID)
		}
	}
	for _, f := range s.files {
		_, _ = fmt.Fprintf(w, "%s changed %s %s of %s (modified %s)\n", f.Changed, f.Type, f.Path, f.Owner, f.Modified)
	}
	if s.packages != nil {
		for _, p := range *s.packages {
			_, _ = fmt.Fprintf(w, "%s %s %s %s (was %s)\n", p.At, p.Action, p.Name, p.Version, p.OldVersion)
		}
	}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
