package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Snapshot is what a host is at one moment: its files, its units and its processes. Two are compared with Diff.
type Snapshot struct {
	Files     map[string]File   // by path; on the disk only what is not as in the image, since nothing else can have changed
	Units     map[string]string // by name: states and invocation of all but the inactive
	Processes map[string]string // by "pid 41 started 8264471": user and command line
}

// Snapshot looks at the host from outside; all it starts inside is one systemctl. Where that gets no answer, the
// units are one entry that says so. It takes some 50 ms.
func (h *Host) Snapshot(ctx context.Context) (Snapshot, error) {
	processes, err := h.processes()
	if err != nil {
		return Snapshot{}, fmt.Errorf("look at the processes of the lab host %s: %w", h.Name, err)
	}
	files, err := h.files()
	if err != nil {
		return Snapshot{}, fmt.Errorf("look at the files of the lab host %s: %w", h.Name, err)
	}
	return Snapshot{Files: files, Units: h.units(ctx), Processes: processes}, nil
}

// units leaves out what is inactive: systemd loads such units when somebody asks for them and forgets them again. That
// a unit became inactive shows all the same, as its absence.
func (h *Host) units(ctx context.Context) map[string]string {
	units := map[string]string{}
	out, err := h.Run(ctx, "timeout", "10", "systemctl", "show", "*",
		"--property=Id,LoadState,ActiveState,SubState,Result,InvocationID,NRestarts,NeedDaemonReload")
	if err != nil {
		units["*"] = "unknown: systemctl gets no answer"
		return units
	}
	for block := range strings.SplitSeq(out, "\n\n") {
		var name, state string
		inactive := false
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			if id, found := strings.CutPrefix(line, "Id="); found {
				name = id
				continue
			}
			inactive = inactive || line == "ActiveState=inactive"
			state += line + " "
		}
		if name != "" && !inactive {
			units[name] = strings.TrimSpace(state)
		}
	}
	return units
}

// processes leaves out zombies: they do nothing any more and wait for somebody to take note.
func (h *Host) processes() (map[string]string, error) {
	proc := fmt.Sprintf("/proc/%d/root/proc", h.leader)
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, fmt.Errorf("list them: %w", err)
	}
	processes := map[string]string{}
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		dir := filepath.Join(proc, e.Name())
		stat, err1 := os.ReadFile(filepath.Join(dir, "stat"))
		args, err2 := os.ReadFile(filepath.Join(dir, "cmdline"))
		status, err3 := os.ReadFile(filepath.Join(dir, "status"))
		if err1 != nil || err2 != nil || err3 != nil {
			continue // it ended in the meantime
		}
		// 41 (next-server (v1) S 1 …: after the last parenthesis come the state and, 19 fields on, the start in ticks.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 20 || fields[0] == "Z" {
			continue
		}
		user := "?"
		for line := range strings.Lines(string(status)) {
			if ids, found := strings.CutPrefix(line, "Uid:"); found {
				user = strings.Join(strings.Fields(ids), "/")
			}
		}
		command := strings.TrimSpace(strings.ReplaceAll(string(args), "\x00", " "))
		processes["pid "+e.Name()+" started "+fields[19]] = "uid " + user + ": " + command
	}
	return processes, nil
}
