package draft

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// call is one command of a page, taken apart as far as it can be.
type call struct {
	line       int
	source     string    // as the page has it
	note, tail string    // the comment above it, and what the comment behind it expects
	parts      []command // that were joined by &&, when none of them needs a shell
	script     string    // for a shell, when they do
	vars       []string  // what the script reads and does not set
	dir        string    // where it runs, "" for nobody knows
	person     bool      // it wants a terminal, or can't be read
}

// command is a program with its arguments as a shell would give them to it, and those that its output goes through.
type command struct {
	words   []string
	through [][]string
	user    string // whom it runs as, "" for whoever runs the runbook
	root    bool   // the page says sudo
	dir     string
}

var (
	placeholder = regexp.MustCompile(`<?<[^<>()!?/\s](?:[^<>]*[^<>\s])?>`)
	markup      = regexp.MustCompile(`(?i)^<(?:a|b|i|u|p|br|hr|em|kbd|sub|sup|pre|code|div|span|strong|small|details|summary|img|li|ol|ul|td|th|tr|table|h[1-6])\b`)
	prompt      = regexp.MustCompile(`^(?:(?:\[?[\w.-]+@[\w.-]+(?:[: ][^$#%>]*)?\]?\s?[$#%]\s*|\$\s+))(\S.*)$`)
	foreign     = regexp.MustCompile(`^\s*(?:[\w()@:\[\].-]*(?:>|=#)|=>)\s`)
	withFlag    = regexp.MustCompile(`^[a-z][a-z0-9_.-]+(?: \S+)* --?[a-zA-Z][\w=-]*(?: \S+)*$`)
	program     = regexp.MustCompile(`^(?:sudo(?: -u \S+)? |[A-Z_]+=\S* )*(?:\S*/)?([^\s/]+)(?:\s+([^=:\s]|[=:]\S)|$)`)
)

// largestCode is as much code as is parsed. A script is no longer, and what nests without end stays within bounds.
const largestCode = 1 << 14

// shell reads one block of code, or one piece of code within a text.
type shell struct {
	text  string // without prompts and output, placeholders as variables
	lines []line
	names map[string]string // of the variables, with the placeholders that they stand for
	dir   string
	out   []call
}

// calls reads code as commands. Of code that does not say that it is shell, only what looks like a command is one.
func calls(lines []line, strict bool) []call {
	lines = commandLines(lines, strict)
	s := &shell{names: map[string]string{}}
	parts := make([]string, len(lines))
	for i, l := range lines {
		parts[i] = placeholder.ReplaceAllStringFunc(l.text, func(found string) string {
			if strings.HasPrefix(found, "<<") {
				return found // <<EOF>file
			}
			name := slug(found)
			s.names[name] = found
			return "${" + name + "}"
		})
	}
	if slices.ContainsFunc(lines, func(l line) bool { return foreign.MatchString(l.text) }) {
		source, _ := s.shown(strings.Join(parts, "\n"))
		return []call{{line: lines[0].no, source: source, person: true}} // it is typed into another program
	}
	for len(parts) > 0 { // one line that is no shell does not spoil the others
		good, whole := s.read(parts, lines)
		if good == len(parts) {
			break
		}
		end := good + 1
		if whole || multiline.MatchString(parts[good]) {
			end = len(parts)
		}
		source, _ := s.shown(strings.Join(parts[good:end], "\n"))
		if source != "" {
			s.out = append(s.out, call{line: lines[good].no, source: source, person: true})
		}
		parts, lines = parts[end:], lines[end:]
	}
	return s.out
}

// multiline is what begins something of several lines.
var multiline = regexp.MustCompile(`<<|\\$|["'({]|^\s*(?:for|while|until|if|case|select|function)\b`)

// read reads the lines from the first one on that are shell, and gives how many these are. whole tells that the others
// belong together, because of what has begun before them.
func (s *shell) read(parts []string, lines []line) (good int, whole bool) {
	s.text, s.lines = strings.Join(parts, "\n"), lines
	if len(s.text) > largestCode {
		return 0, true
	}
	var list []*syntax.Stmt
	var wrong error
	for stmt, err := range syntax.NewParser(syntax.Variant(syntax.LangBash)).StmtsSeq(strings.NewReader(s.text)) {
		if wrong = err; err == nil {
			list = append(list, stmt)
		}
	}
	if good = len(parts); wrong != nil {
		begins := slices.IndexFunc(list, func(stmt *syntax.Stmt) bool {
			words, _, _ := unwrap(s.simple(stmt))
			return converses(words) || changesShell(stmt, "")
		})
		switch {
		case begins >= 0:
			good, whole, list = int(list[begins].Pos().Line())-1, true, list[:begins]
		case len(list) > 0:
			good = int(list[len(list)-1].End().Line())
		default:
			good = 0
		}
	}
	s.statements(list)
	return good, whole
}

// commandLines takes the prompts away, and the output that is shown behind them.
func commandLines(lines []line, strict bool) []line {
	lines = slices.Clone(lines)
	prompted := slices.ContainsFunc(lines, func(l line) bool { return prompt.MatchString(strings.TrimSpace(l.text)) })
	goesOn, session := false, false
	for i, l := range lines {
		text := strings.TrimSpace(l.text)
		m := prompt.FindStringSubmatch(text)
		switch {
		case goesOn, session && !prompted:
			text = l.text
		case m != nil:
			text = m[1]
		case prompted, strict && !strings.HasPrefix(text, "#") && !known(text) && (!program.MatchString(text) || !withFlag.MatchString(text)):
			text = ""
		default:
			text = l.text
		}
		goesOn = strings.HasSuffix(text, `\`)
		session = session || converses(strings.Fields(strings.TrimPrefix(text, "sudo ")))
		lines[i].text = text
	}
	return lines
}

// known tells whether a text begins with a program that pages are full of.
func known(text string) bool {
	m := program.FindStringSubmatch(text)
	return m != nil && (strings.HasPrefix(text, "sudo ") || slices.Contains(programs(), m[1]))
}

// shown is a text of the block as the page has it. held tells whether it has a placeholder.
func (s *shell) shown(text string) (shown string, held bool) {
	shown = variableMark.ReplaceAllStringFunc(text, func(mark string) string {
		found, ok := s.names[mark[2:len(mark)-1]]
		held = held || ok
		return cmp.Or(found, mark)
	})
	return strings.TrimSpace(shown), held
}

var variableMark = regexp.MustCompile(`\$\{[a-z0-9_]+\}`)

// statements reads the statements of a block. Where one changes what the others begin with, they are one script.
func (s *shell) statements(list []*syntax.Stmt) {
	for i, stmt := range list {
		words, _, _ := unwrap(s.simple(stmt))
		switch first := strings.Join(words[:min(1, len(words))], ""); {
		case slices.Contains(strings.Fields("echo printf sleep clear true exit logout"), first):
		case first == "cd" && len(words) == 2 && strings.HasPrefix(words[1], "/"):
			s.dir = words[1]
		case edits(words):
			s.out = append(s.out, s.call(list[i:i+1], true))
		case converses(words):
			s.out = append(s.out, s.call(list[i:], true))
			return
		case changesShell(stmt, first):
			person := slices.ContainsFunc(list[i:], func(stmt *syntax.Stmt) bool {
				words, _, _ := unwrap(s.simple(stmt))
				return edits(words) || converses(words)
			})
			s.out = append(s.out, s.call(list[i:], person))
			return
		default:
			c := s.call(list[i:i+1], false)
			c.parts = s.parts(stmt)
			s.out = append(s.out, c)
		}
	}
}

// call is the command that statements are, with the comments that belong to it.
func (s *shell) call(list []*syntax.Stmt, person bool) call {
	first, last := list[0], list[len(list)-1]
	start, end := int(first.Pos().Offset()), min(int(last.End().Offset()), len(s.text))
	from, to := int(first.Pos().Line())-1, strings.Count(s.text[:end], "\n")
	source, held := s.shown(s.text[start:end])
	c := call{line: s.lines[from].no, source: source, dir: s.dir, person: person}
	if !held { // else it may stand where no variable is read
		c.script, c.vars = s.text[start:end], reads(list)
	}
	comment := func(i int) (string, bool) {
		if i < 0 || i >= len(s.lines) {
			return "", false
		}
		text, ok := strings.CutPrefix(strings.TrimSpace(s.lines[i].text), "#")
		return strings.TrimSpace(text), ok
	}
	for i := from - 1; ; i-- {
		text, ok := comment(i)
		if !ok || expectation.MatchString(text) {
			break
		}
		c.note = strings.TrimSpace(text + " " + c.note)
	}
	behind, _, _ := strings.Cut(s.text[end:], "\n")
	if text, ok := strings.CutPrefix(strings.TrimLeft(behind, " \t;"), "#"); ok {
		c.tail = strings.TrimSpace(text)
	}
	if text, ok := comment(to + 1); ok && expectation.MatchString(text) {
		for i := to + 1; ok; text, ok = comment(i) {
			c.tail = strings.TrimSpace(c.tail + " " + text)
			i++
		}
	}
	return c
}

// parts takes a statement apart at && and |, nil when it takes a shell.
func (s *shell) parts(stmt *syntax.Stmt) []command {
	if binary, ok := stmt.Cmd.(*syntax.BinaryCmd); ok && len(stmt.Redirs) == 0 && !stmt.Negated && !stmt.Background {
		left, right := s.parts(binary.X), s.parts(binary.Y)
		switch {
		case len(left) == 0 || len(right) == 0:
		case binary.Op == syntax.AndStmt && len(left) == 1 && left[0].words[0] == "cd" && len(left[0].words) == 2 && strings.HasPrefix(left[0].words[1], "/"):
			for i := range right {
				right[i].dir = left[0].words[1]
			}
			return right
		case binary.Op != syntax.Pipe && len(right) == 1 && slices.Contains([]string{"echo", "true"}, right[0].words[0]):
			return left // a || echo "a is down": the report says so
		case binary.Op == syntax.AndStmt:
			return append(left, right...)
		case binary.Op == syntax.Pipe && len(left) == 1 && len(right) == 1 && !right[0].root:
			left[0].through = append(append(left[0].through, right[0].words), right[0].through...)
			return left
		}
		return nil
	}
	words, user, root := unwrap(s.simple(stmt))
	if len(words) == 0 {
		return nil
	}
	return []command{{words: words, user: user, root: root, dir: s.dir}}
}

// simple is the words of a statement that is nothing but a command. Redirections to nowhere do not matter: what a program
// prints is evidence in any case.
func (s *shell) simple(stmt *syntax.Stmt) []string {
	cmd, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || len(cmd.Assigns) > 0 || stmt.Negated || stmt.Background || slices.ContainsFunc(stmt.Redirs, func(r *syntax.Redirect) bool {
		to := r.Word.Lit()
		return to != "/dev/null" && (r.Op != syntax.DplOut || to != "1" && to != "2")
	}) {
		return nil
	}
	words := make([]string, len(cmd.Args))
	for i, arg := range cmd.Args {
		if words[i], ok = word(arg.Parts, false); !ok || words[i] == "" && i == 0 {
			return nil
		}
	}
	return words
}

// word is what a shell makes of a word that it leaves as it is. A variable is a parameter of the runbook.
func word(parts []syntax.WordPart, quoted bool) (string, bool) {
	var b strings.Builder
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			address := strings.HasPrefix(b.String()+p.Value, "http")
			if !quoted && (expands.MatchString(p.Value) && !address || b.Len() == 0 && strings.HasPrefix(p.Value, "~")) {
				return "", false
			}
			b.WriteString(unescaped(p.Value, quoted))
		case *syntax.SglQuoted:
			if p.Dollar {
				return "", false
			}
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			inner, ok := word(p.Parts, true)
			if !ok || p.Dollar {
				return "", false
			}
			b.WriteString(inner)
		case *syntax.ParamExp:
			name, ok := variable(p)
			if !ok {
				return "", false
			}
			b.WriteString("${{ params." + slug(name) + " }}")
		default:
			return "", false
		}
	}
	return b.String(), true
}

// expands is where a shell looks for files, or makes several words of one.
var expands = regexp.MustCompile(`[*?]|\[.*\]|\{.*(?:,|\.\.).*\}`)

// unescaped takes the backslashes away, within double quotes only where they mean something.
func unescaped(lit string, quoted bool) string {
	var b strings.Builder
	for i := 0; i < len(lit); i++ {
		if lit[i] == '\\' && i+1 < len(lit) && (!quoted || strings.IndexByte("$`\"\\\n", lit[i+1]) >= 0) {
			if i++; lit[i] == '\n' {
				continue
			}
		}
		b.WriteByte(lit[i])
	}
	return b.String()
}

// variable is the name of a plain $NAME that no shell sets by itself.
func variable(p *syntax.ParamExp) (string, bool) {
	if p.Param == nil || p.Excl || p.Length || p.Width || p.IsSet || p.Index != nil || p.Slice != nil || p.Repl != nil || p.Names != 0 || p.Exp != nil {
		return "", false
	}
	name := p.Param.Value
	own := strings.Fields("HOME USER PATH PWD OLDPWD HOSTNAME SHELL LOGNAME UID EUID PPID RANDOM SECONDS IFS REPLY")
	return name, syntax.ValidName(name) && !slices.Contains(own, name)
}

// reads lists the variables that statements read and do not set.
func reads(list []*syntax.Stmt) []string {
	set := map[string]bool{}
	var names []string
	for _, stmt := range list {
		for n := range syntax.Preorder(stmt) {
			switch n := n.(type) {
			case *syntax.Assign:
				if n.Name != nil {
					set[n.Name.Value] = true
				}
			case *syntax.WordIter:
				set[n.Name.Value] = true
			case *syntax.CallExpr: // read NAME
				for _, arg := range n.Args {
					set[arg.Lit()] = set[arg.Lit()] || n.Args[0].Lit() == "read"
				}
			case *syntax.ParamExp:
				if name, ok := variable(n); ok && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return set[name] })
}

// changesShell tells whether a statement changes what those behind it begin with: variables, functions, options.
func changesShell(stmt *syntax.Stmt, first string) bool {
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		if len(cmd.Args) > 0 {
			first = cmp.Or(first, cmd.Args[0].Lit())
		}
		return len(cmd.Args) == 0 || slices.Contains(strings.Fields("cd pushd popd set unset source . alias trap shopt eval exec umask ulimit read wait"), first)
	case *syntax.DeclClause, *syntax.FuncDecl, *syntax.LetClause:
		return true
	}
	return false
}

// unwrap takes sudo away, which only says who runs a command. A sudo with nothing behind it stays.
func unwrap(words []string) (inner []string, user string, root bool) {
	if len(words) == 0 || words[0] != "sudo" {
		return words, "", false
	}
	got, rest, ok := options(words[1:], "+-u,--user= -g,--group= -i,--login -E,--preserve-env -H,--set-home -n,--non-interactive -S,--stdin")
	if !ok || len(rest) == 0 {
		return words, "", false
	}
	if strings.Contains(rest[0], "=") {
		rest = append([]string{"env"}, rest...)
	}
	if user = got.last("user"); user == "root" {
		user = ""
	}
	return rest, user, true
}

// edits tells whether a program wants a terminal for itself.
func edits(words []string) bool {
	if len(words) == 0 {
		return false
	}
	all := strings.Join(words, " ")
	return slices.Contains(strings.Fields("vi vim nvim nano emacs man top htop iotop atop watch visudo vipw"), words[0]) && !strings.Contains(all, " -b") ||
		strings.HasPrefix(all, "crontab -e") || strings.HasPrefix(all, "systemctl edit") || strings.HasPrefix(all, "kubectl edit")
}

// converses tells whether a program begins a session that the lines behind it are typed into, perhaps on another host.
func converses(words []string) bool {
	if len(words) == 0 {
		return false
	}
	operands, speaks := 0, false
	for _, w := range words[1:] {
		if !strings.HasPrefix(w, "-") {
			operands++
		}
		speaks = speaks || batch.MatchString(w)
	}
	switch words[0] {
	case "ssh", "chroot", "su", "telnet", "ftp", "sftp":
		return operands < 2
	case "sudo", "psql", "mysql", "mariadb", "sqlite3", "mongo", "mongosh", "screen", "tmux":
		return !speaks
	case "bash", "sh", "zsh", "python", "python3", "node", "irb", "redis-cli":
		return operands == 0 && !speaks
	case "rails", "gitlab-rails":
		return slices.Contains(words, "console") || slices.Contains(words, "c")
	case "docker", "podman", "kubectl":
		return slices.ContainsFunc(words, func(w string) bool { return w == "-it" || w == "-ti" || w == "--stdin" })
	}
	return false
}

// batch is an option with which a program does one thing and ends.
var batch = regexp.MustCompile(`^(?:-[cefl]|--command|--execute|--file|--eval|--list|--version|-V)`)
