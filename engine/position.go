package engine

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

const byteOrderMark = "\uFEFF"

// lineOf gives a line of a source, counted from 1, without its line break and without a byte order mark.
func lineOf(src []byte, n int) (string, bool) {
	if n < 1 {
		return "", false
	}
	src = bytes.TrimPrefix(src, []byte(byteOrderMark))
	for ; n > 1; n-- {
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			return "", false
		}
		src = src[i+1:]
	}
	if i := bytes.IndexByte(src, '\n'); i >= 0 {
		src = src[:i]
	}
	return strings.TrimSuffix(string(src), "\r"), true
}

// linesOf gives all lines of a source, as lineOf does.
func linesOf(src []byte) []string {
	lines := strings.Split(strings.TrimPrefix(string(src), byteOrderMark), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	return lines
}

// offsetOf is the byte at which a place begins. A place past the end of its line is the line's end.
func offsetOf(src []byte, p Pos) int {
	i := 0
	if bytes.HasPrefix(src, []byte(byteOrderMark)) {
		i = len(byteOrderMark)
	}
	for line := 1; line < p.Line; line++ {
		n := bytes.IndexByte(src[i:], '\n')
		if n < 0 {
			return len(src)
		}
		i += n + 1
	}
	for col := 1; col < p.Col && i < len(src) && src[i] != '\n'; col++ {
		_, size := utf8.DecodeRune(src[i:])
		i += size
	}
	return i
}

// posOf is the place of a byte.
func posOf(src []byte, offset int) Pos {
	offset = min(max(offset, 0), len(src))
	line := 1 + bytes.Count(src[:offset], []byte("\n"))
	start := bytes.LastIndexByte(src[:offset], '\n') + 1
	if line == 1 && bytes.HasPrefix(src, []byte(byteOrderMark)) {
		start = min(len(byteOrderMark), offset)
	}
	return Pos{Line: line, Col: 1 + utf8.RuneCount(src[start:offset])}
}

// at is the place in the file of one byte of a text's value. It follows the quotes, escapes, folded lines and
// indentation of YAML, so that a mistake inside a condition is shown where it was written. The offset may be the
// length of the value, which is the place after its last character.
func (rb *Runbook) at(t Text, offset int) Pos { return placeIn(rb.Source, t, offset) }

func placeIn(src []byte, t Text, offset int) Pos {
	if t.Pos.Line == 0 || offset < 0 || offset > len(t.Value) {
		return t.Pos
	}
	start := offsetOf(src, t.Pos)
	if start >= len(src) {
		return t.Pos
	}
	f := follower{src: src, at: start, value: t.Value}
	switch {
	case t.Block:
		f.block(offset)
	case src[start] == '"':
		f.at++
		f.flow(offset, '"')
	case src[start] == '\'':
		f.at++
		f.flow(offset, '\'')
	default:
		f.flow(offset, 0)
	}
	return posOf(src, f.at)
}

// follower walks along a scalar in the source and along its value at the same time.
type follower struct {
	src   []byte
	at    int // in src
	value string
	done  int // in value
}

// flow follows a plain or quoted scalar up to an offset in its value.
func (f *follower) flow(offset int, quote byte) {
	for f.done < offset && f.at < len(f.src) {
		switch c := f.src[f.at]; {
		case f.foldedBreak():
		case quote == '"' && c == '\\':
			f.escape()
		case quote == '\'' && c == '\'':
			f.at += 2
			f.done++
		default:
			_, size := utf8.DecodeRune(f.src[f.at:])
			f.at += size
			f.done += size
		}
	}
	if quote == '"' && f.at+1 < len(f.src) && f.src[f.at] == '\\' && strings.IndexByte("\r\n", f.src[f.at+1]) >= 0 {
		f.escape()
	}
	// The character itself stands on the next line when lines were folded here.
	if offset < len(f.value) && f.value[offset] != ' ' && f.value[offset] != '\n' {
		f.foldedBreak()
	}
}

// foldedBreak goes over a line break with the blanks around it, which is one space in the value, or one line break
// less than there are. It does nothing where there is no line break.
func (f *follower) foldedBreak() bool {
	end, breaks := f.at, 0
	for end < len(f.src) && strings.IndexByte(" \t\r\n", f.src[end]) >= 0 {
		if f.src[end] == '\n' {
			breaks++
		}
		end++
	}
	if breaks == 0 {
		return false
	}
	f.at = end
	f.done += max(breaks-1, 1)
	return true
}

// escape goes over one escape of a double-quoted scalar.
func (f *follower) escape() {
	size := 2
	if f.at+1 < len(f.src) {
		switch f.src[f.at+1] {
		case 'x':
			size = 4
		case 'u':
			size = 6
		case 'U':
			size = 10
		case '\r', '\n': // the line goes on below, with nothing in between
			f.at++
			for f.at < len(f.src) && strings.IndexByte(" \t\r\n", f.src[f.at]) >= 0 {
				f.at++
			}
			return
		}
	}
	f.at = min(f.at+size, len(f.src))
	if f.done < len(f.value) {
		_, n := utf8.DecodeRuneInString(f.value[f.done:])
		f.done += n
	}
}

// block follows a literal or folded scalar up to an offset in its value. Its lines begin below its header.
func (f *follower) block(offset int) {
	f.nextLine()
	indent := f.indent()
	for {
		line := f.line()
		text := line[min(indent, len(line)):]
		if offset-f.done <= len(text) {
			f.at += len(line) - len(text) + offset - f.done
			return
		}
		f.done += len(text)
		f.nextLine()
		if f.at >= len(f.src) || f.done >= len(f.value) {
			return
		}
		if f.value[f.done] == ' ' { // folded
			f.done++
			if f.done > offset {
				return
			}
			continue
		}
		// Line breaks, and the empty lines that they stand for. A folded text has one break less.
		for f.done < len(f.value) && f.value[f.done] == '\n' {
			f.done++
			if f.done > offset {
				return
			}
		}
		for f.at < len(f.src) && blank(f.line(), indent) {
			f.nextLine()
		}
	}
}

// indent is how far the lines of a block scalar are indented: what the first line of text has more than its value.
func (f *follower) indent() int {
	rest := f.src[f.at:]
	spaces := func(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }
	for line := range bytes.Lines(rest) {
		text := strings.TrimRight(string(line), "\r\n")
		if strings.Trim(text, " ") == "" {
			continue
		}
		value := strings.TrimLeft(f.value, "\n")
		return max(spaces(text)-spaces(value), 0)
	}
	return 0
}

func (f *follower) line() string {
	rest := f.src[f.at:]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	return strings.TrimSuffix(string(rest), "\r")
}

func (f *follower) nextLine() {
	i := bytes.IndexByte(f.src[f.at:], '\n')
	if i < 0 {
		f.at = len(f.src)
		return
	}
	f.at += i + 1
}

// blank tells whether a line of a block scalar is empty: there is nothing in it beyond the indentation.
func blank(line string, indent int) bool {
	return len(line) <= indent && strings.Trim(line, " ") == ""
}
