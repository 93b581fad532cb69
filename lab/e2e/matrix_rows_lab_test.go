//go:build lab

package e2e

import "runbook/lab/host"

// What a restart of the frontend touches, and one of the backend.
const (
	frontendUnits = "dixis-frontend-launcher.service dixis-frontend-prod.service"
	newBuild      = "/var/www/dixis/frontend/.next /var/www/dixis/frontend/.next.previous"
	launcherFiles = "/etc/systemd/system/dixis-frontend-launcher.service.d"
	pm2Home       = "/home/deploy/.pm2"
)

func rows() []row {
	const frontend, backend, site, reboot, health = "frontend-not-starting", "backend-not-starting", "site-down", "after-reboot", "health"
	// None of our business: it keeps what it has.
	otherService := host.Shows{"port 3000": "127.0.0.1:3000 next-server,[::1]:3000 node"}
	return []row{
		{faults: "healthy", runbook: frontend, plan: "healthy", verdict: "healthy"},
		{faults: "healthy", runbook: backend, plan: "healthy", verdict: "healthy"},
		{faults: "healthy", runbook: site, plan: "healthy", verdict: "healthy"},
		{faults: "healthy", runbook: reboot, plan: "healthy", verdict: "healthy"},
		{faults: "healthy", runbook: health, plan: "healthy", verdict: "healthy"},

		// The frontend.
		{
			faults: "transient-stopped", runbook: frontend, verdict: "fixed",
			findings: "frontend_gone", changes: "restart", units: frontendUnits,
		},
		{
			faults: "transient-failed", runbook: frontend, verdict: "fixed",
			findings: "name_taken", changes: "free_name restart", units: frontendUnits,
		},
		{
			faults: "launcher-stopped", runbook: frontend, verdict: "fixed",
			findings: "launcher_down", changes: "restart", units: frontendUnits,
		},
		{
			faults: "launcher-disabled", runbook: reboot, verdict: "fixed",
			findings: "launcher_disabled", changes: "enable_launcher", files: "/etc/systemd/system/multi-user.target.wants",
		},
		{
			faults: "launcher-edited", runbook: frontend, verdict: "fixed",
			findings: "name_taken launcher_edited not_pinned address_in_use", changes: "free_name reload_systemd restart",
			units: frontendUnits, leaves: otherService,
		},
		{
			faults: "wrong-port", runbook: frontend, verdict: "fixed",
			findings: "wrong_port", changes: "pin restart", units: frontendUnits, files: launcherFiles,
		},
		{
			faults: "ipv6-binding", runbook: frontend, verdict: "fixed",
			findings: "name_taken not_pinned address_in_use", changes: "free_name pin restart", units: frontendUnits, files: launcherFiles,
			leaves: otherService,
		},
		{
			faults: "port-held-dev", runbook: frontend, verdict: "fixed",
			findings: "port_taken dev_server name_taken build_missing address_in_use", changes: "stop_dev free_name rebuild restart",
			units: frontendUnits, files: newBuild, alive: "/var/www/dixis/frontend/.next",
		},
		{
			faults: "port-held-foreign", runbook: frontend, verdict: "escalated",
			findings: "port_taken name_taken address_in_use", tells: "Ask its owner before you stop it",
		},
		{
			faults: "build-missing", runbook: frontend, verdict: "fixed",
			findings: "name_taken build_missing", changes: "free_name rebuild restart", units: frontendUnits, files: newBuild,
		},
		{
			faults: "build-half", runbook: frontend, verdict: "fixed",
			findings: "name_taken build_missing", changes: "free_name rebuild restart", units: frontendUnits, files: newBuild,
		},
		{
			faults: "node-modules-broken", runbook: frontend, verdict: "fixed",
			findings: "name_taken modules_broken module_not_found", changes: "free_name reinstall restart", units: frontendUnits, files: "/var/www/dixis/frontend/node_modules",
		},
		{
			faults: "wrong-owner", runbook: frontend, verdict: "fixed",
			findings: "wrong_owner", changes: "own", files: "/var/www/dixis/frontend",
		},
		{
			faults: "frontend-hung", runbook: frontend, verdict: "fixed",
			findings: "hung", changes: "restart", units: frontendUnits,
		},
		{
			faults: "frontend-oom-loop", runbook: frontend, verdict: "escalated",
			findings: "memory_loop name_taken", tells: "memory",
		},

		// The backend.
		{
			faults: "pm2-dead", runbook: backend, verdict: "fixed",
			findings: "daemon_dead", changes: "resurrect", units: "pm2-deploy.service", files: pm2Home,
		},
		{
			faults: "pm2-dead-no-dump", runbook: backend, verdict: "escalated",
			findings: "daemon_dead dump_lost", tells: "pm2 save",
		},
		{
			faults: "backend-stopped", runbook: backend, verdict: "fixed",
			findings: "process_stopped", changes: "start", files: pm2Home,
		},
		{
			faults: "backend-errored", runbook: backend, verdict: "escalated",
			findings: "process_errored code_error", tells: "Parse error", files: pm2Home,
		},
		{
			faults: "backend-crash-loops", runbook: backend, verdict: "escalated",
			findings: "crash_loop code_error", tells: "A restart does not help", files: pm2Home, alive: pm2Home + " /tmp",
		},
		{
			faults: "backend-orphaned", runbook: backend, verdict: "fixed",
			findings: "crash_loop", changes: "restart_pm2", units: "pm2-deploy.service", files: pm2Home, alive: pm2Home + " /tmp",
		},
		{
			faults: "pm2-outside-unit", runbook: backend, plan: "healthy", verdict: "healthy", findings: "daemon_stray",
		},
		{
			faults: "pm2-boot-disabled", runbook: reboot, verdict: "fixed",
			findings: "pm2_disabled", changes: "enable_pm2", files: "/etc/systemd/system/multi-user.target.wants",
		},
		{
			faults: "launcher-disabled", runbook: reboot, verdict: "fixed",
			reboot: host.Shows{
				"launcher": "inactive (dead)", "launcher at boot": "disabled", "transient": "not-found", "port 3000": "nobody",
				"/products": "no answer", "dixis-backend": "online", "site /products": "502",
			},
			findings: "not_serving launcher_disabled bring_back/frontend_down bring_back/frontend/launcher_disabled bring_back/frontend/launcher_down",
			changes:  "bring_back/frontend/restart enable_launcher",
			units:    frontendUnits, files: "/etc/systemd/system/multi-user.target.wants",
		},
		{
			faults: "pm2-boot-disabled", runbook: reboot, verdict: "fixed",
			reboot: host.Shows{
				"/products": "200", "pm2-deploy": "inactive (dead)", "pm2-deploy at boot": "disabled", "pm2 daemon": "dead",
				"dixis-backend": "no daemon", "port 8001": "nobody", "site /api/healthz": "502",
			},
			findings: "not_serving pm2_disabled bring_back/backend_down bring_back/backend/daemon_dead",
			changes:  "bring_back/backend/resurrect enable_pm2",
			units:    "pm2-deploy.service", files: "/etc/systemd/system/multi-user.target.wants " + pm2Home,
		},
		{
			faults: "pm2-unit-missing", runbook: reboot, verdict: "escalated",
			findings: "pm2_unit_missing", tells: "pm2 startup",
		},
		{
			faults: "pm2-dump-empty", runbook: reboot, verdict: "fixed",
			findings: "not_saved", changes: "save", files: pm2Home,
		},
		{
			faults: "port-8001-held", runbook: backend, verdict: "escalated",
			findings: "port_taken crash_loop", tells: "Ask its owner", files: pm2Home, alive: pm2Home + " /tmp",
		},
		{
			faults: "backend-hung", runbook: backend, verdict: "fixed",
			findings: "hung", changes: "restart_pm2", units: "pm2-deploy.service", files: pm2Home,
		},

		// nginx, and everything together.
		{
			faults: "nginx-stopped", runbook: site, verdict: "fixed",
			findings: "nginx_down", changes: "start_nginx", units: "nginx.service",
		},
		{
			faults: "nginx-config-broken", runbook: site, verdict: "escalated",
			findings: "nginx_down config_broken", tells: "Mend that, see",
		},
		{
			faults: "nginx-config-untried", runbook: site, plan: "healthy", verdict: "healthy", findings: "config_broken",
		},
		{
			faults: "nginx-upstream-ipv6", runbook: site, verdict: "escalated",
			findings: "upstream_ipv6", tells: "127.0.0.1 for [::1]",
		},
		{
			faults: "certificate-expired", runbook: site, verdict: "escalated",
			findings: "certificate_expired", tells: "Renew it",
		},
		{
			faults: "hosts-entry-missing", runbook: site, verdict: "fixed",
			findings: "name_unknown", unknown: "name", changes: "name_site", files: "/etc/hosts",
		},
		{
			faults: "both-down", runbook: site, verdict: "fixed",
			findings: "frontend_down backend_down frontend/launcher_down backend/daemon_dead",
			changes:  "frontend/restart backend/resurrect", units: frontendUnits + " pm2-deploy.service", files: pm2Home,
		},

		// The machine.
		{faults: "disk-full", runbook: health, verdict: "not-fixed", findings: "disk_full"},
		{faults: "inodes-full", runbook: health, verdict: "not-fixed", findings: "disk_full"},
		{
			faults: "build-missing-disk-full", runbook: frontend, verdict: "escalated",
			findings: "name_taken build_missing disk_full", tells: "Free at least",
		},
		{faults: "dbus-dead", runbook: frontend, plan: "healthy", verdict: "healthy", findings: "bus_silent"},
		{
			faults: "transient-stopped dbus-dead", runbook: frontend, verdict: "fixed",
			findings: "bus_silent frontend_gone", changes: "restart", units: frontendUnits, leaves: host.Shows{"dbus": "does not answer"},
		},
		{
			faults: "systemd-unreachable", runbook: frontend, plan: "undecided", verdict: "undecided",
			findings: "systemd_silent", unknown: "launcher transient name_free files_read pinned",
		},
	}
}
