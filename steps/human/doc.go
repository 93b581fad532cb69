// Package human holds the steps that a person performs: manual, who does something, and ask, who answers something.
//
// It only says what is asked and what an answer looks like. The asking is done by whoever has a person at hand: a
// terminal, another terminal, a chat. Where nobody has, performing such a step fails, and never makes an answer up.
package human

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"runbook/engine"
)

// Kinds are the kinds of this package.
func Kinds() ([]engine.Kind, error) {
	manual, err := engine.Define(manualKind())
	if err != nil {
		return nil, err
	}
	ask, err := engine.Define(askKind())
	if err != nil {
		return nil, err
	}
	return []engine.Kind{manual, ask}, nil
}

type manualInput struct {
	Text string `json:"text" required:"true" doc:"what to do, for a person who has not slept"`
}

type manualOutput struct {
	Answer string `json:"answer" doc:"done, or not-done"`
	By     string `json:"by" doc:"who said so"`
}

func manualKind() engine.Definition[manualInput, manualOutput] {
	return engine.Definition[manualInput, manualOutput]{
		Name:   "manual",
		Effect: engine.AsksYou,
		Doc: `Asks a person to do something, and waits until they say that it is done, or is not.

A runbook of only manual steps is a good runbook on its first day.`,
		Example: "text: Call the data centre and ask whether the switch in rack 4 has power.",
		Check:   func(in manualInput) error { return checkText(in.Text) },
		Do: func(_ context.Context, _ manualInput, t engine.Task) (manualOutput, error) {
			return manualOutput{}, nobody(t)
		},
	}
}

type askInput struct {
	Text    string   `json:"text" required:"true" doc:"the question"`
	Choices []string `json:"choices" doc:"the answers there are; none for any answer"`
	Type    string   `json:"type" default:"string" enum:"string,int,number,bool" doc:"what an answer must look like"`
}

type askOutput struct {
	Answer string `json:"answer" doc:"what was answered, as it was typed; a condition on a number says int(answer)"`
	By     string `json:"by" doc:"who answered"`
}

func askKind() engine.Definition[askInput, askOutput] {
	return engine.Definition[askInput, askOutput]{
		Name:   "ask",
		Effect: engine.AsksYou,
		Doc: `Asks a person a question and waits for the answer, which the steps after it can use.

Nothing is guessed: an answer of the wrong type, or one that is not among the choices, is asked for again.`,
		Example: "text: Which release shall be running?\nchoices: [\"41\", \"42\"]\ntype: int",
		Check:   checkAsk,
		Do: func(_ context.Context, _ askInput, t engine.Task) (askOutput, error) {
			return askOutput{}, nobody(t)
		},
	}
}

func checkText(text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("text is empty")
	}
	return nil
}

func checkAsk(in askInput) error {
	if err := checkText(in.Text); err != nil {
		return err
	}
	for i, choice := range in.Choices {
		if strings.TrimSpace(choice) == "" {
			return errors.New("a choice is empty")
		}
		if slices.Contains(in.Choices[:i], choice) {
			return fmt.Errorf("choice %q is there twice", choice)
		}
		if _, err := (engine.Type{Kind: engine.TypeKind(in.Type)}).Literal(choice); err != nil {
			return fmt.Errorf("choice %q is not of type %s: %w", choice, in.Type, err)
		}
	}
	return nil
}

func nobody(t engine.Task) error {
	return engine.Failf(engine.Unreachable, "ask a person (%s): nobody is here to answer", t.Step)
}
