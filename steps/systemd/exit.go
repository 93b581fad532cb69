package systemd

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// How a process ended, as waitid(2) codes it and systemd hands it on (ExecMainCode).
const (
	cldExited = 1
	cldKilled = 2
	cldDumped = 3
)

// exitCode names how a main process ended, "" for one that did not.
func exitCode(code int) string {
	switch code {
	case cldExited:
		return "exited"
	case cldKilled:
		return "killed"
	case cldDumped:
		return "dumped"
	default:
		return ""
	}
}

// exitText tells how a main process ended in the words of the journal: "status=203/EXEC", "signal=SIGKILL".
func exitText(code, status int) string {
	switch code {
	case cldExited:
		if name := exitStatusName(status); name != "" {
			return fmt.Sprintf("status=%d/%s", status, name)
		}
		return fmt.Sprintf("status=%d", status)
	case cldKilled:
		return "signal=" + signalName(status)
	case cldDumped:
		return "signal=" + signalName(status) + ", core dumped"
	default:
		return ""
	}
}

func signalName(n int) string {
	if name := unix.SignalName(unix.Signal(n)); name != "" {
		return name
	}
	return fmt.Sprint(n)
}

// exitStatusName names the statuses with which systemd itself ends a process that it could not set up
// (systemd.exec(5), "Process Exit Codes"). A program that chose such a number for itself is not told apart.
func exitStatusName(status int) string {
	const first = 200
	names := strings.Fields(`CHDIR NICE FDS EXEC MEMORY LIMITS OOM_ADJUST SIGNAL_MASK STDIN STDOUT CHROOT IOPRIO
		TIMERSLACK SECUREBITS SETSCHEDULER CPUAFFINITY GROUP USER CAPABILITIES CGROUP SETSID CONFIRM STDERR - PAM
		NETWORK NAMESPACE NO_NEW_PRIVILEGES SECCOMP SELINUX_CONTEXT PERSONALITY APPARMOR ADDRESS_FAMILIES
		RUNTIME_DIRECTORY - CHOWN SMACK_PROCESS_LABEL KEYRING STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY
		CONFIGURATION_DIRECTORY NUMA_POLICY CREDENTIALS BPF`)
	if status < first || status >= first+len(names) || names[status-first] == "-" {
		return ""
	}
	return names[status-first]
}
