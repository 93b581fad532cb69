package host

const (
	app     = "/var/www/dixis/frontend"
	running = "active (running)"
)

// frontendFaults returns those of the frontend: its launcher, its transient unit, its build and its port.
func frontendFaults() []Fault {
	return []Fault{
		{
			Name:    "launcher-disabled",
			Summary: "the launcher is disabled: all is well now, and the frontend will not come back after a reboot",
			Script:  `systemctl disable dixis-frontend-launcher`,
			Shows:   Shows{"launcher": exited, "launcher at boot": "disabled"},
		},
		{
			Name:    "launcher-edited",
			Summary: "the launcher's file was put right without a daemon-reload: systemd still starts next without -H, in vain",
			Script:  launcherEdited(),
			Shows: Shows{
				"launcher": exited, "launcher file": "edited since", "transient": failed,
				"port 3000": "[::1]:3000 node", "/products": noAnswer,
			},
		},
		{
			Name:    "transient-stopped",
			Summary: "the transient unit was stopped and is no longer loaded; the launcher still says active",
			Script:  `systemctl stop dixis-frontend-prod`,
			Shows:   Shows{"launcher": exited, "transient": notLoaded, "port 3000": "nobody", "/products": noAnswer},
		},
		{
			Name:    "transient-failed",
			Summary: "next was killed: the transient unit stays loaded as failed, and its name is taken",
			Script:  `systemctl kill --signal=KILL dixis-frontend-prod`,
			Shows:   Shows{"launcher": exited, "transient": "failed (signal)", "port 3000": "nobody", "/products": noAnswer},
		},
		{
			Name:    "launcher-stopped",
			Summary: "the launcher was stopped and has stopped the frontend",
			Script:  `systemctl stop dixis-frontend-launcher`,
			Shows:   Shows{"launcher": stopped, "transient": notLoaded, "port 3000": "nobody", "/products": noAnswer},
		},
		{
			Name:    "build-missing",
			Summary: "there is no production build, and next ended when it was restarted",
			Script:  `rm -rf ` + build + restart,
			Shows:   Shows{"launcher": exited, "transient": failed, "build": "missing", "/products": noAnswer},
		},
		{
			Name:    "build-half",
			Summary: "a build was killed in the middle: there is a BUILD_ID, and next ended when it was restarted",
			Script:  buildHalf + restart,
			Shows: Shows{
				"launcher": exited, "transient": failed, "build": "half", "port 3000": "nobody", "/products": noAnswer,
			},
		},
		{
			Name:    "node-modules-broken",
			Summary: "a part of node_modules/next is gone, .bin/next is there, and next ended when it was restarted",
			Script:  `rm -rf ` + app + `/node_modules/next/dist/server` + restart,
			Shows: Shows{
				"launcher": exited, "transient": failed, "node modules": "broken", "port 3000": "nobody", "/products": noAnswer,
			},
		},
		{
			Name:    "wrong-owner",
			Summary: "the app was deployed as root, who owns all of it but its node_modules now; the frontend is up",
			Script:  `find ` + app + ` -path ` + app + `/node_modules -prune -o -exec chown root:root {} +`,
			Shows:   Shows{"owner": "deploy,root"},
		},
		{
			Name:    "frontend-hung",
			Summary: "next was stopped with SIGSTOP: its unit is active, it has its port, and answers nothing",
			Script:  `systemctl kill --signal=STOP dixis-frontend-prod`,
			Shows: Shows{
				"launcher": exited, "transient": running, "port 3000": "127.0.0.1:3000 next-server", "/products": noAnswer,
			},
		},
		{
			Name:    "frontend-oom-loop",
			Summary: "the launcher gives next less memory than it needs: it was killed again and again until systemd gave up",
			Script:  limitMemory + restart + untilFailed,
			// The unit failed with "signal" under cgroup v1, with "oom-kill" under v2.
			Shows: Shows{"launcher": exited, "restarts": "5", "port 3000": "nobody", "/products": noAnswer},
		},
		{
			Name:    "wrong-port",
			Summary: "the launcher starts next on port 3001; both units are active",
			Script: `sed -i 's/\(PORT=\|-p \)3000/\13001/' ` + launcher + reload + restart + `
				until ss -H -lnt "sport = :3001" | grep -q .; do sleep 0.02; done`,
			Shows: Shows{"launcher": exited, "transient": running, "port 3000": "nobody", "/products": noAnswer},
		},
		{
			Name:    "ipv6-binding",
			Summary: "HOSTNAME and -H are gone from the launcher: next wants *:3000, and another service has [::1]:3000",
			Script:  otherService("::1", "3000") + unpin + restart,
			Shows:   Shows{"launcher": exited, "transient": failed, "port 3000": "[::1]:3000 node", "/products": noAnswer},
		},
		{
			Name:    "port-held-foreign",
			Summary: "an unrelated service took 127.0.0.1:3000 while the frontend was away",
			Script:  `systemctl stop dixis-frontend-launcher` + otherService("127.0.0.1", "3000") + restart,
			Shows:   Shows{"launcher": exited, "transient": failed, "port 3000": "127.0.0.1:3000 node", "/products": "404"},
		},
		{
			Name:    "port-held-dev",
			Summary: "`next dev` in a session of deploy's has 127.0.0.1:3000, answers 200 and has taken the build apart",
			Script:  `systemctl stop dixis-frontend-launcher` + devServer + restart,
			Shows: Shows{
				"launcher": exited, "transient": failed, "port 3000": "127.0.0.1:3000 next-server", "build": "missing",
				"/products": "200",
			},
		},
	}
}

const untilFailed = `
	until systemctl is-failed --quiet dixis-frontend-prod; do
		sleep 0.02
	done
`

const reload = `
	systemctl daemon-reload
`

// restart is what an administrator tried first. That next ends at once afterwards does not make it fail.
const restart = `
	systemctl reset-failed dixis-frontend-prod 2>/dev/null || true
	systemctl restart dixis-frontend-launcher
`

// unpin takes from the launcher what keeps next to IPv4.
const unpin = `
	sed -i -e '/--setenv=HOSTNAME/d' -e 's/ -H 127.0.0.1//' ` + launcher + reload

// launcherEdited brings the frontend down as ipv6-binding does, and then puts the file right as the administrator did
// who had found the cause. Only a daemon-reload before the next restart helps.
func launcherEdited() string {
	return `
	right=$(cat ` + launcher + `)
	` + otherService("::1", "3000") + unpin + restart + untilFailed + `
	printf '%s\n' "$right" >` + launcher + restart
}

// buildHalf kills a build between two files that it writes last: BUILD_ID is there, prerender-manifest.json is not.
const buildHalf = `
	cd ` + app + `
	until [ -s .next/BUILD_ID ] && [ ! -e .next/prerender-manifest.json ]; do
		rm -f .next/BUILD_ID
		setsid sudo -u deploy pnpm build >/dev/null 2>&1 &
		until [ -s .next/BUILD_ID ]; do
			[ -e /proc/$!/exe ]
			sleep 0.01
		done
		kill -KILL -$!
		wait $! || true
	done
`

// limitMemory is meant to heal: a limit, and a restart when next has hit it. Systemd gives up after five restarts.
const limitMemory = `
	grep -q MemoryMax ` + launcher + ` || sed -i 's/^ *--working-directory=.*/&\
  --property=MemoryMax=24M --property=MemorySwapMax=0 \\\
  --property=Restart=always --property=StartLimitBurst=5 --property=StartLimitIntervalSec=5min \\/' ` + launcher + reload

// devServer starts `next dev` as somebody does who has logged in as deploy, in the scope that a login by ssh gives, and
// returns when it listens.
const devServer = `
	cd ` + app + `
	setsid systemd-run --quiet --scope --slice=user-"$(id -u deploy)" --unit=session-7 --uid=deploy --gid=deploy \
		--description="Session 7 of User deploy" --setenv=HOME=/home/deploy --setenv=NEXT_TELEMETRY_DISABLED=1 \
		node_modules/.bin/next dev -H 127.0.0.1 -p 3000 </dev/null >/dev/null 2>&1 &
	until ss -H -lnt "sport = :3000" | grep -q .; do
		sleep 0.02
	done
`

// otherService installs and starts a service that has nothing to do with our applications and listens on the port of
// the address, and waits until it does. It answers 404 to everything.
func otherService(address, port string) string {
	return `
	mkdir -p /opt/pricing-feed
	cat >/opt/pricing-feed/server.js <<-'END'
		require("http")
		  .createServer((request, response) => { response.statusCode = 404; response.end("pricing-feed\n"); })
		  .listen(process.env.PORT, process.env.ADDRESS);
	END
	cat >/etc/systemd/system/pricing-feed.service <<-'END'
		[Unit]
		Description=Pricing feed

		[Service]
		Environment=ADDRESS=` + address + ` PORT=` + port + `
		ExecStart=/usr/local/bin/node /opt/pricing-feed/server.js

		[Install]
		WantedBy=multi-user.target
	END
	systemctl daemon-reload
	systemctl enable --now pricing-feed
	until ss -H -lnt "sport = :` + port + ` and src = [` + address + `]" | grep -q .; do
		systemctl is-active --quiet pricing-feed
		sleep 0.02
	done
`
}
