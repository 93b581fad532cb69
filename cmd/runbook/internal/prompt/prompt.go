package prompt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// Prompt asks the person at a terminal. It is an [engine.Performer] of confirmations, and of nothing else.
type Prompt struct {
	// Open gives the terminal, which is closed after the question. An error means that there is none.
	Open   func() (*os.File, error)
	Getenv func(string) string
	Host   string        // that a change would be made to
	User   string        // that it would be made as, where a step names none
	By     string        // the person
	Run    func() string // id of the run, for the commands that are shown
	// Evidence opens a piece of evidence by its name below the run's folder.
	Evidence func(file string) (io.ReadCloser, error)
	// Hold keeps the display from writing until the function that it gives is called.
	Hold func() (release func())
	Now  func() time.Time
}

// Perform asks the question of a call, and waits for the answer, the question's end of time, or the context's.
func (p *Prompt) Perform(ctx context.Context, c engine.Call) engine.Result {
	if c.Verb != engine.Confirm || c.Question == nil {
		return engine.Result{Failure: &engine.Failure{Kind: engine.Invalid, Message: "a prompt only asks: it can't " + string(c.Verb)}}
	}
	q := *c.Question
	f, err := p.Open()
	if err != nil {
		return p.answer(engine.Nobody, nobody(q))
	}
	t, err := take(f)
	if err != nil {
		_ = f.Close()
		return p.answer(engine.Gone, "the terminal was lost")
	}
	defer t.give()
	if p.Hold != nil {
		defer p.Hold()()
	}
	return p.ask(ctx, t, q)
}

func (p *Prompt) ask(ctx context.Context, t *tty, q engine.Question) engine.Result {
	s := screen.New(t.File, p.Getenv)
	asked := p.Now()
	var expires time.Time
	if q.Expires > 0 {
		expires = asked.Add(q.Expires)
	}
	say := func(lines ...string) { _, _ = io.WriteString(t, strings.Join(lines, "\n")+"\n") }
	say(p.draw(s, q, expires)...)
	rung := false
	for {
		_, _ = io.WriteString(t, p.line(s, q))
		if t.forget() != nil {
			return p.answer(engine.Gone, "the terminal was lost")
		}
		_, _ = io.WriteString(t, "> ") // from here on keys count
		typed, err := p.wait(ctx, t, asked, q.Expires, &rung)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
			say("", "nobody answered in time: that means "+silence(q)+".")
			return p.answer(engine.Expired, "")
		case ctx.Err() != nil:
			say("", "this question is closed.")
			return p.answer(engine.Gone, "the question was closed before it was answered")
		case errors.Is(err, io.EOF):
			say("")
			typed = ""
			if q.Kind == engine.AskValue {
				return p.answer(engine.Quit, "")
			}
		case err != nil:
			return p.answer(engine.Gone, "the terminal was lost")
		}
		r := p.read(q, typed)
		if r.show {
			p.show(s, q)
			continue
		}
		if r.say != "" {
			say(r.say)
		}
		if r.value != "" {
			return p.answer(r.value, r.note)
		}
	}
}

// wait reads a line. It rings the bell once, when half of the time for an answer has gone.
func (p *Prompt) wait(ctx context.Context, t *tty, asked time.Time, expires time.Duration, rung *bool) (string, error) {
	if expires <= 0 {
		return t.line(ctx, time.Time{})
	}
	if !*rung {
		typed, err := t.line(ctx, asked.Add(expires/2))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return typed, err
		}
		*rung = true
		_, _ = io.WriteString(t, "\a")
	}
	return t.line(ctx, asked.Add(expires))
}

func (p *Prompt) answer(value, note string) engine.Result {
	a := engine.Answer{Value: value, Note: note}
	switch value {
	case engine.Expired, engine.Gone, engine.Nobody:
	default:
		a.By, a.Via = p.By, "terminal"
	}
	return engine.Result{Answer: &a}
}

// nobody says why no one could be asked, and what would have allowed the step.
func nobody(q engine.Question) string {
	text := "there is no terminal to ask on, and step " + q.Step + " needs "
	switch {
	case q.Kind == engine.AskManual || q.Kind == engine.AskValue:
		return text + "a person: run it in a terminal"
	case q.Approvals > 1:
		return text + fmt.Sprintf("%d people who agree: run it in a terminal", q.Approvals)
	case q.Risk == engine.High:
		return text + "a yes: run it in a terminal, or allow it with --confirm " + q.Step + "=" + Target(q)
	default:
		return text + "a yes: run it in a terminal, or allow it with --yes"
	}
}
