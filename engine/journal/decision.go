package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// ErrNoQuestion is in the error of Decide when no such question was posed.
var ErrNoQuestion = errors.New("no such question")

// pollInterval is how often something that another process will write is looked for.
const pollInterval = 100 * time.Millisecond

// Question is one that a run has posed. What it says is the engine's business.
type Question struct {
	// Nonce names the question, once and for all: letters, digits, '_', '-', '.'.
	Nonce string
	// Data is the question as JSON.
	Data json.RawMessage
}

func questionFile(nonce string) string { return "decisions/" + nonce + ".question.json" }
func answerFile(nonce string) string   { return "decisions/" + nonce + ".answer.json" }

// Pose writes a question where other processes find it. To pose one again, after a resume, changes nothing.
func (r *Run) Pose(q Question) error {
	if err := checkJSON(q.Nonce, q.Data); err != nil {
		return fmt.Errorf("pose question: %w", err)
	}
	err := r.folder.locked(func() error { return r.folder.create(questionFile(q.Nonce), q.Data) })
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("pose question %s: %w", q.Nonce, err)
	}
	return nil
}

// OpenQuestions gives the questions that nobody has answered yet, by their nonces.
func (r *Run) OpenQuestions() ([]Question, error) {
	names, err := r.folder.list("decisions")
	if err != nil {
		return nil, fmt.Errorf("list questions of run %s: %w", r.ID, err)
	}
	answered := map[string]bool{}
	for _, name := range names {
		if nonce, found := strings.CutSuffix(name, ".answer.json"); found {
			answered[nonce] = true
		}
	}
	var open []Question
	for _, name := range names {
		nonce, found := strings.CutSuffix(name, ".question.json")
		if !found || answered[nonce] {
			continue
		}
		data, err := r.folder.read(questionFile(nonce))
		if err != nil {
			return nil, fmt.Errorf("read question %s: %w", nonce, err)
		}
		open = append(open, Question{Nonce: nonce, Data: data})
	}
	return open, nil
}

// Decide answers a question, from whichever process. Exactly one answer wins, for ever, and is on the disk before
// anybody learns of it. won says whether it was this one; standing is the one that counts. Silence is decided the same
// way, by the driver, when a question expires.
func (r *Run) Decide(nonce string, answer json.RawMessage) (won bool, standing json.RawMessage, err error) {
	if err := checkJSON(nonce, answer); err != nil {
		return false, nil, fmt.Errorf("answer question: %w", err)
	}
	err = r.folder.locked(func() error {
		if posed, err := r.folder.exists(questionFile(nonce)); err != nil {
			return err
		} else if !posed {
			return ErrNoQuestion
		}
		return r.folder.create(answerFile(nonce), answer)
	})
	switch {
	case err == nil:
		return true, answer, nil
	case !errors.Is(err, fs.ErrExist):
		return false, nil, fmt.Errorf("answer question %s of run %s: %w", nonce, r.ID, err)
	}
	standing, found, err := r.Decision(nonce)
	if err == nil && !found {
		err = fs.ErrNotExist
	}
	if err != nil {
		return false, nil, fmt.Errorf("read the answer that stands: %w", err)
	}
	return false, standing, nil
}

// Decision is the answer that a question has got, if any.
func (r *Run) Decision(nonce string) (answer json.RawMessage, found bool, err error) {
	if !plainName(nonce) {
		return nil, false, fmt.Errorf("read answer: nonce %q is not a plain name", nonce)
	}
	answer, err = r.folder.read(answerFile(nonce))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read answer to question %s: %w", nonce, err)
	}
	return answer, true, nil
}

// AwaitDecision waits until a question is answered, by whichever process, or ctx ends.
func (r *Run) AwaitDecision(ctx context.Context, nonce string) (json.RawMessage, error) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		answer, found, err := r.Decision(nonce)
		if found || err != nil {
			return answer, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func checkJSON(name string, data json.RawMessage) error {
	if !plainName(name) {
		return fmt.Errorf("%q is not a plain name", name)
	}
	if !json.Valid(data) {
		return errors.New("not valid JSON")
	}
	return nil
}
