//go:build lab

package host_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/lab/host"
)

func frontendProofs() map[string]proof {
	return map[string]proof{
		"launcher-disabled": {
			"systemctl list-dependencies multi-user.target | grep dixis-frontend || echo nobody wants it", "nobody wants it",
		},
		"launcher-edited": {
			"grep -o 'next start .*' " + launcherFile + "; systemctl show --property=ExecStart dixis-frontend-launcher | grep -o 'next start [^;]*'",
			"next start -H 127.0.0.1 -p 3000\nnext start -p 3000 \n",
		},
		"wrong-port": {"curl -s http://127.0.0.1:3001/orders", "dixis orders"},
		"port-held-dev": {
			"ps -o user=,unit= -p $(pgrep -u deploy -f ' dev -H 127.0.0.1') | tr -s ' '", "deploy session-7.scope",
		},
		"build-half": {
			"journalctl --no-pager -u dixis-frontend-prod", "no such file or directory, open '/var/www/dixis/frontend/.next/",
		},
		"node-modules-broken": {"/var/www/dixis/frontend/node_modules/.bin/next --version", "Cannot find module"},
		"wrong-owner":         {"cd /var/www/dixis/frontend; sudo -u deploy pnpm build", "EACCES: permission denied"},
		"frontend-hung": {
			"cut -d')' -f2- /proc/$(systemctl show --property=MainPID --value dixis-frontend-prod)/stat", " T ",
		},
		"frontend-oom-loop": {"journalctl --no-pager -u dixis-frontend-prod", "Start request repeated too quickly"},
		"transient-stopped": {
			"systemctl show --property=LoadState dixis-frontend-prod", "LoadState=not-found",
		},
		"transient-failed": {
			"systemd-run --unit=dixis-frontend-prod true", "was already loaded or has a fragment file",
		},
		"launcher-stopped": {"systemctl is-active dixis-frontend-launcher", "inactive"},
		"build-missing": {
			"journalctl --no-pager -u dixis-frontend-prod", "Could not find a production build in the '.next' directory",
		},
		"ipv6-binding": {
			"journalctl --no-pager -u dixis-frontend-prod", "EADDRINUSE: address already in use :::3000",
		},
		"port-held-foreign": {
			"journalctl --no-pager -u dixis-frontend-prod", "EADDRINUSE: address already in use 127.0.0.1:3000",
		},
	}
}

func machineProofs() map[string]proof {
	return map[string]proof{
		"disk-full": {"head -c 4096 /dev/zero >/root/new", "No space left on device"},
		"inodes-full": {
			"fallocate --length=64MiB --keep-size /var/lib/php/sessions/$(ls /var/lib/php/sessions | head -n 1) && touch /root/new",
			"touch: cannot touch '/root/new': No space left on device",
		},
		"hosts-entry-missing": {
			`curl -sS https://dixis.gr/products 2>&1
			curl -s --resolve dixis.gr:443:127.0.0.1 --write-out '%{http_code}' --output /dev/null https://dixis.gr/products`,
			"Could not resolve host: dixis.gr\n200",
		},
		"build-missing-disk-full": {
			"mkdir -p /var/lib/runbook; head -c 4096 /dev/zero >/var/lib/runbook/journal.jsonl", "No space left on device",
		},
		"dbus-dead": {
			"busctl list; systemctl is-active dixis-frontend-prod", "Failed to connect to bus: Connection refused\nactive\n",
		},
		"systemd-unreachable": {"systemctl status dixis-frontend-prod", "Failed to connect to bus: Connection refused\n"},
	}
}

const launcherFile = "/etc/systemd/system/dixis-frontend-launcher.service"

func TestADisabledLauncherDoesNotComeBack(t *testing.T) {
	t.Parallel()
	h := boot(t)
	if err := h.Break(t.Context(), "launcher-disabled"); err != nil {
		t.Fatal(err)
	}
	if err := h.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if health := h.Check(t.Context()); health.Value("launcher") != "inactive (dead)" || health.Value("/products") != "no answer" {
		t.Errorf("after the reboot:\n%s", health)
	}
}

// What is right on disk does nothing until systemd has read it.
func TestOnlyADaemonReloadHelpsAnEditedLauncher(t *testing.T) {
	t.Parallel()
	h := boot(t)
	if err := h.Break(t.Context(), "launcher-edited"); err != nil {
		t.Fatal(err)
	}
	const restart = `
		systemctl reset-failed dixis-frontend-prod
		systemctl restart dixis-frontend-launcher
		until systemctl is-failed --quiet dixis-frontend-prod || curl -s -o /dev/null http://127.0.0.1:3000/orders; do sleep 0.02; done
		systemctl is-active dixis-frontend-prod`
	if got := script(t, h, restart); !strings.HasSuffix(got, "failed\n") {
		t.Errorf("after a restart alone the frontend is %s", got)
	}
	if got := script(t, h, "systemctl daemon-reload"+restart); !strings.HasSuffix(got, "active\n") {
		t.Errorf("after a daemon-reload and a restart the frontend is %s", got)
	}
}

// The kernel's log is the machine's, and names the group of the host.
func TestTheKernelKillsTheFrontendForMemory(t *testing.T) {
	t.Parallel()
	h := boot(t)
	if err := h.Break(t.Context(), "frontend-oom-loop"); err != nil {
		t.Fatal(err)
	}
	kills := 0
	for line := range strings.Lines(script(t, h, "dmesg")) {
		if strings.Contains(line, "oom_memcg=/") && strings.Contains(line, "/runbook-lab-"+h.Name+"-") &&
			strings.Contains(line, "/dixis-frontend-prod.service") {
			kills++
		}
	}
	if kills < 5 {
		t.Errorf("the kernel killed the frontend %d times", kills)
	}
	// And for nothing else: without the limit the same command serves.
	script(t, h, "sed -i '/MemoryMax/,/Restart=/d' "+launcherFile+`
		systemctl daemon-reload
		systemctl reset-failed dixis-frontend-prod
		systemctl restart dixis-frontend-launcher`)
	if err := h.Break(t.Context(), "healthy"); err != nil {
		t.Error(err)
	}
}

// A host shows what each of its faults shows.
func TestFaultsOfFrontendAndMachineAddUp(t *testing.T) {
	t.Parallel()
	shows := map[string]host.Shows{}
	for _, f := range host.Faults() {
		shows[f.Name] = f.Shows
	}
	for _, c := range []struct {
		faults string
		still  host.Shows // what they leave as it was
	}{
		{
			"launcher-disabled wrong-owner hosts-entry-missing disk-full dbus-dead",
			host.Shows{"transient": "active (running)", "/products": "200", "/orders": "200", "site /products": "unknown host"},
		},
		{"launcher-disabled frontend-hung inodes-full", host.Shows{"launcher file": "as loaded", "build": "present"}},
		{"wrong-owner build-missing", host.Shows{"node modules": "whole", "/api/healthz": "200"}},
		{"build-half node-modules-broken disk-full", host.Shows{"owner": "deploy", "site /api/healthz": "200"}},
		{"wrong-port wrong-owner hosts-entry-missing", host.Shows{"build": "present", "launcher at boot": "enabled"}},
		{"frontend-oom-loop hosts-entry-missing inodes-full", host.Shows{"build": "present", "owner": "deploy"}},
		{"port-held-dev launcher-disabled wrong-owner", host.Shows{"launcher": "active (exited)", "node modules": "whole"}},
		// In this order: dbus-dead masks units, which makes systemd read all unit files anew.
		{"dbus-dead transient-failed launcher-edited", host.Shows{"launcher": "active (exited)", "build": "present"}},
	} {
		t.Run(c.faults, func(t *testing.T) {
			t.Parallel()
			h := boot(t)
			want := host.Shows{}
			for fault := range strings.FieldsSeq(c.faults) {
				if err := h.Break(t.Context(), fault); err != nil {
					t.Fatal(err)
				}
				maps.Copy(want, shows[fault])
			}
			maps.Copy(want, c.still)
			got := host.Shows{}
			for _, r := range h.Check(t.Context()) {
				if _, asked := want[r.Probe.Name]; asked {
					got[r.Probe.Name] = r.Value
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
