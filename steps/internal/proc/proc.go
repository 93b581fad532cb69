package proc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"runbook/steps/internal/budget"
)

// ticks is USER_HZ, the unit of times in /proc/PID/stat: 100 a second on every Linux that Go runs on.
const ticks = 100

// CommandSize is the most bytes of a command line that a Process holds.
const CommandSize = 256

// Table reads the processes of this host. It is made for one look: it remembers the names of users.
type Table struct {
	fs    procfs.FS
	boot  string // the first 8 hex digits of the boot's id
	root  string // the cgroup that systemd's own units are under, "/" but in some containers
	users map[uint64]string
}

// Process is one process as it was seen at one moment.
type Process struct {
	PID, Parent int
	Comm        string  // the kernel's name of it, at most 15 bytes: "next-server (v1"
	State       string  // R, S, D, Z, T, …
	User        string  // its effective user, the number when it has no name
	Command     *string // its arguments joined by spaces, "[comm]" for a kernel thread; nil when not to be seen
	Unit        *string // its systemd unit, "" for none; nil when not to be seen
	UserUnit    *string // inside user@UID.service: the unit of that user's own systemd
	Start       Start
	AgeSeconds  int
	Memory      int // resident, in bytes, as roughly as the kernel counts: 0 for a small process
}

// Open prepares a look at the processes.
func Open() (*Table, error) {
	pfs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("open /proc: %w", err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, fmt.Errorf("read the id of this boot: %w", err)
	}
	t := &Table{fs: pfs, boot: budget.Head(string(boot), 8), root: "/", users: map[uint64]string{}}
	if init, err := pfs.Proc(1); err == nil {
		if groups, err := init.Cgroups(); err == nil {
			t.root = unitRoot(groups)
		}
	}
	return t, nil
}

// PIDs lists the processes that can be seen, in order. It is an error when /proc hides those of other users, since a
// list of some processes can't say that there is none.
func (t *Table) PIDs() ([]int, error) {
	if _, err := t.fs.Proc(1); err != nil {
		return nil, fmt.Errorf("list processes: /proc hides those of other users (hidepid): %w", fs.ErrPermission)
	}
	all, err := t.fs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	pids := make([]int, len(all))
	for i, p := range all {
		pids[i] = p.PID
	}
	slices.Sort(pids)
	return pids, nil
}

// Process looks at one process. A process that has ended is [fs.ErrNotExist].
func (t *Table) Process(pid int) (Process, error) {
	p, stat, err := t.stat(pid)
	if err != nil {
		return Process{}, err
	}
	out := Process{
		PID: pid, Parent: stat.PPID, Comm: budget.Line(stat.Comm, 64), State: stat.State,
		Start:      Start{Ticks: stat.Starttime, Boot: t.boot},
		AgeSeconds: age(stat.Starttime),
		Memory:     stat.ResidentMemory(),
	}
	status, err := p.NewStatus()
	if err != nil {
		return Process{}, gone(pid, err)
	}
	out.User = t.User(status.UIDs[1])
	if args, err := p.CmdLine(); err == nil {
		line := commandLine(args, stat.Comm)
		out.Command = &line
	}
	if groups, err := p.Cgroups(); err == nil {
		unit, userUnit := unitOf(groups, t.root)
		out.Unit, out.UserUnit = &unit, &userUnit
	}
	return out, nil
}

// CommandLine gives the whole command line of a process, for matching.
func (t *Table) CommandLine(pid int) (string, error) {
	p, stat, err := t.stat(pid)
	if err != nil {
		return "", err
	}
	args, err := p.CmdLine()
	if err != nil {
		return "", gone(pid, err)
	}
	if len(args) == 0 {
		return "[" + stat.Comm + "]", nil
	}
	return strings.Join(args, " "), nil
}

// Start tells since when a pid is the process that it is.
func (t *Table) Start(pid int) (Start, error) {
	_, stat, err := t.stat(pid)
	return Start{Ticks: stat.Starttime, Boot: t.boot}, err
}

// Ancestors are the processes that a process descends from, its parent first.
func (t *Table) Ancestors(pid int) ([]int, error) {
	var out []int
	for {
		_, stat, err := t.stat(pid)
		if err != nil {
			return out, err
		}
		pid = stat.PPID
		if pid <= 0 || slices.Contains(out, pid) {
			return out, nil
		}
		out = append(out, pid)
	}
}

// User gives the name of a uid, and the number when it has none.
func (t *Table) User(uid uint64) string {
	if name, ok := t.users[uid]; ok {
		return name
	}
	name := strconv.FormatUint(uid, 10)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	t.users[uid] = name
	return name
}

func (t *Table) stat(pid int) (procfs.Proc, procfs.ProcStat, error) {
	p, err := t.fs.Proc(pid)
	if err != nil {
		return p, procfs.ProcStat{}, gone(pid, err)
	}
	stat, err := p.Stat()
	return p, stat, gone(pid, err)
}

// gone names the process in an error, and knows that reading of one that has just ended gives ESRCH.
func gone(pid int, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ESRCH), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look at process %d: it has ended: %w", pid, fs.ErrNotExist)
	default:
		return fmt.Errorf("look at process %d: %w", pid, err)
	}
}

func commandLine(args []string, comm string) string {
	if len(args) == 0 {
		return "[" + budget.Line(comm, 64) + "]"
	}
	return budget.Line(strings.Join(args, " "), CommandSize)
}

// age is how many seconds ago a process was started at so many ticks after boot.
func age(start uint64) int {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return 0
	}
	return max(int(now.Sec)-int(start/ticks), 0) //nolint:gosec // ticks since boot are far below 2^63
}
