package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
)

// blockMark is in the block of values of a page, whose language is JSON. No other block of a page is both: the text of
// a file can't pass for one.
const (
	blockMark     = `"runbook_snapshot"`
	blockLanguage = "json"
)

// encode writes the values as the lines of the block that stands on a page: JSON, what is short on one line. Nothing in
// it acts on a terminal or on Markdown, and nothing is lost: what could is written as \uXXXX.
func (v Values) encode() ([]string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write the values of a snapshot: %w", err)
	}
	var out strings.Builder
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		switch {
		case r != '`' && !unseen(r):
			out.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return strings.Split(laidOut(json.RawMessage(out.String()), ""), "\n"), nil
}

// laidOut writes JSON for people: a list or an object on one line if it has room there, else each of its parts on a line
// of its own. The parts stay in their order.
func laidOut(raw json.RawMessage, indent string) string {
	const width = 100
	open, closing := raw[0], raw[len(raw)-1]
	if open != '[' && open != '{' {
		return string(raw)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, _ = dec.Token()
	var parts []string
	for dec.More() {
		name := ""
		if open == '{' {
			start := dec.InputOffset()
			_, _ = dec.Token()
			name = strings.TrimPrefix(string(raw[start:dec.InputOffset()]), ",") + ": "
		}
		var part json.RawMessage
		_ = dec.Decode(&part) // it was made by an encoder
		parts = append(parts, name+laidOut(part, indent+"  "))
	}
	short := strings.Join(parts, ", ")
	if len(indent)+len(short) < width && !strings.Contains(short, "\n") {
		return string(open) + short + string(closing)
	}
	inner := "\n" + indent + "  "
	return string(open) + inner + strings.Join(parts, ","+inner) + "\n" + indent + string(closing)
}

// ReadValues finds the block of values on a page, and reads it. Nothing else on the page counts: people may write what
// they like around it. The error says what is wrong, and where.
func ReadValues(page []byte) (Values, error) {
	found, err := findBlock(string(page))
	if err != nil {
		return Values{}, err
	}
	dec := json.NewDecoder(strings.NewReader(found.text))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	var v Values
	if err := dec.Decode(&v); err != nil {
		return v, fmt.Errorf("line %d: the values can't be read: %w", found.line+lineOf(found.text, dec, err), reworded(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return v, fmt.Errorf("line %d: there is something behind the values", found.line+strings.Count(found.text[:dec.InputOffset()], "\n"))
	}
	return v, v.check()
}

func reworded(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("their end is missing")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// lineOf is how many lines into a text a mistake is.
func lineOf(text string, dec *json.Decoder, err error) int {
	offset := dec.InputOffset()
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = e.Offset
	} else if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = e.Offset
	}
	return strings.Count(text[:min(int(offset), len(text))], "\n")
}

var bookName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// check refuses values that make no sense together.
func (v Values) check() error {
	switch {
	case v.Format > ValuesFormat:
		return fmt.Errorf("the page has values of version %d, of a newer runbook than this one, which reads version %d", v.Format, ValuesFormat)
	case v.Format != ValuesFormat:
		return fmt.Errorf("the page has values of version %d, and there is no such version", v.Format)
	case !bookName.MatchString(v.Runbook):
		return errors.New("the values do not name their runbook")
	case len(v.Checks) == 0:
		return errors.New("the values are of no check at all")
	}
	seen := map[string]bool{}
	for _, c := range v.Checks {
		switch {
		case c.Step == "" || c.Kind == "":
			return errors.New("the values are of a check without a step or without a kind")
		case seen[c.Step]:
			return fmt.Errorf("the values of check %s are there twice", c.Step)
		case c.Like != "" && !seen[c.Like]:
			return fmt.Errorf("check %s has the values of %s, which is no check before it", c.Step, c.Like)
		}
		seen[c.Step] = true
	}
	return nil
}

// foundBlock is a block of values on a page.
type foundBlock struct {
	line int // the line of the page that its text begins in, from 1
	text string
}

var fenceLine = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})[ \t]*([^`]*)$")

// findBlock finds the one fenced block that holds values. What looks like one inside of another block is none.
func findBlock(page string) (foundBlock, error) {
	var found []foundBlock
	var open, language string // the mark of the block that the line is in
	var now foundBlock
	var text []string
	end := func() {
		now.text = strings.Join(text, "\n")
		if language == blockLanguage && strings.Contains(now.text, blockMark) {
			found = append(found, now)
		}
		open, text = "", nil
	}
	number := 0
	for raw := range strings.SplitSeq(page, "\n") {
		number++
		raw = strings.TrimSuffix(raw, "\r")
		m := fenceLine.FindStringSubmatch(raw)
		switch {
		case open == "" && m != nil:
			open, language, now = m[1], strings.TrimSpace(m[2]), foundBlock{line: number + 1}
		case open != "" && m != nil && m[2] == "" && strings.HasPrefix(m[1], open):
			end()
		case open != "":
			text = append(text, raw)
		}
	}
	if open != "" {
		end()
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return foundBlock{}, fmt.Errorf("there is no block with %s in it: it is no page of runbook snapshot, or the block was taken out", blockMark)
	}
	return foundBlock{}, fmt.Errorf("lines %d and %d: there are two blocks of values, and only one can be right", found[0].line, found[1].line)
}
