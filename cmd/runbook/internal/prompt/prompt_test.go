package prompt

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"runbook/cmd/runbook/internal/ttytest"
	"runbook/engine"
)

// ready ends a question: what is typed before it stands there does not count.
const ready = "> "

// person sits at a real terminal.
type person struct {
	t *testing.T
	*ttytest.Seat
}

func sit(t *testing.T) (*person, func() (*os.File, error)) {
	t.Helper()
	seat, err := ttytest.Sit()
	if err != nil {
		t.Fatal(err)
	}
	slave, err := seat.Open() // keeps the terminal up between questions
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close(); _ = seat.Hangup() })
	return &person{t, seat}, seat.Open
}

func (p *person) screen() string { return p.Raw() }

func (p *person) sees(text string, times int) {
	p.t.Helper()
	if err := p.Times(text, times); err != nil {
		p.t.Fatalf("%v. The screen:\n%s", err, p.Raw())
	}
}

func (p *person) types(text string) {
	p.t.Helper()
	if err := p.Type(text); err != nil {
		p.t.Fatal(err)
	}
}

func prompt(open func() (*os.File, error)) *Prompt {
	return &Prompt{
		Open: open, Getenv: func(k string) string { return map[string]string{"TERM": "xterm", "NO_COLOR": "1"}[k] },
		Host: "srv709397", User: "root", By: "anna", Run: func() string { return "20261120T031204Z-k3f7" }, Now: time.Now,
		Evidence: func(file string) (io.ReadCloser, error) {
			if file != "evidence/E01-restart.txt" {
				return nil, errors.New("no such evidence")
			}
			return io.NopCloser(strings.NewReader(strings.Repeat("a line\n", 100) + "the \x1b[2Jlast line\n")), nil
		},
	}
}

func restart() engine.Question {
	return engine.Question{
		Step: "restart", Kind: engine.AskFix, Nonce: "n1", Number: 7, Of: 9, Risk: engine.Low, Approvals: 1,
		Because: []engine.Term{
			{Text: "not steps.page.healthy", Value: engine.True, Seen: []engine.Seen{{Name: "page", Value: "status 502, expected 200", Known: true}}},
			{Text: "not findings.port_taken", Value: engine.True, Seen: []engine.Seen{{Name: "sockets", Value: "[]", Known: true}}},
		},
		Description: &engine.Description{Summary: "restart nginx.service", Exact: []string{"systemd: RestartUnit(nginx.service, replace)"}, Target: "nginx.service"},
		Verify:      []string{"transient", "port", "page"}, Within: time.Minute,
		Evidence: []engine.Evidence{{ID: "E01", File: "evidence/E01-restart.txt", Name: "journal", Bytes: 714}},
	}
}

// ask asks a question and gives the answer to come.
func ask(ctx context.Context, p *Prompt, q engine.Question) <-chan engine.Result {
	c := make(chan engine.Result, 1)
	go func() {
		c <- p.Perform(ctx, engine.Call{Verb: engine.Confirm, Step: q.Step, Question: &q})
	}()
	return c
}

func answer(t *testing.T, c <-chan engine.Result) engine.Answer {
	t.Helper()
	select {
	case r := <-c:
		if r.Answer == nil {
			t.Fatalf("no answer: %+v", r.Failure)
		}
		return *r.Answer
	case <-time.After(ttytest.Patience):
		t.Fatal("no answer came back")
	}
	return engine.Answer{}
}

func TestOnlyYesMeansYes(t *testing.T) {
	high := restart()
	high.Risk = engine.High
	failed := restart()
	failed.Kind, failed.Failure = engine.AskFailed, &engine.Failure{Kind: engine.Exit, Message: "exit 1"}
	doubt := restart()
	doubt.Kind = engine.AskDoubt
	undo := restart()
	undo.Kind = engine.AskUndo
	manual := engine.Question{Step: "call", Kind: engine.AskManual, Text: "Call the data centre."}
	for name, c := range map[string]struct {
		q     engine.Question
		typed string
		want  string
		note  string
	}{
		"y":                               {restart(), "y\n", engine.Yes, ""},
		"yes":                             {restart(), " Yes \n", engine.Yes, ""},
		"an empty line":                   {restart(), "\n", engine.No, ""},
		"n":                               {restart(), "n\n", engine.No, ""},
		"another word":                    {restart(), "yep\n", engine.No, "typed yep"},
		"yes with something after it":     {restart(), "y but wait\n", engine.No, "typed y but wait"},
		"a key that is none":              {restart(), "\x1b[A\n", engine.No, "typed \uFFFD\uFFFD[A"},
		"the end of input":                {restart(), "\x04", engine.No, ""},
		"half a line, then the end":       {restart(), "y\x04\x04", engine.Yes, ""},
		"q":                               {restart(), "q\n", engine.Quit, ""},
		"high: yes is not enough":         {high, "yes\n", engine.No, "typed yes"},
		"high: the target":                {high, "nginx.service\n", engine.Yes, ""},
		"high: nearly the target":         {high, "nginx\n", engine.No, "typed nginx"},
		"high: q":                         {high, "q\n", engine.Quit, ""},
		"failed: nothing stops":           {failed, "\n", engine.Stop, ""},
		"failed: anything stops":          {failed, "y\n", engine.Stop, "typed y"},
		"failed: r":                       {failed, "r\n", engine.Retry, ""},
		"failed: c":                       {failed, "c\n", engine.Skip, ""},
		"failed: q":                       {failed, "q\n", engine.Stop, ""},
		"doubt: nothing decides nothing":  {doubt, "\n", engine.No, ""},
		"doubt: y decides nothing":        {doubt, "y\n", engine.No, "typed y"},
		"doubt: made":                     {doubt, "made\n", engine.Made, ""},
		"doubt: not made":                 {doubt, "not made\n", engine.NotMade, ""},
		"doubt: again":                    {doubt, "a\n", engine.Again, ""},
		"undo: nothing":                   {undo, "\n", engine.No, ""},
		"undo: y":                         {undo, "y\n", engine.Yes, ""},
		"manual: done":                    {manual, "d\n", engine.Done, ""},
		"manual: nothing":                 {manual, "\n", engine.NotDone, ""},
		"manual: the end of input":        {manual, "\x04", engine.NotDone, ""},
		"what rubbed out was not meant":   {restart(), "y\x7fn\n", engine.No, ""},
		"a line killed and written again": {restart(), "n\x15y\n", engine.Yes, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			person, open := sit(t)
			got := ask(t.Context(), prompt(open), c.q)
			person.sees(ready, 1)
			person.types(c.typed)
			a := answer(t, got)
			if a.Value != c.want || a.Note != c.note {
				t.Errorf("typed %q: %q (%q), want %q (%q)\n%s", c.typed, a.Value, a.Note, c.want, c.note, person.screen())
			}
			if a.By != "anna" || a.Via != "terminal" {
				t.Errorf("answered by %q via %q", a.By, a.Via)
			}
		})
	}
}

func TestKeysTypedBeforeTheQuestionDoNotCount(t *testing.T) {
	person, open := sit(t)
	person.types("y\nyes\ny")
	person.sees("yes", 1) // the terminal has taken them: it echoes
	got := ask(t.Context(), prompt(open), restart())
	person.sees(ready, 1)
	person.types("\n")
	if a := answer(t, got); a.Value != engine.No || a.Note != "" {
		t.Errorf("keys that were typed before answered: %+v\n%s", a, person.screen())
	}
}

func TestKeysTypedWhileEvidenceIsShownDoNotCount(t *testing.T) {
	person, open := sit(t)
	p := prompt(open)
	evidence := p.Evidence
	p.Evidence = func(file string) (io.ReadCloser, error) {
		person.types("y\n")
		person.sees("y\n", 1)
		return evidence(file)
	}
	got := ask(t.Context(), p, restart())
	person.sees(ready, 1)
	person.types("s\n")
	person.sees(ready, 2)
	person.types("n\n")
	if a := answer(t, got); a.Value != engine.No {
		t.Errorf("answered %+v\n%s", a, person.screen())
	}
	screen := person.screen()
	if !strings.Contains(screen, "the \uFFFD[2Jlast line") || !strings.Contains(screen, "… 69 more lines, in evidence/E01-restart.txt") {
		t.Errorf("the evidence was not shown:\n%s", screen)
	}
	if strings.Count(screen, "a line\n") != headLines+tailLines-1 {
		t.Errorf("%d lines were shown:\n%s", strings.Count(screen, "a line\n"), screen)
	}
}

func TestValuesAreAskedForAgainUntilTheyFit(t *testing.T) {
	for name, c := range map[string]struct {
		q      engine.Question
		typed  []string
		want   string
		screen string
	}{
		"a whole number":   {engine.Question{Type: "int"}, []string{"many\n", "\n", "4.5\n", "42\n"}, "42", `"many" is not a whole number`},
		"a choice":         {engine.Question{Choices: []string{"41", "42"}}, []string{"43\n", "4\n", "41\n"}, "41", `"43" is not one of 41, 42.`},
		"yes is true":      {engine.Question{Type: "bool"}, []string{"perhaps\n", "yes\n"}, "true", `perhaps`},
		"any text":         {engine.Question{Type: "string"}, []string{"\n", "the switch is dark\n"}, "the switch is dark", "Type an answer"},
		"a word that acts": {engine.Question{Type: "string"}, []string{"gone\n", "it is gone\n"}, "it is gone", `"gone" has a meaning`},
		"q ends":           {engine.Question{Type: "string"}, []string{"q\n"}, engine.Quit, ""},
		"q is a choice":    {engine.Question{Choices: []string{"q", "r"}}, []string{"q\n"}, "q", ""},
		"the end ends":     {engine.Question{Type: "string"}, []string{"\x04"}, engine.Quit, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			person, open := sit(t)
			c.q.Step, c.q.Kind, c.q.Text = "which", engine.AskValue, "Which release?"
			got := ask(t.Context(), prompt(open), c.q)
			for i, typed := range c.typed {
				person.sees(ready, i+1)
				person.types(typed)
			}
			if a := answer(t, got); a.Value != c.want {
				t.Errorf("%q, want %q\n%s", a.Value, c.want, person.screen())
			}
			if !strings.Contains(person.screen(), c.screen) {
				t.Errorf("%q was not said:\n%s", c.screen, person.screen())
			}
		})
	}
}

func TestSilenceIsNotNo(t *testing.T) {
	person, open := sit(t)
	q := restart()
	q.Expires = 300 * time.Millisecond
	a := answer(t, ask(t.Context(), prompt(open), q))
	if a.Value != engine.Expired || a.By != "" {
		t.Errorf("answered %+v", a)
	}
	person.sees("nobody answered in time", 1)
	if n := strings.Count(person.screen(), "\a"); n != 1 {
		t.Errorf("the bell rang %d times", n)
	}
	if !strings.Contains(person.screen(), "no answer by ") {
		t.Errorf("nobody was told:\n%s", person.screen())
	}
}

func TestAQuestionThatWasDecidedElsewhereCloses(t *testing.T) {
	person, open := sit(t)
	ctx, cancel := context.WithCancel(t.Context())
	got := ask(ctx, prompt(open), restart())
	person.sees(ready, 1)
	person.types("y") // not ended by Enter: not said
	cancel()
	if a := answer(t, got); a.Value != engine.Gone {
		t.Errorf("answered %+v", a)
	}
	person.sees("this question is closed", 1)
}

func TestATerminalThatGoesAwaySaysNothing(t *testing.T) {
	person, open := sit(t)
	got := ask(t.Context(), prompt(open), restart())
	person.sees(ready, 1)
	_ = person.Hangup()
	if a := answer(t, got); a.Value != engine.Gone || a.By != "" {
		t.Errorf("answered %+v", a)
	}
}

func TestWithoutATerminalThereIsNobody(t *testing.T) {
	none := func() (*os.File, error) { return nil, errors.New("no such device") }
	high, manual, two := restart(), restart(), restart()
	high.Risk, manual.Kind, two.Approvals = engine.High, engine.AskManual, 2
	for want, q := range map[string]engine.Question{
		"--yes":                           restart(),
		"--confirm restart=nginx.service": high,
		"a person: run it in a terminal":  manual,
		"2 people who agree":              two,
	} {
		a := answer(t, ask(t.Context(), prompt(none), q))
		if a.Value != engine.Nobody || !strings.Contains(a.Note, "step restart") || !strings.Contains(a.Note, want) {
			t.Errorf("%+v does not name the step and %q", a, want)
		}
	}
}

func TestATerminalThatWasLostBeforeTheQuestionIsNoNobody(t *testing.T) {
	p := prompt(func() (*os.File, error) { return nil, errors.New("no such device") })
	p.Had = true
	if a := answer(t, ask(t.Context(), p, restart())); a.Value != engine.Gone {
		t.Errorf("answered %+v", a)
	}
}

func TestWhoStartedTheRunIsNotTheSecondPerson(t *testing.T) {
	person, open := sit(t)
	q := restart()
	q.Approvals, q.Excluded = 2, "anna"
	got := ask(t.Context(), prompt(open), q)
	person.sees("runbook approve 20261120T031204Z-k3f7 restart", 1)
	person.sees(ready, 1)
	person.types("y\n")
	person.sees("another person has to agree", 1)
	person.sees(ready, 2)
	person.types("n\n")
	if a := answer(t, got); a.Value != engine.No {
		t.Errorf("answered %+v", a)
	}
}

func TestTheTerminalIsUsableWhateverCameBefore(t *testing.T) {
	person, open := sit(t)
	f, err := open()
	if err != nil {
		t.Fatal(err)
	}
	// As a crashed program leaves it: no line editing, no echo, Enter is a carriage return.
	raw, err := makeRaw(f)
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t.Context(), prompt(open), restart())
	person.sees(ready, 1)
	person.types("y\r")
	if a := answer(t, got); a.Value != engine.Yes {
		t.Errorf("answered %+v", a)
	}
	after, err := modes(f)
	if err != nil || *after != *raw {
		t.Errorf("the terminal was not left as it was found: %v", err)
	}
}

func TestNothingOfAQuestionMovesTheCursor(t *testing.T) {
	person, open := sit(t)
	evil := "x\x1b[2J\x1b]0;t\a\r\u202Ey"
	q := restart()
	q.Title, q.Why, q.Text, q.Undo, q.As = evil, evil, evil, evil, evil
	q.Description = &engine.Description{Summary: evil, Exact: []string{evil}, Target: evil}
	q.Because = []engine.Term{{Text: evil, Value: engine.True, Seen: []engine.Seen{{Name: evil, Value: evil, Known: true}}}}
	q.Evidence = []engine.Evidence{{ID: evil, Name: evil, File: evil, Failed: evil}}
	p := prompt(open)
	p.Getenv = func(string) string { return "dumb" } // no colours of our own
	got := ask(t.Context(), p, q)
	person.sees(ready, 1)
	person.types("s\n")
	person.sees(ready, 2)
	person.types("\n")
	answer(t, got)
	for _, bad := range []string{"\x1b", "\a", "\u202E", "\rx"} {
		if strings.Contains(person.screen(), bad) {
			t.Errorf("%q reached the terminal: %q", bad, person.screen())
		}
	}
}

func TestANoteComesInTimeToChangeTheAnswer(t *testing.T) {
	person, open := sit(t)
	p := prompt(open)
	p.Getenv = func(string) string { return "dumb" }
	hold := make(chan func([]string) bool, 1)
	released := make(chan struct{})
	p.Hold = func(say func([]string) bool) func() {
		hold <- say
		return func() { close(released) }
	}
	got := ask(t.Context(), p, restart())
	say := <-hold
	person.sees(ready, 1)
	person.types("yes")
	person.sees("yes", 1)
	if !say([]string{"note  boris: not now, the backup is running"}) {
		t.Error("an open question takes no note")
	}
	person.sees(ready, 2)
	if !strings.Contains(person.screen(), "> yes\nnote  boris: not now, the backup is running\nRestart nginx.service on") {
		t.Errorf("the question does not stand below the note:\n%s", person.screen())
	}
	person.types("\n")
	if a := answer(t, got); a.Value != engine.No {
		t.Errorf("what was typed before the note answered: %+v", a)
	}
	<-released
	if say([]string{"later"}) {
		t.Error("a question that is answered takes notes")
	}
}

func FuzzOnlyYesMeansYes(f *testing.F) {
	for _, typed := range []string{"y", "yes", " YES ", "ye", "yess", "\x1b[1my\x1b[0m", "y\x00", "ý", "y\u200B", "\ty", "y\r", "nginx.service", "nginx.service\x07"} {
		f.Add(typed)
	}
	high := restart()
	high.Risk = engine.High
	f.Fuzz(func(t *testing.T, typed string) {
		word := strings.TrimSpace(typed)
		means := strings.EqualFold(word, "y") || strings.EqualFold(word, "yes")
		if r := prompt(nil).read(restart(), typed); (r.value == engine.Yes) != means {
			t.Errorf("%q is %q", typed, r.value)
		}
		if r := prompt(nil).read(high, typed); (r.value == engine.Yes) != (word == "nginx.service") {
			t.Errorf("at high risk %q is %q", typed, r.value)
		}
	})
}
