package supervisor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// subreaper makes orphans of the change children of the supervisor, so that none is out of reach when it has to be
// stopped.
func subreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become the parent of orphans: %w", err)
	}
	return nil
}
