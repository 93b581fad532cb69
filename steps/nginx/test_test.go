package nginx_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/engine"
	"runbook/steps/nginx"
	"runbook/steps/stepstest"
)

// What nginx finds, or may not try, of real configurations, in the read sandbox. Nothing is written, whatever it finds.
func TestConfigurations(t *testing.T) {
	stepstest.Root(t)
	tests := []struct {
		name  string
		http  string // DIR is the folder
		setup func(s site)
		ok    bool
		text  string // a part of the answer
		file  string // of the first error
		line  int
		warn  string // a part of the only warning
	}{
		{name: "in order", http: "server { listen 127.0.0.1:18080; }", ok: true, text: "syntax is ok"},
		{name: "an unknown directive", http: "server {\nfoo bar; }", text: `unknown directive "foo" in DIR/nginx.conf:4`, file: "nginx.conf", line: 4},
		{
			name: "a mistake in an included file", http: "include DIR/sites/*.conf;", text: `invalid number of arguments in "listen" directive in DIR/sites/a.conf:2`,
			setup: func(s site) { s.write("sites/a.conf", "server {\nlisten; }\n") }, file: "sites/a.conf", line: 2,
		},
		{name: "a brace is missing", http: "server { ", text: `unexpected end of file, expecting "}" in DIR/nginx.conf:5`, file: "nginx.conf", line: 5},
		{name: "an included file that is not there", http: "include DIR/none.conf;", text: "No such file or directory", file: "nginx.conf", line: 3},
		{name: "a certificate that is not there", http: "server { listen 127.0.0.1:18443 ssl; ssl_certificate DIR/none.pem;\nssl_certificate_key DIR/none.key; }", text: `cannot load certificate "DIR/none.pem"`},
		{
			name: "a certificate that is none", http: "server { listen 127.0.0.1:18443 ssl; ssl_certificate DIR/c.pem; ssl_certificate_key DIR/c.pem; }", text: `cannot load certificate "DIR/c.pem"`,
			setup: func(s site) { s.write("c.pem", "cheese") },
		},
		{name: "an upstream without an address", http: "server { location / {\nproxy_pass http://no..such.name.invalid; } }", text: `host not found in upstream "no..such.name.invalid" in DIR/nginx.conf:4`, file: "nginx.conf", line: 4},
		{name: "an upstream on IPv6", http: "server { location / { proxy_pass http://[::1]:3000; } }", ok: true, text: "syntax is ok"},
		{name: "two servers of one name", http: "server { listen 127.0.0.1:18080; server_name a; } server { listen 127.0.0.1:18080; server_name a; }", ok: true, text: "syntax is ok", warn: `conflicting server name "a"`},
		{
			name: "names that would act on a terminal", http: "include DIR/sites/*.conf;", text: `unknown directive "foo" in DIR/sites/a?[31m?b.conf:1`,
			setup: func(s site) { s.write("sites/a\x1b[31m\nb.conf", "foo;\n") }, file: "sites/a?[31m?b.conf", line: 1,
		},
		{
			name: "a pid file in no folder", setup: func(s site) { s.write("nginx.conf", "events {} pid DIR/none/nginx.pid;") },
			text: `open() "DIR/none/nginx.pid" failed (2: No such file or directory)`,
		},
		{name: "no events", setup: func(s site) { s.write("nginx.conf", "") }, text: `no "events" section in configuration`},
		{name: "no configuration", setup: func(s site) { _ = os.Remove(s.path("nginx.conf")) }, text: `open() "DIR/nginx.conf" failed (2: No such file or directory)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			inDir := func(text string) string { return strings.ReplaceAll(text, "DIR", s.dir) }
			config := s.config(inDir(tt.http))
			if tt.setup != nil {
				tt.setup(s)
				if text, err := os.ReadFile(config); err == nil {
					s.write("nginx.conf", inDir(string(text)))
				}
			}
			before := s.files()
			out, err := look(t, "", config)
			if err != nil {
				t.Fatal(err)
			}
			if after := s.files(); after != before {
				t.Errorf("the check has written:\n%s\nbefore:\n%s", after, before)
			}
			errors, _ := out["errors"].([]any)
			if out["ok"] != tt.ok || (len(errors) == 0) != tt.ok || !strings.Contains(fmt.Sprint(out["text"]), inDir(tt.text)) {
				t.Fatalf("have %v", out)
			}
			if (out["untested"] == "") == tt.ok {
				t.Errorf("untested is %q", out["untested"])
			}
			if tt.file != "" {
				first, _ := errors[0].(map[string]any)
				if first["file"] != s.path(tt.file) || first["line"] != tt.line || first["level"] != "emerg" {
					t.Errorf("have %v", first)
				}
			}
			if warnings, _ := out["warnings"].([]any); tt.warn != "" && (len(warnings) != 1 || !strings.Contains(fmt.Sprint(warnings), tt.warn)) {
				t.Errorf("have %v", warnings)
			}
			if version := fmt.Sprint(out["version"]); !strings.HasPrefix(version, "nginx/1.") {
				t.Errorf("version is %q", version)
			}
		})
	}
}

// Root may not write a file that was made immutable, and neither may nginx: that is not the sandbox's doing.
func TestAPidFileThatNobodyMayWrite(t *testing.T) {
	stepstest.Root(t)
	s := newSite(t)
	config := s.config("")
	pid := s.write("nginx.pid", "")
	if out, err := exec.CommandContext(t.Context(), "chattr", "+i", pid).CombinedOutput(); err != nil {
		t.Skipf("this file system has no immutable files: %s", out)
	}
	t.Cleanup(func() { _ = exec.CommandContext(context.Background(), "chattr", "-i", pid).Run() })
	out, err := look(t, "", config)
	if err != nil || out["ok"] != false || !strings.Contains(fmt.Sprint(out["text"]), pid) {
		t.Errorf("have %v, %v", out, err)
	}
}

// Without the rights of root, nobody can say that the configuration is wrong because a key can't be read.
func TestWithoutTheRightsOfRoot(t *testing.T) {
	stepstest.Root(t)
	s := newSite(t)
	cert, key := s.certificate()
	config := s.config(fmt.Sprintf("server { listen 127.0.0.1:18443 ssl; ssl_certificate %s;\nssl_certificate_key %s; }", cert, key))
	if out, err := look(t, "", config); err != nil || out["ok"] != true {
		t.Errorf("root has %v, %v", out, err)
	}
	_, err := look(t, "nobody", config)
	wantFailure(t, err, engine.Denied, "a right that nobody lacks and root has kept nginx from reading it", key)

	s.write("nginx.conf", "include secret.conf;")
	if err := os.Chmod(s.write("secret.conf", "events {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = look(t, "nobody", config)
	wantFailure(t, err, engine.Denied, "secret.conf", "nginx.conf:1")

	out, err := look(t, "nobody", s.config("server { listen 127.0.0.1:18080; }"))
	if err != nil || out["ok"] != true || !strings.Contains(fmt.Sprint(out["untested"]), "nobody lacks") {
		t.Errorf("have %v, %v", out, err)
	}
	out, err = look(t, "nobody", s.config("server { listen; }"))
	if err != nil || out["ok"] != false {
		t.Errorf("have %v, %v", out, err)
	}
	_, err = look(t, "no-such-user-here", config)
	wantFailure(t, err, engine.Missing, "no-such-user-here")
}

// Where a person has allowed checks to run without a sandbox, all of nginx -t is done.
func TestWithoutASandbox(t *testing.T) {
	s := newSite(t)
	config := s.config("server { listen 127.0.0.1:18080; }")
	kind := stepstest.Kind(t, nginx.Kinds, "nginx.test")
	task, evidence := stepstest.Task()
	task.Reads = true
	out, err := kind.Do(t.Context(), map[string]any{"config": config}, task)
	if err != nil || out["ok"] != true || out["untested"] != "" || !strings.Contains(evidence.Text("nginx-test"), "test is successful") {
		t.Errorf("have %v, %v, %q", out, err, evidence.Text("nginx-test"))
	}
	s.config("server { listen 192.0.2.1:18080; }") // an address of documentation, which no host has
	out, err = kind.Do(t.Context(), map[string]any{"config": config}, task)
	if err != nil || out["ok"] != false || !strings.Contains(fmt.Sprint(out["text"]), "Cannot assign requested address") {
		t.Errorf("have %v, %v", out, err)
	}
}

// However much there is to say, the result stays small, and the end is not lost.
func TestALotToSay(t *testing.T) {
	s := newSite(t)
	var servers strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&servers, "server { listen 127.0.0.1:18080; server_name a%d; }\n", i/2)
	}
	out, err := look(t, "", s.config(servers.String()))
	if err != nil || out["ok"] != true || out["untested"] == "" {
		t.Fatalf("have %v, %v", out, err)
	}
	warnings, _ := out["warnings"].([]any)
	raw, err := json.Marshal(out)
	if err != nil || len(warnings) != 20 || len(raw) > 32<<10 {
		t.Errorf("%d warnings, %d bytes, %v", len(warnings), len(raw), err)
	}
}

func TestNoNginx(t *testing.T) {
	if _, err := exec.LookPath("/usr/sbin/nginx"); err != nil {
		_, err := look(t, "", "/etc/nginx/nginx.conf")
		wantFailure(t, err, engine.Missing, "start nginx: not found in PATH")
		return
	}
	// The folder of nginx, without nginx, for this process and its children only.
	stepstest.Root(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-ec", `mount --bind "$1" /usr/sbin/nginx; exec "$2" -test.run=^TestNoNginxHere$ -test.v`, "sh", empty, self)
	cmd.Env = append(os.Environ(), "NGINX_TEST_INSIDE=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestNoNginxHere") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestNoNginxHere(t *testing.T) {
	if os.Getenv("NGINX_TEST_INSIDE") == "" {
		return // TestNoNginx runs it where there is none
	}
	_, err := look(t, "", "/etc/nginx/nginx.conf")
	wantFailure(t, err, engine.Missing, "start nginx: not found in PATH")
	_, err = act(t, map[string]any{"config": "/none.conf"})
	wantFailure(t, err, engine.Missing, "nginx is not running")
}
