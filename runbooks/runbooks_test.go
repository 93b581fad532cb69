package runbooks_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/runbooks"
	"runbook/steps"
)

// Every shipped runbook loads without a word.
func TestShipped(t *testing.T) {
	kinds, err := steps.All()
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Glob(runbooks.FS, "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d runbooks: %v", len(files), err)
	}
	find := func(name string) (string, []byte, error) {
		source, err := fs.ReadFile(runbooks.FS, name+".yaml")
		if err != nil {
			return "", nil, fmt.Errorf("there is no runbook %s", name)
		}
		return name + ".yaml", source, nil
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".yaml"), func(t *testing.T) {
			_, source, err := find(strings.TrimSuffix(file, ".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			_, diags := engine.Load(file, source, kinds, find)
			if len(diags) > 0 {
				t.Error(engine.RenderAll(diags, source))
			}
		})
	}
}
