package reports

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
	"runbook/engine/enginetest"
)

// said are lines of a report, as Markdown.
func said(lines []inline) []string {
	var out []string
	for _, l := range lines {
		out = append(out, spanText(l, false))
	}
	return out
}

func TestCondition(t *testing.T) {
	saw := func(name, value string) engine.Seen { return engine.Seen{Name: name, Value: value, Known: true} }
	blind := func(name string) engine.Seen { return engine.Seen{Name: name, Value: "could not look (timeout)"} }
	page := engine.Term{Text: "not steps.page.healthy", Value: engine.True, Seen: []engine.Seen{saw("page", "status 502, expected 200")}}
	disk := engine.Term{Text: "steps.disk.healthy", Value: engine.False, Seen: []engine.Seen{saw("disk", "free_bytes 0")}}
	unit := engine.Term{Text: `steps.unit.active == "failed"`, Seen: []engine.Seen{blind("unit.active"), saw("params.unit", "a.service")}}
	port := engine.Term{Text: "findings.port_taken", Seen: []engine.Seen{blind("port.sockets"), {Name: "logs.count", Value: "was not made"}}}
	for _, c := range []struct {
		name  string
		when  string
		value engine.Tri
		terms []engine.Term
		want  []string
	}{
		{"none", "", engine.True, nil, []string{"it has no condition"}},
		{"one term is all of it", page.Text, engine.True, []engine.Term{page}, []string{
			"`not steps.page.healthy` is true: `page: status 502, expected 200`",
		}},
		{"unknown terms had no part in a condition that is false", "a and b and c", engine.False, []engine.Term{unit, disk, port}, []string{
			"condition `a and b and c` was false",
			"`steps.disk.healthy` is false: `disk: free_bytes 0`",
			"`steps.unit.active == \"failed\"`, `findings.port_taken` are unknown, which made no difference",
		}},
		{"what made it unknown stands together, each reason once", "a and b and c", engine.Unknown, []engine.Term{unit, page, port}, []string{
			"condition `a and b and c` was unknown",
			"`not steps.page.healthy` is true: `page: status 502, expected 200`",
			"`steps.unit.active == \"failed\"`, `findings.port_taken` are unknown; `unit.active`, `port.sockets`: could not look (timeout); `logs.count`: was not made",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, said(condition(c.when, c.value, c.terms))); diff != "" {
				t.Errorf("condition (-want +got):\n%s", diff)
			}
		})
	}
}

// A step whose condition was true and whose inputs nobody knows could not be decided, and its condition is not blamed.
func TestUnknownInput(t *testing.T) {
	const source = `runbook: tiny
title: Tiny
goal: [page]
steps:
  - id: page
    uses: http.get
    with: {url: "http://127.0.0.1:3000/"}
    expect: status == 200
  - id: app
    uses: file.stat
    with: {path: /srv/app}
  - id: rebuild
    when: steps.page.unhealthy
    uses: pnpm.build
    with: {dir: "/home/${{ steps.app.owner }}/app"}
    verify: [page]
`
	plan, diags := engine.Load("tiny.yaml", []byte(source), enginetest.Kinds(), nil)
	if plan == nil {
		t.Fatal(diags)
	}
	denied := engine.Result{Failure: &engine.Failure{Kind: engine.Denied, Message: "stat /srv/app: permission denied"}}
	r := newRun(t, plan, host{sees: map[string][]engine.Result{"page": {page(502, "")}, "app": {denied}}}, t.TempDir())
	r.start(scenario{})
	if err := r.drive(); err != nil {
		t.Fatal(err)
	}
	want := []string{"`steps.page.unhealthy` is true: `page: status 502, expected 200`", "an input is unknown; `app.owner`: could not look (denied)"}
	if diff := cmp.Diff(want, said(decision(NewView(plan, r.events).Step("rebuild")))); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}
