package nginx

import (
	"strings"
	"testing"

	"runbook/engine"
)

const (
	readAll   = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n"
	pidFile   = "nginx: [emerg] open() \"/run/nginx.pid\" failed (13: Permission denied)\n"
	builtIn   = "nginx: [alert] could not open error log file: open() \"/var/log/nginx/error.log\" failed (13: Permission denied)\n"
	badLine   = "nginx: [emerg] unknown directive \"foo\" in /etc/nginx/nginx.conf:3\n"
	badKey    = "nginx: [emerg] cannot load certificate key \"/k.pem\": BIO_new_file() failed (SSL: error:8000000D:system library::Permission denied:calling fopen(/k.pem, r))\n"
	noPidDir  = "nginx: [emerg] open() \"/none/nginx.pid\" failed (2: No such file or directory)\n"
	luaSocket = "nginx: [emerg] socket() failed (1: Operation not permitted)\n"
)

// Who was refused what, where, and what that says about the configuration.
func TestVerdicts(t *testing.T) {
	const root, sandboxed, rootMay = 1, 2, 4
	tests := []struct {
		name, output string
		code, who    int
		ok           bool
		failure      engine.FailureKind
		untested     string // a part of it
		errors       int
	}{
		{"all tried", readAll, 0, root, true, "", "", 0},
		{"the sandbox stopped it", readAll + pidFile, 1, root | sandboxed | rootMay, true, "", "the read sandbox kept it from trying, at open() \"/run/nginx.pid\" failed", 0},
		{"and before that from its own log", builtIn + readAll + pidFile, 1, root | sandboxed | rootMay, true, "", "at open() \"/run/nginx.pid\"", 0},
		{"root may not write there either", readAll + pidFile, 1, root | sandboxed, false, "", "", 1},
		{"no sandbox, and root may not", readAll + pidFile, 1, root, false, "", "", 1},
		{"somebody else may not write", readAll + pidFile, 1, sandboxed, true, "", "a right that deploy lacks", 0},
		{"somebody else may not write, no sandbox", readAll + pidFile, 1, 0, true, "", "a right that deploy lacks", 0},
		{"a mistake", badLine, 1, root | sandboxed | rootMay, false, "", "", 1},
		{"a mistake after the log", builtIn + badLine, 1, root | sandboxed | rootMay, false, "", "", 1},
		{"a mistake that nginx finds late", readAll + noPidDir, 1, root | sandboxed | rootMay, false, "", "", 1},
		{"a mistake that somebody else finds late", readAll + noPidDir, 1, sandboxed, false, "", "", 1},
		{"a key that somebody else may not read", badKey, 1, sandboxed, false, engine.Denied, "", 0},
		{"a key that root may not read", badKey, 1, root | sandboxed, false, "", "", 1},
		{"a key that only the sandbox hides", badKey, 1, root | sandboxed | rootMay, false, engine.Denied, "", 0},
		{"a module that talks while it is read", luaSocket, 1, root | sandboxed, false, engine.Denied, "", 0},
		{"a program that does not start", "nginx: error while loading shared libraries: x\n", 127, root | sandboxed, false, engine.Exit, "", 0},
		{"no word", readAll, 1, root | sandboxed, false, engine.Exit, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hearing{
				listener: *heard(tt.output), code: tt.code, user: "deploy", root: tt.who&root != 0, sandboxed: tt.who&sandboxed != 0,
				may: func(string, bool) bool { return tt.who&rootMay != 0 },
			}
			out, err := h.verdict()
			kind := engine.FailureKind("")
			if f := engine.FailureOf(err); f != nil {
				kind = f.Kind
			}
			if out.OK != tt.ok || kind != tt.failure || len(out.Errors) != tt.errors {
				t.Errorf("have %+v, %v", out, err)
			}
			if (out.Untested == "") != (tt.untested == "") || !strings.Contains(out.Untested, tt.untested) {
				t.Errorf("untested is %q", out.Untested)
			}
			if err == nil && out.Text == "" {
				t.Error("it has nothing to say")
			}
		})
	}
}

// What nginx would write is asked about as writing, what it reads as reading.
func TestWhatRootIsAskedToBeAbleTo(t *testing.T) {
	var asked []string
	h := hearing{listener: *heard(builtIn + badKey + readAll + pidFile), code: 1, root: true, sandboxed: true, may: func(path string, write bool) bool {
		if write {
			path = "write " + path
		}
		asked = append(asked, path)
		return true
	}}
	_, _ = h.verdict()
	if got := strings.Join(asked, ", "); got != "write /var/log/nginx/error.log, /k.pem, write /run/nginx.pid" {
		t.Errorf("asked for %s", got)
	}
}
