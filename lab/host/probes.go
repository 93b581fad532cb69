package host

// A Probe is one question about the host and its answer on a healthy one. Its script runs inside, as root, and prints
// the answer in words. It asks tools that have nothing to do with the engine, and leaves the host as it was: it starts no
// pm2 daemon and makes no pid file.
type Probe struct {
	Name    string
	Asks    string // what the answer means
	Healthy string
	Script  string
}

// Probes returns all questions, in the order in which Health shows them.
func Probes() []Probe {
	return []Probe{
		{"systemd", "does PID 1 answer systemctl", "answers", `
			timeout 5 systemctl show --property=Version >/dev/null 2>&1 && echo answers || echo "does not answer"`},
		{"dbus", "does the message bus answer", "answers", `
			timeout 5 busctl --timeout=3 call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus GetId \
				>/dev/null 2>&1 && echo answers || echo "does not answer"`},

		{"launcher", "state of dixis-frontend-launcher.service", "active (exited)", unitState("dixis-frontend-launcher")},
		{"launcher file", "does systemd hold the launcher as it is on disk", "as loaded", `
			case $(timeout 5 systemctl show --property=NeedDaemonReload --value dixis-frontend-launcher 2>/dev/null) in
			no) echo "as loaded" ;; yes) echo "edited since" ;; *) echo unknown ;; esac`},
		{"launcher at boot", "is the launcher enabled", "enabled", atBoot("dixis-frontend-launcher")},
		{"transient", "state of dixis-frontend-prod.service", "active (running)", unitState("dixis-frontend-prod")},
		{"port 3000", "who listens on port 3000", "127.0.0.1:3000 next-server", listeners("3000")},
		{"/products", "the page on 127.0.0.1:3000", "200", page("http://127.0.0.1:3000/products", "dixis products")},
		{"/orders", "the page on 127.0.0.1:3000", "200", page("http://127.0.0.1:3000/orders", "dixis orders")},
		{"restarts", "how often systemd has started next again after it died", "0", `
			timeout 5 systemctl show --property=NRestarts --value dixis-frontend-prod 2>/dev/null || echo unknown`},
		// A build writes the second file some time after the first; next needs both.
		{"build", "is there a whole build in .next", "present", `
			cd /var/www/dixis/frontend
			[ -s .next/BUILD_ID ] || { echo missing; exit; }
			[ -s .next/prerender-manifest.json ] && echo present || echo half`},
		{"node modules", "can node find next's server", "whole", `
			cd /var/www/dixis/frontend && node -p 'require.resolve("next")' >/dev/null 2>&1 && echo whole || echo broken`},
		{"owner", "whose are the folders that a build writes to", "deploy", `
			cd /var/www/dixis/frontend && stat --format=%U . .next node_modules 2>/dev/null | sort -u | paste -sd,`},

		{"pm2-deploy", "state of pm2-deploy.service", "active (running)", unitState("pm2-deploy")},
		{"pm2-deploy at boot", "is pm2-deploy.service enabled", "enabled", atBoot("pm2-deploy")},
		{"pm2 daemon", "does deploy's pm2 run, and in which unit", "in pm2-deploy.service", `
			pid=$(pgrep -o -u deploy -f '^PM2 .*God Daemon \(/home/deploy/\.pm2\)') || { echo dead; exit; }
			echo "in $(ps -o unit= -p "$pid" | sed 's/^-$/no unit/')"`},
		{"pm2 dump", "what pm2 would bring back", "dixis-backend", pm2Dump},
		{"dixis-backend", "its status in pm2", "online", pm2Status},
		{"port 8001", "who listens on port 8001", "127.0.0.1:8001 php8.2", listeners("8001")},
		{"/api/healthz", "the backend on 127.0.0.1:8001", "200", page("http://127.0.0.1:8001/api/healthz", "dixis-backend")},

		{"nginx", "state of nginx.service", "active (running)", unitState("nginx")},
		{"nginx at boot", "is nginx.service enabled", "enabled", atBoot("nginx")},
		// nginx -t makes a pid file where there is none.
		{"nginx -t", "is nginx's configuration sound", "ok", `
			unshare --mount sh -c 'mount -t tmpfs probe /run && exec nginx -q -t' 2>/dev/null && echo ok || echo fails`},
		{"port 80", "who listens on port 80", "0.0.0.0:80 nginx,[::]:80 nginx", listeners("80")},
		{"port 443", "who listens on port 443", "0.0.0.0:443 nginx,[::]:443 nginx", listeners("443")},
		{"certificate", "what port 443 shows for dixis.gr", "valid", `
			shown=$(timeout 5 openssl s_client -connect 127.0.0.1:443 -servername dixis.gr </dev/null 2>/dev/null) ||
				{ echo none; exit; }
			echo "$shown" | openssl x509 -noout -checkend 0 >/dev/null && echo valid || echo expired`},
		{"dixis.gr", "the address of the name", "127.0.0.1", `
			getent hosts dixis.gr | awk '{ print $1 }' | sort -u | paste -sd, | sed "s/^$/none/"`},
		{"site /products", "https://dixis.gr/products", "200", page("https://dixis.gr/products", "dixis products")},
		{"site /orders", "https://dixis.gr/orders", "200", page("https://dixis.gr/orders", "dixis orders")},
		{"site /api/healthz", "https://dixis.gr/api/healthz", "200", page("https://dixis.gr/api/healthz", "dixis-backend")},
		{
			"site /api/v1/public/products", "https://dixis.gr/api/v1/public/products", "200",
			page("https://dixis.gr/api/v1/public/products", "Olive oil"),
		},

		{"disk", "room on /: full is under 64 MiB", "room", `
			[ "$(df --output=avail --block-size=1M / | tail -n 1)" -ge 64 ] && echo room || echo full`},
		{"inodes", "files that / has room for: full is under 100", "room", `
			[ "$(df --output=iavail / | tail -n 1)" -ge 100 ] && echo room || echo full`},
	}
}

// unitState prints "active (running)" and the like, "failed (signal)" with the result instead of the sub state, and
// the load state alone for a unit that is not loaded: "not-found", "masked".
func unitState(unit string) string {
	return `
		ActiveState=unknown LoadState=loaded SubState=
		eval "$(timeout 5 systemctl show --property=LoadState,ActiveState,SubState,Result ` + unit + ` 2>/dev/null)"
		[ "$ActiveState" != failed ] || SubState=$Result
		[ "$LoadState" = loaded ] && echo "$ActiveState${SubState:+ ($SubState)}" || echo "$LoadState"`
}

// atBoot prints "enabled", "disabled" and the like, as the disk has it: nobody asks PID 1.
func atBoot(unit string) string {
	return `
		systemctl --root=/ is-enabled ` + unit + ` 2>/dev/null | grep . || echo "no unit file"`
}

// listeners prints who listens on the TCP port, "127.0.0.1:3000 next-server" each, or "nobody".
func listeners(port string) string {
	return `
		ss -H -lntp "sport = :` + port + `" | awk '{ split($6, user, "\""); print $4, user[2] }' | sort | paste -sd, |
			sed "s/^$/nobody/"`
}

// page prints the status that the address is answered with, says so when the answer is not that of our application,
// and tells apart why there was none.
func page(url, text string) string {
	return `
		body=$(curl --silent --max-time 5 --write-out '\n%{http_code}' ` + url + `)
		case $? in 0) ;; 6) echo "unknown host"; exit ;; 60) echo "certificate refused"; exit ;; *) echo "no answer"; exit ;; esac
		status=${body##*
}
		case $status in
		200) case $body in *"` + text + `"*) echo 200 ;; *) echo "200, not our page" ;; esac ;;
		*) echo "$status" ;;
		esac`
}

// pm2Status prints the status of dixis-backend in pm2: "online", "stopped", "errored", "not listed", "crash-loops" for
// one that pm2 starts again and again, "no daemon", "silent" for a daemon that gives no answer. The pm2 command would
// start a daemon where there is none; this asks the one that runs through its socket.
//
// A process that loops is online most of the time: one that was started a moment ago is looked at twice.
const pm2Status = `
	pgrep -u deploy -f '^PM2 .*God Daemon \(/home/deploy/\.pm2\)' >/dev/null || { echo "no daemon"; exit; }
	cd /usr/local/lib/node_modules/pm2 && timeout 5 node -e '
		const socket = require("pm2-axon").socket("req");
		socket.connect("unix:///home/deploy/.pm2/rpc.sock");
		const client = new (require("pm2-axon-rpc").Client)(socket);
		const look = (then) => client.call("getMonitorData", {}, (error, all) => {
			then(error ? undefined : all.find((p) => p.name === "dixis-backend")?.pm2_env);
		});
		const say = (text) => { console.log(text); process.exit(); };
		look((first) => {
			if (!first) say("not listed");
			const young = first.status !== "stopped" && first.status !== "errored" && Date.now() - first.pm_uptime < 3000;
			if (!young || first.restart_time === 0) say(first.status);
			setTimeout(() => look((second) => {
				if (!second) say("not listed");
				say(second.status === "errored" || second.restart_time === first.restart_time ? second.status : "crash-loops");
			}), 1500);
		});
	' || echo silent`

// pm2Dump prints the names in the saved list, "none" for an empty one, "missing" or "broken".
const pm2Dump = `
	[ -e /home/deploy/.pm2/dump.pm2 ] || { echo missing; exit; }
	node -p 'JSON.parse(require("fs").readFileSync("/home/deploy/.pm2/dump.pm2")).map((p) => p.name).join(",") || "none"' \
		2>/dev/null || echo broken`
