package steps

import (
	"fmt"
	"slices"

	"runbook/engine"
	"runbook/steps/command"
	"runbook/steps/disk"
	"runbook/steps/file"
	"runbook/steps/flow"
	"runbook/steps/hostinfo"
	"runbook/steps/httpcheck"
	"runbook/steps/human"
	"runbook/steps/netcheck"
	"runbook/steps/nginx"
	"runbook/steps/node"
	"runbook/steps/pm2"
	"runbook/steps/process"
	"runbook/steps/systemd"
)

// All lists every step kind there is, in the order of the reference.
func All() ([]engine.Kind, error) {
	families := []func() ([]engine.Kind, error){
		systemd.Kinds, netcheck.Kinds, httpcheck.Kinds, file.Kinds, disk.Kinds, process.Kinds, hostinfo.Kinds, command.Kinds, nginx.Kinds, node.Kinds,
		pm2.Kinds, flow.Kinds, human.Kinds,
	}
	var all []engine.Kind
	for _, kinds := range families {
		family, err := kinds()
		if err != nil {
			return nil, fmt.Errorf("list the step kinds: %w", err)
		}
		all = append(all, family...)
	}
	return inOrder(all)
}

// order is that of the reference: what looks, then what acts, then what steers. A kind that is missing here, or is here
// and nowhere else, is an error.
func order() []string {
	return []string{
		"systemd.unit", "systemd.journal", "systemd.boot",
		"systemd.start", "systemd.stop", "systemd.restart", "systemd.reload", "systemd.reset-failed",
		"systemd.daemon-reload", "systemd.enable", "systemd.run", "systemd.dropin",
		"net.listeners", "net.dial", "dns.lookup", "http.get",
		"nginx.test", "nginx.reload",
		"pm2.list", "pm2.logs", "pm2.resurrect", "pm2.restart", "pm2.start", "pm2.save",
		"file.stat", "file.read", "disk.usage", "file.write", "file.permissions",
		"process.list", "process.signal",
		"host.facts", "host.changes",
		"command", "script", "pnpm.build",
		"wait", "manual", "ask", "escalate", "runbook",
	}
}

func inOrder(kinds []engine.Kind) ([]engine.Kind, error) {
	names := order()
	sorted := make([]engine.Kind, len(names))
	for _, k := range kinds {
		i := slices.Index(names, k.Name)
		switch {
		case i < 0:
			return nil, fmt.Errorf("list the step kinds: %s has no place in the order", k.Name)
		case sorted[i].Name != "":
			return nil, fmt.Errorf("list the step kinds: %s is there twice", k.Name)
		}
		sorted[i] = k
	}
	for i, k := range sorted {
		if k.Name == "" {
			return nil, fmt.Errorf("list the step kinds: nobody makes %s", names[i])
		}
	}
	return sorted, nil
}
