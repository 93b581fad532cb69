package reports

import (
	"strings"
	"time"
)

// pm2 tells of each pm2 daemon what `pm2 ls` would, and what would come back after a reboot.
func (p *snapshot) pm2() document {
	var d document
	for _, x := range p.seen("pm2.list") {
		d = append(d, p.pm2Daemon(x)...)
	}
	return d
}

func (p *snapshot) pm2Daemon(x sight) document {
	daemon := words(strong("not running"))
	if x.yes("daemon") {
		daemon = words(text("running"))
		if pid, ok := x.num("daemon_pid"); ok && pid > 0 {
			daemon = words(daemon, text(", pid "+plainValue(pid)))
		}
		switch unit, seen := x.facts["daemon_unit"].(string); {
		case seen && unit != "":
			daemon = words(daemon, text(", in "), code(unit))
		case seen:
			daemon = words(daemon, text(", "), strong("in no unit"))
		}
	}
	dump, saved := x.object("dump"), words(strong("there is none"))
	if dump.yes("exists") {
		saved = codes(dump.texts("names"))
		if len(saved) == 0 {
			saved = words(text("empty"))
		}
		if at := dump.str("saved_at"); at != "" {
			saved = words(saved, text(", saved "), label(readable(at)))
		}
		if valid, known := dump["valid"].(bool); known && !valid {
			saved = words(strong("broken"), text(": it can't be read"))
		}
	}
	unit := words(code(x.str("boot_unit")), text(", "))
	switch enabled, known := x.facts["boot_unit_enabled"].(bool); {
	case !x.yes("boot_unit_exists"):
		unit = words(unit, strong("there is no such unit"))
	case !known:
		unit = words(unit, text("whether it is enabled could not be seen"))
	case enabled:
		unit = words(unit, text("enabled"))
	default:
		unit = words(unit, strong("disabled"))
	}
	d := document{heading{level: 2, text: words(text("pm2 of "), label(x.input("user")))}}
	d = append(d, pairs(pair("Daemon", daemon),
		pair("Version", label(x.str("version"))),
		pair("Saved list", saved),
		pair("Boot unit", unit),
		pair("Starting again and again", codes(x.texts("restarting"))),
		pair("Would not come back", codes(x.texts("missing_in_dump"))),
		pair("Saved, not running", codes(x.texts("missing_now"))),
		pair("Check", x.check()),
	))
	t := headed("id", "Name", "Status", "Mode", "Restarts", "pid", "Up", "Memory", "Runs")
	for _, proc := range x.objects("processes") {
		t.rows = append(t.rows, []inline{
			number(proc, "id"), words(code(proc.str("name"))), pm2State(proc), words(label(orElse(strings.TrimSuffix(proc.str("exec_mode"), "_mode"), "–"))),
			number(proc, "restarts"), number(proc, "pid"), words(text(pm2Up(proc))), words(text(orElse(proc.size("memory"), "–"))), pm2Runs(proc),
		})
	}
	if len(t.rows) == 0 {
		return append(d, line(text("There are no processes in its list.")))
	}
	return append(d, t)
}

func pm2State(proc facts) inline {
	if proc.str("status") == "online" {
		return words(text("online"))
	}
	return words(strong(orElse(proc.str("status"), "unknown")))
}

func pm2Up(proc facts) string {
	ms, ok := proc.num("uptime_ms")
	if !ok || proc.str("status") != "online" {
		return "–"
	}
	return Span(time.Duration(ms) * time.Millisecond)
}

// pm2Runs is the command line of a process, and where it is run.
func pm2Runs(proc facts) inline {
	command := strings.TrimSpace(proc.str("script") + " " + proc.str("args"))
	out := maybe(command)
	if dir := proc.str("cwd"); dir != "" && len(out) > 0 {
		out = words(out, text(" in "), code(dir))
	}
	if len(out) == 0 {
		return words(text("–"))
	}
	return out
}

func number(f facts, name string) inline {
	if n, ok := f.num(name); ok {
		return words(text(plainValue(n)))
	}
	return words(text("–"))
}
