package flow

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"runbook/engine"
)

type escalateInput struct {
	To  string `json:"to" required:"true" doc:"whom to call: a team, a person, a number"`
	Say string `json:"say" required:"true" doc:"why, and what they should know first"`
}

type escalateOutput struct {
	To  string `json:"to" doc:"who has to go on"`
	Say string `json:"say" doc:"what they were told"`
}

func escalateKind() engine.Definition[escalateInput, escalateOutput] {
	return engine.Definition[escalateInput, escalateOutput]{
		Name:   "escalate",
		Effect: engine.EndsRun,
		Doc: `Ends the run: a person has to go on.

Nothing is sent to anybody. The report and the last line say whom to call and why.`,
		Example: "to: platform team\nsay: Port 3000 is held by another process. Ask its owner before you stop it.",
		Check: func(in escalateInput) error {
			if strings.TrimSpace(in.To) == "" || strings.TrimSpace(in.Say) == "" {
				return errors.New("to and say must not be empty")
			}
			return nil
		},
		Do: func(_ context.Context, in escalateInput, _ engine.Task) (escalateOutput, error) {
			return escalateOutput(in), nil
		},
	}
}

type runbookInput struct {
	Name   string         `json:"name" required:"true" doc:"the runbook to run"`
	Params map[string]any `json:"params" doc:"its parameters"`
}

type runbookOutput struct {
	Verdict  string            `json:"verdict" doc:"how it ended: healthy, fixed, not-fixed, failed, declined, escalated, refused or undecided"`
	Findings map[string]string `json:"findings" doc:"for each of its findings: true, false or unknown"`
}

var runbookName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

func runbookKind() engine.Definition[runbookInput, runbookOutput] {
	return engine.Definition[runbookInput, runbookOutput]{
		Name:   "runbook",
		Effect: engine.RunsBook,
		Doc: `Runs another runbook as one step.

Its changes are confirmed one by one, like those of this runbook.`,
		Example: "name: frontend-not-starting\nparams:\n  port: 3000",
		Check: func(in runbookInput) error {
			if !runbookName.MatchString(in.Name) {
				return errors.New("name is not that of a runbook, like frontend-not-starting")
			}
			return nil
		},
		Do: func(context.Context, runbookInput, engine.Task) (runbookOutput, error) {
			return runbookOutput{}, engine.Failf(engine.Invalid, "run a runbook as a step: only the engine can")
		},
	}
}
