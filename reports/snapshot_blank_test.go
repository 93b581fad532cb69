package reports

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"runbook/engine"
)

func TestSecretsByTheirNames(t *testing.T) {
	for text, want := range map[string]string{
		"Environment=\"DB_PASSWORD=a b c\" PORT=3":                    "Environment=\"DB_PASSWORD=***\" PORT=3",
		"Environment=DB_PASSWORD=abc PORT=3":                          "Environment=DB_PASSWORD=*** PORT=3",
		"ExecStart=/bin/app --setenv=API_TOKEN=a\"b -p 3":             "ExecStart=/bin/app --setenv=API_TOKEN=*** -p 3",
		"--setenv=API_TOKEN=*** -H 127.0.0.1":                         "--setenv=API_TOKEN=*** -H 127.0.0.1",
		"SECRET='a b' NEXT=1":                                         "SECRET=*** NEXT=1",
		"db:\n  password: a b\n  port: 5432\n":                        "db:\n  password: ***\n  port: 5432\n",
		"password = a b\nport = 3":                                    "password = ***\nport = 3",
		`{"user":"a","api_key":"x,y","port":3}`:                       `{"user":"a","api_key":***,"port":3}`,
		"postgres://app:hunter2@db/shop":                              "postgres://app:***@db/shop",
		"Authorization: Basic abc=":                                   "Authorization: Basic ***",
		"ExecStart=/bin/app --db-password a -p 3":                     "ExecStart=/bin/app --db-password *** -p 3",
		"app --api-key 'a b' --token --verbose":                       "app --api-key *** --token --verbose",
		"\tproxy_set_header Authorization \"Basic abc=\";":            "\tproxy_set_header Authorization ***;",
		"fastcgi_param DB_PASSWORD abc;":                              "fastcgi_param DB_PASSWORD ***;",
		"set $api_token abc;":                                         "set $api_token ***;",
		"'password' => 'abc',":                                        "'password' => ***,",
		"Environment=APP_KEY=base64:abc DB_PWD=x PWD=/":               "Environment=APP_KEY=*** DB_PWD=*** PWD=/",
		"postgres://app:a@b@db/shop":                                  "postgres://app:***@db/shop",
		"curl -H 'Authorization: Bearer abc'":                         "curl -H 'Authorization: Bearer ***",
		"http://token-service:8080/x":                                 "http://token-service:8080/x",
		"bypass=1 compass=2":                                          "bypass=1 compass=2",
		"DB_PASS=x":                                                   "DB_PASS=***",
		"the password is asked for":                                   "the password is asked for",
		"-H 127.0.0.1 -p 3000":                                        "-H 127.0.0.1 -p 3000",
		"said " + engine.SecretMarker("pay") + " and left":            "said (secret pay) and left",
		"MONKEY=1 KEYBOARD=de":                                        "MONKEY=1 KEYBOARD=de",
		"ssl_certificate_key /etc/ssl/privkey.pem;":                   "ssl_certificate_key /etc/ssl/privkey.pem;",
		"proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for": "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for",
	} {
		if have := blanked(text); have != want {
			t.Errorf("%q\nhave %q\nwant %q", text, have, want)
		}
		if have := blanked(blanked(text)); have != want {
			t.Errorf("%q: once more is %q", text, have)
		}
	}
}

// No secret is on a page: neither where people read, nor among the values.
func TestNoSecretIsOnAPage(t *testing.T) {
	const hidden = "hunter2"
	plan, events := look(t, oneStep, lookedAt("see", map[string]any{
		"word": "TOKEN=" + hidden, "text": "[Service]\nEnvironment=DB_PASSWORD=" + hidden + "\n", "env": map[string]any{"API_KEY": hidden, "PORT": "3"},
		"names": []any{"--password=" + hidden}, "any": map[string]any{"list": []any{map[string]any{"secret": hidden}}},
	}))
	page, err := Snapshot(plan, events)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), hidden) {
		t.Errorf("it is on the page:\n%s", page)
	}
	if diff := cmp.Diff(map[string]any{"API_KEY": "***", "PORT": "3"}, pageValues(t, plan, events).Checks[0].Values["env"]); diff != "" {
		t.Error(diff)
	}
}
