package reports

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

// told is a journal made of events, one every second.
func told(events ...engine.Event) []engine.Stamped {
	start := time.Date(2026, 11, 20, 3, 12, 4, 0, time.UTC)
	out := make([]engine.Stamped, len(events))
	for i, e := range events {
		since := time.Duration(i) * time.Second
		out[i] = engine.Stamped{Seq: i + 1, At: start.Add(since), Mono: since, Event: e}
	}
	return out
}

func asked(step string, kind engine.QuestionKind) engine.Asked {
	return engine.Asked{Question: engine.Question{Step: step, Kind: kind, Nonce: "n-" + step}}
}

func answered(step string, kind engine.QuestionKind, value, via string) engine.Answered {
	return engine.Answered{Step: step, Kind: kind, Nonce: "n-" + step, Answer: engine.Answer{Value: value, By: "anna", Via: via}}
}

func started() engine.RunStarted { return engine.RunStarted{Run: "r", Host: "h", Who: anna()} }

func TestWaitingForPeople(t *testing.T) {
	for _, c := range []struct {
		name      string
		events    []engine.Event
		want      time.Duration
		questions int
	}{
		{"one after the other", []engine.Event{
			asked("a", engine.AskFix), answered("a", engine.AskFix, engine.Yes, "terminal"),
			asked("b", engine.AskFix),
			engine.Noticed{},
			answered("b", engine.AskFix, engine.No, "terminal"),
		}, 3 * time.Second, 2},
		{"overlapping", []engine.Event{
			asked("a", engine.AskManual), asked("b", engine.AskManual), answered("a", engine.AskManual, engine.Done, "terminal"),
			answered("b", engine.AskManual, engine.Done, "terminal"),
		}, 3 * time.Second, 2},
		{"answered beforehand", []engine.Event{
			asked("a", engine.AskFix), answered("a", engine.AskFix, engine.Yes, "--yes"),
		}, 0, 0},
		{"no one to ask", []engine.Event{
			asked("a", engine.AskFix), answered("a", engine.AskFix, engine.Nobody, ""),
		}, 0, 0},
		{"expired", []engine.Event{
			asked("a", engine.AskFix), engine.Noticed{}, answered("a", engine.AskFix, engine.Expired, "terminal"),
		}, 2 * time.Second, 1},
		{"open when the engine was killed: until its last event", []engine.Event{
			asked("a", engine.AskFix), engine.Noticed{}, engine.RunResumed{}, engine.Noticed{},
		}, time.Second, 1},
		{"open at the end of the record", []engine.Event{
			asked("a", engine.AskFix), engine.Noticed{}, engine.Noticed{},
		}, 2 * time.Second, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := NewView(nil, told(append([]engine.Event{started()}, c.events...)...))
			if got, n := v.WaitedForPeople(); got != c.want || n != c.questions {
				t.Errorf("waited %s in %d questions, want %s in %d", got, n, c.want, c.questions)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []engine.Event
		want   engine.Verdict
		ended  bool
	}{
		{"no event", nil, "", false},
		{"going on, or killed", []engine.Event{started(), engine.Preflight{}}, "", false},
		{"interrupted", []engine.Event{started(), engine.RunInterrupted{Signal: "hangup"}}, engine.VerdictInterrupted, true},
		{"resumed", []engine.Event{started(), engine.RunInterrupted{}, engine.RunResumed{}}, "", false},
		{"an inner runbook has ended", []engine.Event{started(), engine.RunEnded{Step: "a", Verdict: engine.VerdictFixed}}, "", false},
		{"a note after the end", []engine.Event{started(), engine.RunEnded{Verdict: engine.VerdictFixed}, engine.Noted{By: "anna", Text: "x"}}, engine.VerdictFixed, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ended := NewView(nil, told(c.events...)).Verdict()
			if got != c.want || ended != c.ended {
				t.Errorf("verdict %q, ended %t; want %q, %t", got, ended, c.want, c.ended)
			}
		})
	}
}

func TestChangesOfAView(t *testing.T) {
	begun := func(attempt int, undo bool) engine.ChangeStarted {
		return engine.ChangeStarted{Step: "a", Attempt: attempt, Undo: undo}
	}
	ended := func(attempt int, undo bool) engine.ChangeEnded {
		return engine.ChangeEnded{Step: "a", Attempt: attempt, Undo: undo}
	}
	look := func(reason engine.Reason) engine.Looked {
		return engine.Looked{Step: "c", For: reason, Outcome: engine.OutcomeHealthy}
	}
	v := NewView(nil, told(
		started(),
		asked("a", engine.AskFix), answered("a", engine.AskFix, engine.Yes, "terminal"), look(engine.ForAgain),
		begun(1, false), engine.RunResumed{}, engine.ChangeLost{Step: "a", Attempt: 1, Never: true},
		asked("a", engine.AskFix), answered("a", engine.AskFix, engine.Yes, "terminal"),
		begun(2, false), ended(2, false), look(engine.ForVerify),
		asked("a", engine.AskUndo), answered("a", engine.AskUndo, engine.Yes, "terminal"),
		begun(2, true), ended(2, true), look(engine.ForVerify), look(engine.ForVerify),
		engine.FixEnded{Step: "a", Outcome: engine.OutcomeNotFixed},
		look(engine.ForVerify), // nothing is being verified
	))
	type change struct {
		Attempt                 int
		Undo                    bool
		Agreed, Again, Verified int
	}
	var got []change
	for _, c := range v.Changes() {
		got = append(got, change{c.Attempt, c.Undo, len(c.Agreed), len(c.Again), len(c.Verified)})
	}
	want := []change{{2, false, 1, 0, 1}, {2, true, 1, 0, 2}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if first := v.Step("a").Changes[0]; len(first.Again) != 1 || first.Lost == nil {
		t.Errorf("the attempt that never started has %d looks before it, lost %v", len(first.Again), first.Lost)
	}
}

func TestTwoPeopleAgreed(t *testing.T) {
	second := answered("a", engine.AskFix, engine.Yes, "runbook approve")
	second.Nonce, second.Answer.By = "n-2", "bert"
	again := asked("a", engine.AskFix)
	again.Question.Nonce = "n-2"
	events := told(
		started(), asked("a", engine.AskFix), answered("a", engine.AskFix, engine.Yes, "terminal"), again, second,
		engine.ChangeStarted{Step: "a", Attempt: 1, Kind: "systemd.restart"}, engine.ChangeEnded{Step: "a", Attempt: 1},
	)
	got := string(Render(nil, events, nil))
	want := "**confirmed by**: anna said `yes` on the terminal at 03:12:06, 1.0 s after the question; " +
		"bert said `yes` through `runbook approve` at 03:12:08, 1.0 s after the question"
	if !strings.Contains(got, want) {
		t.Errorf("the report does not say who agreed:\n%s", got)
	}
}

// A clock that was set in the middle of a run moves no duration, and is mentioned. One that was set while the engine was
// dead is nobody's business here: nothing was measured then.
func TestClockThatWasSet(t *testing.T) {
	events := told(started(), engine.Noticed{}, engine.Noticed{}, engine.RunEnded{Verdict: engine.VerdictHealthy})
	for i := 2; i < len(events); i++ {
		events[i].At = events[i].At.Add(-time.Hour)
	}
	got := string(Render(nil, events, nil))
	for _, want := range []string{
		"| Duration | 3.0 s |", "- The host's clock was set during the run, by -1 h in all.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report does not have %q:\n%s", want, got)
		}
	}
	resumed := told(started(), engine.Noticed{}, engine.RunResumed{}, engine.RunEnded{Verdict: engine.VerdictHealthy})
	for i := 2; i < len(resumed); i++ {
		resumed[i].At = resumed[i].At.Add(time.Hour)
	}
	if got := string(Render(nil, resumed, nil)); strings.Contains(got, "clock was set") {
		t.Errorf("the report says that the clock was set while nobody looked:\n%s", got)
	}
}

func TestTitles(t *testing.T) {
	params := map[string]any{"port": float64(3000), "unit": "a.service", "bytes": float64(5_000_000)}
	for _, c := range []struct{ title, filled, shown string }{
		{"Who listens on ${{ params.port }}", "Who listens on 3000", "Who listens on 3000"},
		{"${{params.unit}} and ${{ params.port }}", "a.service and 3000", "a.service and 3000"},
		{"Ask ${{ steps.port.sockets[0].process }}", "", "Ask …"},
		{"Port ${{ params.other }} of ${{ params.unit }}", "", "Port … of a.service"},
		{"Over ${{ params.bytes }}", "Over 5000000", "Over 5000000"},
		{"Plain", "Plain", "Plain"},
	} {
		if got := filledIn(c.title, params); got != c.filled {
			t.Errorf("filledIn(%q) = %q, want %q", c.title, got, c.filled)
		}
		if got := withoutRun(c.title, params); got != c.shown {
			t.Errorf("withoutRun(%q) = %q, want %q", c.title, got, c.shown)
		}
	}
}

// A title that rests on what a run saw is the last one that the run showed.
func TestTitlesOfARun(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []engine.Event
		want   string
	}{
		{"looked at", []engine.Event{engine.Looked{Step: "a", Title: "one"}, engine.Looked{Step: "a", Title: "two"}}, "two"},
		{"skipped", []engine.Event{engine.Skipped{Step: "a", Title: "one"}}, "one"},
		{"described", []engine.Event{engine.Prepared{Step: "a", Title: "one"}}, "one"},
		{"described and asked about", []engine.Event{
			engine.Prepared{Step: "a", Title: "one"}, engine.Asked{Question: engine.Question{Step: "a", Title: "two"}},
		}, "two"},
		{"skipped after all", []engine.Event{
			engine.Asked{Question: engine.Question{Step: "a", Title: "one"}}, engine.Skipped{Step: "a", Title: "two"},
		}, "two"},
		{"a plain title is not in the events", []engine.Event{engine.Looked{Step: "a"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := NewView(nil, told(append([]engine.Event{started()}, c.events...)...))
			if got := v.Step("a").Title; got != c.want {
				t.Errorf("title %q, want %q", got, c.want)
			}
		})
	}
}

// Time that the run let pass on purpose is counted once, also where pauses overlap. That the time of the run is over is
// no pause.
func TestPauses(t *testing.T) {
	pause := func(why string, d time.Duration) engine.Waited { return engine.Waited{Step: "a", For: why, Time: d} }
	events := told(
		started(), engine.Noticed{}, engine.Noticed{}, engine.Noticed{},
		pause("settle", 2*time.Second), // from 2 s to 4 s
		pause("retry", 4*time.Second),  // from 1 s to 5 s
		engine.Noticed{},
		pause("verify", time.Second),
		pause("limit", 30*time.Minute),
	)
	if got, n := NewView(nil, events).WaitedOnPurpose(); got != 5*time.Second || n != 3 {
		t.Errorf("%s in %d pauses, want 5 s in 3", got, n)
	}
	report := string(Render(nil, events, nil))
	for _, want := range []string{
		"- Pausing on purpose: **5.0 s**, derived: sum over 3 pauses", "| observed: the time of the run, 30 min, was over |",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not have %q:\n%s", want, report)
		}
	}
}

func TestRunOverMidnight(t *testing.T) {
	events := told(started(), engine.Noted{By: "anna", Text: "good morning"})
	events[1].At = events[1].At.Add(22 * time.Hour)
	if got := string(Render(nil, events, nil)); !strings.Contains(got, "| 11-21 01:12:05 |") {
		t.Errorf("a row of another day does not name it:\n%s", got)
	}
}
