// Package starter holds the files of a new folder of runbooks. It knows their texts, and writes nothing.
package starter

import (
	_ "embed"
	"strings"
	"time"

	"runbook/engine"
	"runbook/engine/schema"
)

// File is one file to write.
type File struct {
	Name       string
	Text       []byte
	Executable bool
}

// Runbook is the name of the runbook in the folder.
const Runbook = "web-down"

//go:embed web-down.yaml
var runbook string

//go:embed web-down.scenarios.yaml
var scenarios []byte

//go:embed ci.sh
var script string

// Files gives the files of a folder with this name: a runbook that was reviewed today, its scenarios, the schemas that
// editors hold both against, and a script for CI.
func Files(kinds engine.Kinds, folder string, today time.Time) ([]File, error) {
	ofRunbooks, err := schema.Generate(kinds)
	if err != nil {
		return nil, err
	}
	ofScenarios, err := schema.Scenarios()
	if err != nil {
		return nil, err
	}
	return []File{
		{Name: Runbook + ".yaml", Text: []byte(strings.Replace(runbook, "TODAY", today.Format(time.DateOnly), 1))},
		{Name: Runbook + ".scenarios.yaml", Text: scenarios},
		{Name: "runbook.schema.json", Text: ofRunbooks},
		{Name: "scenarios.schema.json", Text: ofScenarios},
		{Name: "ci.sh", Text: []byte(strings.ReplaceAll(script, "FOLDER", strings.Join(strings.Fields(folder), " "))), Executable: true},
	}, nil
}
