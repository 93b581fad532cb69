package engine_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

func TestLint(t *testing.T) {
	t.Parallel()
	const steps = "steps:\n  - {id: wait, uses: manual, with: {text: \"Look at ${{ params.port }}.\"}}\n"
	today := time.Date(2026, 11, 23, 3, 0, 0, 0, time.FixedZone("east", 3*3600))
	for _, tt := range []struct {
		name, top string
		want      []string
	}{
		{"all is well", "title: T\nowner: me\nreviewed: 2026-11-23\n", nil},
		{"on the last day", "title: T\nowner: me\nreviewed: 2026-05-27\n", nil},
		{"a day too late", "title: T\nowner: me\nreviewed: 2026-05-26\n", []string{
			"x.yaml:4:11: the last review is 181 days ago: read the runbook through again [old-review]",
		}},
		{"tomorrow", "title: T\nowner: me\nreviewed: 2026-11-24\n", []string{
			"x.yaml:4:11: the review of 2026-11-24 has not happened yet: today is 2026-11-23 [future-review]",
		}},
		{"nothing", "", []string{
			"x.yaml:1:10: the runbook has no owner: who keeps it right? [no-owner]",
			"x.yaml:1:10: the runbook was never reviewed: read it through and add reviewed: 2026-11-23 [no-review]",
			"x.yaml:1:10: the runbook has no title: say in a few words what is wrong when it is needed [no-title]",
		}},
		{"a parameter for nothing", "title: T\nowner: me\nreviewed: 2026-11-23\nparams:\n  port: {type: port, default: 1}\n  por: {type: port, default: 1}\n", []string{
			"x.yaml:7:3: nothing uses the parameter por [unused-param]",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := []byte("runbook: x\n" + tt.top + steps)
			rb, diags := engine.Parse("x.yaml", src)
			if rb == nil {
				t.Fatal(engine.RenderAll(diags, src))
			}
			var got []string
			known := map[string]bool{}
			for _, r := range engine.LintRules() {
				known[r.Name] = true
			}
			for _, d := range engine.Lint(rb, today) {
				got = append(got, d.String())
				if !known[d.Rule] {
					t.Errorf("rule %s is not in the list", d.Rule)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
