package redact

// words is an Aho-Corasick automaton: it reads a text once, byte by byte, and
// knows at each byte all words that end there, and how much of a word might
// still become one. Line breaks are not part of words, and are not read.
type words struct {
	nodes []node
	root  [256]int32 // the root's children, where nearly all time is spent
	// folds is the longest run of line breaks that a word can have inside.
	folds int
}

// node is a beginning of a word. Children are a linked list: words are many
// and long, and seldom branch.
type node struct {
	child, sibling int32 // 0: none
	fail           int32 // the longest other beginning that is an ending of this one
	depth          int32
	by             byte
	longest        int32  // length of the longest word that ends here, 0: none
	name           string // of that word
	shortest       int32  // length of the shortest word that begins like this
	begins         string // the name of that word
}

// longestFold is how many line breaks in a row a found secret may have inside
// although it has none itself: "\r\n" twice.
const longestFold = 4

func newWords() *words { return &words{nodes: make([]node, 1), folds: longestFold} }

// isBreak tells line breaks.
func isBreak(b byte) bool { return b == '\n' || b == '\r' }

// add adds a word. Of two equal words the first one's name counts.
func (w *words) add(text, name string) {
	at, breaks, length := int32(0), 0, int32(0)
	var way []int32
	for _, b := range []byte(text) {
		if isBreak(b) {
			breaks++
			w.folds = max(w.folds, breaks)
			continue
		}
		breaks = 0
		next := w.find(at, b)
		if next == 0 {
			next = int32(len(w.nodes)) //nolint:gosec // G115: bounded by the lengths of secrets
			n := node{by: b, sibling: w.nodes[at].child, depth: w.nodes[at].depth + 1}
			w.nodes = append(w.nodes, n)
			w.nodes[at].child = next
			if at == 0 {
				w.root[b] = next
			}
		}
		at = next
		way = append(way, at)
		length++
	}
	if length < Shortest {
		return // too little is left of it, for instance of the inside of a short base64
	}
	if n := &w.nodes[at]; n.longest == 0 {
		n.longest, n.name = length, name
	}
	for _, i := range way {
		if n := &w.nodes[i]; n.shortest == 0 || length < n.shortest {
			n.shortest, n.begins = length, name
		}
	}
}

// find is the child of a node for a byte, 0 if there is none.
func (w *words) find(at int32, b byte) int32 {
	if at == 0 {
		return w.root[b]
	}
	for c := w.nodes[at].child; c != 0; c = w.nodes[c].sibling {
		if w.nodes[c].by == b {
			return c
		}
	}
	return 0
}

// link completes the automaton: where to go on when a beginning goes no further.
func (w *words) link() {
	queue := make([]int32, 1, len(w.nodes))
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for c := w.nodes[at].child; c != 0; c = w.nodes[c].sibling {
			queue = append(queue, c)
			if at == 0 {
				continue
			}
			n := &w.nodes[c]
			n.fail = w.step(w.nodes[at].fail, n.by)
			// A word that ends inside a longer one ends here too; the longer
			// covers it.
			if f := w.nodes[n.fail]; n.longest == 0 {
				n.longest, n.name = f.longest, f.name
			}
		}
	}
}

// step goes from a node by a byte.
func (w *words) step(at int32, b byte) int32 {
	for {
		if next := w.find(at, b); next != 0 || at == 0 {
			return next
		}
		at = w.nodes[at].fail
	}
}

// part is the longest beginning of a word at a node that is half of that word
// or more: its length, and the word's name.
func (w *words) part(at int32) (length int32, name string) {
	for ; at != 0; at = w.nodes[at].fail {
		if n := w.nodes[at]; n.depth >= Shortest && 2*n.depth >= n.shortest {
			return n.depth, n.begins
		}
	}
	return 0, ""
}

// any tells whether a text has a word in it, or might have the beginning of one
// at its end.
func (w *words) any(text string) bool {
	at := int32(0)
	for i := range len(text) {
		if isBreak(text[i]) {
			continue
		}
		if at = w.step(at, text[i]); w.nodes[at].longest > 0 {
			return true
		}
	}
	return at != 0
}
