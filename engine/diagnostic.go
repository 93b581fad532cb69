package engine

// Diagnostic is one mistake in a runbook, or one thing to think about.
type Diagnostic struct {
	File    string
	Pos     Pos
	Length  int    // characters that the caret underlines; 1 when 0
	Message string // what is wrong, and what to do
	Rule    string // "unknown-step"
	Hint    string // "did you mean launcher?", "" for none
}
