package journal

import "fmt"

// Notice tells that a run lives in another place than before.
type Notice struct {
	// Run is its id.
	Run string
	// Fallback: the run now lives in memory, and a restart of the host loses what it writes from here on. Else it has
	// come home.
	Fallback bool
	// Path is the folder where it now lives.
	Path string
	// Err is why the run could not stay where it was. Nil when it has come home.
	Err error
}

// String is the notice as one line for people.
func (n Notice) String() string {
	if n.Fallback {
		return fmt.Sprintf("the journal goes on in %s, and a restart of the host would lose it: %v", n.Path, n.Err)
	}
	return "the journal is back on disk in " + n.Path
}
