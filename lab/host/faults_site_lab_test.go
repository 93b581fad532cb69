//go:build lab

package host_test

import "testing"

// ownerOf8001 prints the parent and the state of the process that has port 8001.
const ownerOf8001 = `ps -o ppid= -o stat= -p "$(ss -Hlntp 'sport = :8001' | sed 's/.*pid=\([0-9]*\),.*/\1/')" | xargs`

func siteProofs() map[string]proof {
	return map[string]proof{
		"pm2-dead": {"pgrep -c -u deploy; grep -c online /home/deploy/.pm2/dump.pm2", "0\n1\n"},
		"pm2-dead-no-dump": {
			"cd / && sudo -u deploy pm2 resurrect", "No processes saved; DUMP file doesn't exist",
		},
		"pm2-outside-unit": {
			"systemctl stop session-deploy.scope; curl -sS http://127.0.0.1:8001/api/healthz", "Couldn't connect",
		},
		"pm2-boot-disabled": {"ls /etc/systemd/system/multi-user.target.wants", "nginx.service\nremote-fs.target\n"},
		"pm2-unit-missing":  {"systemctl start pm2-deploy", "Unit pm2-deploy.service not found"},
		"pm2-dump-empty":    {"cat /home/deploy/.pm2/dump.pm2", "[]"},
		"backend-stopped":   {"cd / && sudo -u deploy pm2 jlist", `"status":"stopped"`},
		"backend-errored": {
			"cat /home/deploy/.pm2/pm2.log /home/deploy/.pm2/logs/dixis-backend-error.log",
			"had too many unstable restarts (16). Stopped. \"errored\"\nPHP Parse error:  syntax error, unexpected token \"<<\"",
		},
		"backend-crash-loops": {
			`cd /
			starts() { sudo -u deploy pm2 jlist | grep -o '"restart_time":[0-9]*'; }
			first=$(starts)
			until [ "$(starts)" != "$first" ]; do :; done
			[ "${first#*:}" -gt 0 ] && echo climbs`, "climbs",
		},
		"backend-orphaned": {ownerOf8001, "1 S\n"},
		// The cure that everybody tries first leaves the hung server behind, as nobody's child, with the port.
		"backend-hung": {
			"cd / && sudo -u deploy pm2 restart dixis-backend >/dev/null\n" + ownerOf8001, "1 T\n",
		},
		"port-8001-held": {
			"cat /home/deploy/.pm2/logs/dixis-backend-out.log",
			"Failed to listen on 127.0.0.1:8001 (reason: Address already in use)",
		},
		"nginx-stopped": {"systemctl is-active nginx; curl -sS https://dixis.gr/", "Failed to connect to dixis.gr port 443"},
		"nginx-config-broken": {
			"journalctl --no-pager -u nginx", `unexpected "}" in /etc/nginx/sites-enabled/dixis.gr:`,
		},
		"nginx-config-untried": {
			"systemctl reload nginx; nginx -t 2>&1; systemctl is-active nginx", "test failed\nactive\n",
		},
		"nginx-upstream-ipv6": {"tail -n 1 /var/log/nginx/error.log", `upstream: "http://[::1]:3000/`},
		"certificate-expired": {"curl -sS https://dixis.gr/products", "certificate has expired"},
		"both-down": {
			"curl -s -o /dev/null -w '%{http_code} ' https://dixis.gr/orders https://dixis.gr/api/healthz -o /dev/null", "502 502 ",
		},
	}
}

// What a runbook or a person will do about the backend brings the whole host back.
func TestBackendCanBeBroughtBack(t *testing.T) {
	t.Parallel()
	for fault, cure := range map[string]string{
		"pm2-dead": "systemctl start pm2-deploy",
		"pm2-dead-no-dump": `
			systemctl start pm2-deploy
			cd /var/www/dixis/backend
			sudo -u deploy pm2 start artisan --name dixis-backend --interpreter php -- serve --host=127.0.0.1 --port=8001
			sudo -u deploy pm2 save`,
		"pm2-outside-unit": "cd /; sudo -u deploy pm2 kill; systemctl start pm2-deploy",
		"backend-errored":  "sed -i /HEAD/d /var/www/dixis/backend/routes/api.php; cd /; sudo -u deploy pm2 restart dixis-backend",
		"backend-hung":     "systemctl restart pm2-deploy",
		"backend-orphaned": "systemctl restart pm2-deploy",
		"port-8001-held":   "systemctl disable --now pricing-feed",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			h := boot(t)
			if err := h.Break(t.Context(), fault); err != nil {
				t.Fatal(err)
			}
			if _, err := h.Run(t.Context(), "sh", "-euc", cure); err != nil {
				t.Fatal(err)
			}
			if err := h.Break(t.Context(), "healthy"); err != nil {
				t.Error(err)
			}
		})
	}
}
