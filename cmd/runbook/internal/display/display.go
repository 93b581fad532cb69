package display

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

// redraw is how often the line of what is going on is written again.
const redraw = 250 * time.Millisecond

// Display shows a run. Its methods may be called from any goroutine.
type Display struct {
	mu      sync.Mutex
	screen  screen.Screen
	now     func() time.Time
	titles  titles
	dry     bool
	drill   bool
	idWidth int
	run     string

	going   []task
	onLine  bool                // the last line is that of what is going on
	ask     func([]string) bool // while a question is open: takes news that its answer may rest on; else nothing is written
	held    []string            // lines that wait
	out     *pipe
	changes map[string]change
	looked  map[string]engine.Outcome // what verification last said of a check
	said    map[string]engine.Tri     // of findings
	unclear []string                  // findings that were just concluded, and that nobody can decide
	hanging []string                  // the same, because a change was only described

	stop chan struct{}
	done sync.WaitGroup
}

// task is something that is going on.
type task struct {
	key   string
	path  string
	what  string
	since time.Time
	last  string // the last line of its output
	ends  bool   // a stop lets it end: a change, and the looks that verify it
}

// change is what is known of a fix that is on its way.
type change struct {
	question engine.Question
	answer   engine.Answer
	failed   bool
}

// New makes a display that writes to a screen, until Close.
func New(s screen.Screen, now func() time.Time) *Display {
	d := &Display{
		screen: s, now: now, idWidth: 8, changes: map[string]change{}, looked: map[string]engine.Outcome{},
		said: map[string]engine.Tri{}, titles: titles{params: map[string]map[string]any{}}, stop: make(chan struct{}), out: newPipe(s),
	}
	if s.Terminal {
		d.done.Go(d.tick)
	}
	return d
}

func (d *Display) tick() {
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-ticker.C:
			d.mu.Lock()
			d.draw()
			d.mu.Unlock()
		}
	}
}

// Close ends the display. What has been written stays.
func (d *Display) Close() {
	close(d.stop)
	d.done.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.going, d.ask = nil, nil
	d.print()
	d.out.close()
}

// Hold keeps the display from writing while a question stands on the screen, until release is called. News that an
// answer may rest on, such as a colleague's note, is given to say, which shows it above the question if it can. All
// else is written afterwards.
func (d *Display) Hold(say func(lines []string) bool) (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clear()
	d.out.flush()
	d.ask = say
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ask = nil
		d.print()
	})
}

// Say writes lines that are no event.
func (d *Display) Say(lines ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.print(lines...)
}

// Known tells the display of a run that began before it: its events so far are not shown again.
func (d *Display) Known(e engine.RunStarted) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.know(e)
}

func (d *Display) know(e engine.RunStarted) {
	d.titles = newTitles(e)
	d.dry, d.drill = e.Mode == engine.DryRun, e.Mode == engine.Drill
	d.run, d.idWidth = e.Run, d.titles.widest()
}

// Run is the id of the run, once it has one.
func (d *Display) Run() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.run
}

// Watch shows an event.
func (d *Display) Watch(e engine.Stamped, _ *engine.State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var lines []string
	rows := d.rows(e)
	if _, more := e.Event.(engine.Concluded); !more {
		rows = append(d.undecided(), rows...)
	}
	for _, r := range rows {
		lines = append(lines, d.lines(e.At, r)...)
	}
	switch e.Event.(type) {
	case engine.Noted, engine.Noticed: // may change an answer
		if d.ask != nil && d.ask(lines) {
			return
		}
	}
	d.print(lines...)
}

// Begun shows that a call begins.
func (d *Display) Begun(p engine.Perform) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := task{key: p.ID, path: p.Call.Step, since: d.now(), what: d.titles.title(p.Call.Step)}
	switch p.Call.Verb {
	case engine.Confirm:
		return
	case engine.Prepare:
		t.what = "looking at what it would do"
	case engine.Act:
		t.what, t.ends = "changing", true
	case engine.Attach:
		t.what, t.ends = "finding out how it ended", true
	case engine.Look:
		t.what, t.ends = lookingFor(p.For, t.what), p.For == engine.ForVerify
	}
	d.going = slices.DeleteFunc(d.going, func(o task) bool { return o.path == t.path })
	d.going = append(d.going, t)
	if d.screen.Terminal {
		d.draw()
		return
	}
	if p.Call.Verb == engine.Look && p.For == engine.ForGraph || p.Call.Verb == engine.Attach {
		r := row{word: "begins", id: p.Call.Step, text: t.what}
		if p.Call.Attempt > 1 {
			r.text += fmt.Sprintf(" (attempt %d)", p.Call.Attempt)
		}
		d.print(d.lines(t.since, d.real(r))...)
	}
}

func lookingFor(why engine.Reason, title string) string {
	switch why {
	case engine.ForAgain:
		return "looking again, before the change"
	case engine.ForVerify:
		return "looking whether it helped"
	case engine.ForGoal:
		return "looking afresh, at the end"
	case engine.ForGraph:
	}
	return title
}

// Output shows the last line of what a step that is going on has written.
func (d *Display) Output(step, line string) {
	const most = 400 // bytes: a step may print a gigabyte
	line = line[:min(len(line), most)]
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.going {
		if d.going[i].path == step && strings.TrimSpace(line) != "" {
			d.going[i].last = line
		}
	}
}

// ended takes a step out of what is going on, and gives how long it took, "" for no time worth telling.
func (d *Display) ended(path string) string {
	i := slices.IndexFunc(d.going, func(t task) bool { return t.path == path })
	if i < 0 {
		return ""
	}
	took := d.now().Sub(d.going[i].since)
	d.going = slices.Delete(d.going, i, i+1)
	if took < time.Second {
		return ""
	}
	return screen.Span(took)
}

// waits shows that a step lets time pass.
func (d *Display) waits(path, what string) {
	d.going = slices.DeleteFunc(d.going, func(o task) bool { return o.path == path })
	d.going = append(d.going, task{path: path, since: d.now(), what: what})
}

// print writes lines that stay, and below them, on a terminal, what is going on. While a question is open they wait.
func (d *Display) print(lines ...string) {
	lines, d.held = append(d.held, lines...), nil
	if d.ask != nil {
		d.held = lines
		return
	}
	if len(lines) > 0 {
		d.clear()
		_, _ = io.WriteString(d.out, strings.Join(lines, "\n")+"\n")
	}
	d.draw()
}

// clear takes the line of what is going on away.
func (d *Display) clear() {
	if d.onLine {
		_, _ = io.WriteString(d.out, "\r\x1b[K")
		d.onLine = false
	}
}

// draw writes the line of what is going on.
func (d *Display) draw() {
	if !d.screen.Terminal || d.ask != nil {
		return
	}
	if len(d.going) == 0 {
		d.clear()
		return
	}
	d.screen = d.screen.Measured()
	first := d.going[0]
	took := screen.Span(d.now().Sub(first.since).Truncate(time.Second))
	var text string
	if n := len(d.going); n > 1 {
		var names []string
		for _, t := range d.going[:min(n, 3)] {
			names = append(names, t.path)
		}
		text = strings.Join(names, ", ")
		if n > 3 {
			text += fmt.Sprintf(" and %d more", n-3)
		}
		text = fmt.Sprintf("%s  %s", text, took)
	} else {
		text = fmt.Sprintf("%s  %s  %s", screen.Pad(first.path, d.idWidth), took, first.what)
		if first.last != "" {
			text += ": " + screen.Line(first.last)
		}
	}
	line := screen.Clip(strings.Repeat(" ", timeWidth)+screen.Pad("now", wordWidth)+text, d.screen.Width-1)
	_, _ = io.WriteString(d.out, "\r"+line+"\x1b[K")
	d.onLine = true
}

// Title shows which runbook this is: the first line, before anything is looked at.
func (d *Display) Title(rb *engine.Runbook) {
	first := d.screen.Paint.Strong(screen.Line(rb.Name.Value))
	if rb.Title.Value != "" {
		first += ": " + screen.Line(rb.Title.Value)
	}
	d.Say(screen.Wrap(first, d.screen.Width)...)
}
