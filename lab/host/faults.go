package host

import (
	"context"
	"fmt"
)

// A Fault is one way in which a host really breaks. Its script runs inside, as root; Shows holds the answers of the
// probes that prove that the fault is there, and says nothing of what it leaves as it was. Faults add up where they make
// sense together: a bus can die on a host whose frontend was stopped, but a frontend that is down can't be killed.
type Fault struct {
	Name    string
	Summary string // one line, for people
	Script  string
	Shows   Shows
}

const (
	launcher  = "/etc/systemd/system/dixis-frontend-launcher.service"
	build     = "/var/www/dixis/frontend/.next"
	noAnswer  = "no answer"
	silent    = "does not answer"
	exited    = "active (exited)"
	failed    = "failed (exit-code)"
	stopped   = "inactive (dead)"
	notLoaded = "not-found"
)

// Faults returns all of them, the healthy host first: it is the fault of a runbook that changes something there.
func Faults() []Fault {
	return []Fault{
		{
			Name:    "healthy",
			Summary: "nothing is broken",
			Script:  `true`,
			Shows:   healthy(),
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
			Name:    "ipv6-binding",
			Summary: "HOSTNAME and -H are gone from the launcher: next wants *:3000, and another service has [::1]:3000",
			Script: otherService("::1") + `
				sed -i -e '/--setenv=HOSTNAME/d' -e 's/ -H 127.0.0.1//' ` + launcher + `
				systemctl daemon-reload` + restart,
			Shows: Shows{"launcher": exited, "transient": failed, "port 3000": "[::1]:3000 node", "/products": noAnswer},
		},
		{
			Name:    "port-held-foreign",
			Summary: "an unrelated service took 127.0.0.1:3000 while the frontend was away",
			Script:  `systemctl stop dixis-frontend-launcher` + otherService("127.0.0.1") + restart,
			Shows:   Shows{"launcher": exited, "transient": failed, "port 3000": "127.0.0.1:3000 node", "/products": "404"},
		},
		{
			Name:    "build-missing-disk-full",
			Summary: "there is no production build and not one free block to make one",
			Script:  `rm -rf ` + build + restart + fillDisk,
			Shows:   Shows{"transient": failed, "build": "missing", "disk": "full", "/products": noAnswer},
		},
		{
			Name:    "dbus-dead",
			Summary: "no message bus; root's systemctl still reaches PID 1 by its private socket; the frontend is as it was",
			Script:  killBus,
			Shows:   Shows{"systemd": "answers", "dbus": silent},
		},
		{
			Name:    "systemd-unreachable",
			Summary: "no message bus and no private socket: nobody can ask PID 1 anything, and the frontend is down",
			Script:  `systemctl stop dixis-frontend-launcher` + killBus + `rm /run/systemd/private`,
			Shows:   Shows{"systemd": silent, "dbus": silent, "transient": "unknown", "port 3000": "nobody", "/products": noAnswer},
		},
	}
}

// restart is what an administrator tried first. That next ends at once afterwards does not make it fail.
const restart = `
	systemctl restart dixis-frontend-launcher
`

const killBus = `
	systemctl mask dbus.socket dbus.service
	systemctl stop dbus.socket dbus.service
`

// fillDisk takes the last free block, those that ext4 keeps for root included.
const fillDisk = `
	fallocate -l "$(df --output=avail --block-size=1 / | tail -n 1)" /var/tmp/export.dump
	dd if=/dev/zero of=/var/tmp/export.dump.part bs=1M 2>/dev/null || true
	dd if=/dev/zero of=/var/tmp/export.dump.rest bs=4k 2>/dev/null || true
	sync
`

// otherService installs and starts a service that has nothing to do with the frontend and listens on port 3000 of the
// address, and waits until it does. It answers 404 to everything.
func otherService(address string) string {
	return `
	mkdir -p /opt/pricing-feed
	cat >/opt/pricing-feed/server.js <<-'END'
		require("http")
		  .createServer((request, response) => { response.statusCode = 404; response.end("pricing-feed\n"); })
		  .listen(3000, process.env.ADDRESS);
	END
	cat >/etc/systemd/system/pricing-feed.service <<-'END'
		[Unit]
		Description=Pricing feed

		[Service]
		Environment=ADDRESS=` + address + `
		ExecStart=/usr/local/bin/node /opt/pricing-feed/server.js

		[Install]
		WantedBy=multi-user.target
	END
	systemctl daemon-reload
	systemctl enable --now pricing-feed
	until ss -H -lnt "sport = :3000 and src = [` + address + `]" | grep -q .; do
		systemctl is-active --quiet pricing-feed
		sleep 0.02
	done
`
}

// Break breaks the host with the named fault and returns when the probes show that it is broken so.
func (h *Host) Break(ctx context.Context, fault string) error {
	for _, f := range Faults() {
		if f.Name != fault {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if _, err := h.Run(ctx, "/bin/sh", "-euc", f.Script); err != nil {
			return fmt.Errorf("break the host with %s: %w", fault, err)
		}
		if err := h.await(ctx, f.Shows); err != nil {
			return fmt.Errorf("break the host with %s: %w", fault, err)
		}
		return nil
	}
	return fmt.Errorf("break the host with %s: there is no such fault", fault)
}
