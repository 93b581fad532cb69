package engine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

const paramsSource = `runbook: params
params:
  unit: {type: unit, default: nginx.service}
  dir: {type: path, required: true, about: where the build is}
  port: {type: port, default: 3000, min: 1024}
  lines: {type: int, default: 100, min: 1, max: 1000}
  share: {type: number, default: 1}
  fast: {type: bool, default: False}
  patience: {type: duration, default: 300s}
  level: {type: enum, values: [low, high], default: low}
  build: {type: string, default: v12, pattern: "v[0-9]+"}
  page: {type: url, default: "http://127.0.0.1:3000/"}
  user: {type: user, default: www-data}
  token: {type: string, secret: true}
steps: []
`

func parseParams(t *testing.T) *engine.Runbook {
	t.Helper()
	rb, _ := engine.Parse("params.yaml", []byte(paramsSource))
	if rb == nil {
		t.Fatal("it can't be read")
	}
	return rb
}

func TestResolveParams(t *testing.T) {
	t.Parallel()
	rb := parseParams(t)
	got, err := engine.ResolveParams(rb, map[string]string{"dir": "/var/www", "share": "0.25", "patience": "1h30m", "build": "v1", "level": "high"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"unit": "nginx.service", "dir": "/var/www", "port": 3000, "lines": 100, "share": 0.25, "fast": false,
		"patience": "1h30m", "level": "high", "build": "v1", "page": "http://127.0.0.1:3000/", "user": "www-data",
		"token": engine.SecretMarker("token"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResolveParamsMistakes(t *testing.T) {
	t.Parallel()
	rb := parseParams(t)
	_, err := engine.ResolveParams(rb, map[string]string{
		"unit": "nginx", "port": "80", "lines": "1e3", "share": "NaN", "fast": "yes", "patience": "2 min", "level": "lwo",
		"build": "v12; rm -rf /", "page": "ftp://x", "user": "", "token": "hunter2", "prot": "1", "colour": "red",
	})
	if err == nil {
		t.Fatal("no error")
	}
	want := `parameter unit must be the full name of a unit, with its suffix, like nginx.service; this is "nginx"; did you mean nginx.service?
parameter dir is missing (where the build is): give it with -p dir=VALUE
parameter port must be at least 1024; this is "80"
parameter lines must be a whole number; this is "1e3"
parameter share must be a number; this is "NaN"
parameter fast must be true or false; this is "yes"
parameter patience must be a length of time, like 90s or 5m; this is "2 min"; did you mean 2m?
parameter level must be low or high; this is "lwo"; did you mean low?
parameter build must be text that matches v[0-9]+; this is "v12; rm -rf /"
parameter page must be an http or https address, like http://127.0.0.1:3000/health; this is "ftp://x"
parameter user must be the name of a Unix user; this is ""
parameter token is a secret and can't be given with the others, where the process list and the shell's history show it: it is looked up by its name, in a file, a systemd credential or an environment variable that the configuration names
the runbook has no parameter colour
the runbook has no parameter prot; did you mean port?`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Each type takes what fits, and nothing else.
func TestParamTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind engine.ParamType
		good map[string]any
		bad  []string
	}{
		{engine.ParamString, map[string]any{"": "", "a b": "a b", "ü\n": "ü\n"}, []string{"\x00", "a\x1b[0m", "\xff", "\u202e", strings.Repeat("x", 5000)}},
		{engine.ParamInt, map[string]any{"0": 0, "-5": -5, "+5": 5}, []string{"", "1.0", "0x10", "007", "1_000", " 1", "99999999999999999999"}},
		{engine.ParamNumber, map[string]any{"0": 0.0, "-1.5": -1.5, "1e3": 1000.0}, []string{"", "inf", "NaN", "0x1p4", "1_0", "1,5"}},
		{engine.ParamBool, map[string]any{"true": true, "False": false}, []string{"", "1", "yes", "t"}},
		{engine.ParamDuration, map[string]any{"90s": "1m30s", "1h": "1h", "0s": "0s", "1500ms": "1.5s"}, []string{"", "5", "-1s", "1d"}},
		{engine.ParamPath, map[string]any{"/": "/", "/a b": "/a b"}, []string{"", "a", "./a", "~/a", "/a/../b"}},
		{
			engine.ParamURL,
			map[string]any{"https://a.example:8443/b?c=d#e": "https://a.example:8443/b?c=d#e", "http://[::1]:80/": "http://[::1]:80/"},
			[]string{"", "a", "//a", "mailto:a@b", "http://", "http://a:0/", "http://u:p@a/", "http://a b/"},
		},
		{engine.ParamUnit, map[string]any{"a.service": "a.service", "app@1.timer": "app@1.timer"}, []string{"", "a", ".service", "a b.service", "a.srv", "a/b.service"}},
		{engine.ParamPort, map[string]any{"1": 1, "65535": 65535}, []string{"", "0", "65536", "-1", "080", "http"}},
		{engine.ParamUser, map[string]any{"root": "root", "_a-1": "_a-1"}, []string{"", "0", "a b", "a;b", "-a", strings.Repeat("a", 32)}},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			t.Parallel()
			rb := &engine.Runbook{Params: []engine.Param{{Name: engine.Text{Value: "x"}, Type: tt.kind}}}
			for text, want := range tt.good {
				got, err := engine.ResolveParams(rb, map[string]string{"x": text})
				if err != nil || got["x"] != want {
					t.Errorf("%q is %v (%v), want %v", text, got["x"], err, want)
				}
			}
			for _, text := range tt.bad {
				if got, err := engine.ResolveParams(rb, map[string]string{"x": text}); err == nil {
					t.Errorf("%q is taken, as %v", text, got["x"])
				}
			}
		})
	}
}

func TestParseParams(t *testing.T) {
	t.Parallel()
	got, diags := engine.ParseParams("p.yaml", []byte("port: 3000\ndir: /var/www # here\nfast: true\nday: 2026-11-20\ntext: \"3000\"\n"))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	want := map[string]string{"port": "3000", "dir": "/var/www", "fast": "true", "day": "2026-11-20", "text": "3000"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	if got, diags := engine.ParseParams("p.yaml", []byte("# nothing yet\n")); len(got) > 0 || len(diags) > 0 {
		t.Errorf("an empty file gives %v %v", got, diags)
	}

	src := []byte("port: [1]\nport: 2\ndir:\nunit: *a\n")
	_, diags = engine.ParseParams("p.yaml", src)
	if len(diags) != 1 || diags[0].Rule != "yaml-alias" {
		t.Errorf("an alias to nothing gives\n%s", engine.RenderAll(diags, src))
	}

	src = []byte("port: [1]\nport: 2\ndir:\n")
	_, diags = engine.ParseParams("p.yaml", src)
	wantText := `p.yaml:1:7: port must be one value; this is a list [wrong-type]
    1 | port: [1]
      |       ^

p.yaml:2:1: port is given twice: it is at line 1 already [duplicate-key]
    2 | port: 2
      | ^^^^

p.yaml:3:5: dir is empty: give it a value, or delete the key [empty]
    3 | dir:
      |     ^
`
	if diff := cmp.Diff(wantText, engine.RenderAll(diags, src)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
