package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// tree is a process and everything that came of it. Its group holds most of them; those that made a session of their
// own, or whose parent has died, are found by the cookie that every descendant inherits in its environment.
type tree struct {
	leader int
	cookie string
}

// end asks the whole tree to end, and kills what is left after the grace. ended brings the leader's own end.
func (t tree) end(grace time.Duration, ended <-chan error) {
	t.signal(syscall.SIGTERM)
	deadline := time.After(grace)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	leaderGone := false
	for {
		select {
		case <-ended:
			leaderGone = true
		case <-deadline:
			t.kill()
			if !leaderGone {
				<-ended
			}
			return
		case <-tick.C:
			if leaderGone && len(t.members()) == 0 {
				return
			}
		}
	}
}

// kill kills until nobody is left: a process may be born between the look and the signal.
func (t tree) kill() {
	for range 100 {
		if len(t.members()) == 0 {
			return
		}
		t.signal(syscall.SIGKILL)
		time.Sleep(2 * time.Millisecond)
	}
}

func (t tree) signal(sig syscall.Signal) {
	_ = syscall.Kill(-t.leader, sig)
	for _, pid := range t.members() {
		_ = syscall.Kill(pid, sig)
	}
}

// members lists the processes that carry the cookie and have not ended.
func (t tree) members() []int {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	var pids []int
	for _, dir := range folders {
		env, err := os.ReadFile(filepath.Join(dir, "environ")) // empty for one that has ended
		if err != nil || !carries(env, t.cookie) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func carries(env []byte, cookie string) bool {
	for v := range bytes.SplitSeq(env, []byte{0}) {
		if string(v) == cookie {
			return true
		}
	}
	return false
}
