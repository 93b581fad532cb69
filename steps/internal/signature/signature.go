package signature

import (
	"fmt"
	"regexp"
)

// Most is how many signatures one step may look for.
const Most = 32

var form = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Compile reads the signatures of an input.
func Compile(in map[string]string) (map[string]*regexp.Regexp, error) {
	if len(in) > Most {
		return nil, fmt.Errorf("there are %d signatures: %d are the most", len(in), Most)
	}
	out := make(map[string]*regexp.Regexp, len(in))
	for name, expr := range in {
		if !form.MatchString(name) {
			return nil, fmt.Errorf("%q can't name a signature: use small letters, digits and _, beginning with a letter", name)
		}
		var err error
		if out[name], err = regexp.Compile(expr); err != nil {
			return nil, fmt.Errorf("signature %s: %w", name, err)
		}
	}
	return out, nil
}

// Tally is what was seen of some signatures.
type Tally struct {
	Found    map[string]bool
	Counts   map[string]int
	Examples map[string]string // the newest line that matches each, as short makes it; "" when none does

	signatures map[string]*regexp.Regexp
	short      func(line string) string
}

// NewTally begins to look for some signatures.
func NewTally(signatures map[string]*regexp.Regexp, short func(line string) string) Tally {
	t := Tally{Found: map[string]bool{}, Counts: map[string]int{}, Examples: map[string]string{}, signatures: signatures, short: short}
	for name := range signatures {
		t.Found[name], t.Counts[name], t.Examples[name] = false, 0, ""
	}
	return t
}

// Add looks at a line. Lines come in the order in which they were written.
func (t Tally) Add(line string) {
	for name, signature := range t.signatures {
		if signature.MatchString(line) {
			t.Found[name] = true
			t.Counts[name]++
			t.Examples[name] = t.short(line)
		}
	}
}
