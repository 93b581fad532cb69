package reports

import (
	"time"
)

// listeners lists the sockets that were looked at.
func (p *snapshot) listeners() document {
	seen := p.seen("net.listeners")
	if len(seen) == 0 {
		return nil
	}
	d := section("Listeners")
	t := headed("Address", "Process", "User", "Unit", "pid", "Command")
	for _, s := range p.sockets() {
		unit := orNot(s, "unit")
		if own := s.str("user_unit"); own != "" {
			unit = words(code(own), text(" of "), unit)
		}
		t.rows = append(t.rows, []inline{words(code(s.at())), orNot(s, "process"), words(label(s.str("user"))), unit, number(s, "pid"), cell(orNot(s, "command"))})
	}
	if len(t.rows) > 0 {
		d = append(d, t)
	}
	var none list
	for _, x := range seen {
		if len(x.objects("sockets")) == 0 {
			none = append(none, item{text: words(text("Nothing listens on "), code(about(x.step, x.with)), text("."))})
		}
	}
	if len(none) > 0 {
		d = append(d, none)
	}
	return d
}

// orNot is a text of an output as code: "none" when it is empty, "unknown" when it could not be seen.
func orNot(f facts, name string) inline {
	switch s, seen := f[name].(string); {
	case !seen:
		return words(text("unknown"))
	case s == "":
		return words(text("none"))
	default:
		return words(code(s))
	}
}

// endpoints lists what was asked by HTTP, and what answered.
func (p *snapshot) endpoints() document {
	t := headed("Endpoint", "Answer", "Check", "Took", "Certificate")
	for _, x := range p.of("http.get") {
		where := words(code(orElse(x.input("url"), x.str("url"))))
		if host := x.input("host"); host != "" {
			where = words(where, text(" as "), code(host))
		}
		if x.look == nil {
			t.rows = append(t.rows, []inline{where, words(text("unknown")), x.check(), words(text("–")), words(text("–"))})
			continue
		}
		answer := number(x.facts, "status")
		if why := x.str("error"); why != "" {
			answer = words(strong("none"), text(": "), label(why))
		}
		t.rows = append(t.rows, []inline{where, answer, x.check(), words(text(milliseconds(x.facts, "latency_ms"))), certificateOf(x)})
	}
	if len(t.rows) == 0 {
		return nil
	}
	return section("Endpoints", t)
}

func milliseconds(f facts, name string) string {
	ms, ok := f.num(name)
	if !ok {
		return "–"
	}
	return Span(time.Duration(ms * float64(time.Millisecond)))
}

func certificateOf(x sight) inline {
	tls := x.object("tls")
	if tls == nil {
		return words(text("–"))
	}
	out := words(label(tls.str("subject")), text(", until "), label(readable(tls.str("expires"))))
	if days, ok := tls.num("days_left"); ok {
		out = words(out, text(" ("+plural(int(days), "day")+" left)"))
	}
	if x.input("insecure") == "true" {
		out = words(out, text(", not verified"))
	}
	return out
}
