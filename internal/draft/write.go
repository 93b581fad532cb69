package draft

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"runbook/engine"
)

// Bounds of a draft, so that it stays a runbook that a person reads through.
const (
	mostSteps = 300
	mostBytes = 1 << 19 // of all steps, half of what a runbook may have
	mostText  = 4096    // bytes of a command or a task
	mostNames = 8       // checks of a verify, parameters of a step, comments
	toFill    = "TO FILL IN"
)

// effect is that of a step, by its kind.
func (w *writer) effect(s step) engine.Effect {
	kind, _ := w.kinds.Find(s.uses)
	return kind.EffectOf(s.reads)
}

// expects tells whether a step is a check that says of the host whether it is well.
func (w *writer) expects(s step) bool {
	kind, _ := w.kinds.Find(s.uses)
	return w.effect(s) == engine.Reads && !s.reads && s.uses != "file.read" && (s.expect != "" || kind.Expect != "")
}

// fits tells whether a step alone is one that the engine loads.
func (w *writer) fits(s step) bool {
	s.id, s.title = "x", "x"
	if w.effect(s) == engine.Changes {
		s.verify, s.why = []string{}, "x"
	}
	text := "runbook: x\n" + w.parameters([]step{s}) + "goal: [it]\nsteps:\n  - {id: it, uses: host.facts}\n" + s.yaml()
	_, found := engine.Load("x.yaml", []byte(text), w.kinds, nil)
	return len(found) == 0 && len(names(s)) <= mostNames
}

// seen tells whether a text holds only what people see, and nothing that a runbook would work out.
func seen(text string) bool {
	return len(text) <= mostText && !strings.Contains(text, "${{") && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '\n' && r != '\t' && (r == '\uFFFD' || !unicode.IsGraphic(r))
	})
}

// taken are the steps of kinds that a call becomes, none when a part of it is not recognised or its kind refuses it.
func (w *writer) taken(c call) []step {
	if c.person || !seen(c.source) {
		return nil
	}
	var out []step
	for k, part := range c.parts {
		steps := w.recognise(part, c.tail)
		for i := range steps {
			if !strings.HasPrefix(steps[i].uses, "pm2.") && !strings.HasPrefix(steps[i].uses, "systemd.") {
				steps[i].as = w.typed(part.user, "user")
			}
			if steps[i].line = c.line; k > 0 && w.effect(out[len(out)-1]) == engine.Changes {
				steps[i].note("on the page only if the fix before it has worked: &&")
			}
		}
		if len(steps) == 0 || slices.ContainsFunc(steps, func(s step) bool { return !w.fits(s) }) {
			return nil
		}
		out = append(out, steps...)
	}
	return out
}

// command makes steps of one command of the page, and says how many. With several commands under one title, each says what
// it is about. A check that is there already is not made again.
func (w *writer) command(c call, title string, several bool) int {
	steps := w.taken(c)
	w.root = w.root || !c.person && slices.ContainsFunc(c.parts, func(part command) bool { return part.root })
	several = several || len(steps) > 1 || !strings.Contains(title, " ")
	if len(steps) == 0 {
		if several {
			title = about(title, clean(c.source))
		}
		s := w.unread(c, title)
		w.add(s)
		return 1
	}
	var before []string
	for _, s := range steps {
		i := slices.IndexFunc(w.steps, func(t step) bool {
			return w.effect(s) == engine.Reads && t.uses == s.uses && t.as == s.as && (t.expect == s.expect || s.expect == "") && reflect.DeepEqual(t.with, s.with)
		})
		if i >= 0 {
			w.steps[i].note(fmt.Sprintf("looked at again: %s:%d", w.page.File, c.line))
			w.steps[i].sections = append(w.steps[i].sections, w.section())
			before = append(before, w.steps[i].id)
			continue
		}
		if s.title = title; several {
			s.title = about(title, withoutMarks(s.id))
		}
		if c.tail != "" && s.expect == "" {
			s.note("on the page: " + short(clean(c.tail), 100))
		}
		s.before = slices.Clone(before)
		if id := w.add(s); id != "" && w.effect(s) == engine.Reads {
			before = append(before, id)
		}
	}
	return len(steps)
}

// about is the title of one of several steps.
func about(title, text string) string { return short(strings.TrimPrefix(title+": "+text, ": "), 120) }

func withoutMarks(id string) string {
	return clean(strings.NewReplacer("${{ params.", "", " }}", "").Replace(id))
}

// unread is the step for a command that nobody could read: a command or a script, which changes the host until somebody says
// otherwise, or a task for a person.
func (w *writer) unread(c call, title string) step {
	s := step{title: title, line: c.line, alone: true}
	if len(c.parts) == 1 && len(c.parts[0].through) == 0 {
		part := c.parts[0]
		c.dir = cmp.Or(part.dir, c.dir)
		s.uses, s.with, s.as = "command", []input{{"argv", part.words}}, w.typed(part.user, "user")
		s.id = strings.Join(part.words[:min(3, len(part.words))], " ")
	} else {
		s.uses, s.with = "script", []input{{"text", c.script + "\n"}, {"shell", "/bin/bash"}}
		var env []setting
		for _, name := range c.vars {
			env = append(env, setting{name, "${{ params." + slug(name) + " }}"})
		}
		if len(env) > 0 {
			s.with = append(s.with, input{"env", env})
		}
		if words := strings.Fields(strings.TrimPrefix(c.source, "sudo ")); len(words) > 0 {
			s.id = words[0] + " script"
		}
	}
	if c.dir != "" {
		s.with = append(s.with, input{"dir", c.dir})
	}
	s.reads = w.readsOnly(c)
	if c.person || goesOn(c.parts) || !seen(c.source) || s.uses == "script" && c.script == "" || !w.fits(s) {
		return task(c)
	}
	if !s.reads {
		s.note("it only looks? Then put reads: true in place of why and verify")
		w.draft.Unread = append(w.draft.Unread, c.line)
	}
	if c.tail != "" {
		s.note("on the page: " + short(clean(c.tail), 100))
	}
	return s
}

// goesOn tells whether a command shows what is written until somebody ends it.
func goesOn(parts []command) bool {
	return slices.ContainsFunc(parts, func(c command) bool {
		follows := slices.Contains(c.words, "-f") || slices.Contains(c.words, "--follow") || slices.Contains(c.words, "-F")
		return follows && slices.Contains(strings.Fields("tail journalctl kubectl docker podman docker-compose"), c.words[0]) ||
			c.words[0] == "less" || c.words[0] == "more" || c.words[0] == "pm2" && len(c.words) > 1 && slices.Contains([]string{"logs", "monit"}, c.words[1])
	})
}

// readsOnly tells whether somebody has said of every program of a command that it only looks.
func (w *writer) readsOnly(c call) bool {
	said := func(words []string) bool {
		return slices.ContainsFunc(w.page.Reads, func(begins string) bool {
			return strings.HasPrefix(strings.Join(words, " ")+" ", strings.Join(strings.Fields(begins), " ")+" ")
		})
	}
	return len(c.parts) > 0 && !slices.ContainsFunc(c.parts, func(part command) bool {
		return !said(part.words) || slices.ContainsFunc(part.through, func(words []string) bool { return !said(words) })
	})
}

// task is the step for a command that only a person can run.
func task(c call) step {
	var lines []string
	for line := range strings.SplitSeq(c.source, "\n") {
		if line = clean(line); line != "" {
			lines = append(lines, line)
		}
	}
	text := "Run this at a terminal, and see what it says:\n" + strings.Join(lines, "\n")
	return step{id: "run " + strings.Join(lines, " "), uses: "manual", with: []input{{"text", short(text, mostText/4)}}, line: c.line}
}

// full tells whether there are as many steps as a person reads through.
func (w *writer) full() bool { return len(w.steps) >= mostSteps || w.size > mostBytes }

// add gives the id of a step, "" when there are too many.
func (w *writer) add(s step) string {
	if w.full() {
		w.draft.Rest = cmp.Or(w.draft.Rest, s.line)
		return ""
	}
	id := slug(withoutMarks(s.id))
	s.id, s.sections = id, []int{w.section()}
	for n := 2; s.id == "healthy" || slices.ContainsFunc(w.steps, func(t step) bool { return t.id == s.id }); n++ {
		s.id = fmt.Sprintf("%s_%d", id, n)
	}
	w.size += len(s.yaml())
	w.steps = append(w.steps, s)
	return s.id
}

// connect says of each fix which checks show that it helped: those that look at the same thing and those of its section that
// look at what it gives, or all of its section that expect something. A fix that brings something up is needed while they
// are not all healthy, and one behind a check and && only when that is.
func (w *writer) connect() {
	for i := range w.steps {
		s := &w.steps[i]
		if w.effect(*s) != engine.Changes {
			continue
		}
		var same, near, ill []string
		found := false
		for _, t := range w.steps {
			if !w.expects(t) {
				continue
			}
			here, own := slices.Contains(t.sections, s.sections[0]), t.object != "" && t.object == s.object
			if found = found || own; own || here && t.gives {
				same = append(same, t.id)
			}
			if here {
				near = append(near, t.id)
			}
			if !t.gate && (own || here) && !slices.Contains(s.before, t.id) {
				ill = append(ill, t.id)
			}
		}
		if !found {
			same = near
		}
		same = same[:min(mostNames, len(same))]
		if s.verify = same; s.alone || len(same) == 0 {
			s.verify, s.why = []string{}, fmt.Sprintf("%s: what it is for, and which checks show that it helped (%s:%d)", toFill, w.page.File, s.line)
		}
		ill = slices.DeleteFunc(ill, func(id string) bool { return !slices.Contains(s.verify, id) })
		var when []string
		for _, id := range s.before {
			when = append(when, "steps."+id+".healthy")
		}
		if needed := "not steps." + strings.Join(ill, ".healthy or not steps.") + ".healthy"; s.lifts && len(ill) > 0 {
			if len(when) > 0 && len(ill) > 1 {
				needed = "(" + needed + ")"
			}
			when = append(when, needed)
		}
		s.when = strings.Join(when, " and ")
	}
}
