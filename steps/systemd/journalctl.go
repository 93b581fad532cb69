package systemd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

// source says whose entries are read: a unit's, the kernel's, or everyone's.
type source struct {
	unit       string
	owner      string // the user in whose systemd the unit is, "" for the host's
	invocation string // one run of the unit, "" for all
	kernel     bool
}

// reader reads the journal with journalctl.
type reader struct {
	task engine.Task
	uid  string // of the user whose units are read
}

// openJournal makes sure that the journal can be read. journalctl that may not read it prints nothing and ends well when
// it is asked for JSON, and "no entries" must not be said of a journal that nobody saw.
func (h host) openJournal(ctx context.Context, owner string, t engine.Task) (reader, error) {
	r := reader{task: t}
	files := []string{"system.journal"}
	if owner != "" {
		var err error
		if r.uid, err = uidOf(owner); err != nil {
			return r, err
		}
		files = append(files, "user-"+r.uid+".journal")
	}
	_, err := hostcall.Look(ctx, t.As, func() (struct{}, error) { return struct{}{}, h.readable(files) })
	if ctx.Err() != nil {
		err = engine.FailureOf(fmt.Errorf("read the journal: %w", ctx.Err()))
	}
	return r, err
}

// readable tells why none of the journal's files can be read.
func (h host) readable(files []string) error {
	err := engine.Failf(engine.Missing, "read the journal: this host keeps none (there is no journal in /var/log/journal or /run/log/journal)")
	for _, folder := range []string{"var/log/journal", "run/log/journal"} {
		for _, file := range files {
			found, globErr := filepath.Glob(h.path(folder, "*", file))
			if globErr != nil {
				return globErr
			}
			for _, path := range found {
				f, openErr := os.Open(path)
				if openErr == nil {
					_ = f.Close()
					return nil
				}
				if errors.Is(openErr, fs.ErrPermission) {
					err = engine.Failf(engine.Denied, "read the journal: this user may not (members of the groups systemd-journal and adm may)")
				}
			}
		}
	}
	return err
}

// about writes for journalctl which entries are asked for: those of a unit's processes, and those of systemd and journald
// that name it.
func (r reader) about(from source) []string {
	switch {
	case from.kernel:
		return []string{"_TRANSPORT=kernel"}
	case from.unit == "":
		return nil
	case from.owner == "":
		return []string{"--unit=" + from.unit}
	default:
		return alternatives(
			[]string{"_SYSTEMD_USER_UNIT=" + from.unit, "_UID=" + r.uid},
			[]string{"USER_UNIT=" + from.unit, "_UID=" + r.uid},
			[]string{"OBJECT_SYSTEMD_USER_UNIT=" + from.unit, "OBJECT_UID=" + r.uid})
	}
}

// marks writes for journalctl the entries of systemd about a unit; with an invocation only those of one run.
func (r reader) marks(from source) []string {
	if from.owner == "" {
		m := []string{"UNIT=" + from.unit, "_PID=1"}
		if from.invocation != "" {
			m = append(m, "INVOCATION_ID="+from.invocation)
		}
		return m
	}
	m := []string{"USER_UNIT=" + from.unit, "_UID=" + r.uid}
	if from.invocation != "" {
		m = append(m, "USER_INVOCATION_ID="+from.invocation)
	}
	return m
}

// own writes for journalctl the entries of a unit's processes; with an invocation only those that say they are of it.
func (r reader) own(from source) []string {
	m := []string{"_SYSTEMD_UNIT=" + from.unit}
	if from.owner != "" {
		m = []string{"_SYSTEMD_USER_UNIT=" + from.unit, "_UID=" + r.uid}
	}
	if from.invocation != "" {
		m = append(m, "_SYSTEMD_INVOCATION_ID="+from.invocation)
	}
	return m
}

func alternatives(terms ...[]string) []string {
	var out []string
	for i, term := range terms {
		if i > 0 {
			out = append(out, "+")
		}
		out = append(out, term...)
	}
	return out
}

// read gives the newest entries to each, oldest first: at most lines of them, and fewer when some belong to other runs
// than the one that is asked for. skip is called for one that can't be read.
func (r reader) read(ctx context.Context, from source, span span, lines int, args []string, each func(entry), skip func()) error {
	if from.invocation != "" {
		life, err := r.life(ctx, from)
		if err != nil {
			return err
		}
		span = span.and(life)
		all := each
		each = func(e entry) {
			if run := e.invocation(from.unit); run == "" || run == from.invocation {
				all(e)
			}
		}
	}
	args = append(args, span.args()...)
	args = append(args, fmt.Sprintf("--lines=%d", lines))
	return r.run(ctx, append(args, r.about(from)...), each, skip)
}

// life is the time in which a run wrote to the journal. Entries that do not say which run they are of belong to the run
// in whose time they came: all but the first and the last words of a short run are such.
func (r reader) life(ctx context.Context, from source) (span, error) {
	var life span
	const late = time.Second // what a process wrote last may arrive after systemd has said that it ended
	err := r.run(ctx, append([]string{"--lines=1"}, alternatives(r.own(from), r.marks(from))...),
		func(e entry) { life.until = e.at.Add(late) }, func() {})
	if err != nil {
		return life, err
	}
	err = r.run(ctx, r.marks(from), func(e entry) {
		if life.since.IsZero() {
			life.since = e.at
		}
	}, func() {})
	return life, err
}

// latest finds the newest run of a unit that the journal knows, "" for none.
func (r reader) latest(ctx context.Context, from source) (string, error) {
	id := ""
	err := r.run(ctx, append([]string{"--lines=20"}, alternatives(r.own(from), r.marks(from))...), func(e entry) {
		if run := e.invocation(from.unit); run != "" {
			id = run
		}
	}, func() {})
	return id, err
}

// span is a time of the journal; a zero time is no bound.
type span struct {
	since, until time.Time
	boot         bool // not before this boot
}

func (s span) and(t span) span {
	if t.since.After(s.since) {
		s.since = t.since
	}
	if s.until.IsZero() || !t.until.IsZero() && t.until.Before(s.until) {
		s.until = t.until
	}
	s.boot = s.boot || t.boot
	return s
}

func (s span) args() []string {
	var args []string
	if s.boot {
		args = append(args, "--boot")
	}
	for _, edge := range []struct {
		option string
		at     time.Time
	}{{"--since", s.since}, {"--until", s.until}} {
		if !edge.at.IsZero() {
			args = append(args, fmt.Sprintf("%s=@%d.%06d", edge.option, edge.at.Unix(), edge.at.Nanosecond()/1000))
		}
	}
	return args
}

func (r reader) run(ctx context.Context, args []string, each func(entry), skip func()) error {
	split := &lineSplitter{limit: maxEntryJSON, overlong: skip, each: func(line []byte) {
		if len(line) == 0 || line[0] != '{' {
			return // "-- No entries --"
		}
		e, err := readEntry(line)
		if err != nil {
			skip()
			return
		}
		each(e)
	}}
	args = append([]string{"--no-pager", "--quiet", "--output=json", "--all", "--output-fields=" + entryFields}, args...)
	if err := journalctl(ctx, args, split, r.task); err != nil {
		return err
	}
	return split.Close()
}
