package reports

import (
	"net/url"
	"slices"
	"strings"

	"runbook/engine"
)

// byHand are the commands with which a person looks at the same things.
func (p *snapshot) byHand() document {
	var out []string
	add := func(command, note string) {
		if note != "" {
			command += "   # " + note
		}
		if !slices.Contains(out, command) {
			out = append(out, command)
		}
	}
	for _, x := range p.sights {
		switch x.step.Kind {
		case "systemd.unit":
			systemctl := "systemctl "
			if user := x.input("user"); user != "" {
				systemctl += "--user -M " + quoted(user) + "@ "
			}
			add(systemctl+"status "+quoted(x.input("unit")), "")
		case "systemd.boot":
			add("systemctl is-system-running; systemctl --failed", "")
		case "pm2.list":
			add("sudo -iu "+quoted(x.input("user"))+" pm2 ls", "starts an empty daemon when there is none")
		case "net.listeners":
			ss := "ss -lntp"
			if x.input("protocol") == "udp" {
				ss = "ss -lunp"
			}
			if port := x.input("port"); port != "" && port != "0" {
				ss += " " + quoted("sport = :"+port)
			}
			add(ss, "")
		case "http.get":
			note := ""
			if status, ok := x.num("status"); ok && x.look.Outcome == engine.OutcomeHealthy {
				note = plainValue(status)
			}
			add(x.curl(), note)
		case "dns.lookup":
			add("getent ahosts "+quoted(x.input("name")), "")
		case "disk.usage":
			add("df -h "+quoted(x.input("path"))+"; df -i "+quoted(x.input("path")), "")
		case "nginx.test":
			command := "nginx -t"
			if config := x.input("config"); config != "" {
				command += " -c " + quoted(config)
			}
			add(command, "")
		}
	}
	if len(out) == 0 {
		return nil
	}
	return section("To look by hand", fence{language: "sh", lines: out})
}

// curl asks what a check asked, and prints the status.
func (x sight) curl() string {
	words := []string{"curl", "-sS", "-o", "/dev/null", "-w", `'%{http_code}\n'`}
	if x.input("method") == "HEAD" {
		words = append(words, "-I")
	}
	if x.input("insecure") == "true" {
		words = append(words, "-k")
	}
	if x.input("follow") == "true" {
		words = append(words, "-L")
	}
	if ca := x.input("ca"); ca != "" {
		words = append(words, "--cacert", quoted(ca))
	}
	address := x.input("url")
	if host := x.input("host"); host != "" {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			to := u.Hostname()
			if strings.Contains(to, ":") {
				to = "[" + to + "]"
			}
			words = append(words, "--connect-to", quoted("::"+to+":"+u.Port()))
			u.Host = host
			address = u.String()
		}
	}
	return strings.Join(append(words, quoted(address)), " ")
}
