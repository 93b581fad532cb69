package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// DamageError says that a journal is not what was written: it was edited, cut in the middle, or the disk lost some of
// it. Nothing is repaired; the lines before Line verify.
type DamageError struct {
	File    string // as the reader was told
	Line    int    // counted from 1
	Problem string
}

func (e *DamageError) Error() string {
	good := ""
	if e.Line > 1 {
		good = fmt.Sprintf("lines 1 to %d verify; ", e.Line-1)
	}
	return fmt.Sprintf("%s:%d: damaged journal: %s; %skeep a copy of the folder, look at the host, and start a new run", e.File, e.Line, e.Problem, good)
}

// End is where the good part of a journal ends.
type End struct {
	// Last is the last good event; its Seq is 0 when there is none.
	Last Record
	// Size is the length of the good part in bytes.
	Size int64
	// Torn is how many bytes of one unfinished last line follow it. Usually 0. A run that is being written may show a
	// torn line for an instant.
	Torn int64
}

// hash is the hash that the next line builds on.
func (e End) hash() string {
	if e.Last.Seq == 0 {
		return firstHash
	}
	return e.Last.Hash
}

// Reader reads and verifies a journal from front to back. It holds one line at a time.
type Reader struct {
	src  *bufio.Reader
	file string
	line []byte
	end  End
}

// NewReader reads a journal from src; file is its name in errors.
func NewReader(src io.Reader, file string) *Reader {
	return &Reader{src: bufio.NewReaderSize(src, 64<<10), file: file}
}

// Records gives the events in order, each verified. Damage ends it with a *DamageError, as does a failure to read with
// its own error. A torn last line ends it without one; End tells.
func (r *Reader) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			rec, err := r.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// End says how far the events given so far reach, and, once Records has given all of them, what is torn after them.
func (r *Reader) End() End { return r.end }

// next gives the next event, or io.EOF after the last.
func (r *Reader) next() (Record, error) {
	line, err := r.readLine()
	if errors.Is(err, io.EOF) {
		r.end.Torn = int64(len(line))
		return Record{}, io.EOF
	}
	if err != nil {
		return Record{}, err
	}
	rec, err := decode(line[:len(line)-1], r.end.Last.Seq+1, r.end.hash())
	if err != nil {
		if r.tornByPowerCut(line) {
			r.end.Torn = int64(len(line))
			return Record{}, io.EOF
		}
		return Record{}, r.damage(err.Error())
	}
	r.end.Last = rec
	r.end.Size += int64(len(line))
	return rec, nil
}

// readLine returns a line with its newline, or with io.EOF what follows the last newline.
func (r *Reader) readLine() ([]byte, error) {
	r.line = r.line[:0]
	for {
		part, err := r.src.ReadSlice('\n')
		r.line = append(r.line, part...)
		if len(r.line) > maxLine {
			return nil, r.damage(fmt.Sprintf("line longer than %d bytes", maxLine))
		}
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return r.line, err
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("read journal: %w", err)
		}
	}
}

// sector is the least that a disk writes at once.
const sector = 512

// tornByPowerCut says whether a bad line is the last one and has a hole: after a power cut a file system may show zeros
// where a block of the last write never reached the disk, with the line's end in the next block. Such a hole begins
// with the line or with a sector, and ends with a sector. A single zero byte elsewhere is no hole but damage: it may
// stand where a newline was, and then this is not one line.
func (r *Reader) tornByPowerCut(line []byte) bool {
	hole := bytes.IndexByte(line, 0)
	if hole < 0 {
		return false
	}
	end := hole
	for line[end] == 0 { // the line ends in a newline
		end++
	}
	if (r.end.Size+int64(end))%sector != 0 || hole > 0 && (r.end.Size+int64(hole))%sector != 0 {
		return false
	}
	_, err := r.src.Peek(1)
	return errors.Is(err, io.EOF)
}

func (r *Reader) damage(problem string) error {
	// One event is one line, so the line after n good events is n+1.
	return &DamageError{File: r.file, Line: int(r.end.Last.Seq) + 1, Problem: problem} //nolint:gosec // lines fit an int
}

// Read reads and verifies the journal file at path. It ends as Reader.Records does.
func Read(path string) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(Record{}, fmt.Errorf("open journal: %w", err))
			return
		}
		defer f.Close()
		NewReader(f, path).Records()(yield)
	}
}

// readEnd reads and verifies all of a journal for where it ends, and shows each event to see.
func readEnd(src io.Reader, file string, see func(Record)) (End, error) {
	r := NewReader(src, file)
	for rec, err := range r.Records() {
		if err != nil {
			return End{}, err
		}
		see(rec)
	}
	return r.End(), nil
}

// readLast finds the last good event from the end of the file, without reading all of it. It verifies that event
// against the hash before it. A *DamageError of its own has no line number.
func readLast(src io.ReaderAt, size int64, file string) (Record, error) {
	for span := int64(64 << 10); ; span *= 4 {
		from := max(size-span, 0)
		part := make([]byte, size-from)
		if _, err := src.ReadAt(part, from); err != nil && !errors.Is(err, io.EOF) {
			return Record{}, fmt.Errorf("read end of journal: %w", err)
		}
		lines := bytes.SplitAfter(part, []byte{'\n'})
		lines = lines[:len(lines)-1] // what follows the last newline: nothing, or a torn line
		if from > 0 && len(lines) < 3 {
			if span > 4*maxLine {
				return Record{}, &DamageError{File: file, Problem: fmt.Sprintf("line longer than %d bytes", maxLine)}
			}
			continue // the first of these may be half a line, and two whole ones are needed
		}
		return decodeLast(lines, from == 0, file)
	}
}

func decodeLast(lines [][]byte, whole bool, file string) (Record, error) {
	if whole && len(lines) == 0 {
		return Record{}, nil
	}
	last := lines[len(lines)-1]
	prev := firstHash
	if len(lines) > 1 {
		before := lines[len(lines)-2]
		if len(before) <= hashField {
			return Record{}, &DamageError{File: file, Problem: "not a line of a journal: it does not end in a hash"}
		}
		end := len(before) - 1 - len(hashAfter)
		prev = string(before[end-len(firstHash) : end])
	}
	var envelope Record
	if _, err := decodeEnvelope(last[:max(len(last)-1-hashField, 0)], &envelope); err != nil {
		return Record{}, &DamageError{File: file, Problem: err.Error()}
	}
	rec, err := decode(last[:len(last)-1], envelope.Seq, prev)
	if err != nil {
		return Record{}, &DamageError{File: file, Problem: err.Error()}
	}
	return rec, nil
}
