package draft

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"runbook/engine"
)

// Page is a page written for people.
type Page struct {
	Name    string // of the runbook to make: see [Name]
	File    string // what the draft calls the page
	Source  []byte // Markdown
	Section string // the heading to draft, with all below it; "" for the whole page

	// Reads are the beginnings of commands of which somebody says that they only look: kubectl get.
	Reads []string
}

// Draft is what was made of a page.
type Draft struct {
	Text []byte // the runbook's file

	Checks, Fixes, People int
	Unread                []int    // lines of commands that nobody could read, and that count as changes
	Fill                  int      // places that are TO FILL IN
	Sections              []string // headings with fixes below them, when there are several
	Rest                  int      // the line from which nothing was read because the page is too long, 0 for none
}

// SectionError says that a page has no such heading.
type SectionError struct {
	Section  string
	Headings []string
}

func (e *SectionError) Error() string { return fmt.Sprintf("the page has no heading %q", e.Section) }

// writer makes the steps.
type writer struct {
	page     Page
	kinds    engine.Kinds
	passages []passage
	counts   []int             // of each passage: how many steps it gave
	lists    map[int]bool      // the numbered lists whose items are steps, or are not
	types    map[string]string // of parameters
	heads    []head            // the sections so far
	steps    []step
	root     bool // the page says sudo
	size     int  // bytes of the steps
	draft    Draft
}

// head is a section: its heading, and those that it is below, too.
type head struct{ own, path string }

// Make makes the draft. The only error is a [SectionError].
func Make(p Page, kinds engine.Kinds) (*Draft, error) {
	p.File = clean(p.File)
	w := &writer{page: p, kinds: kinds, passages: read(p.Source), lists: map[int]bool{}, types: map[string]string{}, heads: []head{{}}}
	if err := w.choose(); err != nil {
		return nil, err
	}
	w.counts = make([]int, len(w.passages))
	var path []string
	for i, p := range w.passages {
		switch {
		case w.full():
			w.draft.Rest = cmp.Or(w.draft.Rest, p.line)
		case p.form == heading:
			path = append(path[:min(p.level-1, len(path))], short(strings.TrimRight(p.text(), " :"), 80))
			w.heads = append(w.heads, head{path[len(path)-1], strings.Join(path[min(1, len(path)-1):], " > ")})
		case p.form == code:
			w.code(i)
		default:
			w.prose(i)
		}
	}
	w.connect()
	w.print()
	return &w.draft, nil
}

// choose leaves the passages of one section.
func (w *writer) choose() error {
	if w.page.Section == "" {
		return nil
	}
	var headings []string
	for i, p := range w.passages {
		if p.form != heading {
			continue
		}
		if headings = append(headings, p.text()); !strings.EqualFold(strings.TrimRight(p.text(), " :"), strings.TrimRight(w.page.Section, " :")) {
			continue
		}
		rest := w.passages[i+1:]
		end := slices.IndexFunc(rest, func(q passage) bool { return q.form == heading && q.level <= p.level })
		if end < 0 {
			end = len(rest)
		}
		w.passages = w.passages[i : i+1+end]
		for k := range w.passages {
			w.passages[k].lead = max(w.passages[k].lead-i, -1)
		}
		return nil
	}
	return &SectionError{w.page.Section, headings}
}

// section is the one that is being read.
func (w *writer) section() int { return len(w.heads) - 1 }

// headline is its title.
func (w *writer) headline() string {
	return cmp.Or(titled(w.heads[w.section()].own), w.heads[w.section()].own)
}

// commands reads a passage of code, none when it is not for a shell.
func commands(p passage) []call {
	switch p.lang {
	case "", "text", "plaintext":
		return calls(p.lines, true)
	case "bash", "sh", "shell", "zsh", "ksh", "console", "terminal", "shell-session", "shellsession", "sh-session":
		return calls(p.lines, false)
	}
	return nil
}

// code makes steps of a block of code. Their titles are the text that introduces it, or the comments in it.
func (w *writer) code(i int) {
	p, lead := w.passages[i], ""
	if p.lead >= 0 {
		if l := w.passages[p.lead]; l.form == numbered || strings.HasSuffix(l.words, ":") || tells(l.words, true) {
			if lead = titled(l.text()); !strings.Contains(lead, " ") && !imperative(lead) {
				lead = "" // or:
			}
		}
	}
	all := commands(p)
	for _, c := range all {
		if w.full() {
			w.draft.Rest = cmp.Or(w.draft.Rest, c.line)
			return
		}
		title, several := cmp.Or(lead, w.headline()), len(all) > 1
		if note := titled(clean(c.note)); note != "" && (several || lead == "") {
			title, several = note, false
		}
		w.counts[i] += w.command(c, title, several)
	}
}

// prose makes steps of what a text tells somebody to do. A text that introduces code is the title of the steps there.
func (w *writer) prose(i int) {
	p := w.passages[i]
	text, item := p.text(), p.form != prose
	if w.expected(i) || w.introduces(i) {
		return
	}
	for _, c := range w.inlined(p) {
		w.counts[i] += w.command(c, cmp.Or(titleAt(text, c.source), w.headline()), false)
	}
	announces := strings.HasSuffix(text, ":") && (!item || i+1 < len(w.passages) && (w.passages[i+1].form == bullet || w.passages[i+1].form == numbered))
	if w.counts[i] > 0 || announces || tellsOnly.MatchString(w.headline()) || recap.MatchString(text) {
		return
	}
	if p.form == numbered && w.instructs(p.list) || p.form != numbered && tells(p.words, item) {
		text = stepNumber.ReplaceAllString(text, "")
		w.add(step{id: text, uses: "manual", with: []input{{"text", short(cmp.Or(text, p.text()), mostText/8)}}, line: p.line})
	}
}

// introduces tells whether the next passage is code that this one leads to, and that gives steps.
func (w *writer) introduces(i int) bool {
	return i+1 < len(w.passages) && w.passages[i+1].form == code && len(commands(w.passages[i+1])) > 0
}

// instructs tells whether the items of a numbered list are steps: one of them has a command, or half of them say what to do.
func (w *writer) instructs(list int) bool {
	if known, ok := w.lists[list]; ok {
		return known
	}
	items, telling := 0, 0
	for i, p := range w.passages {
		if p.list == list {
			items++
			if tells(p.words, false) {
				telling++
			}
			w.lists[list] = w.lists[list] || w.introduces(i) || len(w.inlined(p)) > 0
		}
	}
	w.lists[list] = w.lists[list] || 2*telling >= items
	return w.lists[list]
}

// inlined are the commands that stand within a text and are to be run: where the words before them say so, and in lists and
// questions those that only look. A line that is nothing but a command is one, too.
func (w *writer) inlined(p passage) []call {
	var out []call
	for _, s := range p.spans {
		if !known(s.text) || negation.MatchString(s.before) && !advises(s.before, false) {
			continue
		}
		c := calls([]line{s.line}, false)
		if len(c) != 1 || !strings.Contains(s.text, " ") && !w.looks(c[0]) && s.text != "reboot" {
			continue
		}
		if advises(s.before, p.form != prose) || (p.form != prose || strings.HasSuffix(p.words, "?")) && w.looks(c[0]) {
			out = append(out, c[0])
		}
	}
	for _, l := range p.lines[1:] {
		if len(p.spans) == 0 && known(l.text) && strings.Contains(l.text, " ") {
			if c := calls([]line{l}, false); len(c) == 1 && len(w.taken(c[0])) > 0 {
				out = append(out, c[0])
			}
		}
	}
	return out
}

// looks tells whether a command becomes checks, all of it.
func (w *writer) looks(c call) bool {
	steps := w.taken(c)
	return len(steps) > 0 && !slices.ContainsFunc(steps, func(s step) bool { return w.effect(s) != engine.Reads })
}

// expected takes what a passage expects of the step before it, behind whose command or output it stands.
func (w *writer) expected(i int) bool {
	text, before := w.passages[i].text(), i-1
	for before > 0 && w.passages[before].form == code && w.counts[before] == 0 {
		before--
	}
	if !expectation.MatchString(text) || before < 0 || w.counts[before] == 0 {
		return false
	}
	s := &w.steps[len(w.steps)-1]
	if n := statusIn(text); n > 0 && s.uses == "http.get" && s.expect == "" {
		s.expect = fmt.Sprintf("status == %d", n)
	}
	s.note("on the page: " + short(text, 100))
	return true
}
