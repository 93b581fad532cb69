package reports

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

// scenario is a run of a runbook on an invented host. Its journal is stored below testdata, so that the reports do not
// change with the engine; -record makes it anew.
type scenario struct {
	name string
	book string
	mode engine.Mode
	flag []string
	host host
	then func(r *run) // what happens after the first life of the run
}

func anna() engine.Who {
	return engine.Who{UID: 0, User: "root", SudoUser: "anna", TTY: "/dev/pts/0", SSH: "10.0.0.5"}
}

func bert() engine.Who { return engine.Who{UID: 0, User: "root", SudoUser: "bert", TTY: "/dev/pts/3"} }

func yes() engine.Answer {
	return engine.Answer{Value: engine.Yes, By: "anna", Via: "terminal"}
}

func scenarios() []scenario {
	const frontend = "frontend-not-starting"
	declined := down()
	declined.answers["restart"] = []engine.Answer{{Value: engine.No, By: "anna", Via: "terminal", Note: "sale is on, wait for 04:00"}}

	expired := down()
	expired.answers["restart"] = []engine.Answer{{Value: engine.Expired, Via: "terminal"}}
	expired.takes["confirm restart"] = 10 * time.Minute

	nobody := down()
	nobody.answers["restart"] = []engine.Answer{{Value: engine.Nobody, Note: "no terminal; allow it with --yes"}}

	taken := down()
	taken.sees["port"] = []engine.Result{listens(socket("0.0.0.0", "python3", "user@1000.service"))}

	blind := down()
	refused := engine.Result{Failure: &engine.Failure{Kind: engine.Unreachable, Message: "ask systemd: dial unix /run/dbus/system_bus_socket: connection refused"}}
	blind.sees["launcher"], blind.sees["transient"] = []engine.Result{refused}, []engine.Result{refused}
	blind.sees["port"] = []engine.Result{listens(fields{"address": "127.0.0.1", "family": "ipv4", "port": 3000, "pid": nil, "process": nil, "unit": nil})}

	broken := unbuilt()
	broken.acts["rebuild"] = []engine.Result{{
		Output:   fields{"exit": 1, "duration_ms": 8100},
		Failure:  &engine.Failure{Kind: engine.Exit, Message: "pnpm run build: exit 1: ENOSPC: no space left on device, write"},
		Evidence: []engine.Evidence{kept("stderr", "Error: ENOSPC: no space left on device, write\n"), {Name: "stdout", Failed: "no space left on device"}},
	}}
	broken.answers["rebuild"] = []engine.Answer{yes(), {Value: engine.Stop, By: "anna", Via: "terminal"}}

	unhelpful := down()
	all := socket("::", "node", "shop-frontend.service")
	unhelpful.sees["port"] = []engine.Result{listens(all)}
	unhelpful.sees["transient"] = []engine.Result{unit("active", "running", "success", true)}
	unhelpful.sees["page"] = []engine.Result{page(0, "timeout")}
	unhelpful.after = nil
	unhelpful.acts["pin_ipv4"] = []engine.Result{saw1(fields{"changed": true}), saw1(fields{"exit": 0, "stdout": "", "stderr": "Removed 50-ipv4.conf.\n"})}
	unhelpful.answers["pin_ipv4"] = []engine.Answer{yes(), yes()}
	unhelpful.tells["undo pin_ipv4"] = engine.Result{Description: &engine.Description{
		Summary: "run systemctl revert shop-frontend-launcher.service", Exact: []string{"systemctl revert shop-frontend-launcher.service"},
	}}
	unhelpful.takes["confirm pin_ipv4"] = 9 * time.Second
	unhelpful.tells["restart"] = engine.Result{Description: unhelpful.tells["restart"].Description}

	never := down()
	never.dies, never.never = "act restart", true
	never.answers["restart"] = []engine.Answer{yes(), {Value: engine.Yes, By: "bert", Via: "terminal"}}

	foreign := down() // what is taken is found out, and D-Bus does not answer
	foreign.sees["launcher"], foreign.sees["transient"] = []engine.Result{refused}, []engine.Result{refused}
	foreign.sees["port"] = []engine.Result{listens(socket("0.0.0.0", "python3", "user@1000.service"))}
	foreign.sees["page"] = []engine.Result{page(0, "connection refused")}

	killed := down()
	killed.dies, killed.lost = "act restart", true
	killed.answers["restart"] = []engine.Answer{yes()}

	doubt := down()
	doubt.dies, doubt.lost = "act restart", true
	doubt.answers["restart"] = []engine.Answer{yes(), {Value: engine.Again, By: "bert", Via: "terminal", Note: "systemctl shows no job"}}

	stopped := unbuilt()
	stopped.stops = "act rebuild"

	dead := unbuilt()
	dead.dies = "act rebuild"

	shop := unbuilt()
	inner := host{
		sees: map[string][]engine.Result{"outside": {page(502, "")}}, acts: map[string][]engine.Result{},
		answers: map[string][]engine.Answer{"tell": {{Value: engine.Done, By: "anna", Via: "terminal"}}},
		tells:   map[string]engine.Result{}, takes: map[string]time.Duration{"confirm tell": 48 * time.Second},
	}
	for name, v := range shop.sees {
		inner.sees["frontend/"+name] = v
	}
	inner.after = map[string]map[string][]engine.Result{"frontend/rebuild": {}, "frontend/restart": {"outside": {page(200, "")}}}
	for change, sees := range shop.after {
		for name, v := range sees {
			inner.after["frontend/"+change]["frontend/"+name] = v
		}
	}
	for name, v := range shop.acts {
		inner.acts["frontend/"+name] = v
	}
	for name, v := range shop.answers {
		inner.answers["frontend/"+name] = v
	}
	for name, v := range shop.tells {
		inner.tells["frontend/"+name] = v
	}

	return []scenario{
		{name: "healthy", book: frontend, host: good()},
		{name: "fixed", book: frontend, host: unbuilt(), then: func(r *run) {
			r.pass(40 * time.Second)
			r.put(engine.Noted{By: "anna", Text: "Deployed 1.42 at 02:55, the build step was skipped. See https://ci.example.org/builds/77 @dora"})
		}},
		{name: "declined", book: frontend, host: declined},
		{name: "expired", book: frontend, host: expired},
		{name: "refused", book: frontend, host: nobody, flag: []string{"--no-input"}},
		{name: "escalated", book: frontend, host: taken},
		{name: "undecided", book: frontend, host: blind},
		{name: "failed", book: frontend, host: broken},
		{name: "not-fixed", book: frontend, host: unhelpful},
		{name: "dry-run", book: frontend, mode: engine.DryRun, host: dry(unbuilt())},
		{name: "dry-run-blind", book: frontend, mode: engine.DryRun, host: dry(foreign)},
		{name: "drill", book: frontend, mode: engine.Drill, flag: []string{"--scenario unbuilt"}, host: unbuilt()},
		{name: "drill-escalated", book: frontend, mode: engine.Drill, flag: []string{"--scenario taken"}, host: taken},
		{name: "never-started", book: frontend, host: never, then: func(r *run) {
			r.resume(2*time.Minute, bert())
			if err := r.drive(); err != nil {
				r.tb.Fatal(err)
			}
		}},
		{name: "resumed", book: frontend, host: killed, then: func(r *run) {
			maps.Copy(r.host.sees, r.host.after["restart"]) // the restart has worked, unseen
			r.resume(6*time.Minute, bert())
			r.put(engine.Noticed{Text: "the runbook's file has changed since the run began; the run goes on with the one in its journal"})
			if err := r.drive(); err != nil {
				r.tb.Fatal(err)
			}
		}},
		{name: "in-doubt", book: frontend, host: doubt, then: func(r *run) {
			r.resume(6*time.Minute, bert())
			if err := r.drive(); err != nil {
				r.tb.Fatal(err)
			}
		}},
		{name: "interrupted", book: frontend, host: stopped},
		{name: "killed", book: frontend, host: dead},
		{name: "inner", book: "shop-down", host: inner},
	}
}

// TestScenariosAreStillWhatTheEngineDoes runs every scenario with the engine as it is, and holds the outcome against the
// stored journal: the reports below rest on runs that can happen. With -record it stores the journals anew.
func TestScenariosAreStillWhatTheEngineDoes(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			dir, stored := t.TempDir(), filepath.Join("testdata", s.name)
			if *record {
				dir = stored
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
				if err := os.MkdirAll(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			r := newRun(t, load(t, s.book), s.host, dir)
			r.start(s)
			if err := r.drive(); err != nil && !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
			if s.then != nil {
				s.then(r)
			}
			file := filepath.Join(dir, "journal.jsonl")
			writeJournal(t, file, r.events)
			// At the end of a run the report is made of the events at hand, and later of those that were read back.
			live, later := Render(r.plan, r.events, os.DirFS(dir)), Render(r.plan, readJournal(t, file), os.DirFS(dir))
			if diff := cmp.Diff(string(live), string(later)); diff != "" {
				t.Errorf("the journal gives another report when it is read back (-live +later):\n%s", diff)
			}
			was, is := readJournal(t, filepath.Join(stored, "journal.jsonl")), r.events
			if diff := cmp.Diff(gist(NewView(r.plan, was)), gist(NewView(r.plan, is))); diff != "" {
				t.Errorf("the engine ends this run otherwise now (-stored +now):\n%s", diff)
			}
		})
	}
}

// gist is what a run came to: its verdict, and how each step ended.
func gist(v *View) []string {
	verdict, _ := v.Verdict()
	out := []string{string(verdict)}
	for _, s := range v.Steps {
		out = append(out, s.Path+": "+s.Status().Word)
	}
	return out
}

func (r *run) start(s scenario) {
	params, err := engine.ResolveParams(r.plan.Runbook, nil)
	if err != nil {
		r.tb.Fatal(err)
	}
	mode := engine.Live
	if s.mode != "" {
		mode = s.mode
	}
	source := func(p *engine.Plan) engine.Source {
		return engine.Source{Name: p.Runbook.Name.Value, File: p.Runbook.File, Text: string(p.Runbook.Source), Hash: p.Hash}
	}
	e := engine.RunStarted{
		Format: engine.FormatVersion, Run: "20261120T031204Z-k3f7", Runbook: source(r.plan), Params: params, Mode: mode,
		Parallel: 1, Version: "0.1.0", Host: "shop-1", Boot: "9f2c", Who: anna(), Flags: s.flag,
	}
	for _, b := range r.plan.Books {
		e.Books = append(e.Books, source(b))
	}
	r.put(e)
}
