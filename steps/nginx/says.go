package nginx

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/steps/internal/budget"
)

const (
	mostMessages     = 20       // in one list of a result
	mostMessageBytes = 12 << 10 // of JSON, that one list may take
	mostText         = 512      // bytes of one message in a result
	mostLine         = 4 << 10  // bytes of one message that are looked at; nginx itself writes at most 2048
	mostKept         = 100      // messages of one level that are looked at
)

// The level of what keeps nginx from starting.
const emergency = "emerg"

// message is what a result shows of something that nginx said.
type message struct {
	Level   string `json:"level" doc:"how bad nginx finds it: emerg keeps it from starting; alert, crit, error, warn do not"`
	Message string `json:"message" doc:"what nginx says, at most 512 bytes, without the place"`
	File    string `json:"file" doc:"the configuration file that it is about; empty when nginx names none, as for a certificate that can't be read"`
	Line    int    `json:"line" doc:"the line in that file, 0 when nginx names none"`
}

// place writes a message with where it is, as nginx does.
func (m message) place() string {
	if m.File == "" {
		return m.Message
	}
	return m.Message + " in " + m.File + ":" + strconv.Itoa(m.Line)
}

// said is one thing that nginx said, whole.
type said struct {
	level, text string
	pid         int
	read        bool // it came after nginx had read the configuration and found its syntax in order
}

var (
	// A line of nginx's log, as it begins before and after a log is open.
	logLine = regexp.MustCompile(`^(?:nginx: |\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )\[([a-z]+)\] (?:(\d+)#\d+: (?:\*\d+ )?)?(.*)$`)
	// The place at the end of a message.
	placed = regexp.MustCompile(`(?s)^(.*) in (.+):(\d+)$`)
	// nginx was refused something. The second form is that of OpenSSL, which reads certificates and keys.
	refusal = regexp.MustCompile(`\((?:13|1): (?:Permission denied|Operation not permitted)\)|system library::(?:Permission denied|Operation not permitted)`)
	named   = regexp.MustCompile(`"([^"]+)"`)
)

// message makes a result's message of what was said.
func (s said) message() message {
	m := message{Level: s.level, Message: s.text}
	if p := placed.FindStringSubmatch(s.text); p != nil {
		if line, err := strconv.Atoi(p[3]); err == nil {
			m.Message, m.File, m.Line = p[1], budget.Line(p[2], mostText), line
		}
	}
	m.Message = budget.Line(m.Message, mostText)
	return m
}

// refused tells that nginx was not let do something.
func (s said) refused() bool { return refusal.MatchString(s.text) }

// writing tells that a refusal was one of writing. nginx reads first, and writes once it has read it all, but for the
// log that was built into it.
func (s said) writing() bool {
	return s.read || strings.HasPrefix(s.text, "could not open error log file")
}

// path is the file that a message is about, "" when it names none.
func (s said) path() string {
	if m := named.FindStringSubmatch(s.text); m != nil {
		return m[1]
	}
	return ""
}

// listener takes what nginx prints, line by line.
type listener struct {
	version string // "nginx/1.22.1"
	read    bool   // "syntax is ok" was said
	all     []said
	stray   string // the first line that is none of nginx's, like one of the dynamic loader

	kept map[string]int // how many messages there were, by level
	rest []byte         // of a line that is not complete
	skip bool           // the rest of an overlong line
}

// Write never fails.
func (l *listener) Write(p []byte) (int, error) {
	for line := range bytes.Lines(p) {
		l.add(line)
	}
	return len(p), nil
}

func (l *listener) add(part []byte) {
	whole := bytes.HasSuffix(part, []byte("\n"))
	if !l.skip {
		l.rest = append(l.rest, part[:min(len(part), mostLine-len(l.rest))]...)
		if l.skip = len(l.rest) == mostLine; l.skip {
			l.line(string(l.rest))
		}
	}
	if whole {
		l.end()
	}
}

// end takes the last line, which may lack its newline.
func (l *listener) end() {
	if !l.skip && len(l.rest) > 0 {
		l.line(strings.TrimSuffix(string(l.rest), "\n"))
	}
	l.rest, l.skip = nil, false
}

func (l *listener) line(line string) {
	const ok, tested = " syntax is ok", "nginx: configuration file "
	if m := logLine.FindStringSubmatch(line); m != nil {
		l.message(m[1], m[2], m[3])
		return
	}
	version, isVersion := strings.CutPrefix(line, "nginx version: ")
	switch {
	case isVersion && l.version == "":
		l.version = budget.Line(version, 100)
	case strings.HasPrefix(line, "nginx: the configuration file ") && strings.HasSuffix(line, ok):
		l.read = true
	case strings.HasPrefix(line, tested):
	case len(l.all) > 0:
		// The name of a file can have a line break in it.
		last := &l.all[len(l.all)-1]
		last.text = budget.Head(last.text+"\n"+line, mostLine)
	case l.stray == "":
		l.stray = line
	}
}

func (l *listener) message(level, pid, text string) {
	if l.kept == nil {
		l.kept = map[string]int{}
	}
	if l.kept[level]++; l.kept[level] <= mostKept {
		number, _ := strconv.Atoi(pid)
		l.all = append(l.all, said{level: level, text: text, pid: number, read: l.read})
	}
}

// errorsIn are the messages that are worse than warnings, each once.
func errorsIn(all []said) []message {
	return messages(all, emergency, "alert", "crit", "error")
}

func warningsIn(all []said) []message { return messages(all, "warn") }

func messages(all []said, levels ...string) []message {
	out := []message{}
	for _, s := range all {
		if m := s.message(); slices.Contains(levels, s.level) && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return budget.Items(out, mostMessages, mostMessageBytes)
}
