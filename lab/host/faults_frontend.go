package host

// frontendFaults returns those of the frontend: its launcher, its transient unit, its build and its port.
func frontendFaults() []Fault {
	return []Fault{
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
			Name:    "ipv6-binding",
			Summary: "HOSTNAME and -H are gone from the launcher: next wants *:3000, and another service has [::1]:3000",
			Script: otherService("::1", "3000") + `
				sed -i -e '/--setenv=HOSTNAME/d' -e 's/ -H 127.0.0.1//' ` + launcher + `
				systemctl daemon-reload` + restart,
			Shows: Shows{"launcher": exited, "transient": failed, "port 3000": "[::1]:3000 node", "/products": noAnswer},
		},
		{
			Name:    "port-held-foreign",
			Summary: "an unrelated service took 127.0.0.1:3000 while the frontend was away",
			Script:  `systemctl stop dixis-frontend-launcher` + otherService("127.0.0.1", "3000") + restart,
			Shows:   Shows{"launcher": exited, "transient": failed, "port 3000": "127.0.0.1:3000 node", "/products": "404"},
		},
	}
}

// restart is what an administrator tried first. That next ends at once afterwards does not make it fail.
const restart = `
	systemctl restart dixis-frontend-launcher
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
