package pm2

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"time"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
	"runbook/steps/internal/signature"
)

// How much of the logs one step looks at, and shows.
const (
	maxLines    = 10000
	maxFiles    = 32       // of each stream
	maxTail     = 1 << 20  // bytes of each file
	maxTails    = 8 << 20  // bytes of all files
	maxLineText = 1 << 10  // bytes of a line
	linesSize   = 14 << 10 // bytes of JSON of all lines
	exampleSize = 200
)

type logsIn struct {
	User       string            `json:"user" required:"true" is:"user" doc:"whose pm2: the user that its daemon runs as"`
	Home       string            `json:"home" is:"path" doc:"the directory that .pm2 is in; the user's home when empty"`
	Name       string            `json:"name" required:"true" doc:"the process, as pm2 names it"`
	Lines      int               `json:"lines" default:"100" doc:"how many of the newest lines of each file to look at, 1 to 10000, within its last MiB, and within 8 MiB of all files"`
	Signatures map[string]string `json:"signatures" doc:"names, each with a regular expression (RE2) for a line that tells what is wrong; the outputs found, counts and examples say which were seen. At most 32"`
}

func (in logsIn) check() error {
	if in.Lines < 1 || in.Lines > maxLines {
		return fmt.Errorf("lines is %d: it must be 1 to %d", in.Lines, maxLines)
	}
	_, err := signature.Compile(in.Signatures)
	return err
}

type logsOut struct {
	Lines     []logLine         `json:"lines" moves:"true" doc:"the newest lines: those of standard output, oldest first, then those of standard error; together at most 14 KiB. All that were looked at are in the evidence"`
	Read      int               `json:"read" moves:"true" doc:"how many lines were looked at"`
	Found     map[string]bool   `json:"found" doc:"for each signature, whether a line matches it. For: found.port_taken"`
	Counts    map[string]int    `json:"counts" moves:"true" doc:"for each signature, how many lines match it"`
	Examples  map[string]string `json:"examples" moves:"true" doc:"for each signature, the newest line that matches it, at most 200 bytes; empty when none does"`
	Files     []string          `json:"files" doc:"the files that were read, at most 32 of each stream"`
	Modified  string            `json:"modified" moves:"true" doc:"when the newest of them was last written to, in UTC; empty when there is none"`
	Truncated bool              `json:"truncated" moves:"true" doc:"something is missing here: the files have older lines, or not all that were read fit into lines"`
}

type logLine struct {
	Stream string `json:"stream" doc:"out or err"`
	Text   string `json:"text" doc:"the line, at most 1 KiB, without escape sequences and control characters"`
}

func logsKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[logsIn, logsOut]{
		Name: "pm2.logs",
		Doc: `Reads the end of the log files of a process that pm2 runs or ran, and looks for what tells why it does not work.

It works without a daemon too: then the saved list tells where the files are, or their usual names do. pm2 writes no
times into them, so a line from a failure that was repaired a week ago matches as well as one from now: compare
` + "`modified`" + `, and keep ` + "`lines`" + ` low. That a log is empty, or not there, is an answer; a process that neither pm2
nor a log file knows is a failure.`,
		Effect: engine.Reads,
		Example: `user: deploy
name: api
lines: 50
signatures:
  port_taken: EADDRINUSE|Address already in use
`,
		Check: logsIn.check,
		Do:    h.logs,
	})
}

func (h host) logs(ctx context.Context, in logsIn, t engine.Task) (logsOut, error) {
	p, err := locate(ctx, in.User, in.Home, t.As)
	if err != nil {
		return logsOut{}, err
	}
	files, err := h.logFiles(ctx, p, in.Name)
	if err != nil {
		return logsOut{}, err
	}
	tails, err := p.tails(ctx, files, in.Lines)
	if err != nil {
		return logsOut{}, err
	}
	signatures, err := signature.Compile(in.Signatures)
	if err != nil {
		return logsOut{}, err
	}
	tally := signature.NewTally(signatures, func(line string) string { return budget.Line(line, exampleSize) })
	out := logsOut{Found: tally.Found, Counts: tally.Counts, Examples: tally.Examples}
	writeTails(tails, t)
	var newest time.Time
	for _, tail := range tails {
		if err := ctx.Err(); err != nil {
			return out, engine.FailureOf(err)
		}
		for _, line := range tail.lines {
			tally.Add(line)
		}
		out.Files = append(out.Files, tail.path)
		out.Read += len(tail.lines)
		out.Truncated = out.Truncated || tail.cut
		if tail.modified.After(newest) {
			newest = tail.modified
		}
		lines, cut := newestLines(tail, linesSize/len(tails))
		out.Lines = append(out.Lines, lines...)
		out.Truncated = out.Truncated || cut
	}
	out.Modified = stamp(newest)
	return out, nil
}

// newestLines gives the newest lines of a file that fit.
func newestLines(t tail, size int) (lines []logLine, cut bool) {
	const frame = 30 // keys and punctuation
	for _, text := range slices.Backward(t.lines) {
		line := logLine{t.stream, budget.Line(text, maxLineText)}
		if size -= frame + budget.Encoded(line.Text); size < 0 {
			cut = true
			break
		}
		lines = append(lines, line)
	}
	slices.Reverse(lines)
	return lines, cut
}

// logFile is where a process writes to.
type logFile struct{ stream, path string }

// logFiles finds the files of a process: as the daemon says, else as it was saved, else by their usual names.
func (h host) logFiles(ctx context.Context, p place, name string) ([]logFile, error) {
	v, lookErr := h.look(ctx, p)
	known := v.picked(func(r running) bool { return r.Env.name() == name })
	if len(known) == 0 {
		if last, err := p.readDump(ctx); err == nil {
			known = slices.DeleteFunc(last.records, func(r record) bool { return r.name() != name })
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, engine.FailureOf(err)
	}
	var files []logFile
	for _, r := range known {
		files = append(files, logFile{"out", r.text("pm_out_log_path")}, logFile{"err", r.text("pm_err_log_path")})
	}
	if len(known) == 0 {
		var err error
		if files, err = p.usualLogs(ctx, name); err != nil {
			return nil, cmp.Or(lookErr, err) // that nobody knows the process can't be said of a daemon that keeps silent
		}
	}
	var out []logFile
	for _, s := range []string{"out", "err"} {
		most := len(out) + maxFiles
		for _, f := range files {
			seen := slices.ContainsFunc(out, func(o logFile) bool { return o.path == f.path })
			if f.stream == s && f.path != "" && !seen && len(out) < most {
				out = append(out, f)
			}
		}
	}
	return out, nil
}

// usualLogs finds the files that pm2 would have given a process of this name.
func (p place) usualLogs(ctx context.Context, name string) ([]logFile, error) {
	plain := regexp.MustCompile(`[^a-zA-Z0-9\\.\\-]`).ReplaceAllString(name, "-")
	usual := regexp.MustCompile(`^` + regexp.QuoteMeta(plain) + `-(out|error)(-\d+)?\.log$`)
	entries, err := hostcall.Look(ctx, p.user, func() ([]fs.DirEntry, error) { return os.ReadDir(p.path("logs")) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for logs of %s: %w", name, err)
	}
	var files []logFile
	for _, e := range entries {
		if m := usual.FindStringSubmatch(e.Name()); m != nil {
			files = append(files, logFile{m[1][:3], p.path("logs/" + e.Name())}) // out, err
		}
	}
	if len(files) == 0 {
		return nil, engine.Failf(engine.Missing, "find the logs of %s: %s has no such process, has none saved, and no log has its name", name, p)
	}
	return files, nil
}
