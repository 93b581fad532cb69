package systemd

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"runbook/engine"
	"runbook/steps/internal/signature"
)

// maxLines is how much of the journal one step looks at.
const maxLines = 10000

type journalIn struct {
	Unit       string            `json:"unit" doc:"only what this unit wrote, and what systemd wrote about it: its full name, like nginx.service. Everything when empty" is:"unit"`
	User       string            `json:"user" doc:"the unit belongs to this user's own systemd" is:"user"`
	Kernel     bool              `json:"kernel" doc:"only what the kernel wrote, like who was killed for lack of memory; instead of unit"`
	Lines      int               `json:"lines" doc:"how many of the newest entries to look at, 1 to 10000" default:"100"`
	Since      string            `json:"since" doc:"not older than this: a duration back from now like 30m, a time in RFC 3339 like 2026-11-23T15:38:29Z, or boot for the start of this boot"`
	Until      string            `json:"until" doc:"not newer than this: a duration back from now, or a time in RFC 3339"`
	Priority   string            `json:"priority" doc:"only entries that are at least so severe; emerg is the most severe" enum:"emerg,alert,crit,err,warning,notice,info,debug"`
	Invocation string            `json:"invocation" doc:"only one run of the unit: the id that systemd.unit gives, or latest for the newest run that the journal knows. Keeps traces of older failures out"`
	Match      string            `json:"match" doc:"a regular expression (RE2); the entries whose message matches are in the output matched" is:"regexp"`
	Signatures map[string]string `json:"signatures" doc:"names, each with a regular expression (RE2) for a message that tells what is wrong; the outputs found, counts and examples say which were seen. At most 32"`
}

func (in journalIn) check() error {
	_, err := in.query(time.Time{})
	return err
}

type journalOut struct {
	Lines      []journalLine     `json:"lines" moves:"true" doc:"the newest of the entries that were looked at, oldest first, together at most 14 KiB; all of them are in the evidence"`
	Read       int               `json:"read" moves:"true" doc:"how many entries were looked at"`
	Matched    []journalLine     `json:"matched" moves:"true" doc:"the newest entries that match, oldest first, together at most 6 KiB; empty without match"`
	Count      int               `json:"count" moves:"true" doc:"how many entries match; without match, how many there are"`
	Found      map[string]bool   `json:"found" doc:"for each signature, whether an entry matches it. For: found.port_taken"`
	Counts     map[string]int    `json:"counts" moves:"true" doc:"for each signature, how many entries match it"`
	Examples   map[string]string `json:"examples" moves:"true" doc:"for each signature, the message of the newest entry that matches it in one line, at most 256 bytes in JSON; empty when none does"`
	Suppressed int               `json:"suppressed" moves:"true" doc:"how many messages journald says it threw away because the unit wrote too many"`
	Truncated  bool              `json:"truncated" moves:"true" doc:"something is missing here: there may be entries older than those looked at, not all fit into lines or matched, or one was too long to be read whole"`
	Cursor     string            `json:"cursor" moves:"true" doc:"the journal's mark of the newest entry looked at; empty when there is none"`
	Boot       string            `json:"boot" moves:"true" doc:"id of the boot that wrote the newest entry, 32 hex digits; empty when there is none"`
	Invocation string            `json:"invocation" moves:"true" doc:"id of the run that was looked at, when the input names one; empty when the journal knows no run"`
}

type journalLine struct {
	At       string `json:"at" doc:"when, RFC 3339 in UTC"`
	Priority int    `json:"priority" doc:"severity from 0 emerg, 1 alert, 2 crit, 3 err, 4 warning, 5 notice, 6 info to 7 debug"`
	PID      int    `json:"pid" doc:"process that wrote it, 0 when not known; 1 is systemd"`
	From     string `json:"from" doc:"name under which it wrote"`
	Message  string `json:"message" doc:"the text, at most 1024 bytes, without escape sequences and control characters"`
}

func journalKind(h host) (engine.Kind, error) {
	return engine.Define(engine.Definition[journalIn, journalOut]{
		Name: "systemd.journal",
		Doc: `Reads the journal of a unit, and looks for what tells why it does not work.

Give the known ways to fail as ` + "`signatures`" + `, and let findings ask for them: ` + "`steps.logs.found.port_taken`" + `. A message
from a failure that was repaired an hour ago matches as well as one from now; ` + "`since`" + ` and ` + "`invocation`" + ` keep it out.

That there are no entries is an answer. That the journal can't be read, because the user may not or the host keeps none,
is a failure. The whole text of all entries looked at is kept as evidence.`,
		Effect: engine.Reads,
		Example: `unit: app.service
lines: 200
since: 30m
signatures:
  port_taken: EADDRINUSE
  out_of_memory: (?i)out of memory
`,
		Check: journalIn.check,
		Do:    h.journal,
	})
}

// query is a look at the journal, ready to be made.
type query struct {
	from       source
	span       span
	priority   string
	lines      int
	latest     bool // the newest run is still to be found
	match      *regexp.Regexp
	signatures map[string]*regexp.Regexp
}

func (in journalIn) query(now time.Time) (query, error) {
	q := query{lines: in.Lines, priority: in.Priority, latest: in.Invocation == "latest"}
	var err error
	if q.from, err = in.source(); err != nil {
		return q, err
	}
	if in.Lines < 1 || in.Lines > maxLines {
		return q, fmt.Errorf("lines is %d: it must be 1 to %d", in.Lines, maxLines)
	}
	if q.span, err = in.span(now); err != nil {
		return q, err
	}
	if in.Match != "" {
		if q.match, err = regexp.Compile(in.Match); err != nil {
			return q, fmt.Errorf("match: %w", err)
		}
	}
	q.signatures, err = signature.Compile(in.Signatures)
	return q, err
}

func (in journalIn) source() (source, error) {
	from := source{kernel: in.Kernel, owner: in.User}
	switch {
	case in.Unit != "" && in.Kernel:
		return from, errors.New("the kernel is no unit: give unit or kernel, not both")
	case in.Unit == "" && (in.User != "" || in.Invocation != ""):
		return from, errors.New("user and invocation go with a unit: give its name")
	case in.Invocation != "" && in.Invocation != "latest" && !invocationID.MatchString(in.Invocation):
		return from, fmt.Errorf("invocation %q is neither an id of 32 hex digits nor latest", in.Invocation)
	}
	if in.Invocation != "latest" {
		from.invocation = in.Invocation
	}
	from.unit = in.Unit
	if in.Unit == "" {
		return from, nil
	}
	return from, checkUnit(in.Unit)
}

var invocationID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (in journalIn) span(now time.Time) (s span, err error) {
	switch in.Since {
	case "":
	case "boot":
		s.boot = true
	default:
		if s.since, err = moment(in.Since, now); err != nil {
			return s, fmt.Errorf("since: %w", err)
		}
	}
	if in.Until != "" {
		if s.until, err = moment(in.Until, now); err != nil {
			return s, fmt.Errorf("until: %w", err)
		}
	}
	return s, nil
}

// moment reads a duration back from now, or a time.
func moment(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		if d < 0 {
			return time.Time{}, fmt.Errorf("%q lies ahead: write how long ago, like 30m", text)
		}
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a duration like 30m nor a time like 2026-11-23T15:38:29Z", text)
	}
	return at, nil
}

func (h host) journal(ctx context.Context, in journalIn, t engine.Task) (journalOut, error) {
	q, err := in.query(time.Now())
	if err != nil {
		return journalOut{}, err
	}
	r, err := h.openJournal(ctx, in.User, t)
	if err != nil {
		return journalOut{}, err
	}
	tally := newTally(q)
	if q.latest {
		q.from.invocation, err = r.latest(ctx, q.from)
		if err != nil || q.from.invocation == "" {
			return tally.result(), err
		}
	}
	evidence := t.Keep("journal")
	defer evidence.Close()
	var args []string
	if q.priority != "" {
		args = append(args, "--priority="+q.priority)
	}
	err = r.read(ctx, q.from, q.span, q.lines, args, func(e entry) {
		writeEntry(evidence, e)
		tally.add(e)
	}, tally.skip)
	out := tally.result()
	out.Invocation = q.from.invocation
	return out, err
}
