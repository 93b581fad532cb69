package systemd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"runbook/engine"
)

// How many of a unit's newest journal entries are kept before it is changed.
const evidenceLines = 200

// How long is waited for what makes an answer better, and is not the answer.
const patience = 2 * time.Second

// keepUnit keeps what a change of a unit's state destroys: what the unit is now, and the end of its journal. Each is
// tried, whatever becomes of the other.
func (h host) keepUnit(ctx context.Context, name, owner string, t engine.Task) error {
	stateErr := h.keepState(ctx, name, owner, t)
	journalErr := h.keepJournal(ctx, name, owner, t)
	if stateErr != nil {
		return stateErr
	}
	return journalErr
}

func (h host) keepState(ctx context.Context, name, owner string, t engine.Task) error {
	m, err := h.connect(ctx, owner, t.As)
	if err != nil {
		return err
	}
	defer m.close()
	p, err := m.props(ctx, name)
	if err != nil {
		return err
	}
	w := t.Keep("unit")
	_, _ = fmt.Fprintf(w, "%s: %s\n\n", name, stateOf(name, m.via, p, time.Now()).Text)
	writeProps(w, p)
	return w.Close()
}

// writeProps writes the properties that tell a story, as systemctl show does. Empty ones are left out.
func writeProps(w io.Writer, p props) {
	for _, name := range []string{
		"Id", "Description", "LoadState", "ActiveState", "SubState", "Result", "UnitFileState", "Transient", "NeedDaemonReload",
		"FragmentPath", "DropInPaths", "Type", "RemainAfterExit", "Restart", "User", "WorkingDirectory", "Environment",
		"MainPID", "ExecMainPID", "ExecMainCode", "ExecMainStatus", "NRestarts", "StatusText", "InvocationID", "ControlGroup",
		"MemoryCurrent", "MemoryMax", "TasksCurrent", "StateChangeTimestamp", "ActiveEnterTimestamp", "ActiveExitTimestamp",
		"InactiveEnterTimestamp", "InactiveExitTimestamp", "ExecMainStartTimestamp", "ExecMainExitTimestamp",
		"ConditionResult", "TriggeredBy", "Triggers", "Requires", "WantedBy", "BoundBy",
	} {
		if text := showProp(p, name); text != "" {
			_, _ = fmt.Fprintf(w, "%s=%s\n", name, text)
		}
	}
	for _, name := range []string{"ExecStartPre", "ExecStart", "ExecStop", "ExecStopPost"} {
		for _, row := range p.rows(name) {
			if len(row) > 1 {
				argv, _ := row[1].([]string)
				_, _ = fmt.Fprintf(w, "%s=%s\n", name, strings.Join(quoted(hideAll(argv)), " "))
			}
		}
	}
}

func showProp(p props, name string) string {
	switch v := p[name].(type) {
	case bool:
		if v {
			return "yes"
		}
		return "no"
	case []string:
		return strings.Join(quoted(hideAll(v)), " ")
	case []byte:
		return fmt.Sprintf("%x", v)
	case string:
		return oneLine(hide(v), maxLine)
	}
	if strings.HasSuffix(name, "Timestamp") {
		return stamp(p.moment(name))
	}
	if n := p.amount(name); n != nil {
		return fmt.Sprint(*n)
	}
	return ""
}

func (h host) keepJournal(ctx context.Context, name, owner string, t engine.Task) error {
	r, err := h.openJournal(ctx, owner, t)
	if err != nil {
		return err
	}
	w := t.Keep("journal")
	defer w.Close()
	return r.read(ctx, source{unit: name, owner: owner}, span{}, evidenceLines, nil,
		func(e entry) { writeEntry(w, e) }, func() {})
}

// lastWords gives the last two messages of a unit's run, those of the program before those of systemd about it. It is
// for an error message: what can't be had quickly is left out.
func (h host) lastWords(ctx context.Context, s unitState, owner string, t engine.Task) []string {
	const most = 2
	if s.Invocation == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := h.openJournal(ctx, owner, t)
	if err != nil {
		return nil
	}
	var own, about []string
	err = r.read(ctx, source{unit: s.Unit, owner: owner, invocation: s.Invocation}, span{}, 20, nil, func(e entry) {
		line := oneLine(e.message, exampleSize)
		if e.ofSystemd {
			about = append(about, line)
		} else {
			own = append(own, line)
		}
	}, func() {})
	if err != nil {
		return nil
	}
	if len(own) == 0 {
		own = about
	}
	return slices.Clone(own[max(len(own)-most, 0):])
}

// lookForTraces finds out whether an absent unit is a transient one that ended: the journal of this boot knows it then.
func (h host) lookForTraces(ctx context.Context, s *unitState, owner string, t engine.Task) {
	gone := false
	if s.State != stateAbsent {
		s.Gone = &gone
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience) // a journal on a dead disk must not hide what systemd says
	defer cancel()
	r, err := h.openJournal(ctx, owner, t)
	if err != nil {
		return
	}
	from := source{unit: s.Unit, owner: owner}
	var last entry
	err = r.run(ctx, append([]string{"--boot", "--lines=1"}, alternatives(r.own(from), r.marks(from))...),
		func(e entry) { last = e }, func() {})
	if err != nil {
		return
	}
	if gone = !last.at.IsZero(); gone {
		s.Text = fmt.Sprintf("%s: it ran since boot and was unloaded; its last entry in the journal is of %s: %s",
			stateAbsent, last.at.Format("2006-01-02 15:04:05 UTC"), oneLine(last.message, exampleSize))
	}
	s.Gone = &gone
}
