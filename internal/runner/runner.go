package runner

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"runbook/engine"
	"runbook/engine/journal"
	"runbook/internal/host"
	"runbook/internal/supervisor"
)

// Options is everything that a run needs to be told.
type Options struct {
	Plan     *engine.Plan
	Kinds    engine.Kinds
	Store    journal.Store
	Params   map[string]any
	Mode     engine.Mode
	Incident string
	Parallel int // checks at the same time; 8 when 0
	Version  string
	Who      engine.Who
	Answers  Answers
	// Cooldown is the reason why the runbook's cooldown is not to be waited for; "" when it is.
	Cooldown string
	// Unsandboxed lets checks run outside the read sandbox where the kernel has none.
	Unsandboxed bool
	Secrets     host.Secrets
	// Stage is where a drill plays, nil for every other mode.
	Stage *Stage

	// Ask puts questions to the person at the terminal. Runner puts the answers that were given beforehand, and those
	// that come from other terminals, around it.
	Ask engine.Performer
	// Watch and Begun are the display. Both are called from one goroutine.
	Watch func(engine.Stamped, *engine.State)
	Begun func(engine.Perform)
	// Output is told the last line that a running step printed; it is called from several goroutines.
	Output func(step, line string)
	// Signals brings interrupts, terminations and hang-ups.
	Signals <-chan os.Signal
	// Report writes the report of the run: it is called on every way out, after the last event.
	Report func(run *journal.Run) (path string, err error)
}

// Outcome is what a run came to.
type Outcome struct {
	Run     string
	Verdict engine.Verdict
	Exit    int
	Why     []string
	Report  string // its path, "" when it could not be written
	Notices []string
}

// life is one life of a run: from its start, or from a resume, to its end or to an interruption.
type life struct {
	Options
	writer  *journal.Writer
	locks   []*journal.Lock
	inbox   chan engine.Stamped
	driver  *engine.Driver
	notices []string    // from before there was a journal
	exit    int         // of the signal that interrupted it
	hungUp  atomic.Bool // the terminal was lost
}

// Run starts a run and drives it to its end. A lock that is held, a cooldown that is not over and a preflight that
// fails are not errors: they are the verdict refused.
func Run(ctx context.Context, o Options) (Outcome, error) {
	now := time.Now()
	id, err := newID(now)
	if err != nil {
		return Outcome{}, err
	}
	l := &life{Options: o, inbox: make(chan engine.Stamped)}
	holder := journal.Holder{Run: id, By: o.Who.Name()}
	if (o.Mode == engine.Drill) != (o.Stage != nil) {
		return Outcome{}, errors.New("begin the run: a drill plays on a stage, and nothing else does")
	}
	if o.Mode == engine.Live {
		defer l.releaseLocks()
		refusal, err := l.takeLocks(holder)
		if err == nil && refusal == "" {
			refusal, err = l.coolingDown(now)
		}
		if err != nil || refusal != "" {
			return Outcome{Verdict: engine.VerdictRefused, Exit: engine.VerdictRefused.ExitCode(), Why: []string{refusal}}, err
		}
	}
	if err := l.Store.BringHome(); err != nil {
		l.notices = append(l.notices, "a past run could not be brought back to disk: "+err.Error())
	}
	l.Store.Notice = l.notice
	l.writer, err = l.Store.Create(id, holder)
	if err != nil {
		return Outcome{}, fmt.Errorf("begin the run's journal: %w", err)
	}
	l.build(engine.New(o.Plan))
	if err := l.driver.Put(l.started(id)); err != nil {
		return Outcome{}, errors.Join(err, l.writer.Close())
	}
	for _, text := range append(l.notices, unenforced(o)...) {
		if err := l.driver.Put(engine.Noticed{Text: text}); err != nil {
			return Outcome{}, errors.Join(err, l.writer.Close())
		}
	}
	if err := l.driver.Put(engine.Preflight{Missing: missing(o)}); err != nil {
		return Outcome{}, errors.Join(err, l.writer.Close())
	}
	return l.drive(ctx)
}

// newID makes the id of a run that starts now.
func newID(now time.Time) (string, error) {
	var word [4]byte
	if _, err := rand.Read(word[:]); err != nil {
		return "", fmt.Errorf("name the run: %w", err)
	}
	return journal.NewID(now, binary.LittleEndian.Uint32(word[:])), nil
}

// started is the first event of a run.
func (l *life) started(id string) engine.RunStarted {
	name, _ := os.Hostname()
	e := engine.RunStarted{
		Format: engine.FormatVersion, Run: id, Runbook: source(l.Plan), Params: l.Params, Mode: l.Mode,
		Parallel: l.parallel(), Version: l.Version, Host: name, Boot: bootID(), Who: l.Who, Incident: l.Incident,
		Flags: l.flags(),
	}
	if l.Mode == engine.Drill {
		e.Host, e.Boot = l.Stage.Host, ""
	}
	for _, book := range l.Plan.Books {
		e.Books = append(e.Books, source(book))
	}
	return e
}

// flags are what was said on the command line that the run rests on.
func (l *life) flags() []string {
	flags := l.Answers.Flags()
	if l.Cooldown != "" {
		flags = append(flags, "--override-cooldown "+l.Cooldown)
	}
	if l.Unsandboxed {
		flags = append(flags, "--unsandboxed-reads")
	}
	if l.Mode == engine.Drill {
		flags = append(flags, "--scenario "+l.Stage.Scenario)
	}
	return flags
}

func (l *life) parallel() int {
	if l.Parallel > 0 {
		return l.Parallel
	}
	return 8
}

func source(p *engine.Plan) engine.Source {
	return engine.Source{Name: p.Runbook.Name.Value, File: p.Runbook.File, Text: string(p.Runbook.Source), Hash: p.Hash}
}

// build puts the loop together: the state, the journal under it, the world around it.
func (l *life) build(state *engine.State) {
	run := l.writer.Run()
	real := &host.Host{
		Kinds: l.Kinds, Secrets: l.Secrets, Output: l.Output, Unsandboxed: l.Unsandboxed,
		Keep: func(step string) (host.File, error) { return run.Evidence(step) },
	}
	l.driver = &engine.Driver{
		State: state, Clock: clock{l.writer}, Record: l.record, Nonce: rand.Text,
		Inbox: l.inbox, Watch: l.Watch, Begun: l.Begun,
	}
	switch l.Mode {
	case engine.DryRun:
		l.driver.World = host.DryRun(real)
	case engine.Drill:
		l.driver.World, l.driver.Clock = engine.PerformerFunc(l.perform), staged{l.writer, l.Stage}
		l.driver.Watch = func(e engine.Stamped, state *engine.State) {
			l.Stage.watch(e, state)
			if l.Watch != nil {
				l.Watch(e, state)
			}
		}
	default:
		l.driver.World = l.live(real)
	}
}

// live is the world of a live run: checks on this host, changes under a supervisor, questions to people.
func (l *life) live(real engine.Performer) engine.Performer {
	run := l.writer.Run()
	command, commandErr := supervisor.Command(l.Store.Dir, run.ID)
	changes := supervisor.Changes{
		Run: run, Command: command, Output: l.Output, Holds: journal.Holder{Run: run.ID, By: l.Who.Name()},
	}
	beforehand := l.Answers
	beforehand.By = l.Who.Name()
	person := decisions{run: run, flags: beforehand, person: l.Ask, hungUp: &l.hungUp}
	return engine.PerformerFunc(func(ctx context.Context, c engine.Call) engine.Result {
		switch c.Verb {
		case engine.Look, engine.Prepare:
			return real.Perform(ctx, c)
		case engine.Act, engine.Attach:
			if commandErr != nil {
				return engine.Result{Failure: engine.FailureOf(commandErr)}
			}
			return changes.Perform(ctx, c)
		case engine.Confirm:
			return person.Perform(ctx, c)
		}
		return engine.Result{Failure: engine.FailureOf(engine.Failf(engine.Invalid, "nobody can %s", c.Verb))}
	})
}

// drive runs the loop and everything beside it, and closes the books on every way out.
func (l *life) drive(ctx context.Context) (Outcome, error) {
	beside, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.besides(beside)
	}()
	err := l.driver.Run(ctx)
	stop()
	<-done
	if errors.Is(err, context.Canceled) {
		err = nil // everything was told to stop at once; the run can be resumed
	}
	out := l.outcome()
	if _, noteErr := l.writer.TakeNotes(); noteErr != nil { // one may have come in the last second
		out.Notices = append(out.Notices, "a note could not be taken in: "+noteErr.Error())
	}
	if flushErr := l.writer.Flush(); flushErr != nil {
		err = errors.Join(err, fmt.Errorf("flush the journal: %w", flushErr))
	}
	if l.Report != nil {
		path, reportErr := l.Report(l.writer.Run())
		out.Report = path
		if reportErr != nil {
			out.Notices = append(out.Notices, "the report could not be written: "+reportErr.Error())
		}
	}
	if closeErr := l.writer.Close(); closeErr != nil {
		out.Notices = append(out.Notices, "the journal could not be closed: "+closeErr.Error())
	}
	return out, err
}

func (l *life) outcome() Outcome {
	out := Outcome{Run: l.writer.Run().ID, Verdict: engine.VerdictInterrupted, Exit: l.exit}
	if out.Exit == 0 {
		out.Exit = engine.VerdictInterrupted.ExitCode()
	}
	if v, ok := l.driver.State.Ended(); ok {
		out.Verdict, out.Exit, out.Why = v, v.ExitCode(), l.driver.State.Why()
	}
	return out
}

// record appends an event to the journal.
func (l *life) record(e engine.Stamped) (engine.Stamped, error) {
	typ, data, err := engine.Encode(e.Event)
	if err != nil {
		return e, err
	}
	durability := journal.Later
	if engine.Durable(e.Event) {
		durability = journal.Now
	}
	rec, err := l.writer.Append(journal.Record{At: e.At, Mono: e.Mono, Type: typ, Data: data}, durability)
	if err != nil {
		return e, err
	}
	e.Seq = int(rec.Seq) //nolint:gosec // a journal has far fewer lines than an int can count
	return e, nil
}

// notice passes on that the journal has moved. It may be called while an event is being recorded.
func (l *life) notice(n journal.Notice) {
	go func() {
		select {
		case l.inbox <- engine.Stamped{Event: engine.Noticed{Text: n.String()}}:
		case <-time.After(time.Minute):
		}
	}()
}

// clock is the run's clock: the journal's own, so that it goes on over a resume.
type clock struct{ writer *journal.Writer }

func (c clock) Now() (time.Time, time.Duration) { return c.writer.Stamp() }

func (c clock) Sleep(ctx context.Context, until time.Duration) error {
	_, now := c.writer.Stamp()
	select {
	case <-time.After(until - now):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
