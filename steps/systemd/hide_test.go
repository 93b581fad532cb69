package systemd

import (
	"slices"
	"strings"
	"testing"
)

func TestHide(t *testing.T) {
	for in, want := range map[string]string{
		"PORT=3000":                               "PORT=3000",
		"HOSTNAME=127.0.0.1":                      "HOSTNAME=127.0.0.1",
		"PWD=/srv":                                "PWD=/srv",
		"BYPASS=1":                                "BYPASS=1",
		"SSH_KEY_TYPES=rsa":                       "SSH_KEY_TYPES=rsa",
		"DB_PASSWORD=hunter2":                     "DB_PASSWORD=***",
		"MYSQL_PASS=hunter2":                      "MYSQL_PASS=***",
		"pass=hunter2":                            "pass=***",
		"SECRET_KEY_BASE=ab=cd\nef":               "SECRET_KEY_BASE=***",
		"--setenv=STRIPE_API_KEY=sk_live":         "--setenv=STRIPE_API_KEY=***",
		"--token=abc":                             "--token=***",
		"DATABASE_URL=postgres://u:pw@db/x":       "DATABASE_URL=postgres://u:***@db/x",
		"redis://:pw@h":                           "redis://:***@h",
		"http://host:80/a@b":                      "http://host:80/a@b",
		"Authorization: Basic dXNlcjpwdw==":       "Authorization: Basic ***",
		"-H=Authorization: Bearer abc.def":        "-H=Authorization: Bearer ***",
		"next start -H 127.0.0.1 -p 3000":         "next start -H 127.0.0.1 -p 3000",
		"TOKEN=":                                  "TOKEN=",
		"--working-directory=/var/www/tokenizers": "--working-directory=/var/www/tokenizers",
	} {
		if got := hide(in); got != want {
			t.Errorf("hide(%q) = %q, want %q", in, got, want)
		}
	}
	got := hideAll([]string{"curl", "--user-password", "hunter2", "-p", "3000", "token", "x", "--api-key", "k"})
	if want := []string{"curl", "--user-password", "***", "-p", "3000", "token", "x", "--api-key", "***"}; !slices.Equal(got, want) {
		t.Errorf("hideAll gives %q, want %q", got, want)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                         "plain",
		"\x1b[31mred\x1b[0m":            "red",
		"\x1b]0;title\x07x":             "x",
		"\x1b]8;;http://a\x1b\\link":    "link",
		"\x1b(Bx\x1b7y":                 "xy",
		"bell\a nul\x00":                "bell\uFFFD nul\uFFFD",
		"two\nlines\tand a tab":         "two\nlines\tand a tab",
		"c1 \u009b31m":                  "c1 \uFFFD31m",
		"turn \u202eback":               "turn \uFFFDback",
		"bad \xff":                      "bad \uFFFD",
		"cut off \x1b":                  "cut off \uFFFD",
		"\x1b[38;5;196;48:2:1mdeep\r\n": "deep\n",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got := short(strings.Repeat("é", 10), 9); got != "ééé…" {
		t.Errorf("short gives %q", got)
	}
	if got := oneLine(" a\n\tb  c ", 10); got != "a b c" {
		t.Errorf("oneLine gives %q", got)
	}
}
