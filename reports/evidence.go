package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// mostRead is how much of one evidence file is read, in bytes. What is kept is far less.
const mostRead = 64 << 20

// file is an evidence file as it is now.
type file struct {
	wrong string // why it can't be relied on, "" when it is what was recorded
	text  func() (io.ReadCloser, error)
}

// readEvidence holds every evidence file against what was recorded of it.
func (r *report) readEvidence(folder fs.FS) {
	r.files = map[string]file{}
	for _, x := range r.view.Exhibits {
		if x.File == "" {
			continue
		}
		r.files[x.File] = readFile(folder, x)
	}
}

func readFile(folder fs.FS, x Exhibit) file {
	if folder == nil {
		return file{wrong: "the run's folder was not at hand"}
	}
	open := func() (io.ReadCloser, error) {
		f, err := folder.Open(x.File)
		if err != nil {
			return nil, err
		}
		return limited{io.LimitReader(f, mostRead), f}, nil
	}
	src, err := open()
	if err != nil {
		return file{wrong: "its file can't be opened: " + reason(err)}
	}
	defer src.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, src)
	switch {
	case err != nil:
		return file{wrong: "its file can't be read: " + reason(err)}
	case size != x.Kept:
		return file{wrong: fmt.Sprintf("its file has %d bytes, and %d were recorded", size, x.Kept)}
	case x.SHA256 == "":
		return file{wrong: "no SHA-256 was recorded for its file"}
	case hex.EncodeToString(sum.Sum(nil)) != strings.ToLower(x.SHA256):
		return file{wrong: "its file is not what was recorded: its SHA-256 is " + hex.EncodeToString(sum.Sum(nil))}
	}
	return file{text: open}
}

type limited struct {
	io.Reader
	io.Closer
}

// reason is an error without the path that it is about: where a folder lies is not part of a report.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there"
	case errors.Is(err, fs.ErrPermission):
		return "no permission"
	case errors.Is(err, fs.ErrInvalid):
		return "its name is not one below the run's folder"
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// evidence lists everything that was kept.
func (r *report) evidence() document {
	d := section("Evidence")
	if hash := r.view.Start.Runbook.Hash; hash != "" {
		d = append(d, line(text("The runbook's text is in the journal, SHA-256 "), code(hash), text(".")))
	}
	if len(r.view.Exhibits) == 0 {
		return append(d, line(text("No evidence was kept.")))
	}
	t := table{head: []inline{words(text("No.")), words(text("UTC")), words(text("Step")), words(text("What")), words(text("Size"))}}
	var sums []string
	for _, x := range r.view.Exhibits {
		size := Size(x.Bytes)
		switch {
		case x.Failed != "":
			size = "not kept"
		case x.Kept < x.Bytes:
			size = Size(x.Kept) + " of " + size
		}
		t.rows = append(t.rows, []inline{
			words(sentence(orElse(x.ID, "–"))), words(text(r.clock(x.At))), words(code(x.Step)), words(sentence(x.Name)), words(text(size)),
		})
		if x.File != "" && x.SHA256 != "" {
			sums = append(sums, oneLine(x.SHA256)+"  "+oneLine(x.File))
		}
	}
	d = append(d, t)
	if len(sums) > 0 {
		d = append(d, line(text("To hold the files against what was recorded, give these lines to "), code("sha256sum -c"), text(" in the run's folder:")),
			fence{language: "text", lines: sums})
	}
	return d
}
