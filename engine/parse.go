package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Bounds of a file, so that no runbook can make reading it long or large.
const (
	maxSource = 1 << 20 // bytes
	maxDepth  = 64      // mappings and lists in each other
	maxFound  = 500     // mistakes that are given; nobody reads as many
)

// Parse reads the document that a runbook's file holds. file is what to call it in messages.
//
// All mistakes are given, in the order of the file. A file that is not readable as YAML gives no document, and one
// mistake. Otherwise there is a document of what could be read, for [Check] to say what else is wrong; it must not be
// run when there is any mistake.
//
// Of YAML, what can't be read at a glance is refused: anchors, aliases and merge keys (they can grow without bounds,
// and a step that is partly written elsewhere can't be judged where it stands), tags, several documents in a file, and
// characters that nobody sees. A byte order mark and the line ends of Windows do no harm and are read.
func Parse(file string, src []byte) (*Runbook, []Diagnostic) {
	r := &reader{file: file, src: src}
	root, ok := r.load()
	if !ok {
		return nil, r.found
	}
	rb := &Runbook{File: file, Source: src}
	r.runbook(root, rb)
	return rb, sorted(r.found)
}

// reader reads a document from YAML, collecting every mistake.
type reader struct {
	file  string
	src   []byte
	keys  keyTables
	found []Diagnostic
}

// keyTables are the keys that the parts of a document can have, made once for each file.
type keyTables struct {
	runbook, param, step, retry, undo, finding, limits, requires []Field
}

func (r *reader) report(rule string, at Pos, length int, message, hint string) {
	if len(r.found) >= maxFound {
		return
	}
	r.found = append(r.found, Diagnostic{
		File: r.file, Pos: at, Length: length, Message: message, Rule: rule, Hint: hint,
	})
}

// load reads the bytes as one YAML document that holds something. It reports at most one mistake, and whether there is
// anything to read.
func (r *reader) load() (*yaml.Node, bool) {
	if len(r.src) > maxSource {
		r.report("file-size", Pos{}, 0, fmt.Sprintf("the file has %d bytes, and at most %d (1 MiB) are read", len(r.src), maxSource), "")
		return nil, false
	}
	if !r.readable() {
		return nil, false
	}
	docs, err := r.documents()
	if err != nil {
		r.found = append(r.found, syntaxError(r.file, r.src, err))
		return nil, false
	}
	switch {
	case len(docs) == 0 || len(docs[0].Content) == 0 || isNull(docs[0].Content[0]) && len(docs) == 1:
		r.report("file-empty", Pos{}, 0, "the file is empty: a runbook begins with its name, like runbook: frontend-not-starting", "")
		return nil, false
	case len(docs) > 1:
		r.report("yaml-documents", nodePos(docs[1]), len("---"), "a second document begins here, and a file holds one: delete the ---", "")
		return nil, false
	}
	return docs[0].Content[0], true
}

// documents gives the first two documents of the source: more than one is a mistake already.
func (r *reader) documents() (docs []*yaml.Node, err error) {
	defer func() {
		// The YAML library panics where it finds a fault in itself. A person gets a message all the same.
		if p := recover(); p != nil {
			docs, err = nil, fmt.Errorf("the YAML library gave up: %v", p)
		}
	}()
	limits := loaderlimits.New(loaderlimits.DepthValue(maxDepth))
	loader, err := yaml.NewLoader(bytes.NewReader(r.src), yaml.WithPlugin(limits))
	if err != nil {
		return nil, err
	}
	for len(docs) < 2 {
		var n yaml.Node
		if err := loader.Load(&n); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, &n)
	}
	return docs, nil
}

// readable reports the first character that can't stand in a runbook.
func (r *reader) readable() bool {
	src := r.src
	if bytes.HasPrefix(src, []byte("\xFF\xFE")) || bytes.HasPrefix(src, []byte("\xFE\xFF")) {
		r.report("file-encoding", Pos{}, 0, "the file is UTF-16: save it as UTF-8", "")
		return false
	}
	for i := 0; i < len(src); {
		c := src[i]
		if c >= 0x20 && c < 0x7F || c == '\n' || c == '\t' || c == '\r' && i+1 < len(src) && src[i+1] == '\n' {
			i++
			continue
		}
		char, size := utf8.DecodeRune(src[i:])
		var message string
		switch {
		case char == utf8.RuneError && size == 1:
			message = fmt.Sprintf("byte 0x%02x is not UTF-8: save the file as UTF-8", c)
		case c == '\r':
			message = "a carriage return that ends no line: save the file with the line ends of Unix"
		case char == 0x7F || c < 0x20:
			message = fmt.Sprintf("an invisible control character (U+%04X): delete it", char)
		case isInvisible(char):
			message = fmt.Sprintf("an invisible character (U+%04X) that can make text look like something else: delete it", char)
		case char == '\uFEFF' && i > 0:
			message = "a byte order mark in the middle of the file: delete it"
		default:
			i += size
			continue
		}
		r.report("file-encoding", posOf(src, i), 1, message, "")
		return false
	}
	return true
}
