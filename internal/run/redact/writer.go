package redact

import "io"

// Writer cuts secrets out of a stream. What might be the beginning of a secret
// is held back until it is known; so Close it at the end. It holds no more than
// the longest secret's longest form, and its line breaks. It is not for several
// goroutines at once.
type Writer struct {
	secrets *Secrets
	to      io.Writer
	err     error
	cuts    int

	// held are the bytes that are not written yet. Words are read without line
	// breaks: place says where in held the nth such byte is.
	held   []byte
	place  []int
	state  int32
	breaks int    // line breaks since the last other byte
	spans  []span // found, in order, not overlapping
	out    []byte // decided, for the writer below
}

// span is a found secret, or several that overlap: the bytes from and before to,
// counted as in place, and the name and length of the longest.
type span struct {
	from, to int
	name     string
	length   int32
}

// Writer cuts the secrets out of what is written to it, and writes the rest to w.
func (s *Secrets) Writer(w io.Writer) *Writer { return &Writer{secrets: s, to: w} }

// Write takes all of p, unless writing on has failed, now or earlier.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.secrets.empty() {
		n, err := w.to.Write(p)
		w.err = err
		return n, err
	}
	// By pieces, so that a large write is not held as a whole.
	const piece = 32 << 10
	for rest := p; len(rest) > 0; {
		n := min(piece, len(rest))
		w.read(rest[:n])
		if err := w.flush(); err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// Close writes what was held back. If that is half of a secret or more, it is
// cut: the end of a stream is often the end of a process that was killed while
// it printed. It does not close the writer below.
func (w *Writer) Close() error {
	if w.err != nil || w.secrets.empty() {
		return w.err
	}
	if n, name := w.secrets.words.part(w.state); n > 0 {
		w.found(n, name)
	}
	w.state = 0
	w.settle()
	return w.flush()
}

// Cuts is the number of markers that were written.
func (w *Writer) Cuts() int { return w.cuts }

// read looks for secrets in p, and decides what can be decided.
func (w *Writer) read(p []byte) {
	words := w.secrets.words
	for i := 0; i < len(p); i++ {
		if w.state == 0 {
			// Nothing is held. Pass on everything before the first byte that
			// could begin a secret.
			from := i
			for i < len(p) && words.root[p[i]] == 0 {
				i++
			}
			w.out = append(w.out, p[from:i]...)
			if i == len(p) {
				return
			}
		}
		b := p[i]
		switch {
		case !isBreak(b):
			w.breaks = 0
			w.place = append(w.place, len(w.held))
			w.held = append(w.held, b)
			w.state = words.step(w.state, b)
			if n := &words.nodes[w.state]; n.longest > 0 {
				w.found(n.longest, n.name)
			}
		default:
			w.held = append(w.held, b)
			if w.breaks++; w.breaks > words.folds {
				w.state = 0 // too many for a fold
			}
		}
		if w.state == 0 {
			w.settle()
		}
	}
	w.settle()
}

// found notes a secret that ends here, together with those that it overlaps.
func (w *Writer) found(length int32, name string) {
	s := span{from: len(w.place) - int(length), to: len(w.place), name: name, length: length}
	for n := len(w.spans) - 1; n >= 0 && w.spans[n].to > s.from; n-- {
		last := w.spans[n]
		s.from = min(s.from, last.from)
		if last.length >= s.length {
			s.name, s.length = last.name, last.length
		}
		w.spans = w.spans[:n]
	}
	w.spans = append(w.spans, s)
}

// settle moves what no further byte can change from held to out.
func (w *Writer) settle() {
	// Not decided is what may begin a secret, and the found ones that such a
	// secret would overlap.
	limit := len(w.place) - int(w.secrets.words.nodes[w.state].depth)
	ready := 0
	for ready < len(w.spans) && w.spans[ready].to <= limit {
		ready++
	}
	if ready < len(w.spans) {
		limit = min(limit, w.spans[ready].from)
	}
	end := len(w.held)
	if limit < len(w.place) {
		end = w.place[limit]
	}
	at := 0
	for _, s := range w.spans[:ready] {
		w.out = append(w.out, w.held[at:w.place[s.from]]...)
		w.out = append(w.out, "[secret "+s.name+"]"...)
		w.cuts++
		at = w.place[s.to-1] + 1
	}
	w.out = append(w.out, w.held[at:end]...)

	w.held = append(w.held[:0], w.held[end:]...)
	w.place = append(w.place[:0], w.place[limit:]...)
	for i := range w.place {
		w.place[i] -= end
	}
	w.spans = append(w.spans[:0], w.spans[ready:]...)
	for i := range w.spans {
		w.spans[i].from -= limit
		w.spans[i].to -= limit
	}
}

// flush writes what is decided.
func (w *Writer) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	_, w.err = w.to.Write(w.out)
	w.out = w.out[:0]
	return w.err
}
