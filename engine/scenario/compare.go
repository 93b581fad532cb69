package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"runbook/engine"
)

// Comparison says whether a run would have gone the same way.
type Comparison string

// The comparisons. What parts for certain does so whatever else is not known.
const (
	Same    Comparison = "same"
	Parts   Comparison = "parts"
	Unknown Comparison = "unknown" // the recording does not know enough to tell
)

// Replay is a past run, gone through again with another runbook on what it saw.
type Replay struct {
	Result Comparison     `json:"result"`
	Was    engine.Verdict `json:"was"` // "" for a run that has not ended
	Is     engine.Verdict `json:"is"`  // "" where that is not known
	Rows   []Row          `json:"rows"`
	// NotKnown tells what the recording does not know, in sentences; it may have made no difference.
	NotKnown []string `json:"not_known"`
}

// Row is a step, a finding or the verdict that came to something else. What did so for certain stands first, in the order
// in which it came, and the verdict last.
type Row struct {
	What     string `json:"what"`
	Finding  bool   `json:"finding,omitempty"`
	Recorded Side   `json:"recorded"`
	Replayed Side   `json:"replayed"`
	NotKnown bool   `json:"not_known,omitempty"` // whether it would have is not known

	first word // that is different, of the side that came to it first
	order int
}

func (r Row) rank() int {
	switch {
	case r.What == verdictRow:
		return 2
	case r.NotKnown:
		return 1
	}
	return 0
}

const verdictRow = "verdict"

// Side is what something came to in one of two runs, and what made the first thing so that is different.
type Side struct {
	Words   []string      `json:"words"`
	Because []engine.Term `json:"because,omitempty"`
	Why     []string      `json:"why,omitempty"` // sentences
}

// Replay goes through the run again with a runbook, and says where it would have gone another way. The run is held
// against what its own runbook makes of the recording, so that both ways are ways of one life in the same time. A run
// that its own runbook does not lead to its end again, and a runbook that can't be given what the run was given, are
// errors.
func (r *Recording) Replay(plan *engine.Plan) (*Replay, error) {
	if r.Drill() {
		return nil, fmt.Errorf("run %s was a drill: what it saw was made up", r.Started.Run)
	}
	was := r.follow(r.Plan, r.Started.Params)
	if err := r.unlike(was); err != nil {
		return nil, err
	}
	if err := r.lacks(plan); err != nil {
		return nil, err
	}
	params, notes, err := r.passed(plan.Runbook)
	if err != nil {
		return nil, fmt.Errorf("the runbook can't be given what run %s was given: %s", r.Started.Run, strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	out := compare(was, r.follow(plan, params))
	out.NotKnown = append(notes, out.NotKnown...)
	return out, nil
}

// lacks says why it is not known whether the host has what a runbook requires.
func (r *Recording) lacks(plan *engine.Plan) error {
	was, is := required(r.Plan), required(plan)
	more := slices.DeleteFunc(slices.Clone(is), func(what string) bool { return slices.Contains(was, what) })
	switch {
	case len(more) > 0:
		return fmt.Errorf("the runbook requires more now, and whether the host had it is not known: %s", strings.Join(more, ", "))
	case r.refused() != "" && !slices.Equal(was, is):
		return fmt.Errorf("run %s was refused for what the host lacked, and the runbook requires less now: what would have come of that is not known", r.Started.Run)
	}
	return nil
}

// required lists what a runbook requires of a host, with what it runs.
func required(plan *engine.Plan) []string {
	var out []string
	for _, p := range append([]*engine.Plan{plan}, plan.Books...) {
		req := p.Runbook.Requires
		if req.Root {
			out = append(out, "root")
		}
		if req.Systemd {
			out = append(out, "systemd")
		}
		for _, c := range req.Commands {
			out = append(out, "command "+c.Value)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// passed gives a runbook the parameters that the run was given. What the run left to a default is left to it again.
func (r *Recording) passed(rb *engine.Runbook) (params map[string]any, notes []string, err error) {
	given, known := r.given(), map[string]string{}
	for _, p := range rb.Params {
		v, is := given[p.Name.Value]
		if is {
			known[p.Name.Value] = v
		} else if p.Required && !p.Secret {
			return nil, nil, fmt.Errorf("it must have %s, and the run was not given it", p.Name.Value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, is := known[name]; !is {
			notes = append(notes, fmt.Sprintf("the run was given %s, and the runbook has no such parameter", name))
		}
	}
	params, err = engine.ResolveParams(rb, known)
	return params, notes, err
}

// unlike says why the recording does not lead to the end of its own run.
func (r *Recording) unlike(w *course) error {
	if !r.Ended {
		return nil
	}
	was, is, other := tell(r.Events), tell(w.events), ""
	if was.verdict != is.verdict {
		other = fmt.Sprintf("verdict %s, and was %s", orElse(string(is.verdict), "not known"), was.verdict)
	}
	if !slices.Equal(was.changes, is.changes) {
		other = fmt.Sprintf("changes %s, and were %s", names(is.changes), names(was.changes))
	}
	switch {
	case other == "":
		return nil
	case r.limited():
		return fmt.Errorf("run %s was cut off by its time limit, and what was going on then is not known: %s", r.Started.Run, other)
	case r.Resumed:
		return fmt.Errorf("run %s was interrupted, and would have gone another way at once: %s", r.Started.Run, other)
	}
	return fmt.Errorf("this version of runbook goes another way than the one that made run %s: %s", r.Started.Run, other)
}

// compare holds two ways against each other.
func compare(was, is *course) *Replay {
	out := &Replay{Result: Same, Was: was.verdict(), Is: is.verdict(), Rows: []Row{}, NotKnown: append([]string{}, is.notes...)}
	for i, path := range subjects(was, is) {
		if row, differs := rowOf(path, was, is); differs {
			row.order = i
			out.Rows = append(out.Rows, row)
		}
	}
	slices.SortFunc(out.Rows, func(a, b Row) int {
		return cmp.Or(
			cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.first.at, b.first.at), cmp.Compare(a.first.seq, b.first.seq), cmp.Compare(a.order, b.order),
		)
	})
	for _, row := range out.Rows {
		if !row.NotKnown {
			out.Result = Parts
		} else if out.Result == Same {
			out.Result = Unknown
		}
	}
	return out
}

// subjects lists what two ways may differ in, in the order in which one thing leads to another: checks, findings, all
// other steps, the verdict.
func subjects(was, is *course) []string {
	var out []string
	add := func(names []string, wanted func(w *course, path string) bool, w *course) {
		for _, path := range names {
			if wanted(w, path) && !slices.Contains(out, path) {
				out = append(out, path)
			}
		}
	}
	for _, w := range []*course{is, was} {
		add(w.names, (*course).isCheck, w)
	}
	for _, w := range []*course{is, was} {
		add(w.concepts, func(*course, string) bool { return true }, w)
	}
	for _, w := range []*course{is, was} {
		add(w.names, func(w *course, path string) bool { return !w.isCheck(path) }, w)
	}
	return append(out, "")
}

func (w *course) isCheck(path string) bool {
	m := w.steps[path]
	return m.step != nil && m.step.Effect == engine.Reads
}

func (w *course) has(path string) bool {
	return path == "" || w.steps[path].step != nil || w.findings[path] != nil
}

// verdict is how the run ended, "" when it did not, or nobody knows.
func (w *course) verdict() engine.Verdict {
	list := w.words[""]
	if len(list) == 0 || list[0].dark {
		return ""
	}
	return engine.Verdict(list[0].text)
}

// rowOf holds one thing against each other. That a check is new, or gone, is no difference in itself.
func rowOf(path string, was, is *course) (Row, bool) {
	a, b := was.words[path], is.words[path]
	k := 0
	for k < len(a) && k < len(b) && a[k].text == b[k].text {
		k++
	}
	if k == len(a) && k == len(b) || (was.isCheck(path) || is.isCheck(path)) && was.has(path) != is.has(path) {
		return Row{}, false
	}
	row := Row{What: orElse(path, verdictRow), Finding: was.findings[path] != nil || is.findings[path] != nil}
	x, y := was.word(path, k), is.word(path, k)
	row.first = x
	if x.at < 0 || y.at >= 0 && cmp.Or(cmp.Compare(y.at, x.at), cmp.Compare(y.seq, x.seq)) < 0 {
		row.first = y
	}
	row.Recorded, row.Replayed = sideOf(a, x), sideOf(b, y)
	row.NotKnown = x.dark || y.dark || was.idle[path].text == goalHeld && is.goals[scopeOf(path)]
	return row, true
}

// word is what something came to, at its number; where it came to no more, what can be said of that, at no time.
func (w *course) word(path string, k int) word {
	list := w.words[path]
	idle, ok := w.idle[path]
	switch {
	case k < len(list):
		return list[k]
	case len(list) > 0:
		return word{at: -1, dark: w.lost}
	case ok:
		return idle
	case !w.has(path):
		return word{text: "not in the runbook", at: -1}
	case w.lost:
		return word{text: "not known", at: -1, dark: true}
	}
	return word{text: "not reached", at: -1}
}

func sideOf(list []word, first word) Side {
	s := Side{Because: first.because, Why: first.why}
	for _, w := range list {
		s.Words = append(s.Words, w.text)
	}
	if len(list) == 0 {
		s.Words = []string{first.text}
	}
	return s
}
