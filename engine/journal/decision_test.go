package journal_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"runbook/engine/journal"
)

// playDecide answers every question it is told of on its input, and says whether it won.
func playDecide(run *journal.Run, answer string) error {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		won, standing, err := run.Decide(in.Text(), json.RawMessage(answer))
		if err != nil {
			return err
		}
		fmt.Println(won, string(standing))
	}
	return in.Err()
}

func TestExactlyOneAnswerWins(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	run := w.Run()
	a, b := startOther(t, "decide", s, `"a"`), startOther(t, "decide", s, `"b"`)
	wins := map[string]int{}
	for i := range 1000 {
		nonce := fmt.Sprintf("q%04d", i)
		if err := run.Pose(journal.Question{Nonce: nonce, Data: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
		for _, o := range []*other{a, b} {
			if _, err := io.WriteString(o.in, nonce+"\n"); err != nil {
				t.Fatal(err)
			}
		}
		saidA, saidB := a.line(t), b.line(t)
		answer, found, err := run.Decision(nonce)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		switch {
		case saidA == `true "a"` && saidB == `false "a"` && string(answer) == `"a"`:
		case saidA == `false "b"` && saidB == `true "b"` && string(answer) == `"b"`:
		default:
			t.Fatalf("question %d: a: %s, b: %s, stands: %s", i, saidA, saidB, answer)
		}
		wins[string(answer)]++
	}
	a.end(t)
	b.end(t)
	t.Logf("won: %v", wins)
	if len(wins) != 2 {
		t.Error("they did not race")
	}
	closeWriter(t, w)
}

func TestQuestions(t *testing.T) {
	s := tempStore(t)
	w := create(t, s)
	defer closeWriter(t, w)
	run, err := s.Open(testID)
	if err != nil {
		t.Fatal(err)
	}
	if open, err := run.OpenQuestions(); err != nil || len(open) != 0 {
		t.Errorf("open before the first: %v, %v", open, err)
	}
	for _, q := range []journal.Question{
		{Nonce: "b", Data: json.RawMessage(`{"step":"restart"}`)},
		{Nonce: "a", Data: json.RawMessage(`{"step":"rebuild"}`)},
		{Nonce: "b", Data: json.RawMessage(`{"step":"posed again"}`)},
	} {
		if err := w.Run().Pose(q); err != nil {
			t.Fatal(err)
		}
	}
	open, err := run.OpenQuestions()
	if err != nil || len(open) != 2 || open[0].Nonce != "a" || string(open[1].Data) != `{"step":"restart"}` {
		t.Errorf("open: %v, %v", open, err)
	}
	if _, _, err := run.Decide("c", json.RawMessage(`1`)); !errors.Is(err, journal.ErrNoQuestion) {
		t.Errorf("answer to no question: %v", err)
	}
	for nonce, answer := range map[string]string{"a": "{", "../a": `1`, "": `1`} {
		if won, _, err := run.Decide(nonce, json.RawMessage(answer)); err == nil {
			t.Errorf("answer %q to question %q: %v", answer, nonce, won)
		}
	}
	if _, found, err := run.Decision("a"); found || err != nil {
		t.Errorf("decided before it was: %v", err)
	}
	got := make(chan string)
	go func() {
		answer, err := w.Run().AwaitDecision(t.Context(), "a")
		got <- fmt.Sprint(string(answer), err)
	}()
	if won, _, err := run.Decide("a", json.RawMessage(`{"yes":true}`)); !won || err != nil {
		t.Errorf("%v, %v", won, err)
	}
	if answer := <-got; answer != `{"yes":true}<nil>` {
		t.Errorf("awaited %s", answer)
	}
	if open, err := run.OpenQuestions(); err != nil || len(open) != 1 || open[0].Nonce != "b" {
		t.Errorf("open after one answer: %v, %v", open, err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("hung up"))
	if _, err := run.AwaitDecision(ctx, "b"); err == nil || err.Error() != "hung up" {
		t.Errorf("wait that was given up: %v", err)
	}
}
