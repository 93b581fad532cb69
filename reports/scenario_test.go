package reports

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"runbook/engine"
	"runbook/engine/enginetest"
)

var record = flag.Bool("record", false, "make the journals of testdata anew, by driving the engine")

const books = "testdata/runbooks"

// load gives a runbook of testdata.
func load(tb testing.TB, name string) *engine.Plan {
	tb.Helper()
	find := func(name string) (string, []byte, error) {
		file := filepath.Join(books, name+".yaml")
		source, err := os.ReadFile(file)
		return name + ".yaml", source, err
	}
	file, source, err := find(name)
	if err != nil {
		tb.Fatal(err)
	}
	plan, diags := engine.Load(file, source, enginetest.Kinds(), find)
	if plan == nil {
		tb.Fatalf("load %s: %v", name, diags)
	}
	return plan
}

// host is a host as a scenario has it: what each check sees, what each change does, and what people say.
type host struct {
	sees    map[string][]engine.Result            // of a check, look after look; the last one goes on
	after   map[string]map[string][]engine.Result // what checks see after a change
	acts    map[string][]engine.Result
	tells   map[string]engine.Result // of a change that is described
	answers map[string][]engine.Answer
	takes   map[string]time.Duration // "look page", "act restart", "confirm restart"; 120 ms otherwise
	dies    string                   // the engine is killed when this call begins: "act restart"
	lost    bool                     // what it was doing then, nobody knows
	never   bool                     // what it was about to do then has certainly not begun
	stops   string                   // somebody presses Ctrl-C when this call begins
}

// run is a run in the making.
type run struct {
	tb     testing.TB
	host   host
	state  *engine.State
	plan   *engine.Plan
	at     time.Time
	mono   time.Duration
	events []engine.Stamped
	dir    string
	kept   int
	nonces int
	used   map[string]int
}

func newRun(tb testing.TB, plan *engine.Plan, h host, dir string) *run {
	tb.Helper()
	return &run{
		tb: tb, host: h, plan: plan, state: engine.New(plan), dir: dir, used: map[string]int{},
		at: time.Date(2026, 11, 20, 3, 12, 4, 120_000_000, time.UTC),
	}
}

func (r *run) put(e engine.Event) {
	s := engine.Stamped{Seq: len(r.events) + 1, At: r.at, Mono: r.mono, Event: e}
	r.events = append(r.events, s)
	r.state.Apply(s)
}

func (r *run) pass(d time.Duration) {
	r.at, r.mono = r.at.Add(d), r.mono+d
}

var errKilled = errors.New("killed")

// drive lets the engine go on until it has nothing to do, or is killed.
func (r *run) drive() error {
	for range 2000 {
		actions := r.state.Next()
		if len(actions) == 0 {
			return nil
		}
		switch a := actions[0].(type) {
		case engine.Conclude:
			r.put(a.Event)
		case engine.Wait:
			r.pass(a.Until - r.mono)
			r.put(a.Event)
		case engine.Perform:
			if err := r.perform(a); err != nil {
				return err
			}
		}
	}
	return errors.New("the run does not end")
}

func (r *run) perform(p engine.Perform) error {
	if asked, ok := p.Begin.(engine.Asked); ok {
		r.nonces++
		asked.Question.Nonce = fmt.Sprintf("n%d", r.nonces)
		p.Begin, p.Call.Question = asked, &asked.Question
	}
	if p.Begin != nil {
		r.put(p.Begin)
	}
	name := string(p.Call.Verb) + " " + p.Call.Step
	if r.host.dies == name {
		r.host.dies = ""
		return errKilled
	}
	if r.host.stops == name {
		r.host.stops = ""
		r.put(engine.StopAsked{Signal: "interrupt"})
		if p.Call.Verb != engine.Act {
			return nil
		}
	}
	took := 120 * time.Millisecond
	if d, ok := r.host.takes[name]; ok {
		took = d
	}
	r.pass(took)
	r.put(r.state.Finish(p, r.result(p.Call)))
	return nil
}

func (r *run) result(c engine.Call) engine.Result {
	next := func(list []engine.Result) engine.Result {
		if len(list) == 0 {
			r.tb.Fatalf("the scenario does not say what %s %s gives", c.Verb, c.Step)
		}
		key := string(c.Verb) + " " + c.Step
		i := min(r.used[key], len(list)-1)
		r.used[key]++
		return r.stored(list[i])
	}
	switch c.Verb {
	case engine.Look:
		return next(r.host.sees[c.Step])
	case engine.Prepare:
		name := c.Step
		if c.Undo {
			name = "undo " + name
		}
		told, ok := r.host.tells[name]
		if !ok {
			r.tb.Fatalf("the scenario does not describe %s", c.Step)
		}
		return r.stored(told)
	case engine.Act:
		for check, sees := range r.host.after[c.Step] {
			r.host.sees[check], r.used[string(engine.Look)+" "+check] = sees, 0
		}
		return next(r.host.acts[c.Step])
	case engine.Attach:
		return engine.Result{Lost: r.host.lost, Never: r.host.never}
	case engine.Confirm:
		list := r.host.answers[c.Step]
		if len(list) == 0 {
			r.tb.Fatalf("nobody answers %s", c.Step)
		}
		key := "confirm " + c.Step
		i := min(r.used[key], len(list)-1)
		r.used[key]++
		return engine.Result{Answer: &list[i]}
	}
	return engine.Result{}
}

// stored keeps the evidence of a result: what it has as File is the text, until it is a file.
func (r *run) stored(res engine.Result) engine.Result {
	out := res
	out.Evidence = nil
	for _, e := range res.Evidence {
		r.kept++
		e.ID = fmt.Sprintf("E%02d", r.kept)
		if e.Failed == "" {
			content := []byte(e.File)
			sum := sha256.Sum256(content)
			e.SHA256, e.Kept = hex.EncodeToString(sum[:]), int64(len(content))
			e.Bytes = max(e.Bytes, e.Kept)
			e.File = fmt.Sprintf("evidence/%s-%s.txt", e.ID, e.Name)
			if err := os.MkdirAll(filepath.Join(r.dir, "evidence"), 0o700); err != nil {
				r.tb.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(r.dir, e.File), content, 0o600); err != nil {
				r.tb.Fatal(err)
			}
		}
		out.Evidence = append(out.Evidence, e)
	}
	return out
}

// resume begins another life of the run.
func (r *run) resume(after time.Duration, who engine.Who) {
	r.pass(after)
	r.state = engine.New(r.plan)
	for _, e := range r.events {
		r.state.Apply(e)
	}
	r.put(engine.RunResumed{Who: who, Version: "0.1.0", Boot: "9f2c"})
}

func writeJournal(tb testing.TB, file string, events []engine.Stamped) {
	tb.Helper()
	var b bytes.Buffer
	for _, e := range events {
		typ, data, err := engine.Encode(e.Event)
		if err != nil {
			tb.Fatal(err)
		}
		head, err := json.Marshal(struct {
			Seq  int           `json:"seq"`
			At   time.Time     `json:"at"`
			Mono time.Duration `json:"mono"`
			Type string        `json:"type"`
		}{e.Seq, e.At, e.Mono, typ})
		if err != nil {
			tb.Fatal(err)
		}
		b.Write(head[:len(head)-1])
		if len(data) > 2 {
			b.WriteByte(',')
		}
		b.Write(data[1:])
		b.WriteByte('\n')
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// readJournal reads a stored journal. It may have been recorded by an older engine: what it says must still be read.
func readJournal(tb testing.TB, file string) []engine.Stamped {
	tb.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	var events []engine.Stamped
	lines := bufio.NewScanner(bytes.NewReader(source))
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var head struct {
			Seq  int           `json:"seq"`
			At   time.Time     `json:"at"`
			Mono time.Duration `json:"mono"`
			Type string        `json:"type"`
		}
		if err := json.Unmarshal(lines.Bytes(), &head); err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		e, err := engine.Decode(head.Type, lines.Bytes())
		if err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		events = append(events, engine.Stamped{Seq: head.Seq, At: head.At, Mono: head.Mono, Event: e})
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return events
}
