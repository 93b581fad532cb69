package engine

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Names that people type and that become names of files have a bound.
const maxName = 64

var (
	runbookName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	identifier  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	lockName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

func (v *review) runbookName() {
	name := v.rb.Name
	if name.Value == "" {
		return
	}
	if !runbookName.MatchString(name.Value) || len(name.Value) > maxName {
		v.report(name, didYouMean(kebab(name.Value)),
			"%s can't be the name of a runbook: use at most %d small letters, digits and -, beginning with a letter", shorten(name.Value), maxName)
		return
	}
	stem, isFile := fileStem(v.rb.File)
	if isFile && stem != name.Value {
		v.report(name, "", "the runbook is called %s and its file %s: give both the same name", name.Value, path.Base(v.rb.File))
	}
}

// fileStem is the name of a YAML file without its ending.
func fileStem(file string) (string, bool) {
	base := path.Base(file)
	for _, ending := range []string{".yaml", ".yml"} {
		if stem, ok := strings.CutSuffix(base, ending); ok {
			return stem, true
		}
	}
	return "", false
}

// kebab writes a name as a runbook's name, "" when that is none either.
func kebab(s string) string {
	return respelt(s, '-', runbookName)
}

// respelt writes a name in small letters, with sep for all that is neither letter nor digit; "" when the result is no
// name of the form either.
func respelt(s string, sep rune, form *regexp.Regexp) string {
	mapped := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return sep
	}, strings.ToLower(s))
	parts := strings.FieldsFunc(mapped, func(c rune) bool { return c == sep })
	out := strings.Join(parts, string(sep))
	if !form.MatchString(out) || len(out) > maxName {
		return ""
	}
	return out
}

func (v *review) reviewedDate() {
	t := v.rb.Reviewed
	if t.Value == "" {
		return
	}
	if _, err := time.Parse(time.DateOnly, t.Value); err != nil {
		v.report(t, "", "reviewed must be a day, written YYYY-MM-DD; this is %s", shorten(t.Value))
	}
}

func (v *review) links() {
	links := slices.Clip(v.rb.Links) // what is added goes into a copy
	for _, f := range v.rb.Findings {
		if f.See.Value != "" {
			links = append(links, f.See)
		}
	}
	for _, l := range links {
		if want, hint := misfit("url", l.Value); want != "" {
			v.report(l, hint, "a link must be an http or https address; this is %s", shorten(l.Value))
		}
	}
}

func (v *review) lockName() {
	t := v.rb.Limits.Lock
	if t == v.rb.Name || lockName.MatchString(t.Value) && len(t.Value) <= maxName {
		return
	}
	v.report(t, "", "%s can't be the name of a lock: use at most %d letters, digits, dots, - and _, beginning with a letter or digit", shorten(t.Value), maxName)
}

func (v *review) ids() {
	id := func(what string, t Text) {
		if t.Value == "" || identifier.MatchString(t.Value) && len(t.Value) <= maxName {
			return
		}
		v.report(t, didYouMean(respelt(t.Value, '_', identifier)),
			"%s can't be the %s: use at most %d small letters, digits and _, beginning with a letter", shorten(t.Value), what, maxName)
	}
	for _, p := range v.rb.Params {
		id("name of a parameter", p.Name)
	}
	for _, s := range v.rb.Steps {
		id("id of a step", s.ID)
	}
	for _, f := range v.rb.Findings {
		id("id of a finding", f.ID)
	}
}

func (v *review) duplicateIDs() {
	type owner struct {
		what string
		line int
	}
	owners := make(map[string]owner, len(v.rb.Steps)+len(v.rb.Findings))
	take := func(what string, t Text) {
		if t.Value == "" {
			return
		}
		if o, taken := owners[t.Value]; taken {
			v.report(t, "", "%s is the id of the %s at line %d already", quoteKey(t.Value), o.what, o.line)
			return
		}
		owners[t.Value] = owner{what, t.Pos.Line}
	}
	for _, s := range v.rb.Steps {
		take("step", s.ID)
	}
	for _, f := range v.rb.Findings {
		take("finding", f.ID)
	}
}

// namedSteps calls visit for every step that goal, needs or verify names. key is the key that names it.
func (v *review) namedSteps(visit func(key string, name Text)) {
	for _, t := range v.rb.Goal {
		visit("goal", t)
	}
	for _, s := range v.rb.Steps {
		for _, t := range s.Needs {
			visit("needs", t)
		}
		for _, t := range s.Verify.Checks {
			visit("verify", t)
		}
	}
}

func (v *review) unknownSteps() {
	if len(v.rb.Steps) == 0 {
		return
	}
	var ids []string
	for _, s := range v.rb.Steps {
		if s.ID.Value == "" {
			return // the name may be that of a step whose id could not be read
		}
		ids = append(ids, s.ID.Value)
	}
	findings := map[string]bool{}
	for _, f := range v.rb.Findings {
		findings[f.ID.Value] = true
	}
	v.namedSteps(func(key string, name Text) {
		if _, there := v.step[name.Value]; there || v.full() {
			return
		}
		switch {
		case findings[name.Value]:
			v.report(name, "", "%s names %s, which is a finding: it takes steps", key, name.Value)
		case key == "verify" && (name.Value == "goal" || name.Value == "none"):
			v.report(name, didYouMean("verify: "+name.Value), "%s stands alone, not in a list", name.Value)
		default:
			v.report(name, suggest(name.Value, ids), "%s names the step %s, which is not there", key, quoteKey(name.Value))
		}
	})
}

func (v *review) repeatedNames() {
	once := func(key string, names []Text) {
		if len(names) < 2 {
			return
		}
		seen := make(map[string]bool, len(names))
		for _, t := range names {
			if seen[t.Value] {
				v.report(t, "", "%s has %s twice", key, quoteKey(t.Value))
			}
			seen[t.Value] = true
		}
	}
	once("links", v.rb.Links)
	once("goal", v.rb.Goal)
	for _, p := range v.rb.Params {
		once("values", p.Values)
	}
	for _, s := range v.rb.Steps {
		once("needs", s.Needs)
		once("verify", s.Verify.Checks)
	}
	once("commands", v.rb.Requires.Commands)
}

func (v *review) notChecks() {
	v.namedSteps(func(key string, name Text) {
		i, there := v.step[name.Value]
		if key == "needs" || !there || v.effect[i] == Reads || v.effect[i] == "" {
			return
		}
		v.report(name, "", "%s names %s, which is %s: it takes checks", key, name.Value, effectName(v.effect[i]))
	})
}

func (v *review) conditionalChecks() {
	v.namedSteps(func(key string, name Text) {
		i, there := v.step[name.Value]
		if key == "needs" || !there {
			return
		}
		if at, conditional := v.rb.Steps[i].Given["when"]; conditional && v.effect[i] == Reads {
			v.report(name, "", "%s names %s, which may be skipped, because it has a when (line %d): these checks must always run", key, name.Value, at.Line)
		}
	})
}

func (v *review) noGoal() {
	if _, given := v.rb.Given["goal"]; given {
		return
	}
	for i, s := range v.rb.Steps {
		if v.effect[i] != Changes || s.ID.Value == "" {
			continue
		}
		v.report(s.ID, "", "%s changes the host, and the runbook has no goal: list the checks that are all healthy when the host is", s.ID.Value)
		return
	}
}

// effectName is what people call a step of this effect.
func effectName(e Effect) string {
	switch e {
	case Reads:
		return "a check"
	case Changes:
		return "a fix"
	case AsksYou:
		return "a step for a person"
	case EndsRun:
		return "an escalation"
	case RunsBook:
		return "a step that runs a runbook"
	default:
		return "a step"
	}
}
