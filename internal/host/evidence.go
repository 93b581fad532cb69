package host

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"runbook/engine"
	"runbook/internal/run/capture"
	"runbook/internal/run/redact"
)

// How much of one piece of evidence is kept, in bytes.
const (
	outputLimit = 1 << 20   // of what a step printed
	beforeLimit = 256 << 10 // of what a change is about to destroy
)

// keeper takes the evidence of one call.
type keeper struct {
	host    *Host
	step    string
	secrets *redact.Secrets
	limit   int

	mu   sync.Mutex
	open []*piece
	lost []engine.Evidence
}

// piece is one piece of evidence while it is written.
type piece struct {
	name    string
	file    File
	capture *capture.Capture
	cut     *redact.Writer
	lines   *lastLine
	closed  bool
	err     error
}

// keep opens a piece of evidence. When that can't be done, the step goes on without it, and the result says so.
func (k *keeper) keep(name string) io.WriteCloser {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := &piece{name: name, lines: &lastLine{tell: k.host.Output, step: k.step}}
	var to io.Writer
	if p.file, p.err = k.host.Keep(k.step); p.err == nil {
		to = p.file
	}
	limit := k.limit
	if limit == 0 {
		limit = outputLimit
	}
	p.capture = capture.New(limit, to)
	p.cut = k.secrets.Writer(io.MultiWriter(p.capture, p.lines))
	k.open = append(k.open, p)
	return p
}

// failed records evidence that could not be taken.
func (k *keeper) failed(name string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lost = append(k.lost, engine.Evidence{Name: name, Failed: err.Error()})
}

// close ends what the kind left open, and lists everything that was kept.
func (k *keeper) close() []engine.Evidence {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.lost
	for _, p := range k.open {
		_ = p.Close() // what went wrong is in the evidence itself
		out = append(out, p.evidence())
	}
	return out
}

// Write takes output. It never fails.
func (p *piece) Write(b []byte) (int, error) {
	if !p.closed {
		_, _ = p.cut.Write(b) // the capture keeps the file's first error
	}
	return len(b), nil
}

// Close ends the piece. Its error is in the evidence.
func (p *piece) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	_ = p.cut.Close()
	err := p.capture.Close()
	if p.file != nil {
		err = errors.Join(err, p.file.Close())
	}
	if p.err == nil {
		p.err = err
	}
	return nil
}

func (p *piece) evidence() engine.Evidence {
	sum := p.capture.Summary()
	e := engine.Evidence{
		Name: p.name, Bytes: sum.Total, Kept: sum.Total - sum.Left, SHA256: sum.FileSHA256, Cuts: p.cut.Cuts(),
	}
	if p.file != nil {
		e.File = p.file.Name()
		e.ID, _, _ = strings.Cut(filepath.Base(e.File), "-")
	}
	if p.err != nil {
		e.Failed = p.err.Error()
	}
	return e
}

// lastLine tells the last whole line of what passes through that is not blank, at most so much of it.
type lastLine struct {
	tell func(step, line string)
	step string
	rest []byte
}

func (l *lastLine) Write(p []byte) (int, error) {
	if l.tell == nil {
		return len(p), nil
	}
	const most = 400
	rest := p // no copy of it is made: a gigabyte may pass through here
	if end := bytes.LastIndexByte(p, '\n'); end >= 0 {
		whole := bytes.TrimRight(p[:end], " \t\r\n")
		begin := bytes.LastIndexByte(whole, '\n')
		line := whole[begin+1:]
		if begin < 0 {
			line = slices.Concat(l.rest, line[:min(len(line), most)])
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			l.tell(l.step, string(line[:min(len(line), most)]))
		}
		l.rest, rest = l.rest[:0], p[end+1:]
	}
	l.rest = append(l.rest, rest[:min(len(rest), most-len(l.rest))]...)
	return len(p), nil
}

// clean cuts secrets out of everything in a result that is text.
func clean(s *redact.Secrets, r engine.Result) engine.Result {
	cut := s.Redact
	r.Output, _ = mapStrings(r.Output, cut).(map[string]any)
	if r.Failure != nil {
		r.Failure = &engine.Failure{Kind: r.Failure.Kind, Message: cut(r.Failure.Message)}
	}
	if r.Description != nil {
		d := *r.Description
		d.Summary, d.Target, d.Undo = cut(d.Summary), cut(d.Target), cut(d.Undo)
		d.Exact = make([]string, len(r.Description.Exact))
		for i, line := range r.Description.Exact {
			d.Exact[i] = cut(line)
		}
		r.Description = &d
	}
	return r
}
