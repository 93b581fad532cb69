package draft

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// rule makes steps of the commands of some programs.
type rule struct {
	programs string
	options  string // as [options] takes them
	steps    func(w *writer, u use) []step
}

// use is one command of a known program.
type use struct {
	program string
	got     given
	rest    []string
	filter  filter
	user    string // whom it runs as
	dir     string // where
	tail    string // what the page expects of it
}

func rules() []rule {
	return []rule{
		{"systemctl", "-l,--full -n,--lines= -q,--quiet -a,--all -t,--type= --no-pager --user --now --failed --state=", (*writer).systemctl},
		{"service", "", (*writer).service},
		{"journalctl", "-u,--unit= -n,--lines= -S,--since= -U,--until= -p,--priority= -g,--grep= -o,--output= -b,--boot -k,--dmesg -f,--follow -e,--pager-end -x,--catalog -r,--reverse -a,--all -l,--full -q,--quiet --no-pager --no-hostname --utc", (*writer).journal},
		{"ss netstat", "-l,--listening -n,--numeric -t,--tcp -p,--processes -u,--udp -4 -6 -a,--all -H,--no-header", (*writer).sockets},
		{"lsof", "-i= -n -P -s= -t", (*writer).sockets},
		{"curl", "-s,--silent -S,--show-error -f,--fail -k,--insecure -L,--location -I,--head -i,--include -v,--verbose -o,--output= -w,--write-out= -X,--request= -H,--header= -m,--max-time= -g -# -N,--no-buffer --compressed --connect-timeout= -A,--user-agent=", (*writer).http},
		{"pm2", "--lines= --nostream --err --out --raw --update-env --no-color", (*writer).pm2},
		{"pnpm npm yarn", "", (*writer).build},
		{"nginx", "-t -T -c= -s= -q", (*writer).nginx},
		{"df", "-h,--human-readable -H -i,--inodes -T,--print-type -k -m -P --total", (*writer).disk},
		{"ps", "-e -f -a -u -x -A -w -o= --sort= -l -F", (*writer).processes},
		{"pgrep pidof", "-f,--full -l,--list-name -a,--list-full -x,--exact -u,--euid=", (*writer).processes},
		{"hostname hostnamectl uptime free uname date timedatectl who w nproc lsb_release", "-a -b -g -h -m -r -n -p -s= -f -u -i", (*writer).host},
		{"ls stat", "-l -a -h -A -d -t -r -s -1 -n -L -c= --format=", (*writer).file},
		{"cat head tail less more", "-n,--lines= -f,--follow -F -q -0 -1 -2 -3 -4 -5 -6 -7 -8 -9", (*writer).file},
	}
}

// programs are those that pages for people are full of: a line that begins with one is a command, also where nothing says so.
func programs() []string {
	names := strings.Fields(`sudo su kubectl docker docker-compose podman helm psql mysql mysqladmin redis-cli pg_ctl pg_ctlcluster pg_lsclusters git apt
		apt-get yum dnf dpkg rpm rm mv cp mkdir ln rsync scp ssh find grep egrep zgrep du kill pkill killall mount umount lsblk lvs vgs fsck resize2fs
		growpart ping nc telnet dig nslookup getent traceroute mtr ip iptables nft ufw openssl certbot tar dmesg sysctl top iostat vmstat swapoff
		swapon reboot shutdown crictl kubeadm gitlab-ctl sv supervisorctl rabbitmqctl apachectl apache2ctl php composer node npx python3 pip make
		ansible ansible-playbook terraform aws gcloud gsutil az knife chef-client consul patronictl gitlab-patronictl etcdctl vault crontab
		logrotate strace tcpdump nvidia-smi smartctl mdadm zpool zfs sed awk echo cd export tee watch chown chmod fuser wget test`)
	for _, r := range rules() {
		names = append(names, strings.Fields(r.programs)...)
	}
	return names
}

// recognise makes steps of a command: none when nobody knows all that it does.
func (w *writer) recognise(c command, tail string) []step {
	name := c.words[0][strings.LastIndexByte(c.words[0], '/')+1:]
	for _, r := range rules() {
		if !slices.Contains(strings.Fields(r.programs), name) {
			continue
		}
		f, plain := filtered(c.through)
		got, rest, known := options(c.words[1:], r.options)
		if !plain || !known || len(rest) > 20 || f.json != "" && name != "curl" {
			return nil
		}
		return r.steps(w, use{name, got, rest, f, c.user, c.dir, tail})
	}
	return nil
}

// filter is what a command's output goes through.
type filter struct {
	match string // a regular expression that lines must match
	lines int
	json  string // how jq reads it
}

// filtered reads a pipeline behind a command. ok is false when it does more than to choose lines.
func filtered(through [][]string) (f filter, ok bool) {
	for _, words := range through {
		switch words[0] {
		case "less", "more", "cat":
			ok = len(words) == 1
		case "head", "tail":
			got, rest, known := options(words[1:], "-n,--lines= -f,--follow -0 -1 -2 -3 -4 -5 -6 -7 -8 -9")
			f.lines = cmp.Or(number(got.last("lines")), number(strings.TrimPrefix(strings.Join(words[1:], ""), "-")), 10)
			ok = known && len(rest) == 0
		case "grep", "egrep", "fgrep":
			var pattern string
			if pattern, ok = grepped(words); pattern != "" {
				ok = ok && f.match == ""
				f.match = pattern
			}
		case "jq":
			f.json, ok = strings.Join(words, " "), true
		default:
			ok = false
		}
		if !ok {
			return f, false
		}
	}
	return f, true
}

// grepped is what grep looks for, as a regular expression; grep -v grep looks for nothing.
func grepped(words []string) (pattern string, ok bool) {
	got, rest, ok := options(words[1:], "-i,--ignore-case -E,--extended-regexp -F,--fixed-strings -v,--invert-match -w -n -a --color= -A= -B= -C= -e=")
	if rest = append(rest, got["e"]...); !ok || len(rest) != 1 {
		return "", false
	}
	pattern = rest[0]
	switch {
	case got.has("invert-match"):
		return "", strings.Contains(pattern, "grep")
	case strings.Contains(pattern, "${{"):
		return pattern, true
	case got.has("fixed-strings") || words[0] == "fgrep":
		pattern = regexp.QuoteMeta(pattern)
	case words[0] == "grep" && !got.has("extended-regexp"):
		pattern = extended(pattern)
	}
	if got.has("ignore-case") {
		pattern = "(?i)" + pattern
	}
	_, err := regexp.Compile(pattern)
	return pattern, err == nil
}

// extended makes of a basic regular expression one as Go reads it.
func extended(basic string) string {
	return strings.NewReplacer(`\|`, `|`, `\(`, `(`, `\)`, `)`, `\+`, `+`, `\?`, `?`, `|`, `\|`, `(`, `\(`, `)`, `\)`, `+`, `\+`, `?`, `\?`, `{`, `\{`).Replace(basic)
}

// typed says of which type the parameter is that a word is nothing but, and gives the word back.
func (w *writer) typed(word, is string) string {
	if m := onlyParam.FindStringSubmatch(word); m != nil && w.types[m[1]] == "" {
		w.types[m[1]] = is
	}
	return word
}

var onlyParam = regexp.MustCompile(`^\$\{\{ params\.([a-z0-9_]+) \}\}$`)

// unit is the full name of a unit.
func (w *writer) unit(word string) string {
	full := slices.ContainsFunc(strings.Fields("service socket timer target path mount automount swap slice scope device"), func(s string) bool {
		return strings.HasSuffix(word, "."+s)
	})
	if full || strings.HasSuffix(word, "}}") {
		return w.typed(word, "unit")
	}
	return word + ".service"
}

func (w *writer) systemctl(u use) []step {
	if u.got.has("failed") || u.got.last("state") == "failed" {
		return []step{{id: "failed units", uses: "systemd.boot", expect: "failed_count == 0"}}
	}
	if len(u.rest) == 1 && u.rest[0] == "daemon-reload" && len(u.got) == 0 {
		return []step{{id: "daemon_reload", uses: "systemd.daemon-reload", alone: true}}
	}
	if len(u.rest) < 2 || u.got.has("user") && u.user == "" {
		return nil
	}
	var out []step
	for _, word := range u.rest[1:] {
		unit := w.unit(word)
		with := []input{{"unit", unit}}
		if u.got.has("user") {
			with = append(with, input{"user", u.user})
		}
		verb, name := u.rest[0], strings.TrimSuffix(unit, ".service")
		s := step{id: verb + " " + name, uses: "systemd." + verb, with: with, object: "unit:" + unit}
		switch verb {
		case "status", "is-active":
			s.id, s.uses = name, "systemd.unit"
		case "is-enabled":
			s.id, s.uses, s.expect = name+" enabled", "systemd.unit", `enabled == "enabled"`
			s.object = ""
		case "is-failed":
			s.id, s.uses, s.expect = name+" not failed", "systemd.unit", `active != "failed"`
		case "start", "restart":
			s.lifts = true
		case "reload":
			if unit == "nginx.service" {
				s.uses, s.with = "nginx.reload", nil
			}
		case "reset-failed":
		case "stop", "enable":
			s.alone = true
		default:
			return nil
		}
		if out = append(out, s); verb == "enable" && u.got.has("now") {
			out = append(out, step{id: "start " + name, uses: "systemd.start", with: with, object: s.object, lifts: true})
		}
	}
	return out
}

func (w *writer) service(u use) []step {
	if len(u.rest) != 2 {
		return nil
	}
	u.rest[0], u.rest[1] = u.rest[1], u.rest[0]
	return w.systemctl(u)
}

func (w *writer) journal(u use) []step {
	if len(u.rest) > 0 {
		return nil
	}
	var with []input
	if n := cmp.Or(number(u.got.last("lines")), u.filter.lines); n > 0 {
		with = append(with, input{"lines", n})
	}
	for _, name := range []string{"since", "until"} {
		if text := u.got.last(name); text != "" {
			with = append(with, input{name, ago(text)})
		}
	}
	if u.got.has("boot") && !u.got.has("since") {
		with = append(with, input{"since", "boot"})
	}
	if p := u.got.last("priority"); p != "" {
		switch i := number(p); {
		case i > 0:
			p = strings.Fields("emerg alert crit err warning notice info debug")[min(i, 7)]
		case p == "error", p == "warn":
			p = map[string]string{"error": "err", "warn": "warning"}[p]
		}
		with = append(with, input{"priority", p})
	}
	if match := cmp.Or(u.got.last("grep"), u.filter.match); match != "" {
		with = append(with, input{"match", match})
	}
	if u.got.has("dmesg") {
		return []step{{id: "kernel log", uses: "systemd.journal", with: append([]input{{"kernel", true}}, with...)}}
	}
	if !u.got.has("unit") {
		return []step{{id: "journal", uses: "systemd.journal", with: with}}
	}
	var out []step
	for _, word := range u.got["unit"] {
		unit := w.unit(word)
		out = append(out, step{id: strings.TrimSuffix(unit, ".service") + " log", uses: "systemd.journal", with: append([]input{{"unit", unit}}, with...)})
	}
	return out
}

var agoText = regexp.MustCompile(`^-?(\d{1,5}) ?([smhd])[a-z]*(?: ago)?$`)

// ago is how far to look back, as systemd.journal takes it; what it does not take stays as it is, and is refused.
func ago(text string) string {
	m := agoText.FindStringSubmatch(strings.Replace(strings.Replace(text, "today", "1d", 1), "yesterday", "2d", 1))
	switch {
	case m == nil:
		return text
	case m[2] == "d":
		return fmt.Sprintf("%dh", 24*number(m[1]))
	}
	return m[1] + m[2]
}

var (
	portsOnly  = regexp.MustCompile(`^(?:\(\?i\))?(?:[:()|\\$^'" .*+-]|\\[bsw]|\d)+$`)
	portNumber = regexp.MustCompile(`\d{2,5}`)
	portParam  = regexp.MustCompile(`^:?(\$\{\{ params\.[a-z0-9_]+ \}\})$`)
	mentioned  = regexp.MustCompile(`(?::|\bport )(\d{2,5})\b`)
)

// sockets looks for listeners: one step for each port that the page looks for.
func (w *writer) sockets(u use) []step {
	match := u.filter.match
	if u.program == "lsof" {
		match = u.got.last("i")[strings.LastIndexByte(u.got.last("i"), ':')+1:]
	}
	if len(u.rest) > 0 || u.program == "lsof" && match == "" || u.program != "lsof" && !u.got.has("listening") {
		return nil
	}
	var with []input
	if u.got.has("udp") && !u.got.has("tcp") {
		with = []input{{"protocol", "udp"}}
	}
	if m := portParam.FindStringSubmatch(match); m != nil {
		return []step{{id: "port", uses: "net.listeners", with: append([]input{{"port", w.typed(m[1], "port")}}, with...)}}
	}
	if !portsOnly.MatchString(match) {
		s := step{id: "listeners", uses: "net.listeners", with: with}
		s.looksFor(match)
		return []step{s}
	}
	var expected []string
	for _, m := range mentioned.FindAllStringSubmatch(u.tail, -1) {
		expected = append(expected, m[1])
	}
	var out []step
	for _, text := range slices.Compact(portNumber.FindAllString(match, 20)) {
		s := step{id: "port " + text, uses: "net.listeners", with: append([]input{{"port", number(text)}}, with...)}
		if slices.Contains(expected, text) {
			s.expect = "count > 0"
		}
		out = append(out, s)
	}
	return out
}

// looksFor notes what the page looks for in the output, where no input of the kind takes it.
func (s *step) looksFor(match string) {
	if match != "" {
		s.notes = append(s.notes, "the page looks for: "+match)
	}
}

// http asks URLs, where nothing is sent and nothing kept.
func (w *writer) http(u use) []step {
	var with []input
	out, method := cmp.Or(u.got.last("output"), "-"), cmp.Or(u.got.last("request"), "GET")
	if u.got.has("head") {
		method = "HEAD"
	}
	if out != "/dev/null" && out != "-" || method != "GET" && method != "HEAD" || len(u.rest) == 0 {
		return nil
	}
	if method == "HEAD" {
		with = append(with, input{"method", method})
	}
	var headers []setting
	for _, h := range u.got["header"] {
		name, value, _ := strings.Cut(h, ":")
		if value = strings.TrimSpace(value); strings.EqualFold(name, "host") {
			with = append(with, input{"host", value})
			continue
		}
		headers = append(headers, setting{name, value})
	}
	if len(headers) > 0 {
		with = append(with, input{"headers", headers})
	}
	if u.got.has("insecure") {
		with = append(with, input{"insecure", true})
	}
	if u.got.has("location") {
		with = append(with, input{"follow", true})
	}
	if n := number(u.got.last("max-time")); n > 0 {
		with = append(with, input{"timeout", strconv.Itoa(n) + "s"})
	}
	var steps []step
	for _, url := range u.rest {
		if !strings.Contains(url, "://") && !strings.HasPrefix(url, "${{") {
			url = "http://" + url
		}
		_, place, _ := strings.Cut(url, "://")
		s := step{id: "get " + localName.ReplaceAllString(cmp.Or(place, url), ""), uses: "http.get", with: append([]input{{"url", w.typed(url, "url")}}, with...), gives: true}
		if n := statusIn(u.tail); n > 0 {
			s.expect = "status == " + strconv.Itoa(n)
		}
		s.looksFor(cmp.Or(u.filter.match, u.filter.json))
		steps = append(steps, s)
	}
	return steps
}

var localName = regexp.MustCompile(`^(?:localhost|127\.0\.0\.1|\[::1\]):`)

// pm2 looks at the pm2 of a user, who is a parameter where the page does not say whose it is.
func (w *writer) pm2(u use) []step {
	if len(u.rest) == 0 || len(u.rest) > 2 || u.filter.match != "" {
		return nil
	}
	user := w.typed(cmp.Or(u.user, "${{ params.pm2_user }}"), "user")
	verb, name := u.rest[0], strings.Join(u.rest[1:], "")
	if name != "" && notAName.MatchString(name) {
		return nil
	}
	s := step{id: "pm2 " + verb + " " + name, uses: "pm2." + verb, with: []input{{"user", user}}, object: "pm2:" + user}
	if name != "" {
		s.with = append(s.with, input{"name", name})
	}
	switch {
	case slices.Contains(strings.Fields("ls list l status jlist show describe info"), verb) && name != "":
		s.id, s.uses, s.expect = "pm2 "+name, "pm2.list", literal(name)+" in online"
	case slices.Contains(strings.Fields("ls list l status jlist"), verb):
		s.id, s.uses, s.expect = "pm2", "pm2.list", `daemon and len(missing_now) == 0 and all(processes, .status == "online")`
		s.notes = []string{"a guess: every process that is saved is there, and all are online"}
	case verb == "logs" && name != "":
		if s.id, s.object = name+" log", ""; number(u.got.last("lines")) > 0 {
			s.with = append(s.with, input{"lines", number(u.got.last("lines"))})
		}
	case verb == "resurrect" && name == "", (verb == "restart" || verb == "start") && name != "":
		s.lifts = true
	case verb == "save" && name == "":
		s.alone = true
	default:
		return nil
	}
	return []step{s}
}

// notAName is a number, all processes, or a file.
var notAName = regexp.MustCompile(`^\d*$|^all$|[/=]|\.(?:js|cjs|json|ya?ml|ts)$`)

// build makes a project anew: in the directory that the page went to, or in one that is a parameter.
func (w *writer) build(u use) []step {
	script := strings.TrimPrefix(strings.Join(u.rest, " "), "run ")
	if script != "build" && !strings.HasPrefix(script, "build:") || u.program == "npm" && len(u.rest) == 1 {
		return nil
	}
	with := []input{{"dir", w.typed(cmp.Or(u.dir, "${{ params.project }}"), "path")}, {"manager", u.program}, {"script", script}}
	return []step{{id: "build", uses: "pnpm.build", with: with, lifts: true, notes: []string{"it makes .next, unless artifact says otherwise"}}}
}

func (w *writer) nginx(u use) []step {
	var with []input
	if file := u.got.last("c"); file != "" {
		with = []input{{"config", file}}
	}
	switch {
	case u.got.has("t") || u.got.has("T"):
		return []step{{id: "nginx config", uses: "nginx.test", with: with, object: "unit:nginx.service", gate: true}}
	case u.got.last("s") == "reload":
		return []step{{id: "reload nginx", uses: "nginx.reload", with: with, object: "unit:nginx.service"}}
	}
	return nil
}

func (w *writer) disk(u use) []step {
	var out []step
	for _, path := range slices.Concat(u.rest, []string{"/"})[:max(1, len(u.rest))] {
		s := step{id: "disk " + path, uses: "disk.usage", with: []input{{"path", path}}}
		s.looksFor(u.filter.match)
		out = append(out, s)
	}
	return out
}

func (w *writer) processes(u use) []step {
	match := u.filter.match
	if u.program == "ps" {
		if list := strings.Join(u.rest, ""); strings.Trim(list, "auxwf") != "" || list == "" && !u.got.has("e") && !u.got.has("A") {
			return nil // ps aux and ps -ef list all, others do not
		}
	} else if match = strings.Join(u.rest, " "); match == "" {
		return nil
	}
	s := step{id: "processes " + match, uses: "process.list"}
	if match != "" {
		s.with = []input{{"match", match}}
	}
	if user := u.got.last("euid"); user != "" {
		s.with = append(s.with, input{"user", user})
	}
	return []step{s}
}

func (w *writer) host(u use) []step {
	if slices.ContainsFunc(u.rest, func(a string) bool { return !strings.HasPrefix(a, "+") }) || u.got.has("s") {
		return nil // a new name, or a new time
	}
	return []step{{id: "host", uses: "host.facts"}}
}

// file looks at one file, or reads one.
func (w *writer) file(u use) []step {
	if len(u.rest) != 1 {
		return nil
	}
	path := u.rest[0]
	base := strings.TrimRight(path, "/")
	s := step{id: "file " + base[strings.LastIndexByte(base, '/')+1:], uses: "file.stat", with: []input{{"path", w.typed(path, "path")}}}
	if u.program != "ls" && u.program != "stat" {
		s.uses = "file.read"
		if u.program == "tail" || u.filter.lines > 0 || strings.HasSuffix(path, ".log") {
			s.with = append(s.with, input{"from", "tail"})
		}
	}
	s.looksFor(u.filter.match)
	return []step{s}
}
