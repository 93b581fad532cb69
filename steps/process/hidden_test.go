package process_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"runbook/engine"
	"runbook/steps/stepstest"
)

// Where /proc hides the processes of others, a list of one's own would say "there is none" of what is merely hidden.
func TestAListThatWouldLackProcessesIsNone(t *testing.T) {
	stepstest.Root(t)
	const inside = "PROCESS_TEST_HIDDEN"
	if os.Getenv(inside) != "" {
		task, _ := stepstest.Task()
		task.As = "nobody"
		out, err := kind(t, "process.list").Do(t.Context(), map[string]any{"match": "no-such-process-here"}, task)
		if f := engine.FailureOf(err); f == nil || f.Kind != engine.Denied || !strings.Contains(f.Message, os.Getenv(inside)) {
			t.Errorf("have %v, %v", out, err)
		}
		return
	}
	for option, says := range map[string]string{"hidepid=2": "hidepid", "hidepid=1": "process"} {
		t.Run(option, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "sh", "-ec",
				`mount --make-rprivate / && mount -t proc -o "$1" proc /proc && exec "$2" -test.run='^TestAListThatWouldLackProcessesIsNone$' -test.count=1`,
				"sh", option, os.Args[0])
			cmd.Env = append(os.Environ(), inside+"="+says)
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
