package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/internal/display"
	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
	"runbook/engine/journal"
	"runbook/internal/runner"
	"runbook/reports"
)

// conclude says what a run came to. The last line names the verdict and the exit code, the line before it the report.
func (p program) conclude(s screen.Screen, out runner.Outcome, took time.Duration) {
	lines := []string{""}
	word := display.Mark(s.Paint, out.Verdict)(display.Word(out.Verdict))
	const column = 13
	for _, line := range screen.Indent(screen.Wrap(display.Meaning(out.Verdict), s.Width-column), screen.Pad(display.Word(out.Verdict), column)) {
		lines = append(lines, strings.Replace(line, display.Word(out.Verdict), word, 1))
	}
	for _, why := range out.Why {
		lines = append(lines, screen.Indent(screen.Wrap(screen.Clean(why), s.Width-column), strings.Repeat(" ", column))...)
	}
	if out.Run != "" {
		lines = append(lines, fmt.Sprintf("%*s%s, at %s", column, "", screen.Span(took), s.Moment(time.Now())))
	}
	if out.Verdict == engine.VerdictInterrupted && out.Run != "" {
		lines = append(lines, fmt.Sprintf("%*sto go on: runbook resume %s", column, "", out.Run))
	}
	for _, n := range out.Notices {
		lines = append(lines, screen.Indent(screen.Wrap(screen.Clean(n), s.Width-column), screen.Pad("NOTICE", column))...)
	}
	report := "no report"
	if out.Report != "" {
		report = "report " + screen.Exact(out.Report) // on a line of its own: what breaks a path can't be opened
	}
	lines = append(lines, report)
	last := fmt.Sprintf("verdict %s · exit %d", out.Verdict, out.Exit)
	_, _ = io.WriteString(s, strings.Join(append(lines, last), "\n")+"\n")
}

// reportName is the report's file in the folder of its run. That of a dry run, or a drill, can't be taken for another.
func reportName(mode engine.Mode) string {
	switch mode {
	case engine.DryRun:
		return "report-DRY-RUN.md"
	case engine.Drill:
		return "report-DRILL.md"
	default:
		return "report.md"
	}
}

// render makes the report of a run from its journal.
func (p program) render(run *journal.Run, kinds engine.Kinds) (text []byte, name string, err error) {
	h, err := runner.Read(run, kinds)
	if len(h.Events) == 0 {
		return nil, "", err
	}
	path, pathErr := run.Path()
	if pathErr != nil {
		return nil, "", fmt.Errorf("render the report: %w", pathErr)
	}
	// A runbook that can't be loaded any more leaves its events: the report says so.
	return reports.Render(h.Plan, h.Events, os.DirFS(path)), reportName(h.Started.Mode), nil
}

// writeReport writes the report of a run into its folder, and to where the person wants it.
func (p program) writeReport(run *journal.Run, kinds engine.Kinds, to string) (string, error) {
	text, name, err := p.render(run, kinds)
	if err != nil {
		return "", err
	}
	folder, err := run.Path()
	if err != nil {
		return "", fmt.Errorf("write the report: %w", err)
	}
	path := filepath.Join(folder, name)
	if err := renameio.WriteFile(path, text, 0o600, renameio.WithTempDir(folder)); err != nil {
		return "", fmt.Errorf("write the report: %w", err)
	}
	switch to {
	case "":
	case "-":
		if _, err := p.stdout.Write(text); err != nil {
			return path, fmt.Errorf("print the report: %w", err)
		}
	default:
		if err := renameio.WriteFile(to, text, 0o644, renameio.WithTempDir(filepath.Dir(to))); err != nil {
			return path, fmt.Errorf("write the report to %s: %w", to, err)
		}
		return to, nil
	}
	return path, nil
}

// reported is where the report of a run lies now: its folder may have moved home when the journal was closed.
func (p program) reported(c *cli.Context, store journal.Store, out runner.Outcome) string {
	if out.Report == "" || out.Report == c.String("report") {
		return out.Report
	}
	run, err := store.Open(out.Run)
	if err != nil {
		return out.Report
	}
	folder, err := run.Path()
	if err != nil {
		return out.Report
	}
	return filepath.Join(folder, filepath.Base(out.Report))
}

func (p program) reportCommand() command {
	return command{
		name: "report", args: "[RUN] [--report FILE]", about: "print the report of a run, made anew from its journal",
		text:    "RUN is the id of a run, a part of one, or last, which is what is meant without one. The same journal gives the same report.",
		example: "runbook report last | less",
		flags:   []flag{{name: "report", value: "FILE", about: "write it here instead of to stdout"}},
		do:      p.report,
	}
}

func (p program) report(c *cli.Context) error {
	if c.NArg() > 1 {
		return usagef("", "only one run can be reported at a time")
	}
	run, err := p.open(c.Args().First())
	if err != nil {
		return err
	}
	kinds, err := p.kinds()
	if err != nil {
		return err
	}
	text, _, err := p.render(run, kinds)
	if err != nil {
		return err
	}
	if to := c.String("report"); to != "" && to != "-" {
		if err := renameio.WriteFile(to, text, 0o644, renameio.WithTempDir(filepath.Dir(to))); err != nil {
			return fmt.Errorf("write the report to %s: %w", to, err)
		}
		_, _ = fmt.Fprintln(p.stderr, "written to "+to)
		return nil
	}
	_, err = p.stdout.Write(text)
	return err
}
