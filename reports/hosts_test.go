package reports

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"runbook/engine"
)

type fields = map[string]any

func saw1(output fields) engine.Result { return engine.Result{Output: output} }

func unit(active, sub, result string, transient bool) engine.Result {
	return saw1(fields{
		"load": "loaded", "active": active, "sub": sub, "result": result, "exists": true, "transient": transient,
		"restarts": 0, "need_reload": false,
	})
}

func socket(address, process, unit string) fields {
	return fields{"address": address, "family": "ipv4", "port": 3000, "pid": 4711, "process": process, "unit": unit}
}

func listens(sockets ...any) engine.Result {
	if sockets == nil {
		sockets = []any{}
	}
	return saw1(fields{"sockets": sockets})
}

func page(status int, err string) engine.Result {
	r := saw1(fields{"status": status, "error": err, "body": "", "headers": fields{}, "latency_ms": 12.5})
	if status >= 400 {
		r.Evidence = []engine.Evidence{kept("body", "<html><body><h1>"+fmt.Sprint(status)+" Bad Gateway</h1></body></html>\n")}
	}
	return r
}

func build(size int) engine.Result {
	return saw1(fields{"exists": size > 0, "size": size, "mode": "0644", "owner": "deploy"})
}

// kept is evidence; the recorder makes a file of the text.
func kept(name, text string) engine.Evidence { return engine.Evidence{Name: name, File: text} }

// log is a journal of the frontend that ends with the given lines.
func log(lines ...string) string {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "2026-11-20T02:%02d:00Z node[4711]: GET /products 200 in %d ms\n", i, 10+i*7%13)
	}
	for i, l := range lines {
		fmt.Fprintf(&b, "2026-11-20T03:10:%02dZ node[5822]: %s\n", i, l)
	}
	return b.String()
}

func logs(count int, lines ...string) engine.Result {
	out := make([]any, len(lines))
	for i, l := range lines {
		out[i] = fields{"at": "2026-11-20T03:10:00Z", "message": l}
	}
	r := saw1(fields{"lines": out, "count": count, "found": fields{}, "truncated": false})
	r.Evidence = []engine.Evidence{kept("journal", log(lines...))}
	return r
}

func noBuild() []string {
	return []string{
		"\x1b[31m\x1b[1m⨯\x1b[22m\x1b[39m Could not find a production build in the '.next' directory. Try building your app with 'next build'",
		"    at process.processTicksAndRejections (node:internal/process/task_queues:105:5) | stack",
		"systemd[1]: shop-frontend.service: Main process exited, code=exited, status=1/FAILURE",
		"systemd[1]: shop-frontend.service: Failed with result 'exit-code'.",
	}
}

// good is a host on which all is well.
func good() host {
	own := socket("127.0.0.1", "node", "shop-frontend.service")
	return host{
		sees: map[string][]engine.Result{
			"launcher":  {unit("active", "exited", "success", false)},
			"transient": {unit("active", "running", "success", true)},
			"port":      {listens(own)},
			"page":      {page(200, "")},
			"build":     {build(21)},
			"logs":      {logs(0)},
		},
		acts: map[string][]engine.Result{}, answers: map[string][]engine.Answer{}, takes: map[string]time.Duration{},
		tells: map[string]engine.Result{
			"restart": {
				Description: &engine.Description{
					Summary: "restart shop-frontend-launcher.service",
					Exact:   []string{`org.freedesktop.systemd1.Manager.RestartUnit("shop-frontend-launcher.service", "replace")`},
					Target:  "shop-frontend-launcher.service",
				},
				Evidence: []engine.Evidence{
					kept("unit", "Id=shop-frontend-launcher.service\nActiveState=active\nSubState=exited\n"),
					{Name: "journal", File: log(noBuild()...), Bytes: 1 << 20, Cuts: 2},
				},
			},
			"rebuild": {Description: &engine.Description{
				Summary: "build /var/www/shop/frontend with pnpm", Exact: []string{"pnpm run build"}, Target: "/var/www/shop/frontend",
				Undo: "the build before is kept and put back when the new one fails",
			}},
			"pin_ipv4": {Description: &engine.Description{
				Summary: "write /etc/systemd/system/shop-frontend-launcher.service.d/50-ipv4.conf", Target: "50-ipv4.conf",
				Exact: []string{
					"--- /dev/null", "+++ /etc/systemd/system/shop-frontend-launcher.service.d/50-ipv4.conf", "@@ -0,0 +1,2 @@",
					"+[Service]", "+Environment=HOSTNAME=127.0.0.1",
				},
			}},
		},
	}
}

// down is a host whose frontend does not run.
func down() host {
	h := good()
	failed := unit("failed", "failed", "exit-code", true)
	running := unit("active", "running", "success", true)
	own := socket("127.0.0.1", "node", "shop-frontend.service")
	maps.Copy(h.sees, map[string][]engine.Result{
		"transient": {failed}, "port": {listens()}, "page": {page(502, "")},
		"logs": {logs(0, "systemd[1]: shop-frontend.service: Main process exited, code=killed, status=9/KILL")},
	})
	h.after = map[string]map[string][]engine.Result{"restart": {
		"transient": {running}, "port": {listens(), listens(own)}, "page": {page(0, "connection refused"), page(200, "")},
	}}
	h.acts["restart"] = []engine.Result{saw1(fields{"job": "done", "active": "active"})}
	h.answers["restart"] = []engine.Answer{yes()}
	h.takes["act restart"] = 2140 * time.Millisecond
	h.takes["confirm restart"] = 14 * time.Second
	return h
}

// unbuilt is a host whose frontend has no build.
func unbuilt() host {
	h := down()
	h.sees["build"] = []engine.Result{build(0)}
	h.after["rebuild"] = map[string][]engine.Result{"build": {build(21)}}
	h.sees["logs"] = []engine.Result{logs(1, noBuild()...)}
	h.acts["rebuild"] = []engine.Result{{
		Output: fields{"exit": 0, "duration_ms": 74210}, Evidence: []engine.Evidence{kept("stdout", "> next build\n ✓ Compiled successfully\n")},
	}}
	h.answers["rebuild"] = []engine.Answer{yes()}
	h.takes["act rebuild"] = 74210 * time.Millisecond
	h.takes["confirm rebuild"] = 27 * time.Second
	return h
}

// dry lets nothing be made: what changes do is only described.
func dry(h host) host {
	for name, d := range h.tells {
		d.Only = true
		d.Evidence = nil
		h.tells[name] = d
	}
	return h
}
