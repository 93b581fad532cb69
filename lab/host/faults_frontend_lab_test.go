//go:build lab

package host_test

func frontendProofs() map[string]proof {
	return map[string]proof{
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
		"build-missing-disk-full": {
			"mkdir -p /var/lib/runbook; head -c 4096 /dev/zero >/var/lib/runbook/journal.jsonl", "No space left on device",
		},
		"dbus-dead": {
			"busctl list; systemctl is-active dixis-frontend-prod", "Failed to connect to bus: Connection refused\nactive\n",
		},
		"systemd-unreachable": {"systemctl status dixis-frontend-prod", "Failed to connect to bus: Connection refused\n"},
	}
}
