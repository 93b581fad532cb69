package nginx

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/budget"
)

// hearing is one `nginx -t`, as it is judged.
type hearing struct {
	listener
	code      int    // exit code
	user      string // who ran it, for people
	root      bool
	sandboxed bool
	// may tells whether root may read a path, or write it, outside of the sandbox.
	may func(path string, write bool) bool
}

// verdict tells a configuration that is wrong from one of which not everything could be tried. An error says that the
// configuration could not be judged at all.
func (h hearing) verdict() (testOutput, error) {
	var counted, excused []said
	for _, s := range h.all {
		if h.excuses(s) {
			excused = append(excused, s)
		} else {
			counted = append(counted, s)
		}
	}
	out := testOutput{Version: h.version, Errors: errorsIn(counted), Warnings: warningsIn(counted)}
	wrong, stopped := firstEmergency(counted), firstEmergency(excused)
	switch {
	case h.code == 0:
		out.OK, out.Text = true, "nginx takes the configuration"
	case wrong != nil:
		out.Text = wrong.message().place()
	case stopped == nil:
		return out, engine.Failf(engine.Exit, "test nginx's configuration: nginx ended with code %d%s", h.code, after(h.stray))
	case !stopped.read:
		return out, engine.Failf(engine.Denied, "test nginx's configuration: %s kept nginx from reading it: %s", h.obstacle(), stopped.message().place())
	default:
		out.OK, out.Text = true, "nginx can read the configuration, and its syntax is ok"
		out.Untested = budget.Line(fmt.Sprintf("whether nginx can write its pid file and its logs, make its directories and listen on its addresses: %s kept it from trying, at %s",
			h.obstacle(), stopped.message().Message), mostText)
	}
	return out, nil
}

// excuses tells that a refusal says nothing about the configuration: nginx met it only because of where, or as whom, it
// was tested.
//
// Root is refused little. What root itself may do outside, the sandbox has refused; what root may not do either, nginx
// may not when it is started. What another user may not do says nothing, since it is root who starts nginx.
func (h hearing) excuses(s said) bool {
	switch {
	case !s.refused():
		return false
	case !h.root:
		return true
	case !h.sandboxed:
		return false
	default:
		path := s.path()
		return path == "" || h.may(path, s.writing())
	}
}

func (h hearing) obstacle() string {
	if h.root {
		return "the read sandbox"
	}
	return "a right that " + h.user + " lacks and root has"
}

func firstEmergency(all []said) *said {
	for i := range all {
		if all[i].level == emergency {
			return &all[i]
		}
	}
	return nil
}

func after(line string) string {
	if line == "" {
		return ""
	}
	return ": " + budget.Line(line, mostText)
}

// mayOutside asks the kernel about the calling thread's user. A file that is not there yet can be written when its
// folder can.
func mayOutside(path string, write bool) bool {
	mode := uint32(unix.R_OK)
	if write {
		mode = unix.W_OK
	}
	err := unix.Access(path, mode)
	if err == unix.ENOENT && write {
		err = unix.Access(filepath.Dir(path), mode)
	}
	return err == nil
}
