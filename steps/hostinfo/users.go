package hostinfo

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/steps/internal/budget"
)

// mostUsers is the most logged-in users that are listed.
const mostUsers = 50

// users lists who is logged in, from the files in which systemd-logind keeps its sessions. They are what its library
// reads as well, and unlike its bus they are there when D-Bus is not. nil when nobody can tell.
func (h host) users() *[]login {
	// The first thing that it writes after a boot. A folder for sessions can be there without it.
	if _, err := os.Lstat(h.path("run/systemd/seats/seat0")); err != nil {
		return nil
	}
	entries, err := os.ReadDir(h.path("run/systemd/sessions"))
	if err != nil {
		return nil
	}
	found := []login{}
	for _, e := range entries {
		if !e.Type().IsRegular() { // beside the sessions there are pipes that keep them open
			continue
		}
		s, err := assignments(h.path("run/systemd/sessions", e.Name()))
		if os.IsNotExist(err) {
			continue // it has just ended
		}
		if err != nil {
			return nil
		}
		if !strings.HasPrefix(s["CLASS"], "user") || s["STATE"] == "closing" {
			continue
		}
		us, err := strconv.ParseInt(s["REALTIME"], 10, 64)
		if err != nil {
			continue
		}
		found = append(found, login{
			Name: budget.Line(s["USER"], 64), TTY: budget.Line(s["TTY"], 64), From: budget.Line(s["REMOTE_HOST"], 256),
			Since: time.UnixMicro(us).UTC().Format(time.RFC3339),
		})
	}
	slices.SortFunc(found, func(a, b login) int {
		return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Name, b.Name), cmp.Compare(a.TTY, b.TTY))
	})
	found = found[:min(len(found), mostUsers)]
	return &found
}
