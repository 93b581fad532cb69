package pm2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

// tail is the end of a log file.
type tail struct {
	logFile
	lines    []string
	modified time.Time
	cut      bool // the file has older lines
}

// escapes are what programs colour their lines with.
var escapes = regexp.MustCompile("\x1b(\\[[0-9;:?]*[ -/]*[@-~]|\\][^\x07\x1b]*(\x07|\x1b\\\\)|[@-Z\\\\^_])")

// tails reads the newest lines of some files as the user whose they are. Files that are not there, and what is no file
// (/dev/null), are left out.
func (p place) tails(ctx context.Context, files []logFile, lines int) ([]tail, error) {
	return hostcall.Look(ctx, p.user, func() ([]tail, error) {
		var out []tail
		for _, f := range files {
			t, err := readTail(f, lines, min(maxTail, int64(maxTails/len(files))))
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoFile) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("read a log: %w", err)
			}
			out = append(out, t)
		}
		return out, nil
	})
}

func readTail(file logFile, lines int, size int64) (tail, error) {
	f, info, err := openRegular(file.path)
	if err != nil {
		return tail{}, err
	}
	defer func() { _ = f.Close() }()
	t := tail{logFile: file, modified: info.ModTime()}
	start := max(info.Size()-size, 0)
	data, err := io.ReadAll(io.NewSectionReader(f, start, size))
	if err != nil {
		return tail{}, err
	}
	if start > 0 {
		_, data, t.cut = bytes.Cut(data, []byte("\n")) // the first line is a part of one
	}
	text := strings.TrimRight(escapes.ReplaceAllString(string(data), ""), "\r\n")
	if text == "" {
		return t, nil
	}
	t.lines = strings.Split(text, "\n")
	if surplus := len(t.lines) - lines; surplus > 0 {
		t.lines, t.cut = t.lines[surplus:], true
	}
	return t, nil
}

// writeTails keeps what was read as evidence.
func writeTails(tails []tail, t engine.Task) {
	w := t.Keep("logs")
	defer func() { _ = w.Close() }()
	for _, tail := range tails {
		_, _ = fmt.Fprintf(w, "==> %s, last written %s <==\n", tail.path, stamp(tail.modified))
		for _, line := range tail.lines {
			_, _ = io.WriteString(w, line+"\n")
		}
	}
}
