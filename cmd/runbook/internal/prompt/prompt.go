package prompt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// Prompt asks the person at a terminal. It is an [engine.Performer] of confirmations, and of nothing else.
type Prompt struct {
	// Open gives the terminal, which is closed after the question. An error means that there is none.
	Open   func() (*os.File, error)
	Had    bool // there was a terminal when the run began: without one now, it was lost
	Getenv func(string) string
	Host   string        // that a change would be made to
	User   string        // that it would be made as, where a step names none
	By     string        // the person
	Run    func() string // id of the run, for the commands that are shown
	// Evidence opens a piece of evidence by its name below the run's folder.
	Evidence func(file string) (io.ReadCloser, error)
	// Hold keeps the display from writing until release is called. What it would have written it may give to say, which
	// puts it above the question and tells whether it did.
	Hold func(say func(lines []string) bool) (release func())
	Now  func() time.Time // on the clock that the person sees
	// Drill says that the host is simulated: every question says so, and one person speaks for all.
	Drill bool
}

// Perform asks the question of a call, and waits for the answer, the question's end of time, or the context's.
func (p *Prompt) Perform(ctx context.Context, c engine.Call) engine.Result {
	if c.Verb != engine.Confirm || c.Question == nil {
		return engine.Result{Failure: &engine.Failure{Kind: engine.Invalid, Message: "a prompt only asks: it can't " + string(c.Verb)}}
	}
	q := *c.Question
	f, err := p.Open()
	switch {
	case err != nil && p.Had:
		return p.answer(engine.Gone, "the terminal was lost")
	case err != nil:
		return p.answer(engine.Nobody, nobody(q))
	}
	t, err := take(f)
	if err != nil {
		_ = f.Close()
		return p.answer(engine.Gone, "the terminal was lost")
	}
	defer t.give()
	a := &asking{Prompt: p, t: t, q: q, screen: screen.New(t.File, p.Getenv)}
	if p.Hold != nil {
		defer p.Hold(a.interject)()
	}
	return a.ask(ctx)
}

// asking is one question while it is open.
type asking struct {
	*Prompt
	t      *tty
	q      engine.Question
	screen screen.Screen

	mu   sync.Mutex
	open bool // the line that asks stands there, and an answer is waited for
	rung bool
}

// say writes lines to the terminal.
func (a *asking) say(lines ...string) {
	_, _ = io.WriteString(a.t, strings.Join(lines, "\n")+"\n")
}

// put writes the line that asks. Keys count from the moment that all of it stands there.
func (a *asking) put() error {
	_, _ = io.WriteString(a.t, a.line(a.screen, a.q))
	if err := a.t.forget(); err != nil {
		return err
	}
	_, _ = io.WriteString(a.t, "> ")
	return nil
}

// interject shows what has happened meanwhile, such as a colleague's note, and asks again: what was typed so far was
// typed without knowing it.
func (a *asking) interject(lines []string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open {
		a.say(append([]string{""}, lines...)...)
		_ = a.put()
	}
	return a.open
}

// next puts the line that asks, and waits for what is typed.
func (a *asking) next(ctx context.Context, asked time.Time) (string, error) {
	a.mu.Lock()
	err := a.put()
	a.open = err == nil
	a.mu.Unlock()
	if err != nil {
		return "", errGone
	}
	typed, err := a.wait(ctx, asked)
	a.mu.Lock()
	a.open = false
	a.mu.Unlock()
	return typed, err
}

func (a *asking) ask(ctx context.Context) engine.Result {
	asked := time.Now() // what a person has to answer is real time, also where the clock that is shown is ahead
	var expires time.Time
	if a.q.Expires > 0 {
		expires = a.Now().Add(a.q.Expires)
	}
	a.say(a.draw(a.screen, a.q, expires)...)
	for {
		typed, err := a.next(ctx, asked)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
			a.say("", "nobody answered in time: that means "+silence(a.q)+".")
			return a.answer(engine.Expired, "")
		case ctx.Err() != nil:
			a.say("", "this question is closed.")
			return a.answer(engine.Gone, "the question was closed before it was answered")
		case errors.Is(err, io.EOF):
			a.say("")
			typed = ""
			if a.q.Kind == engine.AskValue {
				return a.answer(engine.Quit, "")
			}
		case err != nil:
			return a.answer(engine.Gone, "the terminal was lost")
		}
		r := a.read(a.q, typed)
		if r.show {
			a.show(a.screen, a.q)
			continue
		}
		if r.say != "" {
			a.say(r.say)
		}
		if r.value != "" {
			return a.answer(r.value, r.note)
		}
	}
}

// wait reads a line. It rings the bell once, when half of the time for an answer has gone.
func (a *asking) wait(ctx context.Context, asked time.Time) (string, error) {
	expires := a.q.Expires
	if expires <= 0 {
		return a.t.line(ctx, time.Time{})
	}
	if !a.rung {
		typed, err := a.t.line(ctx, asked.Add(expires/2))
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return typed, err
		}
		a.rung = true
		_, _ = io.WriteString(a.t, "\a")
	}
	return a.t.line(ctx, asked.Add(expires))
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
