package reports

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// boot tells how the host came up, and what comes up with it.
func (p *snapshot) boot() document {
	var d document
	for _, x := range p.seen("systemd.boot") {
		state := words(label(x.str("state")))
		if x.str("state") != "running" {
			state = words(strong(x.str("state")))
		}
		if finished, known := x.facts["finished"].(bool); known && !finished {
			state = words(state, text(", the boot has not finished"))
		}
		took := ""
		if _, ok := x.num("boot_ms"); ok {
			took = milliseconds(x.facts, "boot_ms")
		}
		d = append(d, pairs(pair("State", state),
			pair("Booted", label(readable(x.str("booted_at")))),
			pair("The boot took", text(took)),
			pair("Failed units", listed(x.objects("failed_units"), func(u facts) inline {
				return words(strong(u.str("unit")), text(" ("), label(u.str("result")), text(")"))
			})),
			pair("Transient units", listed(x.objects("transient"), func(u facts) inline {
				return words(code(u.str("unit")), text(" "), label(u.str("active")))
			})),
			pair("Enabled units", codes(x.texts("enabled"))),
			pair("Check", x.check()),
		))
		d = append(d, p.order(x)...)
	}
	if len(d) == 0 {
		return nil
	}
	return append(section("Boot"), d...)
}

func listed(objects []facts, as func(facts) inline) inline {
	var items []inline
	for _, o := range objects {
		items = append(items, as(o))
	}
	if len(items) == 0 {
		return words(text("none"))
	}
	return joined(items, ", ")
}

// order is the order in which the units of this page came up. A host has many others, which nobody asked about.
func (p *snapshot) order(x sight) document {
	ours := map[string]bool{}
	for _, u := range p.unitsSeen() {
		ours[u.name()] = true
	}
	for _, m := range p.seen("pm2.list") {
		ours[m.str("boot_unit")] = true
	}
	t := headed("No.", "Unit", "Came up", "Now")
	all := x.objects("order")
	for i, u := range all {
		if !ours[u.str("unit")] {
			continue
		}
		after := "–"
		if _, ok := u.num("started_ms"); ok {
			after = milliseconds(u, "started_ms") + " after the boot began"
		}
		t.rows = append(t.rows, []inline{words(text(fmt.Sprint(i + 1))), words(code(u.str("unit"))), words(text(after)), words(label(u.str("active")))})
	}
	if len(t.rows) == 0 {
		return nil
	}
	return document{line(text(fmt.Sprintf("The services of this page in the order in which they came up, among %d:", len(all)))), t}
}

// system is what kind of machine the host is, in a line.
func (p *snapshot) system() inline {
	seen := p.seen("host.facts")
	if len(seen) == 0 {
		return nil
	}
	x := seen[0]
	var parts []string
	for _, s := range []string{x.str("os"), strings.TrimSpace("Linux " + x.str("kernel")), x.str("arch"), x.str("virtualization")} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if n, ok := x.num("cpus"); ok {
		parts = append(parts, plural(int(n), "processor"))
	}
	if size := x.size("memory_total"); size != "" {
		parts = append(parts, size+" of memory")
	}
	return words(sentence(strings.Join(parts, ", ")))
}

// upSince is when the host was booted, as far as a check has seen it.
func (p *snapshot) upSince() inline {
	for _, x := range append(p.seen("host.facts"), p.seen("systemd.boot")...) {
		at, err := time.Parse(time.RFC3339, x.str("booted_at"))
		if err == nil {
			return words(text(timestamp(at) + ", for " + Span(max(p.view.Began.At.Sub(at), 0))))
		}
	}
	return nil
}

// host tells of the machine itself: its figures, its disks, the names that it knows.
func (p *snapshot) host() document {
	var d document
	for _, x := range p.seen("host.facts") {
		var people []string
		for _, u := range x.objects("users") {
			if who := strings.TrimSpace(u.str("name") + " " + u.str("from")); !slices.Contains(people, who) {
				people = append(people, who)
			}
		}
		clock := words(strong("not synchronised"))
		switch synchronised, seen := x.facts["clock_synchronised"].(bool); {
		case !seen:
			clock = words(text("unknown whether it is synchronised"))
		case synchronised:
			clock = words(text("synchronised"))
		}
		d = append(d, pairs(pair("Name", maybe(x.str("hostname"))),
			pair("Load", sentence(strings.Join(present(x.facts, "load1", "load5", "load15"), ", "))),
			pair("Memory", sentence(freeOf(x.size("memory_available"), x.size("memory_total")))),
			pair("Swap", sentence(freeOf(x.size("swap_free"), x.size("swap_total")))),
			pair("Clock", clock),
			pair("Logged in", sentence(strings.Join(people, ", "))),
			pair("Check", x.check()),
		))
	}
	if t := p.disks(); len(t.rows) > 0 {
		d = append(d, t)
	}
	if t := p.names(); len(t.rows) > 0 {
		d = append(d, t)
	}
	if len(d) == 0 {
		return nil
	}
	return append(section("Host"), d...)
}

func present(f facts, names ...string) []string {
	var out []string
	for _, name := range names {
		if n, ok := f.num(name); ok {
			out = append(out, plainValue(n))
		}
	}
	return out
}

func freeOf(free, all string) string {
	switch {
	case all == "":
		return ""
	case all == Size(0):
		return "none"
	case free == "":
		return all
	}
	return free + " free of " + all
}

func (p *snapshot) disks() table {
	t := headed("Disk of", "Mounted at", "Free", "Used", "Inodes free", "Check")
	for _, x := range p.seen("disk.usage") {
		mount := words(orNot(x.facts, "mount"), text(" "), label(strings.TrimSpace(x.str("filesystem")+" "+x.str("device"))))
		if x.yes("read_only") {
			mount = words(mount, text(", "), strong("read-only"))
		}
		t.rows = append(t.rows, []inline{
			words(code(x.input("path"))), mount, words(text(freeOf(x.size("free_bytes"), x.size("size_bytes")))), percent(x.facts, "used_percent"),
			percent(x.facts, "inodes_free_percent"), x.check(),
		})
	}
	return t
}

func percent(f facts, name string) inline {
	if n, ok := f.num(name); ok {
		return words(text(plainValue(n) + " %"))
	}
	return words(text("–"))
}

func (p *snapshot) names() table {
	t := headed("Name", "Addresses", "From", "Check")
	for _, x := range p.seen("dns.lookup") {
		addresses := codes(x.texts("addresses"))
		if len(addresses) == 0 {
			addresses = words(strong("none"))
		}
		t.rows = append(t.rows, []inline{words(code(x.input("name"))), addresses, words(label(orElse(x.str("source"), "–"))), x.check()})
	}
	return t
}

// files are those that were looked at and belong to no unit of this page.
func (p *snapshot) files() document {
	var shown []string
	for _, u := range p.unitsSeen() {
		for _, x := range p.filesOf(u) {
			shown = append(shown, x.step.Path)
		}
	}
	t := headed("Path", "What", "Size", "Mode", "Owner", "Modified", "Check")
	var texts document
	for _, x := range p.sights {
		if x.look == nil || x.step.Kind != "file.stat" && x.step.Kind != "file.read" || slices.Contains(shown, x.step.Path) {
			continue
		}
		what, size := words(strong("absent")), words(text("–"))
		if x.yes("exists") {
			what, size = words(label(orElse(x.str("type"), "file"))), words(text(orElse(x.size("size"), "–")))
			if to := x.str("link"); to != "" {
				what = words(what, text(", link to "), code(to))
			}
			texts = append(texts, x.text(fileLanguage(x.input("path")))...)
		}
		owner := x.str("owner")
		if group := x.str("group"); group != "" && group != owner {
			owner += ":" + group
		}
		t.rows = append(t.rows, []inline{
			words(code(x.input("path"))), what, size, words(label(orElse(x.str("mode"), "–"))), words(label(orElse(owner, "–"))),
			words(label(orElse(readable(x.str("modified")), "–"))), x.check(),
		})
	}
	if len(t.rows) == 0 {
		return nil
	}
	return append(section("Files", t), texts...)
}

// text is the text of a file that was read.
func (x sight) text(language string) document {
	s := x.str("text")
	if strings.TrimSpace(s) == "" {
		return nil
	}
	what := words(code(x.input("path")))
	if x.yes("truncated") {
		what = words(what, text(", not all of it"))
	}
	return document{line(what, text(":")), fence{language: language, lines: strings.Split(strings.TrimRight(s, "\n"), "\n")}}
}

func fileLanguage(file string) string {
	switch path.Ext(file) {
	case ".service", ".socket", ".timer", ".ini":
		return "ini"
	case ".yaml", ".yml":
		return "yaml"
	default:
		return "text"
	}
}
