package file

import (
	"context"
	"fmt"
	"io"
	"unicode/utf8"

	"runbook/engine"
	"runbook/steps/internal/budget"
	"runbook/steps/internal/hostcall"
)

const (
	mostShown = 8 << 10 // bytes of text in the result
	mostRead  = 1 << 20 // bytes that are read
)

type readInput struct {
	Path string `json:"path" required:"true" is:"path" doc:"the file, an absolute path; a link is followed"`
	From string `json:"from" default:"head" enum:"head,tail" doc:"which end to read when the file is longer than is read: 1 MiB as evidence, 8 KiB of it as text"`
}

type readOutput struct {
	Exists    bool   `json:"exists" doc:"the file is there"`
	Text      string `json:"text" doc:"its first or last 8 KiB; bytes that are not UTF-8 are shown as U+FFFD"`
	Size      int    `json:"size" doc:"bytes of the whole file, 0 for files that the kernel makes up, like those in /proc"`
	Truncated bool   `json:"truncated" doc:"text is not the whole file"`
	UTF8      bool   `json:"utf8" doc:"all that was read is valid UTF-8"`
}

func readKind() engine.Definition[readInput, readOutput] {
	return engine.Definition[readInput, readOutput]{
		Name:   "file.read",
		Effect: engine.Reads,
		Expect: "exists",
		Doc: `Reads a text file.

The result holds 8 KiB of it, the evidence up to 1 MiB. That the file is not there is an answer. No permission to read
it is none: the check is unknown.`,
		Example: "path: /etc/default/app",
		Check:   func(in readInput) error { return checkPath(in.Path) },
		Do:      read,
	}
}

// part is what was read of a file.
type part struct {
	data []byte
	size int // of the whole file
}

func read(ctx context.Context, in readInput, t engine.Task) (readOutput, error) {
	p, err := hostcall.Look(ctx, t.As, func() (part, error) { return readPart(ctx, in) })
	if isAbsent(err) {
		return readOutput{}, nil
	}
	if err != nil {
		return readOutput{}, err
	}
	out := readOutput{Exists: true, Size: p.size, UTF8: utf8.Valid(p.data)}
	if in.From == "tail" {
		out.Text = budget.Tail(string(p.data), mostShown)
	} else {
		out.Text = budget.Head(string(p.data), mostShown)
	}
	out.Truncated = len(out.Text) < max(p.size, len(p.data))
	if out.Truncated {
		w := t.Keep("text")
		_, _ = w.Write(p.data)
		_ = w.Close()
	}
	return out, nil
}

// readPart reads up to mostRead bytes from one end of a file.
func readPart(ctx context.Context, in readInput) (part, error) {
	f, err := openRegular(in.Path)
	if err != nil {
		return part{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return part{}, err
	}
	cutFront := in.From == "tail" && info.Size() > mostRead
	if cutFront {
		if _, err := f.Seek(-mostRead, io.SeekEnd); err != nil {
			return part{}, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(&cancellable{ctx, f}, mostRead))
	if err != nil {
		return part{}, fmt.Errorf("read %s: %w", in.Path, err)
	}
	return part{data: wholeRunes(data, cutFront, len(data) == mostRead && !cutFront), size: int(info.Size())}, nil
}

// wholeRunes drops the pieces of characters that a cut left at the front or the back.
func wholeRunes(data []byte, front, back bool) []byte {
	for i := 0; front && i < utf8.UTFMax-1 && len(data) > 0 && !utf8.RuneStart(data[0]); i++ {
		data = data[1:]
	}
	for i := 0; back && i < utf8.UTFMax-1 && len(data) > 0; i++ {
		last := len(data) - 1 - i
		if last < 0 || !utf8.RuneStart(data[last]) {
			continue
		}
		if !utf8.FullRune(data[last:]) {
			data = data[:last]
		}
		break
	}
	return data
}
