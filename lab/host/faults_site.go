package host

const (
	backend  = "/var/www/dixis/backend"
	site     = "/etc/nginx/sites-available/dixis.gr"
	keys     = "/etc/ssl/dixis.gr"
	dump     = "/home/deploy/.pm2/dump.pm2"
	nobody   = "nobody"
	refused  = "certificate refused"
	looping  = "crash-loops"
	noDaemon = "no daemon"
)

// siteFaults returns those of the backend and of nginx, which stands before both applications.
func siteFaults() []Fault {
	return []Fault{
		{
			Name:    "pm2-dead",
			Summary: "somebody ran pm2 kill as deploy: no daemon, no backend, the saved list is there",
			Script:  pm2 + `kill`,
			Shows: Shows{
				"pm2-deploy": stopped, "pm2 daemon": "dead", "pm2 dump": "dixis-backend", "dixis-backend": noDaemon,
				"port 8001": nobody, "site /api/healthz": "502",
			},
		},
		{
			Name:    "pm2-dead-no-dump",
			Summary: "no daemon, no backend, and no saved list to bring it back from",
			Script:  pm2 + `kill` + "\n rm -f " + dump + " " + dump + ".bak",
			Shows: Shows{
				"pm2-deploy": stopped, "pm2 daemon": "dead", "pm2 dump": "missing", "dixis-backend": noDaemon,
				"port 8001": nobody, "site /api/healthz": "502",
			},
		},
		{
			Name:    "pm2-outside-unit",
			Summary: "somebody resurrected pm2 by hand: all is well until that login's processes are ended",
			// A scope is what logind puts a login into; ours has a name that is known.
			Script: `
				systemctl stop pm2-deploy
				cd /
				systemd-run --quiet --scope --unit=session-deploy sudo -u deploy pm2 resurrect`,
			Shows: Shows{
				"pm2-deploy": stopped, "pm2 daemon": "in session-deploy.scope", "dixis-backend": "online", "/api/healthz": "200",
			},
		},
		{
			Name:    "pm2-boot-disabled",
			Summary: "pm2-deploy.service is disabled: all is well now, and the backend will not come back after a reboot",
			Script:  `systemctl disable pm2-deploy`,
			Shows:   Shows{"pm2-deploy": running, "pm2-deploy at boot": "disabled", "dixis-backend": "online"},
		},
		{
			Name:    "pm2-unit-missing",
			Summary: "there is no pm2-deploy.service any more: all is well now, and the backend will not come back after a reboot",
			Script: `
				systemctl disable pm2-deploy
				rm /etc/systemd/system/pm2-deploy.service
				systemctl daemon-reload`,
			Shows: Shows{"pm2-deploy": notLoaded, "pm2-deploy at boot": "no unit file", "dixis-backend": "online"},
		},
		{
			Name:    "pm2-dump-empty",
			Summary: "pm2's list was saved while it was empty: all is well now, and a reboot will bring back no backend",
			Script: pm2 + `delete dixis-backend
				` + pm2 + `save --force
				` + pm2 + `start ` + backend + `/artisan --cwd ` + backend + ` \
					--name dixis-backend --interpreter php -- serve --host=127.0.0.1 --port=8001`,
			Shows: Shows{"pm2 dump": "none", "dixis-backend": "online", "/api/healthz": "200"},
		},
		{
			Name:    "backend-stopped",
			Summary: "somebody ran pm2 stop: the daemon runs, dixis-backend does not",
			Script:  pm2 + `stop dixis-backend`,
			Shows: Shows{
				"pm2-deploy": running, "dixis-backend": "stopped", "port 8001": nobody, "site /api/healthz": "502",
			},
		},
		{
			Name:    "backend-errored",
			Summary: "a merge left a syntax error in the code; pm2 gave up soon after somebody restarted the backend",
			Script:  syntaxError + pm2 + `restart dixis-backend`,
			Shows:   Shows{"dixis-backend": "errored", "port 8001": nobody, "site /api/healthz": "502"},
		},
		{
			Name:    "backend-crash-loops",
			Summary: "the same after a reboot: pm2 never gives up on what it brought back from its list, and calls it online",
			Script:  syntaxError + `systemctl restart pm2-deploy`,
			Shows:   Shows{"dixis-backend": looping, "port 8001": nobody, "site /api/healthz": "502"},
		},
		{
			Name:    "backend-hung",
			Summary: "PHP's server was stopped with SIGSTOP: pm2 says online, the port is held, nothing is answered",
			Script:  `pkill -STOP -u deploy -f '^/usr/bin/php8.2 -S 127.0.0.1:8001'`,
			Shows: Shows{
				"dixis-backend": "online", "port 8001": "127.0.0.1:8001 php8.2", "/api/healthz": noAnswer,
				"site /api/healthz": noAnswer,
			},
		},
		{
			Name:    "backend-orphaned",
			Summary: "artisan was killed and left PHP's server behind, which serves on; pm2 starts another one in vain",
			Script:  `pkill -KILL -u deploy -f '^php ` + backend + `/artisan'`,
			Shows:   Shows{"dixis-backend": looping, "port 8001": "127.0.0.1:8001 php8.2", "site /api/healthz": "200"},
		},
		{
			Name:    "port-8001-held",
			Summary: "an unrelated service took 127.0.0.1:8001 while the backend was away, which pm2 now starts in vain",
			Script: `systemctl stop pm2-deploy` + otherService("127.0.0.1", "8001") + `
				systemctl start pm2-deploy`,
			Shows: Shows{
				"dixis-backend": looping, "port 8001": "127.0.0.1:8001 node", "/api/healthz": "404", "site /api/healthz": "404",
			},
		},
		{
			Name:    "nginx-stopped",
			Summary: "nginx was stopped; both applications run behind it",
			Script:  `systemctl stop nginx`,
			Shows: Shows{
				"nginx": stopped, "nginx -t": "ok", "port 80": nobody, "port 443": nobody, "certificate": "none",
				"site /products": noAnswer,
			},
		},
		{
			Name:    "nginx-config-broken",
			Summary: "a semicolon is gone from the site's configuration, and nginx did not come back from a restart",
			Script:  lostSemicolon + `systemctl restart nginx || true`,
			Shows: Shows{
				"nginx": failed, "nginx -t": "fails", "port 80": nobody, "port 443": nobody, "site /products": noAnswer,
			},
		},
		{
			Name:    "nginx-config-untried",
			Summary: "the same edit, and nobody has restarted nginx since: all is well until somebody does",
			Script:  lostSemicolon,
			Shows:   Shows{"nginx": running, "nginx -t": "fails", "site /products": "200"},
		},
		{
			Name:    "nginx-upstream-ipv6",
			Summary: "nginx looks for the frontend on [::1]:3000, where nobody listens",
			Script: `sed -i 's|http://127.0.0.1:3000|http://[::1]:3000|' ` + site + `
				systemctl reload nginx`,
			Shows: Shows{
				"nginx": running, "nginx -t": "ok", "/products": "200", "site /products": "502", "site /orders": "502",
				"site /api/healthz": "200",
			},
		},
		{
			Name:    "certificate-expired",
			Summary: "nginx shows last year's certificate, which has expired",
			Script: `cp -p ` + keys + `/2024/*.pem ` + keys + `/
				systemctl reload nginx`,
			Shows: Shows{"nginx": running, "certificate": "expired", "site /products": refused, "site /api/healthz": refused},
		},
		{
			Name:    "both-down",
			Summary: "the launcher was stopped and pm2 killed: nginx has nobody to ask",
			Script: `systemctl stop dixis-frontend-launcher
				` + pm2 + `kill`,
			Shows: Shows{
				"launcher": stopped, "port 3000": nobody, "pm2-deploy": stopped, "pm2 daemon": "dead", "port 8001": nobody,
				"site /products": "502", "site /api/healthz": "502",
			},
		},
	}
}

// pm2 is what an administrator types: as deploy, from a folder that deploy may enter.
const pm2 = `cd / && timeout 60 sudo -u deploy pm2 `

const syntaxError = `
	sed -i 's/^return \[$/&\n<<<<<<< HEAD/' ` + backend + `/routes/api.php
`

const lostSemicolon = `
	sed -i 's|\(proxy_pass http://127.0.0.1:8001\);|\1|' ` + site + `
`
