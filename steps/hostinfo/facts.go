package hostinfo

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"runbook/engine"
	"runbook/steps/internal/hostcall"
)

type factsInput struct{}

type factsOutput struct {
	Hostname          string   `json:"hostname" doc:"its name, as hostname prints it"`
	OS                string   `json:"os" doc:"the system's name for people, like Debian GNU/Linux 12 (bookworm); empty when /etc/os-release has none"`
	Kernel            string   `json:"kernel" doc:"release of the running kernel, as uname -r prints it"`
	Arch              string   `json:"arch" doc:"architecture of the machine, as uname -m prints it: x86_64, aarch64"`
	Virtualization    string   `json:"virtualization" doc:"the manager of the container that the host is, like systemd-nspawn, docker or podman; vm when the processor or the firmware says that the machine is a virtual one; empty when nothing says so"`
	UptimeS           int      `json:"uptime_s" moves:"true" doc:"seconds since the boot, in a container since its start"`
	BootedAt          string   `json:"booted_at" moves:"true" doc:"when that was by the clock of now, RFC 3339 in UTC"`
	BootID            string   `json:"boot_id" moves:"true" doc:"id of this boot, 32 hex digits and dashes"`
	CPUs              int      `json:"cpus" doc:"processors that are online"`
	Load1             float64  `json:"load1" moves:"true" doc:"processes that ran or waited for the processor or the disk, on the average of 1 minute"`
	Load5             float64  `json:"load5" moves:"true" doc:"the same of 5 minutes"`
	Load15            float64  `json:"load15" moves:"true" doc:"the same of 15 minutes"`
	MemoryTotal       int      `json:"memory_total" doc:"bytes of memory of the machine; the limit of a container is not looked at"`
	MemoryAvailable   *int     `json:"memory_available" moves:"true" doc:"bytes that programs could still get without swapping, as the kernel estimates. null when it does not"`
	SwapTotal         int      `json:"swap_total" doc:"bytes of swap, 0 when there is none"`
	SwapFree          int      `json:"swap_free" moves:"true" doc:"bytes of swap that are free"`
	ClockSynchronised *bool    `json:"clock_synchronised" doc:"the kernel has been told lately how wrong its clock can be, by an NTP service: less than 16 s. null when it may not be asked"`
	ClockOffsetMS     *float64 `json:"clock_offset_ms" moves:"true" doc:"milliseconds that the clock is still to be moved by, as an NTP service has told the kernel; chrony moves it itself and leaves 0 here. null when the clock is not synchronised"`
	Users             *[]login `json:"users" moves:"true" doc:"who is logged in, in order of time, as systemd-logind knows it; at most 50. null when it does not run or may not be asked"`
}

type login struct {
	Name  string `json:"name" key:"true" doc:"the user"`
	TTY   string `json:"tty" key:"true" doc:"the terminal; empty when there is none"`
	From  string `json:"from" key:"true" doc:"the host that the user came from; empty when logged in here"`
	Since string `json:"since" doc:"when, RFC 3339 in UTC"`
}

func factsKind(h host) engine.Definition[factsInput, factsOutput] {
	return engine.Definition[factsInput, factsOutput]{
		Name:   "host.facts",
		Effect: engine.Reads,
		Doc: `Looks what the host is and how it does: system, kernel, uptime, load, memory, clock, who is logged in.

It has no expectation of its own: give one, like ` + "`clock_synchronised and load5 < 2 * cpus`" + `. All of it is read from the
kernel and from files; D-Bus is not needed.`,
		Example: "{}\n",
		Do: func(ctx context.Context, _ factsInput, t engine.Task) (factsOutput, error) {
			return hostcall.Look(ctx, t.As, func() (factsOutput, error) { return h.facts(time.Now()) })
		},
	}
}

func (h host) facts(now time.Time) (factsOutput, error) {
	var out factsOutput
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return out, fmt.Errorf("ask for the kernel's name: %w", err)
	}
	out.Hostname = unix.ByteSliceToString(name.Nodename[:])
	out.Kernel = unix.ByteSliceToString(name.Release[:])
	out.Arch = unix.ByteSliceToString(name.Machine[:])

	pfs, err := procfs.NewDefaultFS()
	if err != nil {
		return out, fmt.Errorf("open /proc: %w", err)
	}
	load, err := pfs.LoadAvg()
	if err != nil {
		return out, fmt.Errorf("read the load: %w", err)
	}
	out.Load1, out.Load5, out.Load15 = load.Load1, load.Load5, load.Load15
	stat, err := pfs.Stat()
	if err != nil {
		return out, fmt.Errorf("read the processors: %w", err)
	}
	out.CPUs = len(stat.CPU)
	if err := out.memory(pfs); err != nil {
		return out, err
	}
	if err := out.boot(pfs, now); err != nil {
		return out, err
	}
	out.clock()
	if out.OS, err = h.systemName(); err != nil {
		return out, err
	}
	out.Virtualization = h.virtualization(pfs)
	out.Users = h.users()
	return out, nil
}

func (out *factsOutput) memory(pfs procfs.FS) error {
	m, err := pfs.Meminfo()
	if err != nil {
		return fmt.Errorf("read the memory: %w", err)
	}
	for to, from := range map[*int]*uint64{&out.MemoryTotal: m.MemTotalBytes, &out.SwapTotal: m.SwapTotalBytes, &out.SwapFree: m.SwapFreeBytes} {
		if from != nil {
			*to = int(*from) //nolint:gosec // below 2^63 on every machine there is
		}
	}
	if m.MemAvailableBytes != nil {
		out.MemoryAvailable = new(int(*m.MemAvailableBytes)) //nolint:gosec // as above
	}
	return nil
}

// boot finds the time of the boot. In a container the kernel's is another; so process 1 is asked since when it runs,
// and only when it is hidden the kernel.
func (out *factsOutput) boot(pfs procfs.FS, now time.Time) error {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return fmt.Errorf("read the id of this boot: %w", err)
	}
	out.BootID = strings.TrimSpace(string(id))
	var running unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &running); err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	up := time.Duration(running.Nano())
	if init, err := pfs.Proc(1); err == nil {
		if stat, err := init.Stat(); err == nil {
			const tick = time.Second / 100             // USER_HZ on every Linux that Go runs on
			up -= time.Duration(stat.Starttime) * tick //nolint:gosec // far below 2^63
		}
	}
	out.UptimeS = int(up.Seconds())
	out.BootedAt = now.Add(-up).UTC().Format(time.RFC3339)
	return nil
}

// clock asks the kernel how sure it is of its clock. The limit is the one that timedatectl goes by.
func (out *factsOutput) clock() {
	const (
		limit = 16_000_000 // microseconds
		nano  = 0x2000     // STA_NANO: the offset is in nanoseconds
	)
	var tx unix.Timex
	if _, err := unix.Adjtimex(&tx); err != nil {
		return
	}
	synchronised := tx.Maxerror < limit
	out.ClockSynchronised = &synchronised
	if !synchronised {
		return
	}
	unit := time.Microsecond
	if tx.Status&nano != 0 {
		unit = time.Nanosecond
	}
	ms := float64(time.Duration(tx.Offset)*unit) / float64(time.Millisecond)
	out.ClockOffsetMS = new(math.Round(ms*1000) / 1000)
}
