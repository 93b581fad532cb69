package reports

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

// managers is the table that a team looks at first: what runs, what keeps it running, as whom, and what brings it back
// after a reboot. All of it is derived from the units and the pm2 processes that were looked at.
func (p *snapshot) managers() document {
	t := headed("What", "Manager", "As", "Starts at boot", "State", "Listens on")
	for _, u := range p.unitsSeen() {
		manager := "systemd"
		switch {
		case !u.yes("exists"):
			manager = "none"
		case u.user() != "":
			manager = "systemd of " + u.user()
		case u.yes("transient"):
			manager = "systemd, transient"
		}
		t.rows = append(t.rows, []inline{
			words(code(u.name())), words(text(manager)), words(label(u.as())), p.unitBoot(u), u.state(), listening(p.socketsOfUnit(u.name())),
		})
	}
	for _, x := range p.seen("pm2.list") {
		for _, proc := range x.objects("processes") {
			t.rows = append(t.rows, []inline{
				words(code(proc.str("name"))), words(text("pm2 of "), label(x.input("user"))), words(label(orElse(proc.str("user"), x.input("user")))),
				p.pm2Boot(x, proc.str("name")), pm2State(proc), listening(p.socketsOfProcess(x, proc)),
			})
		}
		for _, name := range x.texts("missing_now") {
			t.rows = append(t.rows, []inline{
				words(code(name)), words(text("pm2 of "), label(x.input("user"))), words(label(x.input("user"))),
				p.pm2Boot(x, name), words(strong("not running")), words(text("–")),
			})
		}
	}
	if len(t.rows) == 0 {
		return nil
	}
	return section("What runs what", t)
}

// unitBoot is what starts a unit when the host boots.
func (p *snapshot) unitBoot(u unitSight) inline {
	enabled := u.str("enabled")
	for _, other := range p.unitsSeen() {
		switch {
		case u.yes("exists") && !u.yes("transient") || !other.spawns(u.name()):
		case other.str("enabled") == "enabled":
			return words(text("by "), code(other.name()))
		default:
			return words(strong("no"), text(": "), code(other.name()), text(" makes it, and is "), label(orElse(other.str("enabled"), "not there")))
		}
	}
	switch {
	case !u.yes("exists"):
		return words(strong("no"), text(": there is no such unit"))
	case u.yes("transient"):
		return words(strong("no"), text(": transient, and no unit of this page makes it"))
	case enabled == "enabled":
		return words(text("yes"))
	case enabled == "disabled", enabled == "masked":
		return words(strong("no"), text(": "+enabled))
	case enabled == "":
		return words(text("unknown"))
	default:
		return words(text("not by itself: "), label(enabled))
	}
}

// pm2Boot is what starts a pm2 process when the host boots: the boot unit, from the saved list.
func (p *snapshot) pm2Boot(x sight, name string) inline {
	unit := words(code(orElse(x.str("boot_unit"), "pm2-"+x.input("user")+".service")))
	enabled, known := x.facts["boot_unit_enabled"].(bool)
	switch {
	case !x.yes("boot_unit_exists"):
		return words(strong("no"), text(": there is no "), unit)
	case known && !enabled:
		return words(strong("no"), text(": "), unit, text(" is disabled"))
	case !slices.Contains(x.object("dump").texts("names"), name):
		return words(strong("no"), text(": it is not in the saved list"))
	case slices.Contains(x.object("dump").texts("stopped"), name):
		return words(strong("no"), text(": it is in the saved list as stopped"))
	case !known:
		return words(text("unknown: whether "), unit, text(" is enabled could not be seen"))
	default:
		return words(text("by "), unit)
	}
}

// sockets are all that were seen, each once, by port and address.
func (p *snapshot) sockets() []facts {
	var out []facts
	for _, x := range p.seen("net.listeners") {
		protocol := orElse(x.input("protocol"), "tcp")
		for _, s := range x.objects("sockets") {
			s = maps.Clone(s)
			s["protocol"] = protocol
			if !slices.ContainsFunc(out, func(o facts) bool { return same(o, s) }) {
				out = append(out, s)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b facts) int {
		left, _ := a.num("port")
		right, _ := b.num("port")
		return cmp.Or(cmp.Compare(left, right), cmp.Compare(a.str("protocol"), b.str("protocol")), cmp.Compare(a.str("family"), b.str("family")), cmp.Compare(a.str("address"), b.str("address")))
	})
	return out
}

func (p *snapshot) socketsOfUnit(unit string) []facts {
	return slices.DeleteFunc(p.sockets(), func(s facts) bool { return s.str("unit") != unit && s.str("user_unit") != unit })
}

// socketsOfProcess are those of a pm2 process: by its pid, and those of the daemon's unit when it manages nothing else.
// A process that listens is often a child of the one that pm2 knows.
func (p *snapshot) socketsOfProcess(x sight, proc facts) []facts {
	daemon := x.str("daemon_unit")
	alone := len(x.objects("processes")) == 1
	pid, running := proc.num("pid")
	return slices.DeleteFunc(p.sockets(), func(s facts) bool {
		owner, seen := s.num("pid")
		byPID := running && seen && pid != 0 && owner == pid
		byUnit := alone && daemon != "" && s.str("unit") == daemon
		return !byPID && !byUnit
	})
}

// listening lists addresses: "127.0.0.1:3000, [::]:80".
func listening(sockets []facts) inline {
	var out []string
	for _, s := range sockets {
		if at := s.at(); !slices.Contains(out, at) {
			out = append(out, at)
		}
	}
	if len(out) == 0 {
		return words(text("–"))
	}
	return codes(out)
}

// at is the address and port of a socket.
func (f facts) at() string {
	port, _ := f.num("port")
	at := net.JoinHostPort(f.str("address"), strconv.Itoa(int(port)))
	if f.str("protocol") == "udp" {
		at += "/udp"
	}
	return at
}

// spawns tells whether a unit's command makes another unit with systemd-run.
func (u unitSight) spawns(name string) bool {
	short := strings.TrimSuffix(name, ".service")
	for _, command := range u.texts("commands") {
		argv := strings.Fields(command)
		for i, arg := range argv {
			value, given := strings.CutPrefix(arg, "--unit=")
			if (arg == "--unit" || arg == "-u") && i+1 < len(argv) {
				value, given = argv[i+1], true
			}
			if given && (value == name || value == short) && strings.Contains(command, "systemd-run") {
				return true
			}
		}
	}
	return false
}
