package journal

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Holder says who holds a lock or drives a run.
type Holder struct {
	Run   string    `json:"run"`           // id of the run
	By    string    `json:"by"`            // who, as they are to be shown to others
	PID   int       `json:"pid"`           // the process; filled in when 0
	Since time.Time `json:"since"`         // UTC; filled in when zero
	For   string    `json:"for,omitempty"` // what for, when it is not to drive the run: "note", "move"
}

func (h Holder) filled() Holder {
	if h.PID == 0 {
		h.PID = os.Getpid()
	}
	if h.Since.IsZero() {
		h.Since = time.Now()
	}
	h.Since = h.Since.UTC().Round(0)
	return h
}

// alive says whether the process lives. A name that one has left who was killed stands until the next has written his.
func (h Holder) alive() bool {
	return h.PID > 0 && !errors.Is(unix.Kill(h.PID, 0), unix.ESRCH)
}

// HeldError says that a lock, or a run, is held by a live process.
type HeldError struct {
	Lock   string // name of the lock; empty: the run itself
	Holder Holder // zero when the holder could not write its name
	Change string // step of a change of that run which still goes on under its supervisor, the run itself being dead
}

func (e *HeldError) Error() string {
	h := e.Holder
	var s strings.Builder
	switch {
	case e.Lock == "" && h == Holder{}:
		return "this run is already driven, by a process that could not leave its name"
	case e.Lock == "":
		s.WriteString("this run is already driven")
	case h == Holder{}:
		return "lock " + e.Lock + " is held by a process that could not leave its name"
	default:
		fmt.Fprintf(&s, "lock %s is held by run %s", e.Lock, h.Run)
	}
	if h.By != "" {
		s.WriteString(", by " + h.By)
	}
	fmt.Fprintf(&s, " (process %d), since %s", h.PID, h.Since.Format("2006-01-02 15:04:05 UTC"))
	if e.Change != "" {
		fmt.Fprintf(&s, "; the process is gone, but its change %s still goes on", e.Change)
	}
	return s.String()
}
