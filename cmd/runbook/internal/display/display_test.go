package display

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"runbook/cmd/runbook/internal/screen"
	"runbook/engine"
)

var update = flag.Bool("update", false, "write the golden files anew")

const book = `runbook: frontend
title: The frontend does not answer
params:
  port: {type: port, default: 3000}
goal: [transient, page]
steps:
  - id: transient
    title: Check the transient unit
    uses: systemd.unit
    with: {unit: frontend.service}
  - id: page
    title: Ask port ${{ params.port }} for the page
    uses: http.get
    with: {url: "http://127.0.0.1:${{ params.port }}/"}
  - id: rebuild
    title: Rebuild the frontend
    uses: pnpm.build
    with: {dir: /srv}
    why: It can't start without a build.
    verify: [page]
  - id: restart
    uses: systemd.restart
    with: {unit: frontend.service}
    verify: [transient, page]
  - id: call_a_person
    uses: escalate
    with: {to: platform team, say: "The port is taken."}
`

// story is a run told by hand: each event a second after the one before.
type story struct {
	d  *Display
	at time.Time
}

func tell(s screen.Screen) *story {
	st := &story{at: time.Date(2026, 11, 20, 3, 10, 45, 0, time.UTC)}
	st.d = New(s, func() time.Time { return st.at })
	return st
}

func (s *story) starts(mode engine.Mode) {
	s.happens(engine.RunStarted{
		Run: "20261120T031045Z-k3f7", Mode: mode, Host: "srv709397", Who: engine.Who{User: "root", SudoUser: "anna"},
		Runbook: engine.Source{Name: "frontend", File: "frontend.yaml", Text: book}, Params: map[string]any{"port": 3000},
	})
}

func (s *story) happens(e engine.Event) {
	s.at = s.at.Add(time.Second)
	s.d.Watch(engine.Stamped{At: s.at, Event: e}, nil)
}

func (s *story) begins(verb engine.Verb, step string, why engine.Reason) {
	s.d.Begun(engine.Perform{ID: string(verb) + step + string(why), For: why, Call: engine.Call{Verb: verb, Step: step, Attempt: 1}})
}

func (s *story) looks(step string, why engine.Reason, o engine.Outcome, text string, seen ...string) {
	s.begins(engine.Look, step, why)
	var terms []engine.Term
	for i := 0; i < len(seen); i += 2 {
		v := engine.False
		if o == engine.OutcomeHealthy {
			v = engine.True
		}
		terms = append(terms, engine.Term{Text: text, Value: v, Seen: []engine.Seen{{Name: seen[i], Value: seen[i+1], Known: true}}})
	}
	s.happens(engine.Looked{Step: step, For: why, Attempt: 1, Outcome: o, Because: terms})
}

var unhealthyPage = []engine.Term{{Text: "not steps.page.healthy", Value: engine.True, Seen: []engine.Seen{{Name: "page", Value: "status 502, expected 200", Known: true}}}}

func repaired(s *story) {
	s.starts(engine.Live)
	s.looks("transient", engine.ForGraph, engine.OutcomeHealthy, `active == "active"`, "active", `"active"`)
	s.looks("page", engine.ForGraph, engine.OutcomeUnhealthy, "status == 200", "status", "502")
	s.happens(engine.Concluded{Finding: "build_missing", Value: engine.False})
	s.happens(engine.Concluded{Finding: "wedged", Value: engine.True, Say: "The frontend runs and does not answer.", Because: unhealthyPage})
	s.happens(engine.Skipped{Step: "rebuild", Reason: engine.NotNeeded, Because: []engine.Term{{Text: "findings.build_missing", Value: engine.False, Seen: []engine.Seen{{Name: "exists", Value: "true", Known: true}}}}})
	s.begins(engine.Prepare, "restart", "")
	desc := &engine.Description{Summary: "restart frontend.service", Exact: []string{"systemd: RestartUnit(frontend.service, replace)"}, Target: "frontend.service"}
	s.happens(engine.Prepared{Step: "restart", Description: desc, Evidence: []engine.Evidence{{ID: "E01", Name: "journal", Failed: "no space left on device"}}})
	q := engine.Question{Step: "restart", Kind: engine.AskFix, Because: unhealthyPage, Description: desc}
	s.happens(engine.Asked{Question: q})
	s.happens(engine.Answered{Step: "restart", Kind: engine.AskFix, Answer: engine.Answer{Value: engine.Yes, By: "anna", Via: "--yes"}})
	s.happens(engine.ChangeStarted{Step: "restart", Attempt: 1, Kind: "systemd.restart", Description: desc})
	s.begins(engine.Act, "restart", "")
	s.happens(engine.ChangeEnded{Step: "restart", Attempt: 1})
	s.happens(engine.Waited{Step: "restart", For: "settle"})
	for range 3 {
		s.looks("transient", engine.ForVerify, engine.OutcomeHealthy, `active == "active"`, "active", `"active"`)
		s.looks("page", engine.ForVerify, engine.OutcomeUnhealthy, "status == 200", "status", "502")
	}
	s.looks("page", engine.ForVerify, engine.OutcomeHealthy, "status == 200", "status", "200")
	s.happens(engine.FixEnded{Step: "restart", Outcome: engine.OutcomeFixed})
	s.happens(engine.Concluded{Finding: "wedged", Value: engine.False, Say: "The frontend runs and does not answer."})
	s.happens(engine.Noted{By: "boris", Text: "the switch was\x1b[2J rebooted"})
	s.looks("transient", engine.ForGoal, engine.OutcomeHealthy, `active == "active"`, "active", `"active"`)
	s.looks("page", engine.ForGoal, engine.OutcomeHealthy, "status == 200", "status", "200")
	s.happens(engine.RunEnded{Verdict: engine.VerdictFixed})
}

func planned(s *story) {
	s.starts(engine.DryRun)
	s.looks("transient", engine.ForGraph, engine.OutcomeHealthy, `active == "active"`, "active", `"active"`)
	s.begins(engine.Look, "page", engine.ForGraph)
	s.happens(engine.Looked{Step: "page", For: engine.ForGraph, Attempt: 1, Outcome: engine.OutcomeUnknown, Failure: &engine.Failure{Kind: engine.Denied, Message: "open /proc/1/fd: permission denied"}})
	s.happens(engine.Concluded{Finding: "wedged", Value: engine.Unknown, Say: "The frontend runs and does not answer.", Because: []engine.Term{{Text: "steps.page.unhealthy", Value: engine.Unknown, Seen: []engine.Seen{{Name: "page", Value: "could not be made: permission denied (denied)"}}}}})
	s.begins(engine.Prepare, "rebuild", "")
	s.happens(engine.Prepared{Step: "rebuild", Only: true, Description: &engine.Description{Summary: "rebuild /srv", Exact: []string{"argv: pnpm build"}}})
	s.happens(engine.FixEnded{Step: "rebuild", Outcome: engine.OutcomeWould})
	s.happens(engine.Skipped{
		Step: "restart", Reason: engine.Undecided, Hangs: []string{"rebuild"}, Would: `systemd.restart {unit: "frontend.service"}`,
		Because: []engine.Term{{Text: "not steps.page.healthy", Value: engine.Unknown, Seen: []engine.Seen{{Name: "page", Value: "hangs on rebuild, which was not made"}}}},
	})
	s.happens(engine.Escalated{Step: "call_a_person", To: "platform team", Say: "The port is taken."})
	s.happens(engine.RunEnded{Verdict: engine.VerdictPlanned})
}

func broken(s *story) {
	s.starts(engine.Live)
	s.begins(engine.Prepare, "rebuild", "")
	desc := &engine.Description{Summary: "rebuild /srv"}
	s.happens(engine.Prepared{Step: "rebuild", Description: desc})
	s.happens(engine.Asked{Question: engine.Question{Step: "rebuild", Kind: engine.AskFix, Description: desc}})
	s.happens(engine.Answered{Step: "rebuild", Kind: engine.AskFix, Answer: engine.Answer{Value: engine.Yes, By: "anna", Via: "terminal"}})
	s.happens(engine.ChangeStarted{Step: "rebuild", Attempt: 1, Kind: "pnpm.build", Description: desc})
	s.begins(engine.Act, "rebuild", "")
	s.happens(engine.StopAsked{Signal: "interrupt"})
	s.happens(engine.ChangeEnded{Step: "rebuild", Attempt: 1, Failure: &engine.Failure{Kind: engine.Exit, Message: "exit 1: Module not found: can't resolve 'react' in the directory /srv/node_modules"}})
	s.happens(engine.FixEnded{Step: "rebuild", Outcome: engine.OutcomeFailed, Note: "exit 1"})
	s.happens(engine.RunInterrupted{Signal: "interrupt"})
	s.happens(engine.RunResumed{Who: engine.Who{User: "boris"}, Note: "the file has changed since"})
	s.happens(engine.ChangeLost{Step: "restart", Attempt: 1})
	s.happens(engine.Asked{Question: engine.Question{Step: "restart", Kind: engine.AskFix}})
	s.happens(engine.Answered{Step: "restart", Kind: engine.AskFix, Answer: engine.Answer{Value: engine.No, By: "boris", Via: "runbook deny", Note: "not now"}})
	s.happens(engine.FixEnded{Step: "restart", Outcome: engine.OutcomeDeclined, Note: "not now"})
	s.happens(engine.FixEnded{Step: "restart", Outcome: engine.OutcomeExpired, Note: "nobody answered in time"})
	s.happens(engine.Escalated{Step: "call_a_person", To: "platform team", Say: "Port 3000 is held by another process. Ask its owner before you stop it."})
	s.happens(engine.Noticed{Text: "the journal lives in /dev/shm now: no space left on device"})
	s.happens(engine.RunEnded{Verdict: engine.VerdictEscalated})
}

func TestRunsReadWell(t *testing.T) {
	for name, tell_ := range map[string]func(*story){"repaired": repaired, "planned": planned, "broken": broken} {
		for _, place := range []string{"terminal", "file"} {
			t.Run(name+" in a "+place, func(t *testing.T) {
				var out bytes.Buffer
				// The line of what goes on is drawn when something happens: the ticker stands still in the bubble.
				synctest.Test(t, func(t *testing.T) {
					s := tell(screen.Screen{Writer: &out, Width: 80, Terminal: place == "terminal"})
					tell_(s)
					s.d.Close()
				})
				got := out.String()
				if place == "terminal" {
					got = stays(got)
				}
				for line := range strings.SplitSeq(got, "\n") {
					if screen.Width(line) > 80 {
						t.Errorf("%d columns: %q", screen.Width(line), line)
					}
				}
				golden(t, filepath.Join("testdata", name+"."+place), got)
			})
		}
	}
}

// stays is what is left on a terminal: all but the lines that were taken away.
func stays(out string) string {
	var kept strings.Builder
	for line := range strings.SplitAfterSeq(out, "\n") {
		parts := strings.Split(line, "\x1b[K")
		kept.WriteString(parts[len(parts)-1])
	}
	return kept.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("not as in %s:\n%s", file, diff)
	}
}

func TestWhatGoesOnIsOneLineThatIsWrittenAgain(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := tell(screen.Screen{Writer: &out, Width: 60, Terminal: true})
		s.d.now = time.Now
		s.starts(engine.Live)
		synctest.Wait()
		out.Reset()
		s.begins(engine.Act, "rebuild", "")
		s.d.Output("rebuild", "compiling\x1b[2J pages\n")
		time.Sleep(42*time.Second + redraw/2)
		synctest.Wait()
		lines := strings.Split(out.String(), "\r")
		want := "          now        rebuild        42 s  changing: compil…\x1b[K"
		if got := lines[len(lines)-1]; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		out.Reset()
		s.begins(engine.Look, "page", engine.ForVerify)
		s.begins(engine.Look, "transient", engine.ForVerify)
		synctest.Wait()
		if want := "\r          now        rebuild, page, transient  42 s\x1b[K"; !strings.HasSuffix(out.String(), want) {
			t.Errorf("%q does not end in %q", out.String(), want)
		}
		out.Reset()
		s.happens(engine.Noticed{Text: "x"})
		synctest.Wait()
		if !strings.HasPrefix(out.String(), "\r\x1b[K03:10:47  NOTICE") {
			t.Errorf("the line below was not taken away first: %q", out.String())
		}
		s.d.Close()
		if !strings.HasSuffix(out.String(), "\r\x1b[K") {
			t.Errorf("the line of what goes on stays: %q", out.String())
		}
	})
}

func TestNothingIsWrittenIntoAQuestion(t *testing.T) {
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := tell(screen.Screen{Writer: &out, Width: 80, Terminal: true})
		s.starts(engine.Live)
		s.begins(engine.Look, "page", engine.ForGraph)
		var said []string
		open := true
		release := s.d.Hold(func(lines []string) bool {
			if open {
				said = append(said, lines...)
			}
			return open
		})
		if !strings.HasSuffix(out.String(), "\r\x1b[K") {
			t.Errorf("the question would stand in a line with something else: %q", out.String())
		}
		out.Reset()
		s.happens(engine.Noted{By: "carla", Text: "wait"})
		if len(said) != 1 || !strings.HasSuffix(said[0], "carla: wait") {
			t.Errorf("the question was not told: %q", said)
		}
		open = false // answered, and not yet released
		s.happens(engine.Noted{By: "boris", Text: "hello"})
		s.begins(engine.Look, "transient", engine.ForGraph)
		time.Sleep(time.Second)
		synctest.Wait()
		if out.Len() > 0 {
			t.Errorf("written into the question: %q", out.String())
		}
		release()
		release()
		synctest.Wait()
		if !strings.Contains(out.String(), "boris: hello\n") {
			t.Errorf("what happened meanwhile is lost: %q", out.String())
		}
		s.d.Close()
	})
}

type dead struct{}

func (dead) Write([]byte) (int, error) { return 0, errors.New("input/output error") }

// stuck is a screen that takes nothing: Ctrl-S, or a connection that hangs.
type stuck struct{ until chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.until
	return len(p), nil
}

func TestARunGoesOnWhileTheScreenTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := make(chan struct{})
		s := tell(screen.Screen{Writer: stuck{until}, Width: 80, Terminal: true})
		repaired(s)
		s.d.Close()
		close(until)
	})
}

func TestARunGoesOnWithoutAScreen(*testing.T) {
	s := tell(screen.Screen{Writer: dead{}, Width: 80})
	repaired(s)
	s.d.Close()
}
