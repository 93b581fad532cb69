package reports

import (
	"slices"
	"strings"
	"time"
)

// unitSight is a unit, with all the checks that looked at it.
type unitSight struct {
	sight
	checks []sight
}

func (u unitSight) name() string { return orElse(u.str("unit"), u.input("unit")) }

// user is whose systemd the unit belongs to, "" for the host's.
func (u unitSight) user() string { return u.input("user") }

// as is the user that the unit's processes run as.
func (u unitSight) as() string {
	switch {
	case u.str("runs_as") != "":
		return u.str("runs_as")
	case u.user() != "":
		return u.user()
	case !u.yes("exists") || u.str("type") == "":
		return "–" // what is no service has no processes
	default:
		return "root"
	}
}

// state is the unit in a word or two, as systemctl says it.
func (u unitSight) state() inline {
	if !u.yes("exists") {
		return words(strong("absent"))
	}
	active, sub := u.str("active"), u.str("sub")
	if u.str("state") != "" && u.str("state") != active {
		active = u.str("state") // masked, broken
	}
	out := words(label(active))
	if active != "active" {
		out = words(strong(active))
	}
	switch {
	case active == "failed" && u.str("result") != "":
		out = words(out, text(" ("), label(u.str("result")), text(")"))
	case sub != "" && sub != active:
		out = words(out, text(" ("), label(sub), text(")"))
	}
	return out
}

// unitsSeen are the units that were looked at, each once, in the order of the runbook.
func (p *snapshot) unitsSeen() []unitSight {
	var out []unitSight
	for _, x := range p.seen("systemd.unit") {
		u := unitSight{sight: x}
		i := slices.IndexFunc(out, func(o unitSight) bool { return o.name() == u.name() && o.user() == u.user() })
		if i < 0 {
			out = append(out, u)
			i = len(out) - 1
		}
		out[i].checks = append(out[i].checks, x)
	}
	return out
}

// units tells of each unit what systemctl status and systemctl cat would.
func (p *snapshot) units() document {
	var d document
	for _, u := range p.unitsSeen() {
		d = append(d, p.unit(u)...)
	}
	if len(d) == 0 {
		return nil
	}
	return append(section("Units"), d...)
}

func (p *snapshot) unit(u unitSight) document {
	d := document{heading{level: 3, text: words(code(u.name()))}}
	if what := u.str("description"); what != "" && what != u.name() && !slices.Contains(u.texts("commands"), what) {
		d = append(d, line(sentence(what)))
	}
	state := u.state()
	if since := u.str("since"); since != "" {
		state = words(state, text(" since "), label(readable(since)))
	}
	file := maybe(u.str("fragment"))
	if u.yes("need_reload") {
		file = words(file, text(", "), strong("changed since systemd read it"), text(": a daemon-reload is due"))
	}
	rows := [][]inline{pair("Starts at boot", p.unitBoot(u)), pair("Runs as", label(u.as())), pair("Unit file", file)}
	rows = append(rows, pair("Drop-ins", codes(u.texts("dropins"))))
	for _, command := range u.texts("commands") {
		rows = append(rows, pair("Command", code(command)))
	}
	rows = append(rows,
		pair("Type", u.kind()),
		pair("Directory", maybe(u.str("dir"))),
		pair("Environment", codes(u.texts("environment"))),
		pair("Main process", u.process()),
		pair("Listens on", p.listensOn(u)),
	)
	if u.str("via") == "private socket" && u.user() == "" {
		rows = append(rows, pair("Reached by", strong("private socket"), text(": the message bus does not answer")))
	}
	rows = append(rows, pair("Checks", u.verdicts()))
	d = append(d, pairs(pair("State", state), rows...))
	for _, x := range p.filesOf(u) {
		d = append(d, x.text("ini")...)
	}
	return d
}

// verdicts lists the checks of a unit with what they say.
func (u unitSight) verdicts() inline {
	var items []inline
	for _, x := range u.checks {
		items = append(items, x.check())
	}
	return joined(items, "; ")
}

// kind is the type of a service as far as it matters to know.
func (u unitSight) kind() inline {
	kind := u.str("type")
	switch {
	case kind == "" || kind == "simple" || kind == "exec":
		return nil
	case u.yes("remain_after_exit"):
		return words(label(kind), text(", remains active after its command has ended"))
	default:
		return words(label(kind))
	}
}

func (u unitSight) process() inline {
	var out []string
	if pid, ok := u.num("main_pid"); ok && pid > 0 {
		out = append(out, "pid "+plainValue(pid))
	} else if how := u.str("exit_text"); how != "" && u.str("exit_code") != "" {
		out = append(out, u.str("exit_code")+", "+how)
	}
	if n, ok := u.num("tasks"); ok {
		out = append(out, plural(int(n), "task"))
	}
	if size := u.size("memory"); size != "" {
		if most, _ := u.num("memory_limit"); most > 0 {
			size += " of at most " + u.size("memory_limit")
		}
		out = append(out, size+" of memory")
	}
	if n, ok := u.num("restarts"); ok && len(out) > 0 && (n > 0 || u.str("active") == "active" && u.str("sub") == "running") {
		out = append(out, plural(int(n), "restart")+" by systemd")
	}
	return words(sentence(strings.Join(out, ", ")))
}

// listensOn lists the sockets of a unit with the process that has each.
func (p *snapshot) listensOn(u unitSight) inline {
	var items []inline
	for _, s := range p.socketsOfUnit(u.name()) {
		what := words(code(s.at()))
		if name := s.str("process"); name != "" {
			what = words(what, text(" "), label(name))
		}
		items = append(items, what)
	}
	return joined(items, ", ")
}

// filesOf are the files of a unit that were read.
func (p *snapshot) filesOf(u unitSight) []sight {
	paths := append([]string{u.str("fragment")}, u.texts("dropins")...)
	var out []sight
	for _, x := range p.seen("file.read") {
		if path := x.input("path"); x.yes("exists") && (slices.Contains(paths, path) || path == "/etc/systemd/system/"+u.name()) &&
			!slices.ContainsFunc(out, func(o sight) bool { return o.input("path") == path }) {
			out = append(out, x)
		}
	}
	return out
}

// readable writes a moment of an output for people. One that is none stays as it is.
func readable(moment string) string {
	at, err := time.Parse(time.RFC3339, moment)
	if err != nil {
		return moment
	}
	return timestamp(at)
}
