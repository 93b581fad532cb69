package engine

// Tri is a truth value of Kleene's logic: what nobody could see is unknown, and stays so until it is decided by what
// is known.
type Tri int8

// The truth values. The zero value is Unknown, so that nothing is true by accident.
const (
	Unknown Tri = 0
	True    Tri = 1
	False   Tri = -1
)

func triOf(b bool) Tri {
	if b {
		return True
	}
	return False
}

// And is true when both are, and false when one is, whatever the other may be.
func (t Tri) And(u Tri) Tri { return min(t, u) }

// Or is true when one is, whatever the other may be, and false when both are.
func (t Tri) Or(u Tri) Tri { return max(t, u) }

// Not turns true and false round. What is unknown stays so.
func (t Tri) Not() Tri { return -t }

// String gives "true", "false" or "unknown".
func (t Tri) String() string {
	switch t {
	case True:
		return "true"
	case False:
		return "false"
	default:
		return "unknown"
	}
}

// MarshalText writes the value as a word.
func (t Tri) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the word that MarshalText writes. Any other word is unknown.
func (t *Tri) UnmarshalText(text []byte) error {
	switch string(text) {
	case "true":
		*t = True
	case "false":
		*t = False
	default:
		*t = Unknown
	}
	return nil
}
