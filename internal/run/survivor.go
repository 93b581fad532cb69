package run

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// ChangeVar is a variable that every process gets which this program starts while it has the variable itself. So the
// processes of a change can be told when the supervisor that began it is gone.
const ChangeVar = "RUNBOOK_CHANGE"

// Survivors lists the processes that carry ChangeVar with a value, this one excepted. Those that it may not look at are
// not among them.
func Survivors(value string) ([]Survivor, error) {
	table, _, err := processTable()
	if err != nil {
		return nil, err
	}
	var out []Survivor
	for _, p := range table {
		if p.kernel || p.dead() || p.pid == os.Getpid() {
			continue
		}
		if env, _ := environmentOf(p.pid); slices.Contains(env, ChangeVar+"="+value) {
			out = append(out, Survivor{p})
		}
	}
	return out, nil
}

// Survivor is a process that has outlived its supervisor.
type Survivor struct{ p process }

// Kill ends the process, if it is still the one that was seen.
func (s Survivor) Kill() { signal(s.p, unix.SIGKILL) }
